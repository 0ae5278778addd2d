# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""Lists of pictures in an order, near-duplicates as one: plain arrays of rows, ten million or few."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from composer.collection import Order
from composer.library.catalogue import Catalogue
from composer.library.database import LISTED
from composer.library.finding.filters import left_out, numbers
from composer.ports import Ids

FEW = 20_000
"""Rows up to which looking each of them up costs less than going through an index of all."""
BEST = "width * height DESC, length DESC, row"
"""Which of several copies is shown: the largest; of equally large ones that of which most is told."""

_LATEST = "taken DESC, row DESC"
_PATHS = (
    "SELECT picture AS n FROM directories CROSS JOIN files ON directory = number"
    " WHERE picture IS NOT NULL AND reason IS NULL ORDER BY path, name"
)
_RATED = "FROM pictures JOIN marks USING (id) WHERE rating > 0 ORDER BY row"


def listing(catalogue: Catalogue, ids: Ids | None, order: Order) -> Ids:
    """The rows in an order; `ids` ascending, None for all that are usable and not hidden.

    Newest and oldest go by the day that a picture was taken, those without one last; name by folder and file name;
    rating and "best" put the newest first among equals.
    """
    match order:
        case "oldest":
            rows = _newest(catalogue, ids)
            dated = len(rows) - _undated(catalogue, rows)
            return np.concatenate([rows[:dated][::-1], rows[dated:]])
        case "name":
            return _by_name(catalogue, ids)
        case "rating":
            return _by_rating(catalogue, _newest(catalogue, ids))
        case "largest":
            return _largest(catalogue, ids)
        case "newest" | "best":
            return _newest(catalogue, ids)


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


def lesser(catalogue: Catalogue, ids: Ids | None) -> Ids:
    """Rows that a better near-duplicate among the same stands for; `ids` as in `listing`."""
    members, group = copies(catalogue)
    if ids is not None:
        members, group = _only(members, group, ids)
    first = np.ones(len(group), np.bool_)
    first[1:] = group[1:] != group[:-1]
    return members[~first]


def marked(rows: Ids, others: Ids) -> NDArray[np.bool_]:
    """Which of the rows are among the others, in any order: a table of bits, faster than sorting millions."""
    if not len(rows) or not len(others):
        return np.zeros(len(rows), np.bool_)
    table = np.zeros(int(max(rows.max(), others.max())) + 1, np.bool_)
    table[others] = True
    return table[rows]


def _only(members: Ids, group: Ids, ids: Ids) -> tuple[Ids, Ids]:
    among = marked(members, ids)
    return members[among], group[among]


def _kept(catalogue: Catalogue, rows: Ids, ids: Ids | None) -> Ids:
    """Of all rows in their order, those that are wanted."""
    return rows[~marked(rows, left_out(catalogue))] if ids is None else rows[marked(rows, ids)]


def _newest(catalogue: Catalogue, ids: Ids | None) -> Ids:
    if ids is not None and len(ids) <= FEW:
        some = f"SELECT row AS n FROM pictures WHERE row IN {LISTED} ORDER BY {_LATEST}"
        return numbers(catalogue.database, some, [json.dumps(ids.tolist())])
    return _kept(catalogue, numbers(catalogue.database, f"SELECT row AS n FROM pictures ORDER BY {_LATEST}"), ids)


def _undated(catalogue: Catalogue, rows: Ids) -> int:
    """How many at the end of the newest have no day."""
    if len(rows) <= FEW:
        sql = f"SELECT count(*) FROM pictures WHERE row IN {LISTED} AND taken = ''"
        return catalogue.database.number(sql, [json.dumps(rows.tolist())])
    return int(marked(rows, numbers(catalogue.database, "SELECT row AS n FROM pictures WHERE taken = ''")).sum())


def _by_name(catalogue: Catalogue, ids: Ids | None) -> Ids:
    rows = _kept(catalogue, numbers(catalogue.database, _PATHS), ids)
    _, first = np.unique(rows, return_index=True)
    return rows[np.sort(first)]


def _by_rating(catalogue: Catalogue, newest: Ids) -> Ids:
    rated = numbers(catalogue.database, f"SELECT row AS n {_RATED}")
    stars = np.zeros(int(max(newest.max(initial=0), rated.max(initial=0))) + 1, np.int8)
    stars[rated] = numbers(catalogue.database, f"SELECT rating AS n {_RATED}")
    return newest[np.argsort(-stars[newest], kind="stable")]


def _largest(catalogue: Catalogue, ids: Ids | None) -> Ids:
    newest = _newest(catalogue, ids)
    few = f" WHERE row IN {LISTED}" if len(newest) <= FEW else ""
    values = [json.dumps(newest.tolist())] if few else []
    rows = numbers(catalogue.database, f"SELECT row AS n FROM pictures{few} ORDER BY {_LATEST}", values)
    sizes = numbers(catalogue.database, f"SELECT width * height AS n FROM pictures{few} ORDER BY {_LATEST}", values)
    if len(rows) != len(sizes):  # something came between the two
        return newest
    ordered = rows[np.argsort(-sizes, kind="stable")]
    return ordered[marked(ordered, newest)]
