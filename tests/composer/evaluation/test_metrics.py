"""Figures: against values computed by hand, and against counting every possibility."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

import numpy as np
import pytest

from composer.evaluation import metrics
from composer.evaluation.figures import MEASURE
from composer.evaluation.nouns import Choice, Figure, GoldArticle, Illustrated, Placed, Tally
from composer.types import Article
from tests.composer.fakes import paragraph


class Shelf:
    """Pictures named by a letter and a number: those of one letter are near-duplicates."""

    def id_of(self, image: str) -> str:
        return image.removesuffix(".png")

    def group_of(self, picture: str) -> str:
        return picture[0]


SHELF = Shelf()


def gold(lengths: Sequence[int], *figures: tuple[int, str]) -> GoldArticle:
    blocks = tuple(paragraph(f"p{at}", "x" * length) for at, length in enumerate(lengths))
    shown = tuple(Figure(after=at, image=f"{name}.png") for at, name in figures)
    return GoldArticle(
        id="a", repository="r", licence="CC0-1.0", language="en", article=Article("A", blocks),
        kinds=("paragraph",) * len(lengths), figures=shown,
    )  # fmt: skip


def made(*slots: tuple[int, str | None, str], shuffled: Sequence[str | None] = ()) -> Illustrated:
    """Slots as place, picture, and candidates as words."""
    placed = tuple(Placed(after=at, picture=name, candidates=tuple(some.split())) for at, name, some in slots)
    return Illustrated(article="a", system="even", slots=placed, seconds=6.0, shuffled=tuple(shuffled))


def choice(right: str, picture: str | None) -> Choice:
    return Choice(article="a", system="even", right=right, candidates=(right, "z1"), picture=picture)


ARTICLE = gold([10, 10, 20, 40, 10, 10], (0, "a1"), (2, "b1"), (2, "c1"), (5, "d1"))


def test_every_figure_by_hand() -> None:
    found = metrics.tallies(
        ARTICLE,
        made(
            (0, "a2", "q1 a2"),  # the place, and a near-duplicate of the picture
            (3, "c1", "b1 q2 c9"),  # a block late
            (3, None, ""),  # empty, at the same place
            (4, "a1", "d1"),  # used already; a block from the last place
            shuffled=["a2", "b1", None, "a2"],
        ),
        [choice("a1", "a3"), choice("b1", "z1"), choice("c1", None), choice("d1", "d1")],
        SHELF,
    )
    assert found.keys() == MEASURE.keys()
    assert {name: tally for name, tally in found.items() if name != "spacing"} == {
        "placement_f1": Tally(2, 6),
        "placement_precision": Tally(1, 3),
        "placement_recall": Tally(1, 3),
        "placement_f1_near": Tally(6, 6),
        "placement_precision_near": Tally(3, 3),
        "placement_recall_near": Tally(3, 3),
        "pick": Tally(2, 4),
        "end_to_end": Tally(2, 4),  # a and c; b is no picture, at the end stands another
        "empty": Tally(1, 4),
        "recall_at_8": Tally(4, 4),
        "duplicates": Tally(1, 3),
        "order_sensitivity": Tally(2, 4),
        "seconds_per_slot": Tally(6.0, 4),
    }
    # Gaps of 0.1, 0.3, 0.6 and 0 against 0.1, 0.7, 0.1 and 0.1, each set sorted and compared in turn.
    assert found["spacing"].top == pytest.approx((0.1 + 0.0 + 0.2 + 0.1) / 4)
    assert found["spacing"].bottom == 1


def test_nothing_placed() -> None:
    found = metrics.tallies(ARTICLE, made(), [], SHELF)
    assert found["placement_f1"] == Tally(0, 3)
    assert found["placement_precision"] == found["recall_at_8"] == found["order_sensitivity"] == Tally(0, 0)
    assert found["placement_recall"] == Tally(0, 3)
    assert found["end_to_end"] == Tally(0, 4)
    assert found["empty"] == found["duplicates"] == found["pick"] == Tally(0, 0)
    # One gap of 1 against 0, 0.1, 0.3 and 0.6.
    assert found["spacing"].top == pytest.approx((1 + 0.9 + 0.7 + 0.4) / 4)


def test_places_outside_the_article_are_a_fault_of_the_system() -> None:
    for after in (-2, 6):
        with pytest.raises(ValueError, match="outside"):
            metrics.tallies(ARTICLE, made((after, None, "")), [], SHELF)
    with pytest.raises(ValueError, match="shorter"):
        metrics.order_sensitivity(made((0, "a1", ""), (1, "b1", ""), shuffled=["a1"]))


def test_a_run_of_pictures_is_one_place_and_each_picture_counts() -> None:
    article = gold([10, 10], (0, "a1"), (0, "b1"))
    assert metrics.placement(article, made((0, "a1", "")))["placement_f1"] == Tally(2, 2)
    assert metrics.end_to_end(article, made((0, "a1", "")), SHELF) == Tally(1, 2)
    assert metrics.recall(article, made((1, "a1", "q1 b3 q2")), SHELF) == Tally(1, 2)
    deep = " ".join([*(f"q{at}" for at in range(8)), "a1"])
    assert metrics.recall(article, made((1, "a1", deep)), SHELF) == Tally(0, 2)


def test_end_to_end_is_no_further_than_a_block() -> None:
    article = gold([10] * 5, (1, "a1"))
    hits = [metrics.end_to_end(article, made((after, "a4", "")), SHELF).top for after in range(-1, 5)]
    assert hits == [0, 1, 1, 1, 0, 0]


def test_ranks() -> None:
    article = gold([10] * 6, (0, "a1"), (3, "b1"))
    assert metrics.planner_ranks(article, made((0, None, "c1 a5 a1"), (5, None, "b1")), SHELF) == [2]
    twice = made((0, None, "c1"), (0, None, "c1 d1 a1"), (4, None, "b1"))
    assert metrics.planner_ranks(article, twice, SHELF) == [3, 1]
    assert metrics.rank_of("a", ["b1", "a2"], SHELF) == 2
    assert metrics.rank_of("a", ["b1"], SHELF) is None
    found = metrics.ranking([1, 4, None, 8, 9])
    assert [found[f"recall_at_{k}"] for k in (1, 4, 8)] == [Tally(1, 5), Tally(2, 5), Tally(3, 5)]
    assert found["mrr"].top == pytest.approx(1 + 1 / 4 + 1 / 8 + 1 / 9)


def brute_matching(left: Sequence[int], right: Sequence[int], reach: int) -> tuple[int, int]:
    """The most pairs, and of those the least distance, by trying everything."""
    best = (0, 0)
    for size in range(1, min(len(left), len(right)) + 1):
        for some in combinations(left, size):
            for others in permutations(right, size):
                apart = [abs(one - other) for one, other in zip(some, others, strict=True)]
                if max(apart) <= reach:
                    best = max(best, (size, -sum(apart)))
    return best


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_matching_against_trying_everything(reach: int) -> None:
    dice = np.random.default_rng(reach)
    for _ in range(40):
        left, right = (sorted(set(dice.integers(-1, 9, dice.integers(0, 5)).tolist())) for _ in range(2))
        pairs = metrics.matched(left, right, reach)
        assert (len(pairs), -sum(abs(one - other) for one, other in pairs)) == brute_matching(left, right, reach)
        assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)


def test_spacing_against_the_area_between_two_staircases() -> None:
    dice = np.random.default_rng(5)
    for _ in range(20):
        lengths = dice.integers(1, 50, 8).tolist()
        ours, theirs = (sorted(set(dice.integers(-1, 8, dice.integers(1, 5)).tolist())) for _ in range(2))
        article = gold(lengths, *((place, "a1") for place in theirs))
        ends = np.cumsum([0, *lengths]) / sum(lengths)
        gaps = [np.diff([0, *ends[np.array(places) + 1], 1]) for places in (ours, theirs)]
        grid = (np.arange(20_000) + 0.5) / 20_000
        below = [np.searchsorted(np.sort(each), grid, side="right") / len(each) for each in gaps]
        found = metrics.spacing(article, made(*((place, None, "") for place in ours)))
        assert found.top == pytest.approx(np.abs(below[0] - below[1]).mean(), abs=1e-3)
