"""Retrieve: a short list of pictures for each slot, from several rankings fused into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from composer.types import Picture

RRF_K = 60
"""Reciprocal rank fusion's constant (Cormack, Clarke and Buettcher 2009)."""
SILENT = 0.75
"""How far a picture that carries no words is put on a level with those that do: 0 not at all, 1 as if every ranking by
words had it where those by looks have it. Recall at 8 on 223 places of illustrated articles, a third of whose pictures
carry words: 0.36 with 0 (none of the wordless ones), 0.42 with 0.5, 0.46 with 0.75, 0.40 with 1."""
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


def shortlist(
    rankings: Sequence[Ranking],
    count: int,
    pictures: Callable[[Sequence[int]], Mapping[int, Picture]],
    cosine: Callable[[Sequence[int]], Mapping[int, float]],
    could: Callable[[Picture, str], bool] = lambda _picture, _kind: True,
) -> tuple[Picture, ...]:
    """The `count` best pictures of all rankings, near-duplicates counted as one.

    Of a group the first stays, or the one with the most pixels of those that were found and are as near as it.
    `cosine` gives the similarity of rows to what is looked for, which tells how near. `could` tells whether a ranking
    of that kind could have found a picture at all: one that carries no words is not behind for being in no list by
    words. Ties by row, so that the result is repeatable.
    """
    found = fused(rankings)
    known = pictures(sorted(found))
    having = [{row for row, _ in ranking.rows} for ranking in rankings]
    whole = sum(ranking.weight for ranking in rankings)
    score: dict[int, float] = {}
    for row, picture in known.items():
        able = sum(
            ranking.weight
            for ranking, rows in zip(rankings, having, strict=True)
            if row in rows or could(picture, ranking.kind)
        )
        score[row] = found[row] * (whole / able) ** SILENT
    groups: dict[str, list[int]] = {}
    for row in sorted(score, key=lambda row: (-score[row], row)):
        groups.setdefault(known[row].group or f"alone {row}", []).append(row)
    shown = list(groups.values())[:count]
    vector = cosine([row for group in shown if len(group) > 1 for row in group])
    return tuple(known[_largest(group, known, vector)] for group in shown)


def _largest(group: Sequence[int], known: Mapping[int, Picture], vector: Mapping[int, float]) -> int:
    """Of the copies that are as near as the first, the one with the most pixels; the first of those."""
    first = vector.get(group[0], 0.0)
    near = [row for row in group if row == group[0] or vector.get(row, -1.0) >= first - NOISE]
    return max(near, key=lambda row: known[row].width * known[row].height)
