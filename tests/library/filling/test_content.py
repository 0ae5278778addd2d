from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from composer.collection import Filter
from composer.errors import Cancelled, ModelFailed
from composer.library.catalogue import Catalogue
from composer.library.filling import content
from composer.library.filling.content import screen_content
from composer.library.finding.filters import matching
from composer.ports import Cancel, Content, ContentScreen
from tests.library.conftest import Scan, paint


class Widths:
    """Sees a face in wide pictures, and takes dark ones for unsafe."""

    id = "widths"
    version = 1

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def look(self, images: Sequence[Image.Image]) -> list[Content]:
        self.shown += [image.size for image in images]
        dark = [image.getpixel((0, 0)) == (0, 0, 0) for image in images]
        return [
            Content(0.9 if night else 0.1, int(image.width > 450))
            for night, image in zip(dark, images, strict=True)
        ]  # fmt: skip

    def close(self) -> None:
        pass


@pytest.fixture
def library(catalogue: Catalogue, folder: Path, run: Scan) -> Catalogue:
    paint(1, (2000, 1000)).save(folder / "large.jpg")
    paint(2, (400, 300)).save(folder / "small.png")
    Image.new("RGB", (300, 300)).save(folder / "dark.jpg")
    run()
    return catalogue


def kept(catalogue: Catalogue) -> list[tuple[float | None, int | None]]:
    return sorted(catalogue.database.all("SELECT unsafe, faces FROM pictures"), key=repr)


def look(catalogue: Catalogue, screen: ContentScreen, folders: Sequence[str] = ()) -> list[int]:
    return [step.done for step in screen_content(catalogue, folders, screen, Cancel())]


def found(catalogue: Catalogue, wish: Filter) -> int:
    rows = matching(catalogue, wish)
    assert rows is not None
    return len(rows)


def test_what_is_seen_is_kept_and_filtered_by(library: Catalogue) -> None:
    people, nobody, safe = Filter(people=True), Filter(people=False), Filter(screens=True)
    library.database.all("UPDATE pictures SET kind = 'photograph', sharpness = 0.9")
    assert [found(library, wish) for wish in (people, nobody, safe)] == [0, 3, 3]
    screen = Widths()
    assert look(library, screen)[-1] == 3
    assert kept(library) == [(0.1, 0), (0.1, 1), (0.9, 0)]
    assert sorted(screen.shown) == [(300, 300), (400, 300), (512, 256)], "previews are enough"
    assert [found(library, wish) for wish in (people, nobody, safe)] == [1, 2, 2]
    assert look(library, screen) == []


def test_a_newer_screen_looks_again(library: Catalogue) -> None:
    class Blind(Widths):
        version = 2

        def look(self, images: Sequence[Image.Image]) -> list[Content]:
            return [Content(None, 0)] * len(images)

    look(library, Widths())
    assert look(library, Blind())[-1] == 3
    assert kept(library) == [(None, 0)] * 3


def test_only_the_folders_asked_for_are_looked_at(library: Catalogue, folder: Path, tmp_path: Path) -> None:
    assert look(library, Widths(), [str(tmp_path / "elsewhere")]) == []
    assert look(library, Widths(), [str(folder)])[-1] == 3


def test_a_stop_keeps_what_was_seen_and_goes_on_there(library: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "AT_ONCE", 1)
    cancel, screen = Cancel(), Widths()
    work = screen_content(library, (), screen, cancel)
    next(work)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(work)
    assert len(screen.shown) == 1
    assert look(library, screen) == [1, 2]
    screen_content(library, (), screen, Cancel()).close()


def test_a_picture_that_the_screen_fails_over_does_not_stop_the_others(library: Catalogue) -> None:
    class Choosy(Widths):
        def look(self, images: Sequence[Image.Image]) -> list[Content]:
            if any(image.size == (400, 300) for image in images):
                raise ModelFailed("The process ended.")
            return super().look(images)

    assert look(library, Choosy())[-1] == 3
    assert kept(library) == [(0.1, 1), (0.9, 0), (None, None)]


def test_a_screen_that_sees_nothing_at_all_is_told(library: Catalogue) -> None:
    class Broken(Widths):
        def look(self, images: Sequence[Image.Image]) -> list[Content]:
            raise ModelFailed(f"The process ended at {len(images)}.")

    with pytest.raises(ModelFailed):
        look(library, Broken())
    assert kept(library) == [(None, None)] * 3
    assert look(library, Widths())[-1] == 3


def test_a_picture_without_preview_is_opened_and_one_without_file_not_asked_for_again(
    library: Catalogue, folder: Path
) -> None:
    for preview in library.previews.rglob("*.jpg"):
        preview.unlink()
    (folder / "dark.jpg").unlink()
    screen = Widths()
    assert look(library, screen)[-1] == 3
    assert sorted(screen.shown) == [(400, 300), (512, 256)]
    assert kept(library) == [(0.1, 0), (0.1, 1), (None, None)]
    assert look(library, screen) == []
