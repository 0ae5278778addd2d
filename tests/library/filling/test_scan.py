"""What a scan takes in, keeps, takes out and survives."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from composer.errors import Cancelled, LibraryError
from composer.library.catalogue import Catalogue
from composer.library.filling import scan as scanning
from composer.library.filling.embed import embed
from composer.library.filling.scan import ScanProgress, scan
from composer.ports import Cancel
from tests.library.conftest import MeanColours, Scan, paint, reasons


def fill(folder: Path, count: int, start: int = 0) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"picture{number:03}.jpg" for number in range(start, start + count)]
    for number, path in enumerate(paths, start):
        paint(number).save(path, quality=80)
    return paths


def ids(catalogue: Catalogue) -> dict[str, str]:
    return {Path(each.path).name: each.id for each in catalogue.pictures(catalogue.rows([]).tolist()).values()}


def sound(catalogue: Catalogue) -> None:
    """The database is whole, and its parts agree."""
    assert catalogue.database.all("PRAGMA integrity_check") == [("ok",)]
    assert catalogue.database.all("PRAGMA foreign_key_check") == []
    count = catalogue.database.number
    assert count("SELECT count(*) FROM words") == count("SELECT count(*) FROM pictures")
    assert count("SELECT count(*) FROM pictures WHERE row NOT IN (SELECT picture FROM files)") == 0


def test_pictures_are_taken_in_with_previews_and_words(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    fill(folder / "OldMill_by_lake", 3)
    *_, last = run()
    assert (last.done, last.total, last.added, last.removed) == (3, 3, 3, 0)
    for picture in catalogue.pictures(catalogue.rows([str(folder)]).tolist()).values():
        assert (picture.width, picture.height) == (160, 120)
        assert Path(picture.preview).is_file()
        assert "Old Mill by lake" in picture.words
        assert len(picture.id) == 32
    sound(catalogue)


def test_a_second_scan_opens_nothing_and_changes_nothing(
    catalogue: Catalogue, folder: Path, run: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 5)
    (folder / "broken.jpg").write_text("no")
    (folder / "gone.png").symlink_to(folder / "nowhere")
    run()
    version = catalogue.version()
    monkeypatch.setattr(scanning, "examine", lambda *_: pytest.fail("a file was opened"))
    *_, last = run()
    assert (last.done, last.total, last.added, last.removed) == (7, 7, 0, 0)
    assert catalogue.version() == version


def counted(reports: list[ScanProgress]) -> list[tuple[int, int]]:
    """`done` and `total` but for the last report, which is of the whole folder."""
    return [(report.done, report.total) for report in reports[:-1]]


def test_progress_counts_what_is_opened(folder: Path, run: Scan) -> None:
    fill(folder / "still", 4)
    first, *_ = fill(folder / "changing", 6, 10)
    (folder / "changing" / "gone.png").symlink_to(folder / "nowhere")
    assert counted(run()) == [(done, 11) for done in range(1, 12)]
    paint(99).save(first)
    fill(folder / "changing", 2, 30)
    fill(folder / "new", 1, 40)
    reports = run()
    assert counted(reports) == [(done, 4) for done in range(1, 5)], "of 14 files 4 are new or changed"
    assert (reports[-1].done, reports[-1].total) == (14, 14)
    assert counted(run()) == []


def test_progress_of_a_scan_that_goes_on_counts_the_rest(
    catalogue: Catalogue, folder: Path, run: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 40)
    monkeypatch.setattr(scanning, "BATCH", 8)
    work = scan(catalogue, folder, Cancel())
    while next(work).done < 20:
        pass
    work.close()
    left = 40 - catalogue.stats().pictures
    assert 0 < left < 40
    assert counted(run()) == [(done, left) for done in range(1, left + 1)]


def test_changed_files_are_read_again(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    first, *_ = fill(folder, 3)
    run()
    before = ids(catalogue)
    paint(99).save(first)
    *_, last = run()
    after = ids(catalogue)
    assert (last.added, last.removed) == (1, 0)
    assert before[first.name] != after[first.name]
    assert len(after) == 3
    sound(catalogue)


def test_moved_files_keep_row_and_vectors(catalogue: Catalogue, folder: Path, run: Scan, encoder: MeanColours) -> None:
    paths = fill(folder, 4)
    run()
    list(embed(catalogue, [], encoder, Cancel()))
    rows = catalogue.rows([]).tolist()
    (folder / "deeper").mkdir()
    for path in paths:
        path.rename(folder / "deeper" / f"renamed-{path.name}")
    *_, last = run()
    assert catalogue.rows([]).tolist() == rows
    assert (last.added, last.removed) == (4, 4)
    assert not len(catalogue.embeddings.missing(encoder.id, []))
    assert all("deeper" in each.path for each in catalogue.pictures(rows).values())
    sound(catalogue)


def test_copies_are_one_picture_with_the_path_below_the_asked_folder(
    catalogue: Catalogue, folder: Path, run: Scan
) -> None:
    [path] = fill(folder / "a", 1)
    (folder / "b").mkdir()
    shutil.copy(path, folder / "b" / "copy.jpg")
    run()
    assert catalogue.stats().pictures == 1
    assert catalogue.stats().files == 2
    [row] = catalogue.rows([str(folder / "b")]).tolist()
    assert catalogue.pictures([row], [str(folder / "b")])[row].path.endswith("copy.jpg")
    path.unlink()
    run()
    assert catalogue.stats().files == 1
    assert catalogue.rows([]).tolist() == [row]


def test_vanished_files_and_their_previews_are_taken_out(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    paths = fill(folder, 3)
    run()
    previews = [Path(each.preview) for each in catalogue.pictures(catalogue.rows([]).tolist()).values()]
    paths[0].unlink()
    *_, last = run()
    assert (last.total, last.removed) == (2, 1)
    assert sum(preview.exists() for preview in previews) == 2
    sound(catalogue)


def test_an_unplugged_drive_deletes_nothing(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    fill(folder, 3)
    run()
    shutil.rmtree(folder)
    with pytest.raises(LibraryError, match="does not exist"):
        run()
    folder.mkdir()
    [report] = run()
    assert "unplugged" in report.notice
    assert catalogue.stats().pictures == 3


def test_an_unplugged_part_deletes_nothing(catalogue: Catalogue, folder: Path, run: Scan, tmp_path: Path) -> None:
    fill(folder, 2)
    fill(tmp_path / "drive", 2, 10)
    (folder / "link").symlink_to(tmp_path / "drive")
    fill(folder / "mounted", 2, 20)
    run()
    assert catalogue.stats().pictures == 6
    (tmp_path / "drive").rename(tmp_path / "away")
    for path in (folder / "mounted").iterdir():
        path.unlink()
    notices = [report.notice for report in run() if report.notice]
    assert len(notices) == 2
    assert "the 2 files known there are kept" in notices[0]
    assert catalogue.stats().pictures == 6
    (folder / "mounted").rmdir()
    run()
    assert catalogue.stats().pictures == 4


@pytest.mark.parametrize("year", [1, 1900, 2300])
def test_dates_of_another_age(year: int, catalogue: Catalogue, folder: Path, run: Scan) -> None:
    [path] = fill(folder, 1)
    seconds = (year - 1970) * 31_556_952
    os.utime(path, (seconds, seconds))
    run()
    run()
    assert catalogue.stats().pictures == 1


@pytest.mark.parametrize("name", ["nothing", "file.txt"])
def test_what_is_no_folder_is_said(name: str, folder: Path, run: Scan) -> None:
    (folder / "file.txt").write_text("x")
    with pytest.raises(LibraryError) as error:
        run(folder / name)
    assert name in error.value.message
    assert error.value.hint
    assert error.value.message.count(".") <= 2


def test_odd_files_are_skipped_with_a_reason(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    fill(folder, 2)
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").touch()
    paint(1, (20, 20)).save(folder / "small.png")
    paint(50).save(folder / "really-a-png.jpg", "PNG")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "broken-link.jpg").symlink_to("nowhere")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "notes.txt").write_text("ignored")
    (folder / "drawing.svg").write_text("<svg/>")
    paint(51).save(folder / ".hidden.jpg")
    fill(folder / ".hidden", 1, 60)
    fill(folder / "folder.jpg", 1, 70)
    (folder / "round").symlink_to(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.jpg")).write_bytes((folder / "picture000.jpg").read_bytes())
    Path(os.fsdecode(os.fsencode(folder) + b"/d\xff")).mkdir()
    *_, last = run()
    assert catalogue.stats().pictures == 4
    assert last.done == last.total
    assert reasons(catalogue, folder) == {
        "text.jpg": "not a picture that can be read",
        "empty.png": "empty file",
        "small.png": "too small (20 x 20; the limit is 64 pixels a side)",
        "pipe.jpg": "not a file",
        "broken-link.jpg": "a link that leads nowhere",
        "loop.jpg": "a link that leads nowhere",
        "caf\\xe9.jpg": "its name is not valid text",
        "d\\xff": "its name is not valid text",
    }


def test_an_unreadable_file_is_skipped(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    [path] = fill(folder, 1)
    path.chmod(0)
    run()
    assert reasons(catalogue, folder) == {path.name: "no permission to read it"}


def test_names_of_every_script_and_quote(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    names = [
        "北京 故宫.jpg",
        'it\'s "so".jpg',
        "a%b_c.jpg",
        "x" * 200 + ".jpg",
        "line\nbreak.jpg",
        "🏰.JPEG",
        "-rf.jpg",
    ]
    for number, name in enumerate(names):
        paint(number).save(folder / name, "JPEG")
    run()
    found = {Path(each.path).name for each in catalogue.pictures(catalogue.rows([str(folder)]).tolist()).values()}
    assert found == set(names)


def test_folders_with_names_that_begin_alike_are_apart(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    fill(folder / "cat", 1)
    fill(folder / "cats", 1, 5)
    fill(folder / "cat!", 1, 9)
    run()
    assert len(catalogue.rows([str(folder / "cat")])) == 1
    assert len(catalogue.rows([str(folder / "cat"), str(folder / "cats")])) == 2
    assert len(catalogue.rows(["/"])) == 3


def test_cancel_keeps_what_was_done_and_the_next_scan_goes_on(
    catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 40)
    monkeypatch.setattr(scanning, "BATCH", 8)
    cancel = Cancel()
    work = scan(catalogue, folder, cancel)
    while next(work).done < 12:
        pass
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(work)
    assert 12 <= catalogue.stats().pictures < 40
    kept = catalogue.stats().pictures
    *_, last = scan(catalogue, folder, Cancel())
    assert last.added == 40 - kept
    sound(catalogue)


def test_a_closed_scan_leaves_no_thread(catalogue: Catalogue, folder: Path) -> None:
    fill(folder, 20)
    work = scan(catalogue, folder, Cancel())
    next(work)
    work.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("pictures")]
    assert catalogue.stats().pictures >= 1


def test_two_scans_at_once_agree(catalogue: Catalogue, folder: Path) -> None:
    fill(folder, 60)
    errors = list[BaseException]()

    def work() -> None:
        try:
            with Catalogue(catalogue.file, catalogue.previews) as other:
                list(scan(other, folder, Cancel()))
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    list(scan(catalogue, folder, Cancel()))
    for thread in threads:
        thread.join()
    assert not errors
    assert catalogue.stats().pictures == catalogue.stats().files == 60
    sound(catalogue)


_SCAN = """
import sys
from pathlib import Path
from composer.library.filling import scan as scanning
from composer.library.catalogue import Catalogue
from composer.ports import Cancel
scanning.BATCH = 4
own, folder = map(Path, sys.argv[1:])
for report in scanning.scan(Catalogue(own / "catalogue.db", own / "previews"), folder, Cancel()):
    print(report.done, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_killed_scan_is_taken_up_again(tmp_path: Path, folder: Path) -> None:
    fill(folder, 120)
    own = tmp_path / "killed"
    with subprocess.Popen([sys.executable, "-c", _SCAN, own, folder], stdout=subprocess.PIPE) as child:
        assert child.stdout
        while int(child.stdout.readline() or b"99") < 30:
            pass
        child.send_signal(signal.SIGKILL)
    with Catalogue(own / "catalogue.db", own / "previews") as catalogue:
        before = catalogue.stats().pictures
        assert 20 <= before < 120
        *_, last = scan(catalogue, folder, Cancel())
        assert last.added == 120 - before
        assert catalogue.stats().pictures == 120
        sound(catalogue)


def test_a_full_disk_is_said(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from composer.library.decoding import thumbnails

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    fill(folder, 1)
    monkeypatch.setattr(thumbnails.os, "replace", full)
    with pytest.raises(LibraryError, match="no space left"):
        list(scan(catalogue, folder, Cancel()))
    assert not list(catalogue.previews.rglob("*.part"))


def test_an_unchanged_tree_is_scanned_fast(folder: Path, run: Scan) -> None:
    """Two thousand files in well under half a second; they are no pictures, which a rescan does not look at."""
    for number in range(2000):
        (folder / f"{number}.jpg").write_bytes(b"x")
    run()
    started = time.perf_counter()
    run()
    assert time.perf_counter() - started < 0.5
