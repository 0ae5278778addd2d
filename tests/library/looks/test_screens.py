"""What the screens tell of pictures that were made to be told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from composer.errors import Cancelled
from composer.library.catalogue import Catalogue
from composer.library.looks import screens
from composer.library.looks.colours import main_colours
from composer.library.looks.screens import look, screen
from composer.ports import Cancel
from tests.library.conftest import Scan, paint


def scene(seed: int = 1) -> Image.Image:
    """Edges of every direction over soft shades, with the noise of a camera."""
    random = np.random.default_rng(seed)
    image = paint(seed, (512, 384))
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y, size = (int(value) for value in random.integers(10, 330, 3))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        draw.ellipse((x, y, x + size // 4 + 9, y + size // 5 + 9), fill=colour)
    noisy = np.asarray(image, np.float32) + random.normal(0, 4, (384, 512, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def page() -> Image.Image:
    image = Image.new("RGB", (512, 400), "white")
    draw = ImageDraw.Draw(image)
    for line in range(20):
        text = "the bridge over the river at night in winter light 1867"
        draw.text((15, 10 + 19 * line), text, font=ImageFont.load_default(14), fill="black")
    return image


def test_a_blurred_picture_is_less_sharp() -> None:
    sharp = look(scene()).sharpness
    blurred = look(scene().filter(ImageFilter.GaussianBlur(3))).sharpness
    assert sharp is not None
    assert blurred is not None
    assert sharp > 0.8
    assert blurred < 0.2


def test_what_has_no_edge_is_neither_sharp_nor_blurred() -> None:
    assert look(Image.new("RGB", (300, 300), "grey")).sharpness is None


def test_pages_are_text_and_scenes_are_photographs() -> None:
    assert look(page()).kind == "text"
    assert look(scene()).kind == "photograph"
    assert look(scene()).writing == 0


def test_words_laid_over_all_of_a_picture_are_a_mark() -> None:
    plain, marked = scene(), scene()
    words = Image.new("L", plain.size)
    for top in range(0, 384, 70):
        for left in range(0, 512, 130):
            ImageDraw.Draw(words).text((left, top), "SAMPLE", font=ImageFont.load_default(22), fill=90)
    marked.paste("white", mask=words)
    assert (look(plain).mark or 0.0) < 0.3
    assert (look(marked).mark or 0.0) > 0.5


def test_flat_shapes_are_a_drawing() -> None:
    image = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(image).ellipse((80, 60, 330, 300), fill=(220, 0, 0), outline="black", width=6)
    assert look(image).kind == "drawing"


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#000000", "black"), ("#ffffff", "white"), ("#808080", "grey"), ("#d01010", "red"), ("#ff8800", "orange"),
        ("#ffe000", "yellow"), ("#209030", "green"), ("#2040c0", "blue"), ("#7a2a9a", "purple"), ("#ff9ac0", "pink"),
        ("#6b4420", "brown"), ("#87ceeb", "blue"), ("#1a1a1a", "black"),
    ],
)  # fmt: skip
def test_colours_have_their_names(colour: str, name: str) -> None:
    assert main_colours(np.asarray(Image.new("RGB", (8, 8), colour))) == (name,)


def test_the_largest_colour_comes_first_and_specks_do_not_count() -> None:
    image = Image.new("RGB", (10, 10), "#2040c0")
    image.paste((255, 255, 255), (0, 0, 10, 3))
    image.paste((208, 16, 16), (0, 9, 5, 10))
    assert main_colours(np.asarray(image)) == ("blue", "white")


def told(catalogue: Catalogue) -> list[tuple[int, str]]:
    return catalogue.database.all("SELECT screened, colours FROM pictures ORDER BY row")


def test_all_pictures_are_screened_once(
    catalogue: Catalogue, folder: Path, run: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "BATCH", 2)
    for number in range(5):
        paint(number).save(folder / f"{number}.png")
    run()
    reports = list(screen(catalogue, [str(folder)], Cancel()))
    assert [report.done for report in reports] == [2, 4, 5]
    assert all(version == screens.VERSION and colours for version, colours in told(catalogue))
    assert list(screen(catalogue, [str(folder)], Cancel())) == []


def test_a_cancelled_screen_goes_on_where_it_stopped(
    catalogue: Catalogue, folder: Path, run: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "BATCH", 2)
    for number in range(5):
        paint(number).save(folder / f"{number}.png")
    run()
    cancel = Cancel()
    work = screen(catalogue, [], cancel)
    next(work)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(work)
    assert [report.total for report in screen(catalogue, [], Cancel())] == [3, 3]


def test_a_lost_preview_is_passed_over(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    for number in range(2):
        paint(number).save(folder / f"{number}.png")
    run()
    lost, *_ = catalogue.pictures(catalogue.rows([]).tolist()).values()
    Path(lost.preview).unlink()
    list(screen(catalogue, [], Cancel()))
    assert sorted(version for version, _ in told(catalogue)) == [0, screens.VERSION]
