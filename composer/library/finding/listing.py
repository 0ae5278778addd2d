# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""Lists of pictures in an order, near-duplicates as one: plain arrays of rows, ten million or few.

An order of all pictures is made once, of arrays in memory, 4 bytes a picture, and is kept until days, sizes or pictures
change; a list is what a filter leaves of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from composer.collection import Order
from composer.library.catalogue import Catalogue
from composer.library.columns import HERE, Columns
from composer.library.database import LISTED
from composer.library.finding.filters import left_out, numbers
from composer.ports import Ids

BEST = "width * height DESC, length DESC, row"
"""Which of several copies is shown: the largest; of equally large ones that of which most is told."""

Rows = NDArray[np.int32]
_PLACE_BITS = 25
"""Bits for a picture's place in an order beside its size in one number of 63: sorting those is ten times as fast."""


def listing(catalogue: Catalogue, ids: Ids | None, order: Order, *, best: bool = False) -> Ids:
    """The rows in an order; `ids` ascending, None for all that are usable and not hidden. `best`: without those that a
    better near-duplicate among them stands for.

    Newest and oldest go by the day that a picture was taken, those without one last; name by folder and file name;
    rating and "best" put the newest first among equals.
    """
    with catalogue.columns.reading() as columns:
        wanted = _wanted(catalogue, columns, ids)
        if best:
            wanted[_lesser(columns, wanted)] = False
        match order:
            case "oldest":
                whole = _newest(columns)
                dated = int(np.count_nonzero(columns["taken"]))
                rows = np.concatenate([whole[:dated][::-1], whole[dated:]])
            case "name":
                rows = columns.places.named()
                if int(rows.max(initial=0)) >= len(wanted):  # some came since the arrays were read
                    rows = rows[rows < len(wanted)]
            case "rating":
                rows = _by_rating(columns)
            case "largest":
                rows = _kept(columns, "largest", _largest)
            case "newest" | "best":
                rows = _newest(columns)
        return rows[wanted[rows]].astype(np.int64)


def copies(catalogue: Catalogue, rows: Ids | None = None) -> tuple[Ids, Ids]:
    """Members of groups of near-duplicates, the best of each group first, and the number of each one's group.

    All groups, or those that the rows belong to. Members that are hidden or of no use are among them.
    """
    which, values = "grp <> ''", list[str]()
    if rows is not None:
        which = f"grp IN (SELECT grp FROM pictures WHERE row IN {LISTED} AND grp <> '') AND grp <> ''"
        values = [json.dumps(rows.tolist())]
    first = "CASE WHEN lag(grp) OVER (ORDER BY grp) IS grp THEN row ELSE -row END"  # a minus begins a group
    inner = f"SELECT row, grp FROM pictures WHERE {which} ORDER BY grp, {BEST}"
    signed = numbers(catalogue.database, f"SELECT {first} AS n FROM ({inner})", values)
    return np.abs(signed), np.cumsum(signed < 0, dtype=np.int64)


def marked(rows: Ids, others: Ids) -> NDArray[np.bool_]:
    """Which of the rows are among the others, in any order: a table of bits, faster than sorting millions."""
    if not len(rows) or not len(others):
        return np.zeros(len(rows), np.bool_)
    table = np.zeros(int(max(rows.max(), others.max())) + 1, np.bool_)
    table[others] = True
    return table[rows]


def _wanted(catalogue: Catalogue, columns: Columns, ids: Ids | None) -> NDArray[np.bool_]:
    """Of all rows, which are to be listed."""
    if ids is None:
        wanted = columns["flags"] & HERE != 0
        out = left_out(catalogue)
        wanted[out[out < len(wanted)]] = False
    else:
        wanted = np.zeros(len(columns), np.bool_)
        wanted[ids[ids < len(wanted)]] = True
    return wanted


def _lesser(columns: Columns, wanted: NDArray[np.bool_]) -> Ids:
    """Rows that a better near-duplicate among the wanted stands for."""
    members, group = columns.groups.ordered()
    kept = wanted[members]
    members, group = members[kept], group[kept]
    first = np.ones(len(group), np.bool_)
    first[1:] = group[1:] != group[:-1]
    return members[~first]


def _kept(columns: Columns, name: str, made: Callable[[Columns], Rows]) -> Rows:
    if name not in columns.orders:
        columns.orders[name] = made(columns)
    return columns.orders[name]


def _newest(columns: Columns) -> Rows:
    return _kept(columns, "newest", _by_day)


def _by_day(columns: Columns) -> Rows:
    """By day and row, the largest first."""
    rows = np.flatnonzero(columns["flags"] & HERE)
    keys = (columns["taken"][rows].astype(np.int64) << 32) | rows
    keys.sort()
    return keys[::-1].astype(np.int32)  # the lower half is the row


def _largest(columns: Columns) -> Rows:
    """By width times height, the newest first among equals."""
    newest = _newest(columns)
    area = columns["width"][newest].astype(np.int64) * columns["height"][newest]
    if len(newest) >> _PLACE_BITS or int(area.max(initial=0)) >> (63 - _PLACE_BITS):
        return newest[np.argsort(-area, kind="stable")]
    keys = (area << _PLACE_BITS) | np.arange(len(newest) - 1, -1, -1)
    keys.sort()
    return newest[len(newest) - 1 - (keys[::-1] & ((1 << _PLACE_BITS) - 1))]


def _by_rating(columns: Columns) -> Rows:
    """Most have no stars: only those that have some are put in order."""
    newest = _newest(columns)
    stars = columns["rating"][newest]
    rated = np.flatnonzero(stars)
    rest = np.ones(len(newest), np.bool_)
    rest[rated] = False
    return np.concatenate([newest[rated[np.argsort(-stars[rated].astype(np.int8), kind="stable")]], newest[rest]])
