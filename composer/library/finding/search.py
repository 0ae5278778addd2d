# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""Finding pictures by the words they carry."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer.library.catalogue import Catalogue
from composer.library.columns import HERE, HIDDEN, Columns
from composer.library.database import LISTED, listed
from composer.library.finding.filters import numbers
from composer.library.schema import TOKENIZED
from composer.library.words.tokens import terms, tokens
from composer.ports import Ids
from composer.types import Language

__all__ = ["by_words", "tokens", "within"]

CAPTION, REST = 2.0, 1.0
"""Column weights: a caption is about the picture, keywords and names are often about the folder."""
K1, B = 1.2, 0.75
"""FTS5's constants for BM25; they cannot be set."""
MOST_TERMS = 64
"""A query is a sentence; whoever searches with an essay gets its first words."""
MOST_ROWS = 20_000
"""Occurrences of a query's terms up to which every one is scored; of more see `by_words`."""
MOST_SHARE = 0.25
"""A term that a larger part of all pictures has is left out of such a query where it has others: it tells hardly more
than nothing, and looking it up costs the most."""
BUDGET = 600_000
"""Occurrences that are gone through at most to choose what is scored; each takes 0.1 us, twice."""
CHOSEN = 500
"""Pictures that are scored at least, and 1.5 times as many as are wanted: each takes 25 us."""
MOST_KNOWN = 10_000
"""Terms whose number of pictures is remembered."""


class _Term(Struct, frozen=True):
    """Where one term occurs: rows, how saturated it is there (0 to K1 + 1), and how rare it is."""

    rows: Ids
    frequency: NDArray[np.float64]
    rarity: float


class _Counted(Struct, frozen=True):
    """A term as FTS5 is asked for it, and how many pictures have it."""

    expression: str
    count: int


def by_words(
    catalogue: Catalogue,
    text: str,
    folders: Sequence[str],
    limit: int,
    language: Language | None = None,
    among: Ids | None = None,
) -> list[tuple[int, float]]:
    """Rows and scores of the pictures whose words fit the text, best first; at most `limit`, every score above 0 to 1.

    `among`, ascending, says which rows may be found, instead of those of the folders that are not hidden.

    With query terms t, each of rarity idf(t), and a picture p::

        bm25(p)  = sum over t of idf(t) * f(t, p) * (K1 + 1) / (f(t, p) + K1 * (1 - B + B * |p| / average))
        score(p) = bm25(p) / bm25(ideal) * (sum of idf(t) over t in p) / (sum of idf(t) over all t)

    f counts occurrences with CAPTION and REST as weights; |p| is its number of tokens. `ideal` is a picture whose
    caption is exactly the distinct terms: 1.0 means that good, whatever the query. The second factor is the share of
    the query's information that the picture has at all, so that of "castle by a lake in Scotland" two of three terms
    beat many repetitions of one. Terms that no picture has count as rare ones: what nothing shows must not look like a
    match.

    In a large library the terms of a query may occur more than MOST_ROWS times. Then pictures are chosen first: those
    that have all the terms, all with the rarer ones, and of those with the common ones the latest taken in, as many as
    BUDGET allows. They are put in order as if no word came twice in a caption or in the rest, and the first of them
    are scored as above. So what only has common terms is a choice, not all.

    BM25: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", 3.4. The rarity is ln(1 + (N - n + 0.5)
    / (n + 0.5)), which stays positive for words that most pictures have; FTS5's own is taken out again.
    """
    query = terms(text, language)[:MOST_TERMS]
    count, average = catalogue.corpus()
    if not query or not count or limit < 1:
        return []
    counted = [_Counted(each, _occurrences(catalogue, each)) for each in map(_expression, query)]
    if sum(term.count for term in counted) <= MOST_ROWS:
        found = [_look_up(catalogue, term, count) for term in counted]
    else:
        counted = _telling(counted, count)
        found = _scored(catalogue, counted, folders, among, limit)
    rows, scores = _scores(found, len(counted) / max(average, 1.0))
    order = np.lexsort((rows, -scores))
    if among is not None:
        order = order[within(among, rows[order])][:limit]
        return list(zip(rows[order].tolist(), scores[order].tolist(), strict=True))
    return _first(catalogue, rows[order], scores[order], folders, limit)


def within(among: Ids, rows: Ids) -> NDArray[np.bool_]:
    """Which of the rows are among those, ascending."""
    if not len(among):
        return np.zeros(len(rows), np.bool_)
    return among[np.searchsorted(among, rows).clip(max=len(among) - 1)] == rows


def _telling(counted: Sequence[_Counted], count: int) -> list[_Counted]:
    """The terms without those that nearly every picture has, unless there are no others."""
    kept = [term for term in counted if term.count <= MOST_SHARE * count]
    return kept or list(counted)


def _occurrences(catalogue: Catalogue, expression: str) -> int:
    with catalogue.columns.reading() as columns:
        known = columns.occurrences
        if expression not in known:
            if len(known) >= MOST_KNOWN:
                known.clear()
            sql = "SELECT count(*) FROM words WHERE words MATCH ?"
            known[expression] = catalogue.database.number(sql, [expression])
        return known[expression]


def _look_up(catalogue: Catalogue, term: _Counted, count: int) -> _Term:
    """Where the term occurs."""
    sql = "SELECT rowid, -bm25(words, ?, ?) FROM words WHERE words MATCH ?"
    found = catalogue.database.all(sql, [CAPTION, REST, term.expression])
    return _term(found, term.count, count, _rarity(term.count, count))


def _term(found: list[tuple[int, float]], matches: int, count: int, rarity: float) -> _Term:
    """A term from FTS5's answer over `count` texts of which `matches` have it."""
    flat = np.fromiter(chain.from_iterable(found), np.float64).reshape(-1, 2)
    theirs = math.log((count - matches + 0.5) / (matches + 0.5)) if matches <= count else 0.0
    frequency = flat[:, 1] / (theirs if theirs > 0 else 1e-6)  # FTS5 puts 1e-6 where the logarithm is not positive
    return _Term(flat[:, 0].astype(np.int64), frequency.clip(0.0, K1 + 1), rarity)


def _rarity(matches: int, count: int) -> float:
    return math.log1p((count - min(matches, count) + 0.5) / (matches + 0.5))


# --- large libraries --------------------------------------------------------------------------------------------------


def _scored(
    catalogue: Catalogue, counted: Sequence[_Counted], folders: Sequence[str], among: Ids | None, limit: int
) -> list[_Term]:
    """Where the terms occur among the pictures that are most likely the best."""
    wanted = max(CHOSEN, limit + limit // 2)
    count, average = catalogue.corpus()
    if among is not None and len(among) <= wanted:
        return _exactly(catalogue, counted, among, count, average)
    with catalogue.columns.reading() as columns:
        lengths, usable = columns["length"].copy(), _usable(catalogue, columns, folders, among)
    parts = [
        _part(captioned, rest, usable, lengths, _rarity(term.count, count), average)
        for term, (captioned, rest) in zip(counted, _gone_through(catalogue, counted), strict=True)
    ]
    rows, scores = _scores(parts, len(counted) / max(average, 1.0))
    chosen = rows[_largest(scores, wanted)]
    if len(counted) == 1:  # nothing but how often it occurs tells its pictures apart
        often = _latest(catalogue, counted[0], count, usable)
        chosen = np.union1d(chosen, often.rows[_largest(often.frequency, wanted)])
    return _exactly(catalogue, counted, chosen, count, average)


def _largest(scores: NDArray[np.float64], count: int) -> Ids:
    return np.argpartition(-scores, count)[:count] if len(scores) > count else np.arange(len(scores))


def _latest(catalogue: Catalogue, term: _Counted, count: int, usable: NDArray[np.bool_]) -> _Term:
    """How often the term occurs in the latest MOST_ROWS that have it."""
    sql = "SELECT rowid, -bm25(words, ?, ?) FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?"
    found = catalogue.database.all(sql, [CAPTION, REST, term.expression, MOST_ROWS])
    part = _term(found, term.count, count, 1.0)
    kept = part.rows < len(usable)
    kept[kept] = usable[part.rows[kept]]
    return _Term(part.rows[kept], part.frequency[kept], 1.0)


def _usable(catalogue: Catalogue, columns: Columns, folders: Sequence[str], among: Ids | None) -> NDArray[np.bool_]:
    """Of all rows, which may be found."""
    if among is None and (not folders or catalogue.covers(folders)):
        return columns["flags"] & (HERE | HIDDEN) == HERE
    usable = np.zeros(len(columns), np.bool_)
    rows = columns.places.below(folders) if among is None else among
    usable[rows[rows < len(usable)]] = True
    return usable if among is not None else usable & (columns["flags"] & HIDDEN == 0)


def _gone_through(catalogue: Catalogue, counted: Sequence[_Counted]) -> list[tuple[Ids, Ids]]:
    """For each term rows that have it in their captions and in the rest; all of them for rarer terms."""
    order = sorted(range(len(counted)), key=lambda n: counted[n].count)
    left, shared = BUDGET, 0
    for place, n in enumerate(order):
        if counted[n].count * (len(order) - place) > left:
            shared = sum(counted[each].count for each in order[place:])
            break
        left -= counted[n].count
    end = catalogue.database.number("SELECT max(row) FROM pictures") + 1
    start = int(end * (1 - left / shared)) if shared > left else 0
    common = {n for place, n in enumerate(order) if shared and counted[n].count * (len(order) - place) > left}
    together = _together(catalogue, [counted[n].expression for n in order]) if common and len(order) > 1 else None
    found: list[tuple[Ids, Ids]] = []
    for n, term in enumerate(counted):
        since = start if n in common else 0
        columns = (f"caption : {term.expression}", f"rest : {term.expression}")
        captioned, rest = (_rows_with(catalogue, each, since) for each in columns)
        if n in common and together is not None:  # in which of the two is told when they are scored
            captioned = _distinct(np.concatenate([captioned, together]))
        found.append((captioned, rest))
    return found


def _together(catalogue: Catalogue, expressions: Sequence[str]) -> Ids:
    """The latest that have all the terms."""
    sql = "SELECT rowid AS n FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?"
    return np.sort(numbers(catalogue.database, sql, [" AND ".join(expressions), MOST_ROWS]))


def _rows_with(catalogue: Catalogue, expression: str, since: int) -> Ids:
    sql = "SELECT rowid AS n FROM words WHERE words MATCH ? AND rowid >= ?"
    return numbers(catalogue.database, sql, [expression, since])


def _part(
    captioned: Ids, rest: Ids, usable: NDArray[np.bool_], lengths: NDArray[np.uint16], rarity: float, average: float
) -> _Term:
    """Where a term occurs, in each column counted once."""
    rows = _distinct(np.concatenate([captioned, rest]))
    rows = rows[rows < len(usable)]
    rows = rows[usable[rows]]
    weight = CAPTION * within(captioned, rows) + REST * within(rest, rows)
    return _Term(rows, _saturated(weight, lengths[rows], average), rarity)


def _distinct(rows: Ids) -> Ids:
    """Each once, ascending; for hundreds of thousands faster than numpy's own."""
    rows = np.sort(rows)
    first = np.ones(len(rows), np.bool_)
    first[1:] = rows[1:] != rows[:-1]
    return rows[first]


def _saturated(weight: NDArray[np.float64], lengths: NDArray[Any], average: float) -> NDArray[np.float64]:
    return weight * (K1 + 1) / (weight + K1 * (1 - B + B * lengths / max(average, 1e-9)))


def _exactly(catalogue: Catalogue, counted: Sequence[_Counted], rows: Ids, count: int, average: float) -> list[_Term]:
    """Where the terms occur in these pictures. Their texts are indexed anew in memory: going through all occurrences of
    a common term for a few hundred rows would take longer."""
    texts = catalogue.database.all(f"SELECT rowid, caption, rest FROM words WHERE rowid IN {LISTED}", [listed(rows)])
    lengths = {row: len(caption.split()) + len(rest.split()) for row, caption, rest in texts}
    mean = max(sum(lengths.values()) / max(1, len(lengths)), 1e-9)
    terms: list[_Term] = []
    with contextlib.closing(sqlite3.connect(":memory:")) as link:
        link.execute(f"CREATE VIRTUAL TABLE words USING fts5 (caption, rest, {TOKENIZED})")
        link.executemany("INSERT INTO words (rowid, caption, rest) VALUES (?, ?, ?)", texts)
        for term in counted:
            sql = "SELECT rowid, -bm25(words, ?, ?) FROM words WHERE words MATCH ?"
            found = link.execute(sql, [CAPTION, REST, term.expression]).fetchall()
            part = _term(found, len(found), len(texts), _rarity(term.count, count))
            own = np.array([lengths[row] for row in part.rows.tolist()], np.float64)
            share = part.frequency.clip(max=K1 + 1 - 1e-9)
            weight = share * K1 * (1 - B + B * own / mean) / (K1 + 1 - share)  # FTS5 took these texts' mean length
            terms.append(_Term(part.rows, _saturated(weight, own, average), part.rarity))
    return terms


def _expression(term: str) -> str:
    """One quoted string of FTS5's query language: nothing in it is syntax."""
    word = term.removesuffix("*").replace('"', '""')
    return f'"{word}"' + ("*" if term.endswith("*") else "")


def _scores(found: Sequence[_Term], length: float) -> tuple[Ids, NDArray[np.float64]]:
    """Rows that have any of the terms, and their scores; `length` is the ideal picture's, in averages."""
    rows = _distinct(np.concatenate([term.rows for term in found]))
    sums, shares = np.zeros(len(rows)), np.zeros(len(rows))
    for term in found:
        at = np.searchsorted(rows, term.rows)
        sums[at] += term.rarity * term.frequency
        shares[at] += term.rarity
    whole = sum(term.rarity for term in found)
    ideal = CAPTION * (K1 + 1) / (CAPTION + K1 * (1 - B + B * length))
    return rows, (sums / (whole * ideal)).clip(0.0, 1.0) * (shares / whole)


def _first(
    catalogue: Catalogue, rows: Ids, scores: NDArray[np.float64], folders: Sequence[str], limit: int
) -> list[tuple[int, float]]:
    """The first `limit` that lie in the folders, looked at in growing blocks."""
    taken: list[tuple[int, float]] = []
    start, size = 0, max(64, 4 * limit)
    while start < len(rows) and len(taken) < limit:
        block = rows[start : start + size].tolist()
        usable = catalogue.among(block, folders)
        taken += [(row, float(score)) for row, score in zip(block, scores[start:], strict=False) if row in usable]
        start, size = start + size, size * 4
    return taken[:limit]
