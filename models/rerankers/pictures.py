"""Pictures as re-rankers look at them: upright, in RGB, small."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image, ImageOps

from composer.types import Picture

HANDED_SIDE = 768
"""Pixels of the longer side of what is handed to llama.cpp or a server; more costs time and tells them little."""
NARROWEST = 32
"""Pixels; some models refuse pictures that are far longer than wide, so these get white edges."""


def opened(picture: Picture, side: int) -> Image.Image | None:
    """The picture, at most `side` pixels; its preview if the file itself cannot be read; None if neither can."""
    for path in (picture.path, picture.preview):
        try:
            if path:
                return small(Path(path), side)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
    return None


def as_address(image: Image.Image, quality: int = 95) -> str:
    """The picture as a JPEG in a data: address, which is how chat interfaces take pictures (RFC 2397)."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0 if quality >= 95 else 2)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def small(path: Path, side: int) -> Image.Image:
    """The file's picture, upright, on white where it is transparent. Raises what Pillow raises."""
    with Image.open(path) as image:
        image.draft("RGB", (side, side))  # JPEG can be decoded at a fraction of its size
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((side, side), Image.Resampling.BICUBIC)
        if upright.has_transparency_data:
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        upright = upright.convert("RGB")
    if min(upright.size) >= NARROWEST:
        return upright
    return ImageOps.pad(upright, (max(upright.width, NARROWEST), max(upright.height, NARROWEST)), color="white")
