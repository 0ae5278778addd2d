"""Previews: small upright sRGB copies for the screen, kept by picture id."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path

from PIL import Image
from PIL.Image import Image as Picture

SIDE = 512
"""Longest side in pixels: sharp in a grid on a dense screen, about 40 kB each."""
QUALITY = 82


def preview_name(picture: str) -> str:
    """Where the preview of a picture id lies, below the previews folder, with "/": 256 folders keep listings short."""
    return f"{picture[:2]}/{picture}.jpg"


def small(image: Picture) -> Picture:
    """A copy of an upright RGB picture of at most SIDE pixels a side; never enlarged."""
    copy = image.copy()
    copy.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)  # sharp enough, half the time of Lanczos
    return copy


def encoded(preview: Picture) -> bytes:
    """A preview as JPEG."""
    file = io.BytesIO()
    preview.save(file, "JPEG", quality=QUALITY, optimize=False)
    return file.getvalue()


def save(preview: bytes, previews: Path, picture: str) -> str:
    """Write an encoded preview, unless it is there already, and return its name. Raises OSError.

    Written beside and renamed, so that a kill leaves no half file. It is not flushed to the disk as a document would
    be: a lost preview can be made again, and flushing each one would take longer than making it.
    """
    target = previews / preview_name(picture)
    with contextlib.suppress(OSError):
        if target.stat().st_size > 0:
            return preview_name(picture)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(preview)
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    return preview_name(picture)


def remove(previews: Path, name: str) -> None:
    """Forget a preview; a missing one is fine."""
    with contextlib.suppress(OSError):
        os.unlink(previews / name)
