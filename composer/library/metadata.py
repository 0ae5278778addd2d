"""The words and rights that a picture carries: in the file, beside it, and in its name.

A folder may hold `captions.tsv`, UTF-8, one picture a line, tab-separated, with a header line that names the columns:

    file<TAB>caption<TAB>licence<TAB>credit<TAB>source
    heron.jpg<TAB>A grey heron on a weir<TAB>CC BY 4.0<TAB>Photo: A. Writer<TAB>https://example.org/1
    birds/owl.jpg<TAB>A barn owl<TAB><TAB><TAB>

`file` is a path below that folder, with "/". Columns may come in any order; all but `file` may be missing or empty.
What a line says goes before what the file says. Lines that cannot be read are passed over. The nearest folder's list
goes before those above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from PIL import IptcImagePlugin
from PIL.Image import Image as Picture

from composer.library import xmp

MANIFEST = "captions.tsv"
MAX_MANIFEST = 64 << 20
MAX_CAPTION, MAX_WORDS, MAX_RIGHTS = 2_000, 6_000, 500
"""Characters kept. Some programs write whole web pages or settings into a description."""

_CAMERA = re.compile(
    r"(olympus|sony|minolta|konica|kodak|samsung|nikon|canon|casio|exif|digital|still)[\s\w]*(camera|dsc|picture)?"
    r"|dcim|dsc|image|picture|untitled|default|screenshot|created with.*|<.*>|\W*"
)
"""What cameras and programs put into a description field when nobody did."""
_NAME_NOISE = frozenset(
    {"img", "dsc", "dscf", "dscn", "dcim", "pict", "image", "photo", "pic", "gopr", "pxl", "screenshot", "copy"}
)


class Words(Struct, frozen=True):
    """What a picture says about itself. See Picture for the fields; the catalogue has columns of the same names."""

    caption: str = ""
    words: str = ""
    licence: str = ""
    credit: str = ""
    title: str = ""
    people: str = ""
    place: str = ""
    taken: str = ""
    creator: str = ""
    copyright: str = ""
    terms: str = ""
    source: str = ""
    keywords: str = ""


class Row(Struct, frozen=True):
    """One line of a captions.tsv."""

    caption: str = ""
    licence: str = ""
    credit: str = ""
    source: str = ""


class Manifest(Struct, frozen=True):
    """The lines that may concern a folder: by path below it, and when they were last changed."""

    rows: Mapping[str, Row] = {}
    stamp: int = 0

    def below(self, folder: str) -> Manifest:
        """The lines that concern a subfolder."""
        start = f"{folder}/"
        rows = {path.removeprefix(start): row for path, row in self.rows.items() if path.startswith(start)}
        return Manifest(rows, self.stamp) if rows else EMPTY

    def joined(self, nearer: Manifest) -> Manifest:
        """These lines with those of a nearer list before them."""
        return Manifest({**self.rows, **nearer.rows}, self.stamp ^ nearer.stamp)


EMPTY = Manifest()


def read_manifest(path: Path, stamp: int) -> Manifest:
    """Read a captions.tsv. Nothing it holds is an error: without a `file` column it says nothing."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_MANIFEST).decode("utf-8-sig", "replace")
    except OSError:
        return EMPTY
    lines = text.splitlines()
    names = [name.strip().lower() for name in lines[0].split("\t")] if lines else []
    if "file" not in names:
        return EMPTY
    rows: dict[str, Row] = {}
    for line in lines[1:]:
        cells = dict(zip(names, (tidy(cell, MAX_CAPTION) for cell in line.split("\t")), strict=False))
        licence = cells.get("licence") or cells.get("license", "")
        name = cells.get("file", "").replace("\\", "/").removeprefix("./")
        rows[name] = Row(cells.get("caption", ""), licence, cells.get("credit", ""), cells.get("source", ""))
    return Manifest(rows, stamp)


def read(source: Picture, name: str, folders: Iterable[str], row: Row | None, sidecar: bytes = b"") -> Words:
    """Everything that an opened picture carries.

    `name` is the file's name, `folders` the names of the folders it lies in from the library's own downward, `row` its
    line of captions.tsv and `sidecar` the bytes of an XMP file beside it. Broken fields are passed over.
    """
    fields: list[xmp.Fields] = [xmp.read(sidecar) if sidecar else xmp.Fields()]
    for reader in (_xmp, _iptc, _exif, _text):
        with suppress(Exception):  # metadata is a garnish: whatever is wrong with it, the picture counts
            fields.append(reader(source))
    found = xmp.join(fields)
    caption = _caption(found, row)
    licence = tidy((row and row.licence) or licence_name(found.terms) or licence_name(found.copyright, known=True), 200)
    credit = tidy((row and row.credit) or _credit(found, licence), MAX_RIGHTS)
    said = [caption, found.title, found.description, *found.keywords, found.place]
    named = [*map(split_name, folders), split_name(Path(name).stem)]
    return Words(caption, tidy(" ".join(_once([*said, *named])), MAX_WORDS), licence, credit)


def _caption(found: xmp.Fields, row: Row | None) -> str:
    told = [found.description, found.title]
    return tidy((row and row.caption) or next((text for text in told if text and not _is_noise(text)), ""), MAX_CAPTION)


def _credit(found: xmp.Fields, licence: str) -> str:
    """The line to print below the picture: the one it carries, or one made of author and licence."""
    if found.credit:
        return found.credit
    if found.creator:
        return f"Photo: {found.creator}" + (f" / {licence}" if licence else "")
    return found.copyright


def licence_name(text: str, *, known: bool = False) -> str:
    """A Creative Commons address as a name ("CC BY-SA 4.0"); other text as it is, or nothing if `known` is set."""
    match = re.search(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/(\d\.\d))?", text, re.IGNORECASE)
    if not match:
        return "" if known else text
    kind, version = match[2].upper(), match[3] or ""
    names = {"ZERO": "CC0", "MARK": "Public Domain Mark"}
    return f"{names.get(kind, f'CC {kind}')} {version}".strip()


def split_name(name: str) -> str:
    """Words of a file or folder name: "DSC_0042-oldMill_by_lake2" gives "old Mill by lake"."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    parts = re.findall(r"[^\W\d_]+", name)
    if re.fullmatch(r"[0-9a-fA-F-]{16,}", "".join(name.split())):
        return ""  # a hash or a UUID
    return " ".join(part for part in parts if part.lower() not in _NAME_NOISE)


def tidy(text: str | None, limit: int) -> str:
    """One line of valid text without control characters, cut at `limit`."""
    if not text:
        return ""
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    return " ".join(text.split())[:limit].strip()


def _is_noise(text: str) -> bool:
    return _CAMERA.fullmatch(text.strip().lower()) is not None


def _once(texts: Iterable[str]) -> list[str]:
    """Without what was said before, in order."""
    kept: dict[str, None] = {}
    for text in texts:
        if text and not _is_noise(text) and not any(text in earlier for earlier in kept):
            kept[text] = None
    return list(kept)


def _xmp(source: Picture) -> xmp.Fields:
    packet = source.info.get("xmp") or source.info.get("XML:com.adobe.xmp") or b""
    return xmp.read(packet.encode() if isinstance(packet, str) else bytes(packet))


def _iptc(source: Picture) -> xmp.Fields:
    """IPTC-IIM 4.2, application record 2."""
    found = IptcImagePlugin.getiptcinfo(source) or {}  # pyright: ignore[reportArgumentType]

    def texts(number: int) -> list[str]:
        value: Any = found.get((2, number), [])
        return [_decoded(item) for item in (value if isinstance(value, list) else [value])]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    def text(number: int) -> str:
        return " ".join(texts(number))

    return xmp.Fields(
        title=text(5) or text(105),
        description=text(120),
        keywords=tuple(texts(25)),
        creator=", ".join(texts(80)),
        credit=text(110),
        copyright=text(116),
        place=" ".join(filter(None, map(text, (92, 90, 95, 101)))),
    )


def _exif(source: Picture) -> xmp.Fields:
    """Exif 2.32 and the XP tags of Windows Explorer, which are UTF-16."""
    exif = source.getexif()

    def text(tag: int) -> str:
        value: Any = exif.get(tag, "")
        if tag >= 0x9C9B and isinstance(value, bytes | tuple | list):
            return bytes(value).decode("utf-16-le", "replace").split("\0")[0]  # pyright: ignore[reportUnknownArgumentType]
        return _decoded(value)

    keywords = tuple(word.strip() for word in text(0x9C9E).split(";") if word.strip())
    title, description = text(0x9C9B), text(0x010E) or text(0x9C9C) or text(0x9C9F)
    creator = text(0x013B) or text(0x9C9D)
    return xmp.Fields(title, description, keywords, creator, copyright=text(0x8298).replace("\0", " "))


def _text(source: Picture) -> xmp.Fields:
    """Text chunks of PNG (PNG specification, 11.3.3); the keys are conventional."""
    if source.format != "PNG":
        return xmp.Fields()
    texts = {str(key).lower(): str(value) for key, value in source.info.items() if isinstance(value, str)}
    names = ("title", "description", "author", "copyright")
    title, description, author, rights = (texts.get(name, "") for name in names)
    return replace(xmp.Fields(title, description or texts.get("comment", "")), creator=author, copyright=rights)


def _decoded(value: object) -> str:
    """Text as it was meant: Pillow reads EXIF strings as Latin-1, most programs write UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8").strip("\0 ")
        except UnicodeDecodeError:
            return value.decode("cp1252", "replace").strip("\0 ")
    if not isinstance(value, str):
        return ""
    try:
        return value.encode("latin-1").decode("utf-8").strip("\0 ")
    except UnicodeError:
        return value.strip("\0 ")
