"""What the writer changes of a picture's words, kept in XMP files beside the pictures. Originals are never opened.

An XMP file that is there keeps everything else it says: it is parsed, the changed properties are replaced, and it is
written beside and renamed. Where the picture's folder may not be written, the file is kept in the library's own folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from composer.collection import Edit
from composer.errors import ComposerError, LibraryError
from composer.files import write_safely
from composer.library.catalogue import Catalogue
from composer.library.decoding.quality import SUFFIXES
from composer.library.filling.intake import KEPT, File, examine
from composer.library.marks import Marked, split
from composer.library.words import xmp
from composer.library.words.metadata import EMPTY, MANIFEST, read_manifest
from composer.library.words.packets import Value, changed

_LONGEST = 8_000
_NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FIELDS = {"caption": "description"}
"""Fields of Edit that metadata calls otherwise."""


class Beside(NamedTuple):
    """Where a picture's XMP file lies, or would lie."""

    path: Path
    there: bool


def beside(path: str | os.PathLike[str]) -> Beside:
    """The XMP file beside a picture, under either name in use; `name.ext.xmp` when there is none."""
    picture = Path(path)
    both = [f"{name}.{suffix}" for suffix in ("xmp", "XMP") for name in (picture.name, picture.stem)]
    found = next((each for each in map(picture.with_name, both) if each.is_file()), None)
    return Beside(found or picture.with_name(both[0]), found is not None)


def edit_picture(catalogue: Catalogue, picture_id: str, change: Edit, *, marks: bool = False) -> tuple[Path, ...]:
    """Change the words of a picture in XMP files beside all of its files, and in the catalogue.

    With `marks` the writer's rating and tags go into the XMP files as well. Returns the files that were written; those
    that are not beside a picture lie below the catalogue's own folder. Raises LibraryError, ComposerError as `edit`.
    """
    row = catalogue.row_of(picture_id)
    paths = catalogue.paths(row) if row is not None else []
    if row is None or not paths:
        raise LibraryError("This picture is not in the library any more.", "Scan its folder again.")
    marked = catalogue.marks.of([picture_id]).get(picture_id) if marks else None
    home = catalogue.file.parent
    keywords = _keywords(catalogue, row)
    try:
        written = [edit(path, picture_id, change, home, marked, keywords) for path in paths]
    finally:
        tell_again(catalogue, row)  # also when the file beside one of several copies could not be changed
    return tuple(dict.fromkeys(written))


def tell_again(catalogue: Catalogue, row: int) -> None:
    """Read anew what a picture's files and what lies beside them say; for one whose XMP file was just written."""
    told = [examine(catalogue, _file(catalogue, path)) for path in catalogue.paths(row)]
    catalogue.retell(row, [entry.told for entry in told if entry.reason is None])


def _keywords(catalogue: Catalogue, row: int) -> tuple[str, ...]:
    return split(catalogue.database.all("SELECT keywords FROM pictures WHERE row = ?", [row])[0][0])


def _file(catalogue: Catalogue, path: str) -> File:
    """As a scan of the nearest library folder would hand it over; its stamp is left to the next scan."""
    place = Path(path).parent
    roots = [Path(folder.path) for folder in catalogue.folders.all()]
    above = [root for root in roots if place.is_relative_to(root)]
    root = max(above, key=lambda each: len(each.parts), default=place)
    manifest = EMPTY
    names = place.relative_to(root).parts
    for depth in range(len(names) + 1):
        manifest = manifest.joined(read_manifest(root.joinpath(*names[:depth], MANIFEST), 0))
        manifest = manifest.below(names[depth]) if depth < len(names) else manifest
    found = beside(path)
    sidecar = str(found.path) if found.there else ""
    return File(path, (0, 0, 0), (root.name, *names), manifest.rows.get(Path(path).name), sidecar)


def kept(home: Path, picture_id: str) -> Path:
    """Where the XMP file of a picture lies whose folder may not be written. `home` is the catalogue's own folder."""
    return home / KEPT / f"{picture_id}.xmp"


def edit(
    path: str | os.PathLike[str],
    picture_id: str,
    change: Edit,
    home: Path,
    marked: Marked | None = None,
    keywords: Sequence[str] = (),
) -> Path:
    """Write the changed words of a picture to its XMP file, and the writer's rating and tags if `marked` is given.

    Returns the file that was written: beside the picture, or below `home` when its folder may not be written. Tags are
    added to `keywords`, which are those that the picture has. What was kept below `home` before goes to the file beside
    the picture once that can be written. Raises LibraryError when a file that is there is not XMP, ComposerError when
    neither place can be written; nothing is changed then.
    """
    own = kept(home, picture_id)
    changes: dict[str, Value] = _changes(change)
    if marked is not None:
        changes |= _marks(marked, tuple(change.keywords if change.keywords is not None else keywords))
    target = beside(path)
    place = _of_its_own(Path(path), target)
    before = _kept_changes(own)
    try:
        packet = target.path.read_bytes() if target.there else b""
        write_safely(place, changed(packet, {**before, **changes}, target.path.name))
    except (ComposerError, OSError) as error:
        if isinstance(error, LibraryError):
            raise
        own_before = own.read_bytes() if own.is_file() else b""
        write_safely(own, changed(own_before, changes, own.name))
        return own
    own.unlink(missing_ok=True)
    return place


def _of_its_own(picture: Path, found: Beside) -> Path:
    """Where to write: a file that speaks of two pictures, a.jpg and a.png, is not changed for one of them."""
    if not found.there or found.path.stem == picture.name:
        return found.path.resolve() if found.there else found.path  # a link stays one
    shared = any(picture.with_suffix(f".{each}").is_file() for each in SUFFIXES if f".{each}" != picture.suffix.lower())
    return picture.with_name(f"{picture.name}.xmp") if shared else found.path.resolve()


def _changes(change: Edit) -> dict[str, Value]:
    told = {name: getattr(change, name) for name in Edit.__struct_fields__}
    return {_FIELDS.get(name, name): _clean(value) for name, value in told.items() if value is not None}


def _marks(marked: Marked, keywords: Sequence[str]) -> dict[str, Value]:
    changes: dict[str, Value] = {"rating": marked.rating}
    if marked.tags:
        changes["keywords"] = tuple(dict.fromkeys((*keywords, *marked.tags)))
    return changes


def _clean(value: str | Sequence[str]) -> Value:
    """Without characters that XML cannot hold (XML 1.0, 2.2)."""
    if isinstance(value, str):
        return _NO_XML.sub("", value)[:_LONGEST].strip()
    return tuple(filter(None, (str(_clean(each)) for each in value)))


def _kept_changes(own: Path) -> dict[str, Value]:
    """What was changed while the picture's folder could not be written."""
    try:
        fields = xmp.read(own.read_bytes())
    except OSError:
        return {}
    names = [*fields.edited, *(["rating"] if fields.rating else [])]
    return {name: getattr(fields, name) for name in names}
