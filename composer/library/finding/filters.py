# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""What a picture must be: one pass over arrays of all pictures (composer/library/columns.py).

What few pictures have, tags and uses, is asked of the catalogue's indexes, and so are texts of which there are too many
to be numbered.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from composer.collection import Filter, Kind, Orientation, Rights
from composer.errors import LibraryError
from composer.library.catalogue import Catalogue
from composer.library.columns import (
    DRAWING,
    FACED,
    FREE,
    HERE,
    HIDDEN,
    LANDSCAPE,
    LICENSED,
    NAMED,
    PASSES,
    PHOTOGRAPH,
    PORTRAIT,
    SAFE,
    SHARP,
    SQUARE,
    TEXT,
    UNMARKED,
    Columns,
)
from composer.library.database import LISTED, Database
from composer.library.looks.colours import NAMES
from composer.ports import Ids

__all__ = ["SAFE", "SHARP", "UNMARKED", "left_out", "matching", "numbers"]

Mask = NDArray[np.bool_]
"""Of all rows: which of them are meant."""

_BROKEN = (
    "SELECT DISTINCT picture AS n FROM files WHERE reason IS NOT NULL AND picture IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM files AS two WHERE two.picture = files.picture AND two.reason IS NULL)"
)
"""Pictures of which no file can be used any more; those without any file go at the end of the scan that missed them."""
_TAGGED = (
    "SELECT row AS n FROM pictures JOIN marks USING (id) WHERE tags <> ''"
    " AND instr('; ' || tags || '; ', '; ' || ? || '; ') > 0"
)
_USED = "SELECT row AS n FROM pictures WHERE id IN (SELECT id FROM uses)"
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_ANY_RIGHTS = "(licence <> '' OR terms <> '' OR copyright <> '')"
_SHAPES: dict[Orientation, int] = {"square": SQUARE, "landscape": LANDSCAPE, "portrait": PORTRAIT}
_KINDS: dict[Kind, int] = {"photograph": PHOTOGRAPH, "drawing": DRAWING, "text": TEXT}
_RIGHTS: dict[Rights, int] = {"free": FREE, "licensed": LICENSED}


def matching(catalogue: Catalogue, filter: Filter) -> Ids | None:  # noqa: A002 - the noun's name
    """Rows of the usable pictures that the filter lets through, ascending; None: all that are usable and not hidden.

    Hidden pictures only come when asked for. A date that is known less exactly counts from its first day. Words of
    places, people and licences are found anywhere in them, whatever their case and accents.
    Raises LibraryError for a date that is none.
    """
    with catalogue.columns.reading() as columns:
        masks = [*_flagged(columns, filter), *_measured(columns, filter), *_looked_up(catalogue, columns, filter)]
        if not masks:
            return None
        masks.append(columns["flags"] & (HERE | HIDDEN) == (HERE | HIDDEN if filter.hidden else HERE))
        whole = reduce(np.logical_and, masks)
        whole[_inside(columns, numbers(catalogue.database, _BROKEN))] = False
        return np.flatnonzero(whole)


def left_out(catalogue: Catalogue) -> Ids:
    """Rows that nobody gets who asks for nothing special: hidden by the writer, or of no use any more. Ascending."""
    with catalogue.columns.reading() as columns:
        hidden = np.flatnonzero(columns["flags"] & HIDDEN)
        return np.union1d(hidden, numbers(catalogue.database, _BROKEN))


def numbers(database: Database, sql: str, values: Sequence[str | float] = ()) -> Ids:
    """The column `n` of a query, in its order, as one array.

    SQLite writes them as one text: a Python object for each line would take a hundred bytes where a number takes eight.
    """
    found = database.all(f"SELECT group_concat(n) FROM ({sql})", values)[0][0]
    return np.fromstring(found, np.int64, sep=",") if found else np.empty(0, np.int64)


def _flagged(columns: Columns, wish: Filter) -> Iterator[Mask]:
    """What is told by the flags of a picture."""
    must = _SHAPES[wish.orientation] if wish.orientation else 0
    must |= (_KINDS[wish.kind] if wish.kind else 0) | (PASSES if wish.screens else 0) | (HIDDEN if wish.hidden else 0)
    never = NAMED | FACED if wish.people is False else 0
    if must | never:
        yield columns["flags"] & (must | never) == must
    if wish.people:
        yield columns["flags"] & (NAMED | FACED) != 0
    known = reduce(int.__or__, (_RIGHTS[each] for each in wish.rights if each != "unknown"), 0)
    if wish.rights and "unknown" not in wish.rights:
        yield columns["flags"] & known != 0
    elif wish.rights and known != FREE | LICENSED:
        yield columns["flags"] & ((FREE | LICENSED) & ~known) == 0


def _measured(columns: Columns, wish: Filter) -> Iterator[Mask]:
    """What is told by one number of a picture."""
    if wish.width:
        yield columns["width"] >= wish.width
    if wish.colour:
        yield columns["colours"] & (1 << NAMES.index(wish.colour) if wish.colour in NAMES else 0) != 0
    if wish.taken_from:
        yield columns["taken"] >= _day(wish.taken_from, "0")
    if wish.taken_to:
        yield (columns["taken"] > 0) & (columns["taken"] <= _day(wish.taken_to, "9"))  # every day that begins like this
    if wish.rating:
        yield columns["rating"] >= wish.rating


def _looked_up(catalogue: Catalogue, columns: Columns, wish: Filter) -> Iterator[Mask]:
    """What is told by texts, folders, and what the writer said or did."""
    if wish.folders and not catalogue.covers(wish.folders):
        yield _mask(columns, columns.places.below(wish.folders))
    for column, words in (("place", wish.place), ("people", wish.person), ("licence", wish.licence)):
        if words.strip():
            yield _having(catalogue.database, columns, column, words)
    for tag in wish.tags:
        yield _mask(columns, numbers(catalogue.database, _TAGGED, [tag]))
    if wish.unused:
        yield ~_mask(columns, numbers(catalogue.database, _USED))


def _mask(columns: Columns, rows: Ids | NDArray[np.int32]) -> Mask:
    mask = np.zeros(len(columns), np.bool_)
    mask[_inside(columns, rows)] = True
    return mask


def _inside(columns: Columns, rows: Ids | NDArray[np.int32]) -> Ids | NDArray[np.int32]:
    """Without rows that came since the arrays were read."""
    return rows[rows < len(columns)]


def _having(database: Database, columns: Columns, column: str, words: str) -> Mask:
    """Rows in whose column every one of the words is somewhere."""
    parts = _folded(words).split()
    known = columns.texts(column)
    if known is None:
        return _mask(columns, _having_texts(database, column, parts))
    fitting = np.zeros(1 << 16, np.bool_)
    fitting[[n for n, text in enumerate(known) if text and all(part in _folded(text) for part in parts)]] = True
    return fitting[columns[column]]


def _having_texts(database: Database, column: str, parts: Sequence[str]) -> Ids:
    """The same through an index, where there are more different texts than the arrays can tell apart."""
    some = _ANY_RIGHTS if column == "licence" else f"{column} <> ''"
    known = [text for (text,) in database.all(f"SELECT DISTINCT {column} FROM pictures WHERE {some}")]
    fitting = [text for text in known if all(part in _folded(text) for part in parts)]
    sql = f"SELECT row AS n FROM pictures WHERE {some} AND {column} IN {LISTED}"
    return numbers(database, sql, [json.dumps(fitting)])


@lru_cache(1 << 15)
def _folded(text: str) -> str:
    """Without case and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def _day(text: str, rest: str) -> int:
    """As the arrays have it: 2019-05 is 20190500 for what begins then, 20190599 for what ends then."""
    if not _DATE.fullmatch(text.strip()):
        raise LibraryError(f"{text} is not a date.", "Write it as 2019, 2019-05 or 2019-05-04.")
    return int(text.strip().replace("-", "").ljust(8, rest))
