# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""What a picture must be, as a condition that the catalogue's tables answer without reading whole pictures.

Each wish is answered by an index alone, as a list of rows, and the lists are joined here: a line of the pictures table
is about a kilobyte, one of the index `pictures_by_facts` some forty bytes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np

from composer.collection import Filter, Rights
from composer.errors import LibraryError
from composer.library.catalogue import Catalogue
from composer.library.database import LISTED, Database, below
from composer.ports import Ids
from composer.rights import rights_of

SQUARE = 10
"""Sides that differ by less than one part of so many make a square."""

SHARP, SAFE, UNMARKED = 0.5, 0.5, 0.5
"""Sharpness from which a picture passes the screens, and what it must stay below of the unsafe and of watermarks. Of
photographs 0.2 % lie below that sharpness, of those blurred by 2.5 pixels 98 % (composer/library/looks/screens.py); one
of 722 harmless pictures is held to be unsafe (models/readers/content.py)."""

Condition = tuple[str, Sequence[str | float]]
"""SQL and its values."""

_FEW = 20_000
"""Rows up to which looking each of them up costs less than going through an index of all."""
_USABLE = "picture IS NOT NULL AND reason IS NULL"
_HIDDEN = "SELECT row AS n FROM pictures JOIN marks USING (id) WHERE hidden = 1"
_BROKEN = (
    "SELECT DISTINCT picture AS n FROM files WHERE reason IS NOT NULL AND picture IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM files AS two WHERE two.picture = files.picture AND two.reason IS NULL)"
)
"""Pictures of which no file can be used any more; those without any file go at the end of the scan that missed them."""
_MARKED = "SELECT row AS n FROM pictures JOIN marks USING (id) WHERE {}"
_TAGGED = _MARKED.format("instr('; ' || tags || '; ', '; ' || ? || '; ') > 0")
_USED = "SELECT row AS n FROM pictures WHERE id IN (SELECT id FROM uses)"
_NAMED = "SELECT row AS n FROM pictures WHERE people <> ''"
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_ANY_RIGHTS = "(licence <> '' OR terms <> '' OR copyright <> '')"
_SHAPES = {
    "square": f"abs(width - height) * {SQUARE} < max(width, height)",
    "landscape": f"(width - height) * {SQUARE} >= width",
    "portrait": f"(height - width) * {SQUARE} >= height",
}


def matching(catalogue: Catalogue, filter: Filter) -> Ids | None:  # noqa: A002 - the noun's name
    """Rows of the usable pictures that the filter lets through, ascending; None: all that are usable and not hidden.

    Hidden pictures only come when asked for. A date that is known less exactly counts from its first day. Words of
    places, people and licences are found anywhere in them, whatever their case and accents.
    Raises LibraryError for a date that is none.
    """
    database, facts = catalogue.database, list(_facts(filter))
    wanted = [numbers(database, *each) for each in _wanted(catalogue, filter)]
    unwanted = list(_unwanted(catalogue, filter))
    if filter.people:
        faces = numbers(database, "SELECT row AS n FROM pictures WHERE faces > 0")
        wanted.append(np.union1d(numbers(database, _NAMED), faces))
    if not (wanted or facts or unwanted):
        return None
    rows = reduce(np.intersect1d, wanted) if wanted else None
    if facts or rows is None:
        rows = _having_facts(database, facts, rows)
    return reduce(_without, [numbers(database, *each) for each in (*unwanted, *_never(filter))], np.sort(rows))


def left_out(catalogue: Catalogue) -> Ids:
    """Rows that nobody gets who asks for nothing special: hidden by the writer, or of no use any more. Ascending."""
    return np.union1d(*(numbers(catalogue.database, *each) for each in _never(Filter())))


def numbers(database: Database, sql: str, values: Sequence[str | float] = ()) -> Ids:
    """The column `n` of a query, in its order, as one array.

    SQLite writes them as one text: a Python object for each line would take a hundred bytes where a number takes eight.
    """
    found = database.all(f"SELECT group_concat(n) FROM ({sql})", values)[0][0]
    return np.fromstring(found, np.int64, sep=",") if found else np.empty(0, np.int64)


def _without(rows: Ids, others: Ids) -> Ids:
    return np.setdiff1d(rows, others, assume_unique=True) if len(others) else rows


def _having_facts(database: Database, facts: Sequence[Condition], rows: Ids | None) -> Ids:
    """Those of the rows (of all, if None) that all the facts are true of."""
    where = " AND ".join(sql for sql, _ in facts) or "1"
    values = [value for _, some in facts for value in some]
    if rows is not None and len(rows) <= _FEW:
        few = f"SELECT row AS n FROM pictures WHERE row IN {LISTED} AND {where}"
        return numbers(database, few, [json.dumps(rows.tolist()), *values])
    found = numbers(database, f"SELECT row AS n FROM pictures WHERE {where}", values)
    return found if rows is None else np.intersect1d(found, rows)


def _wanted(catalogue: Catalogue, wish: Filter) -> Iterator[Condition]:
    """Lists of rows of which a picture must be in every one."""
    if wish.folders and not catalogue.covers(wish.folders):
        where, values = below(wish.folders)
        files = f"SELECT DISTINCT picture AS n FROM files JOIN directories ON number = directory WHERE {_USABLE}"
        yield f"{files} AND {where}", [*values]
    for column, words in (("place", wish.place), ("people", wish.person), ("licence", wish.licence)):
        if words.strip():
            yield _having(catalogue.database, column, words)
    if wish.rights and "unknown" not in wish.rights:
        yield _rights(catalogue.database, wish.rights)
    yield from ((_TAGGED, [tag]) for tag in wish.tags)
    if wish.rating:
        yield _MARKED.format("rating >= ?"), [wish.rating]
    if wish.hidden:
        yield _HIDDEN, []


def _unwanted(catalogue: Catalogue, wish: Filter) -> Iterator[Condition]:
    """Lists of rows of which a picture must be in none."""
    if wish.rights and "unknown" in wish.rights:
        others: list[Rights] = [each for each in ("free", "licensed") if each not in wish.rights]
        if others:
            yield _rights(catalogue.database, others)
    if wish.people is False:
        yield _NAMED, []
    if wish.unused:
        yield _USED, []


def _never(wish: Filter) -> Iterator[Condition]:
    """Lists of rows that are left out unasked."""
    yield _BROKEN, []
    if not wish.hidden:
        yield _HIDDEN, []


def _facts(wish: Filter) -> Iterator[Condition]:
    """What the picture itself is."""
    if wish.orientation:
        yield _SHAPES[wish.orientation], []
    if wish.kind:
        yield "kind = ?", [wish.kind]
    if wish.width:
        yield "width >= ?", [wish.width]
    if wish.colour:
        yield "instr(' ' || colours || ' ', ' ' || ? || ' ') > 0", [wish.colour]
    if wish.taken_from:
        yield "taken >= ?", [_date(wish.taken_from)]
    if wish.taken_to:
        yield "taken > '' AND taken <= ?", [_date(wish.taken_to) + "~"]  # after every day that begins like this
    if wish.screens:
        seen = "coalesce(sharpness, 1) >= ? AND coalesce(unsafe, 0) < ? AND coalesce(mark, 0) < ? AND kind <> 'text'"
        yield seen, [SHARP, SAFE, UNMARKED]
    if wish.people is False:
        yield "coalesce(faces, 0) = 0", []


def _having(database: Database, column: str, words: str) -> Condition:
    """That every one of the words is somewhere in the column."""
    parts = _folded(words).split()
    some = _ANY_RIGHTS if column == "licence" else f"{column} <> ''"
    known = [text for (text,) in _distinct(database, (column,), some)]
    fitting = [text for text in known if all(part in _folded(text) for part in parts)]
    return f"SELECT row AS n FROM pictures WHERE {some} AND {column} IN {LISTED}", [json.dumps(fitting)]


def _rights(database: Database, wanted: Sequence[Rights]) -> Condition:
    """That licence, terms and copyright together are of one of those kinds; "unknown" is not for here."""
    columns = ("licence", "terms", "copyright")
    fitting = [each for each in _distinct(database, columns, _ANY_RIGHTS) if rights_of(*each) in wanted]
    values = "SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)"
    sql = f"SELECT row AS n FROM pictures WHERE {_ANY_RIGHTS} AND (licence, terms, copyright) IN ({values})"
    return sql, [json.dumps(fitting)]


def _distinct(database: Database, columns: Sequence[str], some: str) -> list[tuple[str, ...]]:
    """The different values of columns that an index leads with: one look into it for each, however many pictures."""
    names = ", ".join(columns)
    first = f"SELECT {names} FROM pictures WHERE {some} ORDER BY {names} LIMIT 1"
    after = f"SELECT {names} FROM pictures WHERE {some} AND ({names}) > ({', '.join('?' * len(columns))})"
    found = database.all(first)
    values: list[tuple[str, ...]] = []
    while found:
        values.append(tuple(found[0]))
        found = database.all(f"{after} ORDER BY {names} LIMIT 1", values[-1])
    return values


def _folded(text: str) -> str:
    """Without case and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def _date(text: str) -> str:
    if not _DATE.fullmatch(text.strip()):
        raise LibraryError(f"{text} is not a date.", "Write it as 2019, 2019-05 or 2019-05-04.")
    return text.strip()
