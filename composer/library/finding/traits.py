# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""What signals of choosing go by, of a few pictures at a time: one query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from composer.collection import Rights
from composer.library.catalogue import Catalogue
from composer.library.database import LISTED, listed
from composer.library.looks.palette import colours_of
from composer.rights import rights_of
from composer.stages.signals import Colours, Traits

_READ = (
    "SELECT row, look, width, height, licence, terms, copyright, kind, count(article), max(day)"
    " FROM pictures LEFT JOIN uses ON uses.id = pictures.id AND article <> ?"
    f" WHERE row IN {LISTED} GROUP BY row"
)


def traits(
    catalogue: Catalogue, rows: Iterable[int], article: str = "", today: date | None = None
) -> dict[int, Traits]:
    """Traits by row; rows that are not in the catalogue are left out. Raises LibraryError as the database does.

    `article` is what is being illustrated, as `Marks.use` names it: that it uses a picture does not count.
    """
    now = today or date.today()  # noqa: DTZ011 - the writer's own day
    found = catalogue.database.all(_READ, [article, listed(rows)])
    colours = colours_of([line[1] for line in found])
    return {line[0]: _traits(line[2:], each, now) for line, each in zip(found, colours, strict=True)}


def _traits(line: Sequence[Any], colours: Colours | None, now: date) -> Traits:
    width, height, licence, terms, owner, kind, uses, day = line
    return Traits(
        width=width, height=height, rights=_rights(licence, terms, owner), uses=uses, days=_days(day, now),
        kind=kind, colours=colours,
    )  # fmt: skip


def _days(day: str | None, now: date) -> int | None:
    try:
        return max(0, (now - date.fromisoformat(day)).days) if day else None
    except ValueError:
        return None


@lru_cache(1 << 12)
def _rights(licence: str, terms: str, copyright: str) -> Rights:  # noqa: A002 - the column's name
    return rights_of(licence, terms, copyright)
