from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from composer.errors import Cancelled, ModelFailed
from composer.library.catalogue import Catalogue
from composer.library.filling import reading
from composer.library.filling.reading import read_texts
from composer.library.finding.search import by_words
from composer.ports import Cancel, TextReader
from tests.library.conftest import Scan, paint


class Sizes:
    """Reads in every picture how large it was shown, and nothing in dark ones."""

    id = "sizes"
    version = 1

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        self.shown += [image.size for image in images]
        return [f"wide {image.width}" if image.getpixel((0, 0)) != (0, 0, 0) else "" for image in images]

    def close(self) -> None:
        pass


@pytest.fixture
def library(catalogue: Catalogue, folder: Path, run: Scan) -> Catalogue:
    paint(1, (2000, 1000)).save(folder / "large.jpg")
    paint(2, (400, 300)).save(folder / "small.png")
    Image.new("RGB", (2000, 1000)).save(folder / "dark.jpg")
    run()
    return catalogue


def said(catalogue: Catalogue) -> list[str]:
    return sorted(text for (text,) in catalogue.database.all("SELECT said FROM pictures"))


def found(catalogue: Catalogue, words: str) -> list[int]:
    return [row for row, _ in by_words(catalogue, words, (), 10)]


def read(catalogue: Catalogue, reader: TextReader, folders: Sequence[str] = ()) -> list[int]:
    return [report.done for report in read_texts(catalogue, folders, reader, Cancel())]


def test_what_is_read_is_kept_and_found(library: Catalogue, folder: Path, run: Scan) -> None:
    reader = Sizes()
    assert read(library, reader)[-1] == 3
    assert said(library) == ["", "wide 1280", "wide 400"]
    assert sorted(reader.shown) == [(400, 300), (512, 256), (512, 256), (1280, 640)]
    assert len(found(library, "1280")) == 1
    assert read(library, reader) == []
    (folder / "captions.tsv").write_text("file\tcaption\nlarge.jpg\tA heron\n", "utf-8")
    run()
    assert found(library, "1280") == found(library, "heron")
    assert len(found(library, "heron")) == 1


def test_a_newer_reader_reads_again_and_forgets_what_it_does_not_find(library: Catalogue) -> None:
    class Blind(Sizes):
        version = 2

        def read(self, images: Sequence[Image.Image]) -> list[str]:
            return [""] * len(images)

    read(library, Sizes())
    assert read(library, Blind())[-1] == 3
    assert said(library) == ["", "", ""]
    assert not found(library, "1280")


def test_only_the_folders_asked_for_are_read(library: Catalogue, folder: Path, tmp_path: Path) -> None:
    assert read(library, Sizes(), [str(tmp_path / "elsewhere")]) == []
    assert read(library, Sizes(), [str(folder)])[-1] == 3


def test_a_stop_keeps_what_was_read_and_goes_on_there(library: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 1)
    cancel, reader = Cancel(), Sizes()
    work = read_texts(library, (), reader, cancel)
    next(work)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(work)
    assert read(library, reader) == [1, 2]
    closed = read_texts(library, (), reader, Cancel())
    closed.close()


def test_a_picture_that_the_reader_fails_over_does_not_stop_the_others(library: Catalogue) -> None:
    class Choosy(Sizes):
        def read(self, images: Sequence[Image.Image]) -> list[str]:
            if any(image.size == (400, 300) for image in images):
                raise ModelFailed("The process ended.")
            return super().read(images)

    assert read(library, Choosy())[-1] == 3
    assert said(library) == ["", "", "wide 1280"]


def test_a_reader_that_reads_nothing_at_all_is_told(library: Catalogue) -> None:
    class Broken(Sizes):
        def read(self, images: Sequence[Image.Image]) -> list[str]:
            raise ModelFailed(f"The process ended at {len(images)}.")

    with pytest.raises(ModelFailed):
        read(library, Broken())
    assert read(library, Sizes())[-1] == 3


def test_a_picture_without_preview_and_file_is_not_asked_for_again(library: Catalogue, folder: Path) -> None:
    for preview in library.previews.rglob("*.jpg"):
        preview.unlink()
    (folder / "large.jpg").unlink()
    assert read(library, Sizes())[-1] == 3
    assert said(library) == ["", "", "wide 400"]
    assert read(library, Sizes()) == []
