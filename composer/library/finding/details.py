"""All that is known of one picture, from the catalogue and from its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from composer.collection import Details, Screens, Used
from composer.errors import LibraryError
from composer.library.catalogue import Catalogue
from composer.library.finding.listing import copies
from composer.library.marks import Marked, split
from composer.library.words import credentials, sidecars
from composer.rights import rights_of, warning
from composer.types import Language, Picture

MOST_COPIES = 100
"""Near-duplicates shown with a picture."""


class _Seen(Struct, frozen=True):
    keywords: str
    said: str
    kind: str
    sharpness: float | None
    writing: float | None
    mark: float | None
    unsafe: float | None
    faces: int | None
    colours: str


def describe(catalogue: Catalogue, id: str, language: Language = "en") -> Details:  # noqa: A002 - the noun's name
    """Everything about the picture of that id. Reads its file for content credentials; `language` is the warning's.

    Raises LibraryError when it is not in the library any more.
    """
    row = catalogue.row_of(id)
    picture = catalogue.pictures([row]).get(row) if row is not None else None
    if row is None or picture is None:
        raise LibraryError("This picture is not in the library any more.", "Scan its folder again.")
    mark = catalogue.marks.of([id]).get(id, Marked())
    uses = tuple(Used(use.article, use.title, use.day) for use in catalogue.marks.uses([id]).get(id, ()))
    rights = rights_of(picture.licence, picture.terms, picture.copyright)
    paths = tuple(catalogue.paths(row))
    here = next((path for path in paths if Path(path).is_file()), picture.path)  # some may lie on a drive that is away
    credential, seen = credentials.read(here), _seen(catalogue, row)
    kept = sidecars.kept(catalogue.file.parent, id)
    sidecar = kept if kept.is_file() else sidecars.beside(here).path
    return Details(
        picture=replace(picture, path=here), paths=paths, keywords=split(seen.keywords), said=seen.said,
        rating=mark.rating, hidden=mark.hidden, tags=mark.tags, rights=rights,
        warning=warning(picture, rights, uses, credential, language), uses=uses, copies=_copies(catalogue, row),
        screens=_screens(seen), credential=credential, sidecar=str(sidecar),
    )  # fmt: skip


def _seen(catalogue: Catalogue, row: int) -> _Seen:
    sql = f"SELECT {', '.join(_Seen.__struct_fields__)} FROM pictures WHERE row = ?"  # noqa: S608 - constants
    return _Seen(*catalogue.database.all(sql, [row])[0])


def _screens(seen: _Seen) -> Screens:
    return Screens(
        kind=seen.kind, sharpness=seen.sharpness, writing=seen.writing, mark=seen.mark, unsafe=seen.unsafe,
        faces=seen.faces, colours=tuple(seen.colours.split()),
    )  # fmt: skip


def _copies(catalogue: Catalogue, row: int) -> tuple[Picture, ...]:
    members = [each for each in copies(catalogue, np.array([row]))[0].tolist() if each != row][:MOST_COPIES]
    pictures = catalogue.pictures(members)
    return tuple(pictures[each] for each in members if each in pictures)
