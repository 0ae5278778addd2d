"""Retrieve: a short list of pictures for each slot, from several rankings fused into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from composer.types import Candidate, Picture

RRF_K = 60
"""Reciprocal rank fusion's constant (Cormack, Clarke and Buettcher 2009)."""


class Ranking(Struct, frozen=True):
    """One ordered list of the library's rows with their scores, best first, and how much it counts."""

    kind: str
    """"vector" or "words": which of a candidate's two scores this ranking gives; any other gives its order alone."""
    rows: tuple[tuple[int, float], ...]
    weight: float = 1.0


def fused(rankings: Sequence[Ranking]) -> dict[int, float]:
    """The sum of weight / (60 + rank) over all rankings, rank from 1, for each row that any of them has."""
    score: dict[int, float] = {}
    for ranking in rankings:
        for rank, (row, _) in enumerate(ranking.rows):
            score[row] = score.get(row, 0.0) + ranking.weight / (RRF_K + rank + 1)
    return score


def fuse(rankings: Sequence[Ranking]) -> list[int]:
    """Rows by the score of `fused`, best first; ties by row, so that the result is repeatable."""
    score = fused(rankings)
    return sorted(score, key=lambda row: (-score[row], row))


def shortlist(
    rankings: Sequence[Ranking],
    count: int,
    pictures: Callable[[Sequence[int]], Mapping[int, Picture]],
    cosine: Callable[[Sequence[int]], Mapping[int, float]],
) -> tuple[Candidate, ...]:
    """The `count` best pictures of all rankings, near-duplicates counted as one (the first of each group stays).

    `cosine` gives the similarity of rows that only the words had found, so that every candidate carries both scores.
    """
    order = fuse(rankings)
    known = pictures(order[: count * 6])
    kept: list[int] = []
    groups: set[str] = set()
    for row in order:
        picture = known.get(row)
        if picture is None or (picture.group and picture.group in groups):
            continue
        groups.add(picture.group)
        kept.append(row)
        if len(kept) == count:
            break
    words = _best(rankings, "words")
    vector = {**cosine(kept), **_best(rankings, "vector")}
    return tuple(
        Candidate(picture=known[row], vector=vector.get(row), words=words.get(row, 0.0 if known[row].caption else None))
        for row in kept
    )


def _best(rankings: Sequence[Ranking], kind: str) -> dict[int, float]:
    best: dict[int, float] = {}
    for ranking in rankings:
        if ranking.kind == kind:
            for row, score in ranking.rows:
                best[row] = max(score, best.get(row, score))
    return best
