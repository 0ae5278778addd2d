"""The words and rights that a picture carries: in the file, beside it, and in its name.

A folder may hold `captions.tsv`, UTF-8, one picture a line, tab-separated, with a header line that names the columns:

    file<TAB>caption<TAB>licence<TAB>credit<TAB>source
    heron.jpg<TAB>A grey heron on a weir<TAB>CC BY 4.0<TAB>Photo: A. Writer<TAB>https://example.org/1
    birds/owl.jpg<TAB>A barn owl<TAB><TAB><TAB>

`file` is a path below that folder, with "/". Further columns: title, people and keywords (each separated by "; "),
place, taken (2019, 2019-05 or 2019-05-04), creator, copyright and terms. Columns may come in any order; all but `file`
may be missing or empty, others are passed over, and so are lines that cannot be read. The nearest folder's list goes
before those above it.

What the writer changed in this program goes before everything; then come the line of the list, the XMP file beside
the picture, which is a later edit than what is in it, and then XMP, IPTC-IIM and Exif in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from PIL.Image import Image as Picture

from composer.library.words import embedded, xmp
from composer.library.words.dates import day_of
from composer.rights import licence_name

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
    """What a picture says about itself. See Picture for the fields; the catalogue has columns of the same names.

    Also what one line of a captions.tsv says of it; that has no `words`.
    """

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


COLUMNS = tuple(name for name in Words.__struct_fields__ if name != "words")
"""Of a captions.tsv, besides `file`."""


class Manifest(Struct, frozen=True):
    """The lines that may concern a folder: by path below it, and when they were last changed."""

    rows: Mapping[str, Words] = {}
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
    rows: dict[str, Words] = {}
    for line in lines[1:]:
        cells = dict(zip(names, (tidy(cell, MAX_CAPTION) for cell in line.split("\t")), strict=False))
        cells["licence"] = cells.get("licence") or cells.get("license", "")
        name = cells.get("file", "").replace("\\", "/").removeprefix("./")
        rows[name] = Words(**{column: cells.get(column, "") for column in COLUMNS})
    return Manifest(rows, stamp)


def read(
    source: Picture, name: str, folders: Iterable[str], row: Words | None, sidecar: bytes = b"", kept: bytes = b""
) -> Words:
    """Everything that an opened picture carries.

    `name` is the file's name, `folders` the names of the folders it lies in from the library's own downward, `row` its
    line of captions.tsv, `sidecar` the bytes of an XMP file beside it, and `kept` those of the XMP file that this
    program keeps for pictures in folders where it may not write. Broken fields are passed over.
    """
    return words_of(gather(source, row, sidecar, kept), name, folders)


def gather(source: Picture, row: Words | None, sidecar: bytes = b"", kept: bytes = b"") -> xmp.Fields:
    """All that is told of a picture, field by field the first that says something; see `read`."""
    beside = [xmp.read(packet) for packet in (kept, sidecar) if packet]
    listed = [_row_fields(row)] if row else []
    told = [*map(_edited, beside), *listed, *map(_sound, [*beside, *embedded.fields(source)])]
    found = xmp.join(told)
    others = () if "description" in found.edited else tuple(each.description for each in told)
    return replace(found, more=(*others, *found.more))


def words_of(found: xmp.Fields, name: str, folders: Iterable[str]) -> Words:
    """What the catalogue keeps of it; see `read`."""
    caption = tidy(found.description or ("" if "description" in found.edited else found.title), MAX_CAPTION)
    said = [caption, found.title, *found.keywords, found.place, *found.people, *found.more]
    named = [*map(split_name, folders), split_name(Path(name).stem)]
    licence, credit = _rights(found)
    return Words(
        caption=caption,
        words=tidy(" ".join(_once([*said, *named])), MAX_WORDS),
        licence=licence,
        credit=credit,
        title=tidy(found.title, MAX_RIGHTS),
        people=_listed(found.people),
        place=tidy(found.place, MAX_RIGHTS),
        taken=found.taken,
        creator=tidy(found.creator, MAX_RIGHTS),
        copyright=tidy(found.copyright, MAX_RIGHTS),
        terms=tidy(found.terms, MAX_CAPTION),
        source=tidy(found.source, MAX_RIGHTS),
        keywords=_listed(found.keywords),
    )


def _edited(fields: xmp.Fields) -> xmp.Fields:
    """Only what the writer changed in this program."""
    return xmp.Fields(**{name: getattr(fields, name) for name in fields.edited}, edited=fields.edited)


def _row_fields(row: Words) -> xmp.Fields:
    return xmp.Fields(
        title=row.title,
        description=row.caption,
        keywords=tuple(_split(row.keywords)),
        creator=row.creator,
        credit=row.credit,
        copyright=row.copyright,
        terms=row.terms,
        place=row.place,
        licence=row.licence,
        people=tuple(_split(row.people)),
        taken=day_of(row.taken),
        source=row.source,
    )


def _split(texts: str) -> list[str]:
    return [text.strip() for text in re.split("[;；]", texts) if text.strip()]


def _listed(texts: Iterable[str]) -> str:
    """As the catalogue keeps lists: a semicolon in one of the texts would make two of it."""
    parts = (tidy(text, 200).replace(";", ",") for text in texts)
    return tidy("; ".join(dict.fromkeys(filter(None, parts))), MAX_CAPTION).rstrip(";")


def _rights(found: xmp.Fields) -> tuple[str, str]:
    """Licence by its short name, and the line to print below the picture: the one it carries, or one made of both."""
    named = licence_name(found.terms, known=True) or licence_name(found.copyright, known=True)
    licence = tidy(licence_name(found.licence) or ("" if "licence" in found.edited else named), 200)
    credit = found.credit
    if not credit and "credit" not in found.edited:
        made = f"Photo: {found.creator}" + (f" / {licence}" if licence else "")
        credit = made if found.creator else found.copyright
    return licence, tidy(credit, MAX_RIGHTS)


def _sound(fields: xmp.Fields) -> xmp.Fields:
    """Without what cameras and programs put where a person should write."""
    title, description = ("" if _is_noise(text) else text for text in (fields.title, fields.description))
    return replace(fields, title=title, description=description)


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
    for text in (text[:MAX_WORDS] for text in texts):
        if text and not _is_noise(text) and not any(text in earlier for earlier in kept):
            kept[text] = None
    return list(kept)
