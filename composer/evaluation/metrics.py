"""What a system did with an article, measured against its author: every figure as a Tally."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from composer.evaluation.nouns import Choice, GoldArticle, Illustrated, Placed, Tally

NEAR = 1
"""Text blocks by which a place may be off and still count as near."""
DEPTH = 8
"""Candidates of a slot that count."""


class Pictures(Protocol):
    """What tells pictures apart; the Pool is such."""

    def id_of(self, image: str) -> str: ...
    def group_of(self, picture: str) -> str: ...


def tallies(gold: GoldArticle, made: Illustrated, choices: Iterable[Choice], pictures: Pictures) -> dict[str, Tally]:
    """Every figure of one system on one article, by the names of figures.MEASURES. Bottom 0: nothing to count.

    Raises ValueError for a place outside the article, and for another number of shuffled choices than of slots.
    """
    if any(not -1 <= slot.after < len(gold.kinds) for slot in made.slots):
        raise ValueError(f"{made.system} placed a picture outside {gold.id}.")
    return {
        **placement(gold, made),
        "spacing": spacing(gold, made),
        "pick": pick(choices, pictures),
        "end_to_end": end_to_end(gold, made, pictures),
        "empty": Tally(sum(slot.picture is None for slot in made.slots), len(made.slots)),
        "recall_at_8": recall(gold, made, pictures),
        "duplicates": duplicates(made, pictures),
        "order_sensitivity": order_sensitivity(made),
        "seconds_per_slot": Tally(made.seconds, len(made.slots)),
    }


def matched(predicted: Iterable[int], gold: Iterable[int], reach: int) -> list[tuple[int, int]]:
    """Pairs of a predicted and a gold place at most `reach` blocks apart, each place in one pair at most.

    As many pairs as there can be (a maximum bipartite matching); of all such the one with the least distance in all.
    """
    left, right = sorted(set(predicted)), sorted(set(gold))
    if not left or not right:
        return []
    apart = np.abs(np.subtract.outer(left, right))
    one = reach * min(len(left), len(right)) + 1  # a pair more is worth more than all distances together
    worth = np.where(apart <= reach, one - apart, 0)
    pairs = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return [(left[row], right[column]) for row, column in pairs if worth[row, column] > 0]


def placement(gold: GoldArticle, made: Illustrated) -> dict[str, Tally]:
    """F1, precision and recall of the places, exact and near. A place counts whether or not it got a picture."""
    places = {slot.after for slot in made.slots}
    found: dict[str, Tally] = {}
    for end, reach in (("", 0), ("_near", NEAR)):
        right = len(matched(places, gold.places, reach))
        found[f"placement_f1{end}"] = Tally(2 * right, len(places) + len(gold.places))
        found[f"placement_precision{end}"] = Tally(right, len(places))
        found[f"placement_recall{end}"] = Tally(right, len(gold.places))
    return found


def spacing(gold: GoldArticle, made: Illustrated) -> Tally:
    """How far the rhythm of pictures is from the author's: 0 the same, towards 1 unlike. A mean over articles.

    Places cut the text into stretches, each a share of its characters. The distance of the two sets of shares is the
    first Wasserstein distance of their empirical distributions, the area between the two (Ramdas, Garcia Trillos and
    Cuturi 2017, "On Wasserstein two-sample testing", section 4). For equally many stretches that is the mean absolute
    difference of the shares, both sorted (Vallender 1974). It says nothing of where a stretch lies: placement does.
    """
    from scipy.stats import wasserstein_distance

    lengths = [len(block.text) for block in gold.article.blocks if block.kind == "paragraph"]
    ours = _stretches(lengths, {slot.after for slot in made.slots})
    return Tally(float(wasserstein_distance(ours, _stretches(lengths, gold.places))), 1)


def pick(choices: Iterable[Choice], pictures: Pictures) -> Tally:
    """Share of choices that are the author's picture or a near-duplicate; to choose none is wrong."""
    results = [_same(choice.picture, choice.right, pictures) for choice in choices]
    return Tally(sum(results), len(results))


def end_to_end(gold: GoldArticle, made: Illustrated, pictures: Pictures) -> Tally:
    """Share of the author's pictures that stand, themselves or a near-duplicate, within a text block of their place."""
    placed = [(slot.after, pictures.group_of(slot.picture)) for slot in made.slots if slot.picture is not None]
    wanted = [(figure.after, _group(figure.image, pictures)) for figure in gold.figures]
    right = sum(any(group == own and abs(at - after) <= NEAR for at, own in placed) for after, group in wanted)
    return Tally(right, len(wanted))


def recall(gold: GoldArticle, made: Illustrated, pictures: Pictures) -> Tally:
    """Share of the author's pictures among the first 8 candidates of the slots that their place was matched with.

    Places that no slot came near are left out: placement counts those.
    """
    ranks = planner_ranks(gold, made, pictures)
    return Tally(sum(rank is not None for rank in ranks), len(ranks))


def planner_ranks(gold: GoldArticle, made: Illustrated, pictures: Pictures) -> list[int | None]:
    """Rank from 1 of each picture among the candidates at its place, None where it is none of the first 8.

    Only figures whose place was matched, near or exactly, with one that the system chose.
    """
    at: dict[int, list[Placed]] = {}
    for slot in made.slots:
        at.setdefault(slot.after, []).append(slot)
    slots = {place: at[own] for own, place in matched(at, gold.places, NEAR)}
    return [
        _best(
            rank_of(_group(figure.image, pictures), slot.candidates[:DEPTH], pictures) for slot in slots[figure.after]
        )
        for figure in gold.figures
        if figure.after in slots
    ]


def rank_of(group: str, found: Sequence[str], pictures: Pictures) -> int | None:
    """Place from 1 of the first picture of the group; None where there is none."""
    return next((at for at, each in enumerate(found, 1) if pictures.group_of(each) == group), None)


def ranking(ranks: Sequence[int | None]) -> dict[str, Tally]:
    """Recall at 1, 4 and 8, and the mean reciprocal rank (Voorhees 1999), of one article's queries."""
    recalls = {f"recall_at_{k}": sum(rank is not None and rank <= k for rank in ranks) for k in (1, 4, 8)}
    whole = {**recalls, "mrr": sum(1 / rank for rank in ranks if rank is not None)}
    return {name: Tally(top, len(ranks)) for name, top in whole.items()}


def duplicates(made: Illustrated, pictures: Pictures) -> Tally:
    """Share of placed pictures of which a near-duplicate, or the same, stands earlier in the article."""
    groups = [pictures.group_of(slot.picture) for slot in made.slots if slot.picture is not None]
    return Tally(len(groups) - len(set(groups)), len(groups))


def order_sensitivity(made: Illustrated) -> Tally:
    """Share of slots whose choice was another one when the candidates came in another order; not asked: nothing."""
    if not made.shuffled:
        return Tally(0, 0)
    pairs = zip(made.slots, made.shuffled, strict=True)
    return Tally(sum(slot.picture != other for slot, other in pairs), len(made.slots))


def _stretches(lengths: Sequence[int], places: Iterable[int]) -> list[float]:
    """Shares of the text between the places, beginning and end included; those of no length as well."""
    ends = [0, *(sum(lengths[: place + 1]) for place in sorted(set(places))), sum(lengths)]
    return [(end - start) / sum(lengths) for start, end in pairwise(ends)]


def _same(picture: str | None, right: str, pictures: Pictures) -> bool:
    return picture is not None and pictures.group_of(picture) == pictures.group_of(right)


def _group(image: str, pictures: Pictures) -> str:
    return pictures.group_of(pictures.id_of(image))


def _best(ranks: Iterable[int | None]) -> int | None:
    return min((rank for rank in ranks if rank is not None), default=None)
