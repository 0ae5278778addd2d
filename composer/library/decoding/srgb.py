"""Colours: eight bits a channel and sRGB, whatever a file holds."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.Image import Image as Picture

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
_STRIP = 256
"""Rows."""


def eight_bit(source: Picture) -> Picture:
    """RGB, RGBA, CMYK or L with 8 bits a channel, whatever came."""
    if source.mode in {"RGB", "RGBA", "CMYK"} or (source.mode == "L" and "transparency" not in source.info):
        return source
    if source.mode == "LAB":
        return _from_lab(source)
    if source.mode in {"I", "F"} or source.mode.startswith("I;"):
        return _from_deep(source)
    transparent = source.mode in {"LA", "La", "PA", "RGBa"} or "transparency" in source.info
    return source.convert("RGBA" if transparent else "RGB")


def _from_lab(source: Picture) -> Picture:
    """CIELAB of TIFF 6.0, section 23: by way of D50, as ICC has it."""
    return ImageCms.profileToProfile(source, _LAB, _SRGB, outputMode="RGB") or source.convert("L").convert("RGB")


def _from_deep(source: Picture) -> Picture:
    """16 and 32 bit greys to 8: by their nominal range if they keep to it, else stretched to what they hold."""
    low, high = _range(source)
    if source.mode != "F" and low >= 0 and high <= 65535:
        wide = high > 255 or source.mode.startswith("I;")
        low, high = 0.0, 65535.0 if wide else 255.0
    grey = np.empty((source.height, source.width), np.uint8)
    for row, strip in _strips(source):
        grey[row : row + len(strip)] = ((strip - low) * (255.0 / max(high - low, 1e-9))).clip(0, 255)
    return Image.fromarray(grey)


def _range(source: Picture) -> tuple[float, float]:
    lows, highs = zip(*((float(strip.min()), float(strip.max())) for _, strip in _strips(source)), strict=True)
    return min(lows), max(highs)


def _strips(source: Picture) -> Generator[tuple[int, NDArray[np.float32]], None, None]:
    """Rows in strips, and where each begins: a float copy of the whole would be the largest thing in memory."""
    for row in range(0, source.height, _STRIP):
        values = np.array(source.crop((0, row, source.width, min(row + _STRIP, source.height))), np.float32)
        yield row, np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def to_srgb(image: Picture, source: Picture) -> Picture:
    """Apply the embedded profile. Only done for RGB and CMYK; a broken profile leaves the numbers as they are."""
    profile = source.info.get("icc_profile")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    plain = image.convert("RGB") if alpha else image
    if isinstance(profile, bytes) and b"sRGB" not in profile[:2048] and plain.mode == _space(profile):
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            done = ImageCms.profileToProfile(plain, io.BytesIO(profile), _SRGB, outputMode="RGB")
            plain = done or plain
    if plain.mode != "RGB":
        plain = plain.convert("RGB")
    if alpha is None:
        return plain
    plain.putalpha(alpha)
    return plain


def _space(profile: bytes) -> str:
    """The colour space that an ICC profile reads: bytes 16 to 20 of its header (ICC.1:2022, 7.2.8)."""
    return {b"RGB ": "RGB", b"CMYK": "CMYK"}.get(profile[16:20], "")
