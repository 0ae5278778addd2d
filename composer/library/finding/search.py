# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""Finding pictures by the words they carry."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import chain

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer.library.catalogue import Catalogue
from composer.library.database import LISTED, below
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
"""Pictures looked at for one term. A term that more have is common: see `by_words`."""
MOST_SHARE = 0.25
"""A common term that a larger part of all pictures has is left out where the query has others: it tells hardly more
than nothing, and looking it up costs the most."""
MOST_LISTED = 1_000_000
"""Ids handed to SQLite at most, to look for a common term among them alone."""


class _Term(Struct, frozen=True):
    """Where one term occurs: rows, how saturated it is there (0 to K1 + 1), and how rare it is."""

    rows: Ids
    frequency: NDArray[np.float64]
    rarity: float


class _Counted(Struct, frozen=True):
    """A term as FTS5 is asked for it, and how many pictures have it."""

    expression: str
    count: int

    @property
    def common(self) -> bool:
        return self.count > MOST_ROWS


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

    In a large library a term may be common: more than MOST_ROWS pictures have it. Every picture is found that has one
    of the other terms. If they are fewer than MOST_ROWS, those join them that have most of the common terms, first in
    their captions, then the latest taken in. Pictures that only have common terms are then a choice, not all; the
    scores of those that are looked at are as above.

    BM25: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", 3.4. The rarity is ln(1 + (N - n + 0.5)
    / (n + 0.5)), which stays positive for words that most pictures have; FTS5's own is taken out again.
    """
    query = terms(text, language)[:MOST_TERMS]
    count, average = catalogue.corpus()
    if not query or not count or limit < 1:
        return []
    counted = _telling([_Counted(each, _occurrences(catalogue, each)) for each in map(_expression, query)], count)
    found = [_look_up(catalogue, term, count) for term in counted if not term.common]
    common = [term for term in counted if term.common]
    if common:
        rare = np.unique(np.concatenate([term.rows for term in found])) if found else np.empty(0, np.int64)
        rows = _widened(catalogue, rare, common, _scope(catalogue, folders, among, count))
        found += [_look_up(catalogue, term, count, rows) for term in common]
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
    kept = [term for term in counted if not term.common or term.count <= MOST_SHARE * count]
    return kept or list(counted)


def _occurrences(catalogue: Catalogue, expression: str) -> int:
    return catalogue.database.number("SELECT count(*) FROM words WHERE words MATCH ?", [expression])


def _look_up(catalogue: Catalogue, term: _Counted, count: int, rows: Ids | None = None) -> _Term:
    """Where the term occurs, of the `rows` alone if they are given."""
    sql, values = "SELECT rowid, -bm25(words, ?, ?) FROM words WHERE words MATCH ?", [CAPTION, REST, term.expression]
    if rows is not None:
        sql, values = f"{sql} AND +rowid IN {LISTED}", [*values, json.dumps(rows.tolist())]
    flat = np.fromiter(chain.from_iterable(catalogue.database.all(sql, values)), np.float64).reshape(-1, 2)
    theirs = math.log((count - term.count + 0.5) / (term.count + 0.5)) if term.count <= count else 0.0
    frequency = flat[:, 1] / (theirs if theirs > 0 else 1e-6)  # FTS5 puts 1e-6 where the logarithm is not positive
    rarity = math.log1p((count - min(term.count, count) + 0.5) / (term.count + 0.5))
    return _Term(flat[:, 0].astype(np.int64), frequency.clip(0.0, K1 + 1), rarity)


def _widened(catalogue: Catalogue, rows: Ids, common: Sequence[_Counted], scope: tuple[str, list[object]]) -> Ids:
    """The rows, and more that have common terms: first those that have all, then those with the rarest."""
    ordered = [term.expression for term in sorted(common, key=lambda term: term.count)]
    chosen = [f"({' AND '.join(ordered[:many])})" for many in range(len(ordered), 0, -1)]
    for expression in (each for whole in chosen for each in (f"caption : {whole}", whole)):
        room = MOST_ROWS - len(rows)
        if room <= 0:
            break
        sql = f"SELECT rowid FROM words WHERE words MATCH ?{scope[0]} ORDER BY rowid DESC LIMIT ?"
        more = catalogue.database.all(sql, [expression, *scope[1], MOST_ROWS])
        new = np.fromiter(chain.from_iterable(more), np.int64)
        rows = np.concatenate([rows, new[~within(np.sort(rows), new)][:room]])
    return np.sort(rows)


def _scope(catalogue: Catalogue, folders: Sequence[str], among: Ids | None, count: int) -> tuple[str, list[object]]:
    """What keeps a search for a common term to what may be found; its plus keeps FTS5 from one search for each row."""
    if among is not None:
        few = len(among) <= min(MOST_LISTED, MOST_SHARE * count)  # among many the first that come will do
        return (f" AND +rowid IN {LISTED}", [json.dumps(among.tolist())]) if few else ("", [])
    if not folders or catalogue.covers(folders):
        return "", []
    where, values = below(folders)
    files = f"SELECT picture FROM files JOIN directories ON number = directory WHERE picture IS NOT NULL AND {where}"
    return f" AND +rowid IN ({files})", [*values]


def _expression(term: str) -> str:
    """One quoted string of FTS5's query language: nothing in it is syntax."""
    word = term.removesuffix("*").replace('"', '""')
    return f'"{word}"' + ("*" if term.endswith("*") else "")


def _scores(found: Sequence[_Term], length: float) -> tuple[Ids, NDArray[np.float64]]:
    """Rows that have any of the terms, and their scores; `length` is the ideal picture's, in averages."""
    rows = np.unique(np.concatenate([term.rows for term in found]))
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
