"""Whatever happens to the program or to the disk, nothing that was finished is lost, and nothing is mixed up.

PICTORIAL_KILLS sets how many times the program is killed.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any

import numpy as np
import pytest

from composer.errors import LibraryError
from composer.library import schema
from composer.library.catalogue import Catalogue
from composer.library.decoding import quality
from composer.library.filling.embed import embed
from composer.library.filling.scan import scan
from composer.ports import Cancel
from tests.library.conftest import MeanColours, paint
from tests.library.killed import KeptIndex

KILLS = int(os.environ.get("PICTORIAL_KILLS", "30"))
ROOT = Path(__file__).parents[2]
COUNT = 90
_ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # threads do not outlive a fork


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Pictures in three folders, some of them copies and near-duplicates."""
    folder = tmp_path / "many"
    for number in range(COUNT):
        place = folder / f"part{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        paint(number, (96, 72)).save(place / f"{number:03}.png")
    paint(5, (192, 144)).save(folder / "part0" / "larger.png")
    shutil.copy(folder / "part0" / "000.png", folder / "part1" / "copy.png")
    return folder


class Killer:
    """Has copies of a warm process work and kills them."""

    def __init__(self, pipe_in: IO[str], pipe_out: IO[str]) -> None:
        self._in, self._out = pipe_in, pipe_out

    def run(self, own: Path, seconds: float) -> str:
        self._in.write(f"{own} {seconds}\n")
        self._in.flush()
        return self._out.readline().strip()


@pytest.fixture
def killer(many: Path) -> Iterator[Killer]:
    command = [sys.executable, "-m", "tests.library.killed", "serve", str(many)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=_ENVIRONMENT, **pipes) as process:
        assert process.stdin
        assert process.stdout
        yield Killer(process.stdin, process.stdout)
        process.stdin.close()


def opened(own: Path) -> Catalogue:
    return Catalogue(own / "catalogue.db", own / "previews")


def worked(own: Path, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.library.killed", "work", str(own), str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def check(own: Path, *, whole: bool) -> tuple[int, int, int]:
    """What was kept is sound: no vector of another picture, none made twice. Returns files, vectors and screens."""
    encoder = MeanColours()
    with opened(own) as catalogue:
        if whole:
            assert catalogue.database.all("PRAGMA integrity_check") == [("ok",)]
        assert catalogue.database.all("PRAGMA foreign_key_check") == []
        number = catalogue.database.number
        assert number("SELECT count(*) FROM pictures") == number("SELECT count(*) FROM words")
        rows, vectors = catalogue.embeddings.of(encoder.id)
        pictures = catalogue.pictures(rows.tolist())
        assert list(pictures) == rows.tolist()
        if len(rows):
            right = encoder.encode_images([quality.open_upright(each.path, 64) for each in pictures.values()])
            assert np.abs(right - vectors).max() < 1e-3
        assert number("SELECT count(*) FROM vectors_gone") == 0
        assert number("SELECT max(number) FROM vectors") == len(rows)
        done = number("SELECT count(*) FROM files"), len(rows), number("SELECT count(*) FROM pictures WHERE screened")
    held = KeptIndex(own / "index.npz").held
    known = dict(zip(rows.tolist(), vectors, strict=True))
    assert all(np.array_equal(vector, known[row]) for row, vector in held.items())
    return done


def state(own: Path) -> dict[str, Any]:
    """All that must be the same however often the work was broken off. Rows are numbered as the work went."""
    with opened(own) as catalogue:
        files = catalogue.database.all(
            "SELECT path, name, size, mtime_ns, reason, id, width, height, phash, caption, pictures.words, grp, kind,"
            " sharpness, writing, colours, screened FROM files JOIN directories ON number = directory"
            " JOIN pictures ON row = picture ORDER BY path, name"
        )
        vectors = dict(catalogue.database.all("SELECT id, vector FROM vectors JOIN pictures ON row = picture"))
        names = dict(catalogue.database.all("SELECT row, id FROM pictures"))
        listings = catalogue.database.all("SELECT path, digest, count FROM directories ORDER BY path")
    index = {names[row]: vector.tobytes() for row, vector in KeptIndex(own / "index.npz").held.items()}
    return {"files": files, "vectors": vectors, "index": index, "listings": listings}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kills_at_any_moment_lose_nothing(tmp_path: Path, killer: Killer) -> None:
    began = monotonic()
    assert killer.run(tmp_path / "quiet", 120) == "ended"
    usual = monotonic() - began
    expected = state(tmp_path / "quiet")
    assert len(expected["vectors"]) == len(expected["index"]) == COUNT + 1
    dice, kills, round_ = random.Random(7), 0, 0
    while kills < KILLS:
        own, before, round_ = tmp_path / f"round{round_}", (0, 0, 0), round_ + 1
        for _ in range(min(10, KILLS - kills)):  # then the work may end, and another library begins
            killer.run(own, dice.uniform(0.0, 0.35) * usual)
            kills += 1
            if not (own / "catalogue.db").exists():
                continue
            after = check(own, whole=kills % 10 == 0)
            assert all(now >= then for now, then in zip(after, before, strict=True))
            before = after
        assert killer.run(own, 120) == "ended"
        check(own, whole=True)
        assert state(own) == expected
        shutil.rmtree(own)


def test_a_program_killed_with_its_readers_at_work_goes_on(tmp_path: Path, many: Path) -> None:
    """The same with the readers of files in processes of their own."""
    own = tmp_path / "own"
    with worked(own, many) as process:
        while not any(own.glob("previews/*/*.jpg")):
            assert process.poll() is None
            sleep(0.01)
        process.kill()
    with worked(tmp_path / "own", many) as process:
        assert process.wait() == 0
    check(tmp_path / "own", whole=True)


def test_two_programs_share_a_library(tmp_path: Path, many: Path) -> None:
    own = tmp_path / "own"
    words: list[str] = []
    with worked(own, many) as first, worked(own, many) as second:
        while first.poll() is None or second.poll() is None:
            if (own / "catalogue.db").exists():
                with opened(own) as catalogue:  # a third one reads
                    catalogue.pictures(catalogue.rows([]).tolist())
        words += [process.communicate()[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), words
    with opened(own) as catalogue:
        assert catalogue.database.all("PRAGMA integrity_check") == [("ok",)]
        assert catalogue.stats().files == COUNT + 2
        rows, vectors = catalogue.embeddings.of(MeanColours.id)
        assert len(rows) == COUNT + 1
        pictures = catalogue.pictures(rows.tolist()).values()
        right = MeanColours().encode_images([quality.open_upright(each.path, 64) for each in pictures])
        assert np.abs(right - vectors).max() < 1e-3


# --- disks ---------------------------------------------------------------------------------------------------------


def _mount(*how: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["mount", *how], capture_output=True, check=False)  # noqa: S607


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 700 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("no mount here")
    made = _mount("-t", "tmpfs", "-o", "size=700k", "tmpfs", str(place))
    if made.returncode:
        pytest.skip(f"mounting is not permitted: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)  # noqa: S607


def test_a_full_disk_stops_with_a_sentence_and_goes_on(small_disk: Path, many: Path) -> None:
    said: list[str] = []
    for size in (700, 1000):
        _mount("-o", f"remount,size={size}k", str(small_disk)).check_returncode()
        with worked(small_disk / "own", many) as process:
            _, words = process.communicate()
        if process.returncode:
            said.append(words.strip().splitlines()[-1])
            assert words.startswith("LibraryError: "), words
            assert "room" in words
    assert said
    _mount("-o", "remount,size=64m", str(small_disk)).check_returncode()
    with worked(small_disk / "own", many) as process:
        assert process.wait() == 0
    assert check(small_disk / "own", whole=True) == (COUNT + 2, COUNT + 1, COUNT + 1)


def test_a_drive_that_goes_while_pictures_are_looked_at_comes_back_with_all(
    catalogue: Catalogue, many: Path, tmp_path: Path
) -> None:
    encoder = MeanColours()
    list(scan(catalogue, many, Cancel()))
    work = embed(catalogue, [], encoder, Cancel(), batch=8)
    next(work)
    many.rename(tmp_path / "away")
    list(work)
    had = catalogue.embeddings.counts()[encoder.id]
    many.mkdir()  # the mount point, empty
    assert "unplugged" in list(scan(catalogue, many, Cancel()))[-1].notice
    assert catalogue.embeddings.counts()[encoder.id] == had > 0
    many.rmdir()
    (tmp_path / "away").rename(many)
    list(scan(catalogue, many, Cancel()))
    list(embed(catalogue, [], encoder, Cancel()))
    assert catalogue.stats().files == COUNT + 2
    assert catalogue.embeddings.counts()[encoder.id] == COUNT + 1
    assert catalogue.database.number("SELECT count(*) FROM vectors_gone") == 0


def test_what_moves_while_pictures_are_looked_at_keeps_its_vectors(catalogue: Catalogue, many: Path) -> None:
    encoder = MeanColours()
    list(scan(catalogue, many, Cancel()))
    work = embed(catalogue, [], encoder, Cancel(), batch=8)
    next(work)
    (many / "part0").rename(many / "renamed")
    for path in sorted((many / "part1").glob("*.png")):
        path.rename(path.with_name(f"new-{path.name}"))
    list(scan(catalogue, many, Cancel()))
    list(work)
    list(scan(catalogue, many, Cancel()))
    list(embed(catalogue, [], encoder, Cancel()))
    assert catalogue.embeddings.counts()[encoder.id] == COUNT + 1
    assert catalogue.database.number("SELECT count(*) FROM vectors_gone") == 0
    assert catalogue.stats().files == COUNT + 2


def test_the_programs_own_database_is_told_from_a_locked_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that never ends is named in a sentence, not by a traceback."""

    monkeypatch.setattr(schema, "WAIT", 0.05)
    with opened(tmp_path) as catalogue:
        other = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LibraryError, match="Another Pictorial is busy"):
            catalogue.marks.put(["a"], rating=3)
        other.close()


def test_what_could_not_be_written_is_looked_at_again(
    catalogue: Catalogue, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch that found the disk full is not taken for done."""

    def full(*_: object) -> None:
        raise LibraryError("The picture catalogue cannot be used: database or disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(catalogue, "record", full)
        with pytest.raises(LibraryError, match="full"):
            list(scan(catalogue, many, Cancel()))
    list(scan(catalogue, many, Cancel()))
    assert catalogue.stats().files == COUNT + 2
