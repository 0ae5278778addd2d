"""Camera raw files: the preview that the camera put in, developed anew only where there is none worth having."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedReader
from typing import Any

import rawpy
from PIL import Image, ImageOps
from PIL.Image import Image as Picture

from composer.library.decoding.quality import MAX_PIXELS, MIN_SIDE, Begun, UnusablePicture

MAX_BYTES = 256 << 20
"""Raw files are read whole; the largest of medium format cameras hold some 200 MB."""
ENOUGH = 1000
"""Pixels of the shorter side that make a preview good enough for any use but print."""
_DEVELOPED = 2
"""Times the memory of a plain picture that developing at half size takes: it keeps all readings and four colours."""
_ORIENTATION, _ARTIST, _XMP, _IPTC = 0x0112, 0x013B, 0x02BC, 0x83BB
_TURNS = {3: 3, 5: 8, 6: 6}
"""LibRaw's turns as orientations of EXIF."""
_TIFF_LIKE = (b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"IIU\0")
"""Raw files that are TIFF in all but, with some makers, the first four bytes."""


def begin(file: BufferedReader, at_least: int | None) -> Begun:
    """What a raw file holds; see `quality.begin`. Raises UnusablePicture, and what LibRaw raises."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UnusablePicture(f"too large (raw files of up to {MAX_BYTES >> 20} MB are read)")
    with _told_apart(), rawpy.imread(io.BytesIO(data)) as raw:
        sizes = raw.sizes
        artist: Any = raw.other.artist
        preview = _preview(raw)
    if preview is not None:
        _take_metadata(preview, data, artist)
        upright = _turn(preview, sizes.flip, sizes.width >= sizes.height)
        if min(preview.size) >= min(at_least or ENOUGH, ENOUGH, sizes.width, sizes.height):
            width, height = sizes.width, sizes.height
            return Begun(preview, height, width) if upright else Begun(preview, width, height)
    carrier = Image.new("RGB", (1, 1))
    _take_metadata(carrier, data, artist)
    carrier.getexif()[_ORIENTATION] = _TURNS.get(sizes.flip, 1)
    return Begun(carrier, sizes.width, sizes.height, _developer(data, sizes.width, sizes.height, at_least, preview))


def _preview(raw: rawpy.RawPy) -> Picture | None:
    """The largest picture that the camera put in; None where there is none that can be opened."""
    with suppress(rawpy.LibRawError, OSError, ValueError, SyntaxError):
        found = raw.extract_thumb()
        if found.format == rawpy.ThumbFormat.JPEG and isinstance(found.data, bytes):
            return Image.open(io.BytesIO(found.data), formats=("JPEG",))
        if found.format == rawpy.ThumbFormat.BITMAP and not isinstance(found.data, bytes):
            return Image.fromarray(found.data)
    return None


def _turn(preview: Picture, flip: int, landscape: bool) -> bool:
    """Say how the preview must be turned: as the sensor was. Returns whether the camera has turned it already."""
    turned = flip in {5, 6} and (preview.width >= preview.height) != landscape
    preview.getexif()[_ORIENTATION] = 1 if turned else _TURNS.get(flip, 1)
    return turned


def _take_metadata(source: Picture, data: bytes, artist: str) -> None:
    """What the raw file tells goes before what its preview tells; broken metadata is passed over."""
    exif = source.getexif()
    if data[:4] in _TIFF_LIKE:
        with suppress(Exception):
            head = data if data[:4] in _TIFF_LIKE[:2] else b"II*\0" + data[4:]
            exif.load(head)
        packets = {"xmp": exif.get(_XMP), "photoshop": {0x0404: exif.get(_IPTC)}}
        source.info.update({key: value for key, value in packets.items() if isinstance(value, bytes)})
    with suppress(Exception):
        if artist and not exif.get(_ARTIST):
            exif[_ARTIST] = artist


def _developer(
    data: bytes, width: int, height: int, at_least: int | None, preview: Picture | None
) -> Callable[[], Picture]:
    """Gives the picture from the sensor's readings, at half size where that is enough; else a small preview."""
    half = bool(at_least) and min(width, height) // 2 >= (at_least or 0)
    limit = MAX_PIXELS // (1 if half else _DEVELOPED)
    if width * height > limit:
        raise UnusablePicture(
            f"too large ({-(-width * height // 1_000_000)} megapixels without a preview; "
            f"the limit is {limit // 1_000_000})"
        )
    return partial(_develop, data, half, preview)


def _develop(data: bytes, half: bool, preview: Picture | None) -> Picture:
    """Bayer readings to sRGB by LibRaw's AHD (Hirakawa and Parks 2005), as the camera balanced it, and upright."""
    try:
        with _told_apart(), rawpy.imread(io.BytesIO(data)) as raw:  # anew: a broken preview leaves LibRaw unusable
            raw.unpack()
            return Image.fromarray(raw.postprocess(use_camera_wb=True, half_size=half, output_bps=8))
    except UnusablePicture:
        if preview is None or min(preview.size) < MIN_SIDE:
            raise
    return ImageOps.exif_transpose(preview).convert("RGB")


@contextmanager
def _told_apart() -> Generator[None, None, None]:
    """Turn what LibRaw raises into a reason."""
    try:
        yield
    except rawpy.LibRawFileUnsupportedError as error:
        raise UnusablePicture("not a raw file of a kind that can be read") from error
    except rawpy.LibRawIOError as error:
        raise UnusablePicture("damaged (the end is missing)") from error
    except rawpy.LibRawError as error:
        raise UnusablePicture("damaged") from error
