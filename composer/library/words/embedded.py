"""What a picture file says of itself besides XMP: IPTC-IIM, Exif, and text chunks of PNG."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

from PIL import IptcImagePlugin
from PIL.Image import Image as Picture

from composer.library.words import xmp
from composer.library.words.dates import day_of
from composer.library.words.xmp import Fields

_MOST_BYTES = 64 << 10
"""Of one value: longer ones are previews, settings or worse."""
_MOST_VALUES = 1_000
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_PAIRS = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xf7][\xa1-\xfe])*")
_TWO = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe]){2}")


def fields(source: Picture) -> list[Fields]:
    """What each kind of metadata says, the most telling first. Kinds that are broken are passed over.

    IPTC-IIM 4.2, Exif 3.0, PNG (third edition), and the tags of Windows Explorer.
    """
    found: list[Fields] = []
    for reader in (_xmp, _iptc, _exif, _text):
        with suppress(Exception):  # metadata is a garnish: whatever is wrong with it, the picture counts
            found.append(reader(source))
    return found


def _xmp(source: Picture) -> Fields:
    packet = source.info.get("xmp") or source.info.get("XML:com.adobe.xmp") or b""
    return xmp.read(packet.encode() if isinstance(packet, str) else bytes(packet))


def _iptc(source: Picture) -> Fields:
    """IPTC-IIM 4.2, application record 2."""
    found = IptcImagePlugin.getiptcinfo(source) or {}  # pyright: ignore[reportArgumentType]

    def texts(number: int) -> list[str]:
        value: Any = found.get((2, number), [])
        many: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
        return [text for text in map(decoded, many[:_MOST_VALUES]) if text]

    def text(number: int) -> str:
        return " ".join(texts(number))

    return Fields(
        title=text(5) or text(105),
        description=text(120),
        keywords=tuple(texts(25)),
        creator=", ".join(texts(80)),
        credit=text(110),
        copyright=text(116),
        terms=text(40),
        place=", ".join(text(number) for number in (92, 90, 95, 101) if text(number)),
        taken=day_of(text(55)),
        source=text(115) if "://" in text(115) else "",
        more=(text(105),) if text(5) and text(105) else (),
    )


def _exif(source: Picture) -> Fields:
    """Exif 3.0 and the XP tags of Windows Explorer, which are UTF-16. Coordinates are no words: they name no place."""
    exif = source.getexif()
    inner, gps = exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
    title, comment, author, subject = (_wide(exif.get(tag)) for tag in (0x9C9B, 0x9C9C, 0x9C9D, 0x9C9F))
    return Fields(
        title=decoded(inner.get(0xA436)) or title,
        description=decoded(exif.get(0x010E)) or comment or subject or _prefixed(inner.get(0x9286)),
        keywords=tuple(word.strip() for word in _wide(exif.get(0x9C9E)).split(";") if word.strip()),
        creator=decoded(exif.get(0x013B)) or decoded(inner.get(0xA437)) or author,
        copyright=decoded(exif.get(0x8298)).replace("\0", " "),
        place=_prefixed(gps.get(0x001C)),
        taken=day_of(decoded(inner.get(0x9003)), device=True),
        rating=_stars(exif.get(0x4746)),
    )


def _text(source: Picture) -> Fields:
    """Text chunks of PNG (PNG specification, 11.3.3); the keys are conventional."""
    if source.format != "PNG":
        return Fields()
    texts = {str(key).lower(): str(value) for key, value in source.info.items() if isinstance(value, str)}

    def text(key: str) -> str:
        return texts.get(key, "")[:_MOST_BYTES]

    return Fields(
        title=text("title"),
        description=text("description") or text("comment"),
        keywords=tuple(word.strip() for word in re.split("[,;]", text("keywords")) if word.strip()),
        creator=text("author"),
        copyright=text("copyright"),
        terms=text("disclaimer"),
        licence=text("license") or text("licence"),
        taken=_stated(text("creation time")),
        source=text("source") if "://" in text("source") else text("url"),
    )


def _stated(text: str) -> str:
    """RFC 1123, which PNG asks for, or ISO 8601, which programs write."""
    if found := day_of(text):
        return found
    with suppress(ValueError, TypeError, IndexError):
        return day_of(parsedate_to_datetime(text).date().isoformat())
    return ""


def _wide(value: object) -> str:
    if not isinstance(value, bytes | tuple | list):
        return ""
    return bytes(value)[:_MOST_BYTES].decode("utf-16-le", "replace").split("\0")[0]  # pyright: ignore[reportUnknownArgumentType]


def _prefixed(value: object) -> str:
    if not isinstance(value, bytes):
        return decoded(value)
    decode = _CODES.get(value[:8])
    return decode(value[8:_MOST_BYTES]) if decode else ""


def _sixteen(text: bytes) -> str:
    """UTF-16 in a byte order that is not told: the one that gives fewer characters of scripts that are rarely met."""
    little, big = (text.decode(code, "replace").strip("\0 ") for code in ("utf-16-le", "utf-16-be"))
    return min((little, big), key=lambda each: len(_FREQUENT.sub("", each)))


_FREQUENT = re.compile("[\u0020-\u04ff\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7af\uff00-\uffef]")


def _stars(value: object) -> int:
    return value if isinstance(value, int) and 0 < value <= 5 else 0


def decoded(value: object) -> str:
    """Text as it was meant: Pillow reads Exif as Latin-1; programs write UTF-8, some GB 2312 or Windows-1252."""
    if isinstance(value, str):
        try:
            value = value.encode("latin-1")
        except UnicodeError:
            return str(value)[:_MOST_BYTES].strip("\0 ")
    if not isinstance(value, bytes):
        return ""
    value = value[:_MOST_BYTES]
    with suppress(UnicodeDecodeError):
        return value.decode("utf-8").strip("\0 ")
    return value.decode("gb18030" if _is_chinese(value) else "cp1252", "replace").strip("\0 ")


def _is_chinese(value: bytes) -> bool:
    """Whether bytes can be GB 2312, and hardly Western text: letters with accents do not come four in a row."""
    return _PAIRS.fullmatch(value) is not None and _TWO.search(value) is not None


_CODES: dict[bytes, Callable[[bytes], str]] = {
    b"ASCII\0\0\0": decoded,
    b"UNICODE\0": _sixteen,
    b"JIS\0\0\0\0\0": lambda text: text.decode("iso2022_jp", "replace").strip("\0 "),
    b"\0" * 8: decoded,
}
"""Character codes that a value of the kind of UserComment may begin with (Exif 3.0, 4.6.6)."""
