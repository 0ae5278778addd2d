"""Every picture gets one vector, whatever happens meanwhile; captions that nobody can read get none."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from composer.errors import Cancelled, ModelFailed
from composer.library.catalogue import CAPTIONS, Catalogue
from composer.library.filling import embed as embedding
from composer.library.filling.embed import embed, embed_captions, readable
from composer.library.filling.pace import Pace
from composer.ports import WHOLE, Cancel, Vectors
from composer.types import Language
from tests.library.conftest import MeanColours, Scan, paint, reasons


def fill(folder: Path, count: int, start: int = 0) -> list[Path]:
    paths = [folder / f"picture{number:03}.jpg" for number in range(start, start + count)]
    for number, path in enumerate(paths, start):
        paint(number).save(path, quality=80)
    return paths


class Lengths:
    """Texts by their number of characters."""

    id = "lengths"
    dimensions = 2

    def __init__(self, languages: tuple[Language, ...] = ("en",)) -> None:
        self.languages = languages
        self.read: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        made = np.array([[len(text) + 1.0, 1.0] for text in texts], np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    def close(self) -> None:
        pass


def caption(folder: Path, captions: Sequence[str]) -> None:
    paths = fill(folder, len(captions))
    lines = [f"{path.name}\t{text}" for path, text in zip(paths, captions, strict=True)]
    (folder / "captions.tsv").write_text("file\tcaption\n" + "\n".join(lines) + "\n", "utf-8")


def test_every_picture_gets_a_vector_once(catalogue: Catalogue, folder: Path, run: Scan, encoder: MeanColours) -> None:
    fill(folder, 10)
    run()
    reports = list(embed(catalogue, [str(folder)], encoder, Cancel(), batch=4))
    assert [report.done for report in reports] == [4, 8, 10]
    rows, vectors = catalogue.embeddings.of(encoder.id)
    assert rows.tolist() == catalogue.rows([]).tolist()
    for place, row in enumerate(rows.tolist()):
        with Image.open(catalogue.paths(row)[0]) as image:
            near = vectors @ encoder.encode_images([image])[0]
        assert near.argmax() == place, "each picture has its own vector"
        assert near[place] == pytest.approx(1.0, abs=1e-3)
    fill(folder, 1, 50)
    run()
    seen = encoder.seen
    list(embed(catalogue, [], encoder, Cancel()))
    assert encoder.seen == seen + 1
    assert list(embed(catalogue, [], encoder, Cancel())) == []


def test_what_broke_since_the_scan_is_taken_out_of_use_until_it_is_back(
    catalogue: Catalogue, folder: Path, run: Scan, encoder: MeanColours
) -> None:
    paths = fill(folder, 6)
    run()
    whole = paths[0].read_bytes()
    paths[0].write_bytes(b"broken")
    paths[1].unlink()
    reports = list(embed(catalogue, [], encoder, Cancel()))
    assert reports[-1].done == 6
    assert len(catalogue.rows([])) == len(catalogue.embeddings.of(encoder.id)[0]) == 4
    assert reasons(catalogue, folder) == {
        paths[0].name: "not a picture that can be read",
        paths[1].name: "the file is gone",
    }
    paths[0].write_bytes(whole)
    run()
    assert len(catalogue.rows([])) == 5


def test_a_copy_stands_in_for_a_file_that_vanished(
    catalogue: Catalogue, folder: Path, run: Scan, encoder: MeanColours
) -> None:
    [path] = fill(folder, 1)
    shutil.copy(path, folder / "zz.jpg")
    run()
    path.unlink()
    list(embed(catalogue, [], encoder, Cancel()))
    assert encoder.seen == 1
    assert len(catalogue.rows([])) == 1


@pytest.mark.parametrize("how", ["cancelled", "closed"])
def test_stopping_loses_no_vector_that_was_made(
    catalogue: Catalogue, folder: Path, run: Scan, encoder: MeanColours, how: str
) -> None:
    fill(folder, 24)
    run()
    cancel = Cancel()
    work = embed(catalogue, [], encoder, cancel, batch=4)
    next(work)
    if how == "closed":
        work.close()
    else:
        cancel.cancel()
        with pytest.raises(Cancelled):
            next(work)
    assert len(catalogue.embeddings.of(encoder.id)[0]) == encoder.seen < 24
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("vectors", "pictures"))]
    list(embed(catalogue, [], encoder, Cancel(), batch=4))
    assert encoder.seen == 24


def test_an_encoder_that_fails_says_so_and_keeps_what_was_done(
    catalogue: Catalogue, folder: Path, run: Scan, encoder: MeanColours, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = MeanColours.encode_images

    def failing(self: MeanColours, images: Sequence[Image.Image]) -> Vectors:
        if self.seen >= 4:
            raise ModelFailed("It broke.", "Try again.")
        return whole(self, images)

    fill(folder, 12)
    run()
    monkeypatch.setattr(MeanColours, "encode_images", failing)
    with pytest.raises(ModelFailed):
        list(embed(catalogue, [], encoder, Cancel(), batch=4))
    assert len(catalogue.embeddings.of(encoder.id)[0]) == 4


def test_batches_follow_the_time_that_they_take() -> None:
    assert embedding._next_size(16, 0.01, 64) == 32
    assert embedding._next_size(64, 0.01, 64) == 64
    assert embedding._next_size(16, 0.6 * embedding.SECONDS, 64) == 16
    assert embedding._next_size(16, 5.0, 64) == 8
    assert embedding._next_size(1, 60.0, 64) == 1


def test_a_pause_holds_the_work(catalogue: Catalogue, folder: Path, run: Scan, encoder: MeanColours) -> None:
    fill(folder, 24)
    run()
    pace, reports = Pace(), []

    def work() -> None:
        reports.extend(embed(catalogue, [], encoder, Cancel(), batch=2, pace=pace))

    pace.pause()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    time.sleep(0.5)
    assert encoder.seen <= 2 * (embedding.AHEAD + 1), "no more than what was under way"
    pace.resume()
    thread.join(20)
    assert encoder.seen == 24
    assert reports[-1].done == 24


def test_at_less_than_full_pace_nothing_is_computed_ahead(
    catalogue: Catalogue, folder: Path, run: Scan, encoder: MeanColours
) -> None:
    fill(folder, 6)
    run()
    pace = Pace()
    pace.share = 0.9
    seen = [encoder.seen for _ in embed(catalogue, [], encoder, Cancel(), batch=2, pace=pace)]
    assert seen == [2, 4, 6]


def test_pictures_are_handed_over_small_and_tell_their_size(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    handed: dict[tuple[int, int], tuple[int, int]] = {}

    class Looking(MeanColours):
        def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
            handed.update({image.info[WHOLE]: image.size for image in images})
            return super().encode_images(images)

    paint(1, (401, 303)).save(folder / "photo.jpg")
    paint(2, (64, 5000)).save(folder / "strip.png")
    run()
    list(embed(catalogue, [], Looking(), Cancel()))
    assert handed[401, 303] == (101, 76)
    wide, high = handed[64, 5000]
    assert wide * high <= embedding.LONGEST * 64 * 64, "however long, a strip does not fill the memory"
    assert 70 < high / wide < 86


# --- captions ---


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("A boat", "A boat"),
        ("", ""),
        ("港口的渔船", ""),
        ("渔船 IMG 2", "IMG 2"),
        ("港口 Harbour of Ningbo 渔船", "Harbour of Ningbo"),
        ("The old town of Suzhou (苏州), with its canals", "The old town of Suzhou (苏州), with its canals"),
    ],
)
def test_what_an_english_encoder_can_read(text: str, read: str) -> None:
    assert readable(text, ("en",)) == read
    assert readable(text, ("en", "zh")) == text


def test_captions_that_cannot_be_read_are_left_out_and_counted(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    caption(folder, ["A boat", "港口的渔船", "老城的屋顶", "Castle"])
    run()
    english = Lengths()
    reports = list(embed_captions(catalogue, [], english, Cancel(), batch=2))
    assert sorted(english.read) == ["A boat", "Castle"]
    assert [report.notice for report in reports[:-1]] == [""]
    assert reports[-1].notice.startswith("2 captions are in a language")
    assert len(catalogue.embeddings.of(english.id + CAPTIONS)[0]) == 2
    both = Lengths(("en", "zh"))
    both.id = "both"
    reports = list(embed_captions(catalogue, [], both, Cancel()))
    assert "港口的渔船" in both.read
    assert not any(report.notice for report in reports)
