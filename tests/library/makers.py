"""Files that no library of ours writes: HEIC, camera raw files, and headers that lie."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.library.conftest import quarters

HEIC_TURNED = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAaFtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA"
    "AAAERAAAIAAQAAAAABxQABAAAAAAAAARUAAgAAAAAC2gABAAAAAAAAAD4AAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp"
    "bmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA4GlwcnAAAADAaXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGE"
    "ABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoDCAgWW6kkprm4CGgwIAAAMAMgAAAwACEGIAAQAHRAHBcrAi"
    "QAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAAgAAAABBwaXhpAAAAAAMICAgAAAAJaXJvdAMAAAAYaXBtYQAAAAAAAAABAA"
    "EFgQIDBIUAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAVttZGF0AAABESgBrwng40ecuq+v/Mq///0za//+TllpIJT//p3Sx3+AEi3/QYq6"
    "jgsP4/s9GrRXr/NPSbvE5e5OvtA6+a53bQ+c3SR5xy1UB1pM5VLDVc/I/1ArolZR3mMjcod3IZDL940RRECSR0FtH04lQMEDD54ePn5QgHx/L5"
    "DNIZNQQjvURd+hbV6f//F1VcfQsWt/Y1LVkoMnfEsL9JR5GH+G+L/+koJH5Ud69ftI/eYqi1FpUG46gwW1p1O3UWyIcxRdIq8NTRw+KBTHSp/T"
    "Sp+LrP8lUGyZ0zBkl0t7uEnMYfzuL/JssK1nHY2ydJdYl218re3RP8hG1VOPX9y9ymWbV9v1/q+fvgwf84HB6BAA2051wAAAAAZFeGlmAABNTQ"
    "AqAAAACAACAQ4AAgAAAA0AAAAmARIAAwAAAAEABgAAAAAAAEEgZ3JleSBoZXJvbgAA"
)
"""`quarters((128, 96))`, stored on its side with orientation 6, described as "A grey heron". By libheif and x265."""
HEIC_DEEP = base64.b64decode(
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAVRtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABeAABAAAAAAAAAIMAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1GlwcnAA"
    "AAC1aXBjbwAAAHZodmNDAQQIAAAAnbgAAAAAHvAA/P36+gAADwNgAAEAF0ABDAH//wQIAAADAJ24AAADAAAeugJAYQABACpCAQEECAAAAwCduA"
    "AAAwAAHqAQIGE2W6kkprm4CGgwIAAAAwMgAAADACFiAAEAB0QBwXKwIkAAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAgAAAAGAA"
    "AAAQcGl4aQAAAAADCgoKAAAAF2lwbWEAAAAAAAAAAQABBIECAwQAAACLbWRhdAAAAH8oAa8J4CE5e8///dtn//+BC3If2QBpxDORak5PP5IWA/"
    "+BYX//D/1PR/CT1X/+12jv/JZ2v/04TEU2CcF5J//g56n/zrlp/DAICdmN+YCaIMRINnxuHu0tV3WGnbuCR/g4LlqMit84BI5/qWRsFQkXjQxT"
    "iCI018S4f2crGfRM"
)
"""`quarters((128, 96))` with 10 bits a channel."""

Tag = tuple[int, int, tuple[int, ...] | bytes]
"""Number, type and values, TIFF 6.0, section 2; rationals as pairs in a row."""
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8}


def dng(
    size: tuple[int, int] = (1200, 900), preview: bytes = b"", orientation: int = 1, description: str = ""
) -> bytes:
    """A raw file of Adobe's DNG 1.4 that shows `quarters`: RGGB readings of 16 bits, with or without a JPEG in it."""
    readings = mosaic(size)
    about: list[Tag] = [
        (0x0112, 3, (orientation,)),
        (0x010F, 2, b"Nobody\0"),
        (0x0110, 2, b"Nothing\0"),
        (0xC612, 1, (1, 4, 0, 0)),  # DNGVersion
        (0xC614, 2, b"Nobody Nothing\0"),  # UniqueCameraModel
        (0xC621, 10, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)),  # ColorMatrix1: as it is
        (0xC628, 5, (1, 1, 1, 1, 1, 1)),  # AsShotNeutral
        (0xC65A, 3, (21,)),  # CalibrationIlluminant1: D65
        *([(0x010E, 2, description.encode() + b"\0")] if description else []),
    ]
    sensor = [
        *_strip(size, readings.tobytes(), 1, 32803, 1, (16,)),
        (0x828D, 3, (2, 2)),  # CFARepeatPatternDim
        (0x828E, 1, (0, 1, 1, 2)),  # CFAPattern
        (0xC61D, 4, (65535,)),  # WhiteLevel
    ]
    if not preview:
        return tiff([*about, *sensor, (0x00FE, 4, (0,))], readings.tobytes())
    with Image.open(io.BytesIO(preview)) as small:
        first = [*about, *_strip(small.size, preview, 7, 6, 3, (8, 8, 8)), (0x00FE, 4, (1,))]
    return tiff(first, preview, [*sensor, (0x00FE, 4, (0,))], readings.tobytes())


def mosaic(size: tuple[int, int]) -> NDArray[np.uint16]:
    """What a sensor under a filter of red, green, green and blue reads of `quarters`."""
    seen = np.asarray(quarters(size), np.uint16) * 200 + 500
    readings = np.empty((size[1], size[0]), np.uint16)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        readings[row::2, column::2] = seen[row::2, column::2, channel]
    return readings


def _strip(
    size: tuple[int, int], data: bytes, compression: int, photometric: int, samples: int, bits: tuple[int, ...]
) -> list[Tag]:
    return [
        (0x0100, 4, (size[0],)),
        (0x0101, 4, (size[1],)),
        (0x0102, 3, bits),
        (0x0103, 3, (compression,)),
        (0x0106, 3, (photometric,)),
        (0x0111, 4, (0,)),  # where the strip begins; set when all lengths are known
        (0x0115, 3, (samples,)),
        (0x0116, 4, (size[1],)),
        (0x0117, 4, (len(data),)),
    ]


def tiff(first: list[Tag], data: bytes, below: list[Tag] | None = None, more: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory, and perhaps one below it (SubIFDs), each with one strip."""
    if below is not None:
        first = [*first, (0x014A, 4, (0,))]
    start = 8
    second = start + _length(first)
    strip = second + (_length(below) if below else 0)
    head = _directory(first, start, {0x0111: strip, 0x014A: second})
    inner = _directory(below, second, {0x0111: strip + len(data) + len(data) % 2}) if below else b""
    return struct.pack("<2sHI", b"II", 42, start) + head + inner + data + bytes(len(data) % 2) + more


def _length(tags: list[Tag]) -> int:
    return len(_directory(tags, 0, {}))


def _directory(tags: list[Tag], start: int, places: dict[int, int]) -> bytes:
    entries, beyond = b"", b""
    after = start + 2 + 12 * len(tags) + 4
    for number, kind, values in sorted(tags):
        packed, count = _packed(kind, (places[number],) if number in places else values)
        if len(packed) > 4:
            place = struct.pack("<I", after + len(beyond))
            beyond += packed + bytes(len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack("<HHI", number, kind, count) + place
    return struct.pack("<H", len(tags)) + entries + bytes(4) + beyond


def _packed(kind: int, values: tuple[int, ...] | bytes) -> tuple[bytes, int]:
    if isinstance(values, bytes):
        return values, len(values)
    form = {1: "B", 3: "H", 4: "I", 5: "I", 10: "i"}[kind]
    packed = struct.pack(f"<{len(values)}{form}", *values)
    return packed, len(packed) // _BYTES[kind]


def chunk(name: bytes, body: bytes) -> bytes:
    """One of PNG's."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of_size(width: int, height: int, bits: int = 8) -> bytes:
    """A bomb: a few bytes that say they are that large."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def rgb_tiff(image: Image.Image) -> bytes:
    """A TIFF with 16 bits for each of red, green and blue, which Pillow cannot write."""
    values = (np.asarray(image, np.uint16) * 257).tobytes()
    return tiff(_strip(image.size, values, 1, 2, 3, (16, 16, 16)), values)
