"""Opening pictures safely: what a file may cost, what is worth keeping, and one upright sRGB form for all of it."""

from __future__ import annotations

import logging
import os
import stat
import threading
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from io import BufferedReader
from typing import NamedTuple

import pi_heif  # pyright: ignore[reportMissingTypeStubs]
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.Image import Image as Picture

from composer.library.decoding import srgb

MIN_SIDE = 64
"""Icons, bullets and spacers are below this; nothing smaller can illustrate an article."""
MAX_PIXELS = 100_000_000
"""Pillow keeps 4 bytes a pixel: 100 megapixels are 400 MB while a picture is read. Larger JPEGs are decoded smaller."""
_DEARER = {"WEBP": 3, "AVIF": 2, "HEIF": 2}
"""Formats whose decoders keep further copies: measured 1.5 GB for a WebP of 100 megapixels, 0.4 GB for a TIFF."""
MAX_JPEG_PIXELS = 400_000_000
"""Even decoded at an eighth a JPEG takes about a second for every 100 megapixels."""
LARGE_PIXELS = 25_000_000
"""Decodes above this size take turns, so that several threads never hold several of them."""
MAX_BYTES = 1 << 30
"""A file of a gigabyte takes seconds to read and is hardly ever a picture."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
"""Only these readers are tried: Pillow knows others that run programs (EPS) or are rarely exercised."""
SUFFIXES = frozenset({"jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif"})
"""Names that are looked into, lower case; what is inside decides."""
_RAW = "3fr arw cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc mef mos mrw nef nrw orf pef raf rw2 rwl sr2 srf srw x3f"
RAW_SUFFIXES = frozenset(_RAW.split())
"""Names of camera raw files. Many are TIFF inside with a stamp-sized picture first, so here the name decides."""

VECTOR_SUFFIXES = frozenset({"svg"})
"""Names of drawings, which are taken in only where a folder's rules name them."""

_PLAIN = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM")
"""How formats begin whose readers are small or were tried on everything: these need no process of their own."""
_ORIENTATION = 0x0112

pi_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType]
for _reader in ("Avif", "Bmp", "Gif", "Jpeg", "Png", "Tiff", "WebP"):
    import_module(f"PIL.{_reader}ImagePlugin")  # Pillow loads most of them late, but names in FORMATS must be there
ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = None  # `_check_size` is stricter, runs before any pixel is decoded, and lets reduced JPEGs in
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # a broken file is told to the writer as Skipped, not on stderr


class UnusablePicture(Exception):
    """The file is not in the library; `reason` says why in a few words for the writer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Begun(NamedTuple):
    """A file whose first bytes were read: what it holds and what decoding it costs, no pixel decoded yet."""

    source: Picture
    """What Pillow opened, with the file's metadata."""
    width: int
    height: int
    """Full size in pixels, as stored."""
    develop: Callable[[], Picture] | None = None
    """Gives the pixels, upright sRGB, of a raw file that holds no preview to open instead."""

    @property
    def large(self) -> bool:
        """Decodes of such pictures take turns, so that several at once never hold several of them."""
        # A progressive JPEG keeps every coefficient in memory until its end, at whatever size it is then put out.
        decoded = self.source.size[0] * self.source.size[1]
        whole = self.source.info.get("progressive") or self.develop
        return (self.width * self.height if whole else decoded) >= LARGE_PIXELS


class Decoded(NamedTuple):
    """A picture as read: the upright copy, and what Pillow opened (its metadata is still needed)."""

    image: Picture
    """Upright sRGB, perhaps at a reduced size."""
    width: int
    height: int
    """Full size in pixels, upright."""
    source: Picture


def open_upright(path: str | os.PathLike[str], at_least: int | None = None) -> Picture:
    """The picture as upright RGB, alpha on white, first frame only.

    With `at_least` it may come at a reduced size whose shorter side is still that many pixels (or all there are).
    Formats whose readers are large and young are decoded in a process of their own, see decoders.py.
    Raises UnusablePicture, whatever is wrong with the file.
    """
    with open_file(path) as file:
        if file.peek(8).startswith(_PLAIN) and not is_raw(file.name):
            return decode(file, at_least).image
    from composer.library.decoding import decoders

    return decoders.open_upright(path, at_least)


@contextmanager
def open_file(path: str | os.PathLike[str]) -> Generator[BufferedReader, None, None]:
    """Open a regular file for reading; never waits on a pipe or a device. Raises UnusablePicture."""
    try:
        file = open(os.fspath(path), "rb", opener=_open)  # noqa: SIM115 - closed below; Path.open has no opener
    except (OSError, ValueError) as error:
        raise UnusablePicture(_told(error)) from error
    with file:
        _check_file(os.fstat(file.fileno()))
        yield file


def _open(path: str, _: int) -> int:
    wanted = ("O_BINARY", "O_NONBLOCK", "O_CLOEXEC", "O_NOINHERIT")
    return os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in wanted))


def _check_file(state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise UnusablePicture("not a file")
    if state.st_size == 0:
        raise UnusablePicture("empty file")
    if state.st_size > MAX_BYTES:
        raise UnusablePicture(f"too large ({state.st_size >> 20} MB; the limit is {MAX_BYTES >> 20})")


def decode(file: BufferedReader, at_least: int | None = None) -> Decoded:
    """Decode an open file; see `open_upright`. Raises UnusablePicture."""
    begun = begin(file, at_least)
    if not begun.large:
        return finish(begun, at_least)
    with _large:
        return finish(begun, at_least)


def begin(file: BufferedReader, at_least: int | None = None) -> Begun:
    """Read what the file says it holds, and turn down what is too small or too large. Raises UnusablePicture."""
    with quiet(), told_apart():
        if is_raw(file.name):
            return _begin_raw(file, at_least)
        if _suffix(file.name) in VECTOR_SUFFIXES:
            return _begin_drawing(file)
        source = Image.open(file, formats=FORMATS)
        width, height = source.size
        _reduce_while_decoding(source, at_least)
        _check_size(source, width, height)  # before anything else: even asking a PNG for its EXIF decodes it
        return Begun(source, width, height)


def finish(begun: Begun, at_least: int | None = None) -> Decoded:
    """Decode what was begun, with the same `at_least`. Raises UnusablePicture."""
    with quiet(), told_apart():
        source, width, height, develop = begun
        if develop:
            image = develop()
            image = image.reduce(max(1, min(image.size) // at_least)) if at_least else image
        else:
            source.load()
            image = _upright_rgb(source, at_least)
        if source.getexif().get(_ORIENTATION, 1) in {5, 6, 7, 8}:
            width, height = height, width
        return Decoded(image, width, height, source)


def is_raw(name: str) -> bool:
    """Whether a file's name is that of a camera raw file."""
    return _suffix(name) in RAW_SUFFIXES


def _suffix(name: str) -> str:
    return name[name.rfind(".") + 1 :].lower()


def _begin_drawing(file: BufferedReader) -> Begun:
    from composer.library.decoding import svg

    begun = svg.begin(file)
    _check_size(begun.source, begun.width, begun.height)
    return begun


def _begin_raw(file: BufferedReader, at_least: int | None) -> Begun:
    from composer.library.decoding import raw

    begun = raw.begin(file, at_least)
    if begun.develop is None:
        _reduce_while_decoding(begun.source, at_least)
        _check_size(begun.source, *begun.source.size)
    return begun


_quiet_lock = threading.Lock()
_quiet_depth = 0
_quiet_filters: warnings.catch_warnings[None] | None = None


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Keep Pillow's warnings about odd files to ourselves, also when several threads decode.

    `warnings.catch_warnings` alone is not safe between threads: the first one in sets it, the last one out unsets it.
    """
    global _quiet_depth, _quiet_filters  # noqa: PLW0603 - the interpreter's warning filters are global as well
    with _quiet_lock:
        _quiet_depth += 1
        if _quiet_depth == 1:
            _quiet_filters = warnings.catch_warnings()
            _quiet_filters.__enter__()
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0 and _quiet_filters is not None:
                _quiet_filters.__exit__(None, None, None)
                _quiet_filters = None


@contextmanager
def told_apart() -> Generator[None, None, None]:
    """Turn whatever a decoder raises into a reason; broken files make Pillow raise nearly every built-in error."""
    try:
        yield
    except UnusablePicture:
        raise
    except UnidentifiedImageError as error:
        raise UnusablePicture("not a picture that can be read") from error
    except MemoryError as error:
        raise UnusablePicture("needs more memory than there is") from error
    except Exception as error:
        raise UnusablePicture(_told(error)) from error


def _told(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is gone"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror.lower()})"
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return "damaged (the end is missing)"
    return "damaged"


def _reduce_while_decoding(source: Picture, at_least: int | None) -> None:
    """Let JPEG decode at 1/2, 1/4 or 1/8: by far the cheapest way to a smaller picture."""
    width, height = source.size
    if source.format not in {"JPEG", "MPO"} or not width or not height:
        return
    wanted = at_least or 0
    if not at_least and width * height > MAX_PIXELS:
        wanted = int(min(width, height) * (MAX_PIXELS / (width * height)) ** 0.5 / 2)  # the next power of two fits
    if wanted:
        scale = min(1.0, wanted / min(width, height))
        source.draft("RGB", (max(1, round(width * scale)), max(1, round(height * scale))))


def _check_size(source: Picture, width: int, height: int) -> None:
    """Raises UnusablePicture for what is too small to use or too large to decode."""
    if min(width, height) < MIN_SIDE:
        raise UnusablePicture(f"too small ({width} x {height}; the limit is {MIN_SIDE} pixels a side)")
    # A progressive JPEG keeps every coefficient in memory until its end, at whatever size it is then put out.
    pixels = width * height if source.info.get("progressive") else source.size[0] * source.size[1]
    limit = MAX_PIXELS // _DEARER.get(source.format or "", 1)
    if pixels <= limit:
        pixels, limit = width * height, max(limit, MAX_JPEG_PIXELS)
    if pixels > limit:
        millions = -(-width * height // 1_000_000)
        raise UnusablePicture(f"too large ({millions} megapixels; the limit is {limit // 1_000_000})")


_large = threading.Lock()


def _upright_rgb(source: Picture, at_least: int | None) -> Picture:
    image = srgb.eight_bit(source)
    factor = min(image.size) // at_least if at_least else 1
    if factor >= 2:
        image = image.reduce(factor)
    image = srgb.to_srgb(image, source)
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    orientation = source.getexif().get(_ORIENTATION, 1)
    if orientation in range(2, 9):
        image.getexif()[_ORIENTATION] = orientation
        image = ImageOps.exif_transpose(image)
    if image is source:
        image = source.copy()
    image.info = {}  # an ICC profile or EXIF left here would be written into previews
    image.getexif().clear()
    return image
