"""Finding pictures by the words they carry."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer.library.catalogue import Catalogue
from composer.library.tokens import terms, tokens
from composer.ports import Ids
from composer.types import Language

__all__ = ["by_words", "tokens"]

CAPTION, REST = 2.0, 1.0
"""Column weights: a caption is about the picture, keywords and names are often about the folder."""
K1, B = 1.2, 0.75
"""FTS5's constants for BM25; they cannot be set."""
MOST_TERMS = 64
"""A query is a sentence; whoever searches with an essay gets its first words."""


class _Term(Struct, frozen=True):
    """Where one term occurs: rows, how saturated it is there (0 to K1 + 1), and how rare it is."""

    rows: Ids
    frequency: NDArray[np.float64]
    rarity: float


def by_words(
    catalogue: Catalogue, text: str, folders: Sequence[str], limit: int, language: Language | None = None
) -> list[tuple[int, float]]:
    """Rows and scores of the pictures whose words fit the text, best first; at most `limit`, every score above 0 to 1.

    With query terms t, each of rarity idf(t), and a picture p::

        bm25(p)  = sum over t of idf(t) * f(t, p) * (K1 + 1) / (f(t, p) + K1 * (1 - B + B * |p| / average))
        score(p) = bm25(p) / bm25(ideal) * (sum of idf(t) over t in p) / (sum of idf(t) over all t)

    f counts occurrences with CAPTION and REST as weights; |p| is its number of tokens. `ideal` is a picture whose
    caption is exactly the distinct terms: 1.0 means that good, whatever the query. The second factor is the share of
    the query's information that the picture has at all, so that of "castle by a lake in Scotland" two of three terms
    beat many repetitions of one. Terms that no picture has count as rare ones: what nothing shows must not look like a
    match.

    BM25: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", 3.4. The rarity is ln(1 + (N - n + 0.5)
    / (n + 0.5)), which stays positive for words that most pictures have; FTS5's own is taken out again.
    """
    query = terms(text, language)[:MOST_TERMS]
    count, average = catalogue.corpus()
    if not query or not count or limit < 1:
        return []
    found = [_look_up(catalogue, term, count) for term in query]
    rows, scores = _scores(found, len(query) / max(average, 1.0))
    order = np.lexsort((rows, -scores))
    return _first(catalogue, rows[order], scores[order], folders, limit)


def _look_up(catalogue: Catalogue, term: str, count: int) -> _Term:
    rows, scores = catalogue.matches(_expression(term), CAPTION, REST)
    theirs = math.log((count - len(rows) + 0.5) / (len(rows) + 0.5)) if len(rows) <= count else 0.0
    frequency = scores / (theirs if theirs > 0 else 1e-6)  # FTS5 puts 1e-6 where the logarithm is not positive
    rarity = math.log1p((count - min(len(rows), count) + 0.5) / (len(rows) + 0.5))
    return _Term(rows, frequency.clip(0.0, K1 + 1), rarity)


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
