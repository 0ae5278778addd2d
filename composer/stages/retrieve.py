"""Retrieve: a short list of pictures for each slot, from several rankings fused into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from composer.types import Picture

RRF_K = 60
"""Reciprocal rank fusion's constant (Cormack, Clarke and Buettcher 2009)."""
NOISE = 0.02
"""Cosines of near-duplicates that differ by less say nothing of which of them fits better."""


class Ranking(Struct, frozen=True):
    """One ordered list of the library's rows with their scores, best first, and how much it counts."""

    kind: str
    """What was searched with what, for who reads it."""
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
) -> tuple[Picture, ...]:
    """The `count` best pictures of all rankings, near-duplicates counted as one.

    Of a group the first stays, or the one with the most pixels of those that were found and are as near as it.
    `cosine` gives the similarity of rows to what is looked for, which tells how near.
    """
    order = fuse(rankings)
    known = pictures(order[: count * 6])
    groups: dict[str, list[int]] = {}
    for row in order:
        if row in known:
            groups.setdefault(known[row].group or f"alone {row}", []).append(row)
    shown = list(groups.values())[:count]
    vector = cosine([row for group in shown if len(group) > 1 for row in group])
    return tuple(known[_largest(group, known, vector)] for group in shown)


def _largest(group: Sequence[int], known: Mapping[int, Picture], vector: Mapping[int, float]) -> int:
    """Of the copies that are as near as the first, the one with the most pixels; the first of those."""
    first = vector.get(group[0], 0.0)
    near = [row for row in group if row == group[0] or vector.get(row, -1.0) >= first - NOISE]
    return max(near, key=lambda row: known[row].width * known[row].height)
