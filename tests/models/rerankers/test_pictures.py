"""Pictures as re-rankers open them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from composer.types import Picture
from models.rerankers.pictures import opened, small


def test_upright_small_and_rgb(tmp_path: Path) -> None:
    image = Image.new("RGB", (2000, 1000), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert small(tmp_path / "turned.jpg", 500).size == (250, 500)
    Image.new("LA", (64, 40), (0, 0)).save(tmp_path / "clear.png")
    clear = small(tmp_path / "clear.png", 500)
    assert clear.mode == "RGB"
    assert clear.getpixel((5, 5)) == (255, 255, 255)
    Image.new("P", (3000, 3)).save(tmp_path / "line.gif")
    assert small(tmp_path / "line.gif", 500).size == (500, 32)


def test_the_preview_stands_in(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    Image.new("RGB", (50, 40), "blue").save(tmp_path / "preview.png")
    assert opened(Picture(id="a", path=str(broken), width=1, height=1), 100) is None
    shown = opened(Picture(id="a", path=str(broken), width=1, height=1, preview=str(tmp_path / "preview.png")), 100)
    assert shown is not None
    assert shown.size == (50, 40)
