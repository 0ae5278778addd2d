"""The assignment is the best there is, and of it the best pairs stay."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from composer.evaluation.pool import Pool
from composer.evaluation.systems.mmc4 import Assigned, pairs
from composer.ports import Cancel
from tests.composer.evaluation.systems.quay import gold, ground, ids, name_of
from tests.composer.fakes import passage


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 3), (1, 4)])
def test_no_other_pairing_has_a_higher_sum(shape: tuple[int, int]) -> None:
    for seed in range(20):
        cosines = np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
        found = pairs(cosines)
        few = min(shape)
        wide = cosines if shape[0] <= shape[1] else cosines.T
        best = max(
            sum(float(wide[row, column]) for row, column in enumerate(order))
            for order in permutations(range(wide.shape[1]), few)
        )
        assert sum(float(cosines[row, column]) for row, column in found) == pytest.approx(best, abs=1e-5)
        assert len({row for row, _ in found}) == len({column for _, column in found}) == few


def test_the_pair_with_the_highest_cosine_comes_first() -> None:
    cosines = np.array([[0.1, 0.2], [0.9, 0.3]], np.float32)
    assert pairs(cosines) == [(1, 0), (0, 1)]


def test_an_article_gets_its_best_pairs_and_its_own_number_of_them(pool: Pool) -> None:
    filler = passage(100, "filler")
    article = gold(filler, "The red boat.", passage(100, "more"), "A blue tower.", passage(190, "last"))
    made = Assigned(ground(pool)).illustrate(article, Cancel())
    assert [(slot.after, name_of(pool, slot.picture)) for slot in made.slots] == [(1, "red-boat"), (3, "blue-tower")]
    assert [name_of(pool, slot.candidates[0]) for slot in made.slots] == ["red-boat", "blue-tower"]
    assert all(len(slot.candidates) == pool.tools.candidates for slot in made.slots)
    assert made.shuffled == tuple(slot.picture for slot in made.slots)


def test_two_paragraphs_that_want_one_picture_get_two(pool: Pool) -> None:
    article = gold(f"The red boat. {passage(200, 'one')}", f"A red boat again. {passage(200, 'two')}")
    made = Assigned(ground(pool)).illustrate(article, Cancel())
    pictures = [slot.picture for slot in made.slots]
    assert len(pictures) == len(set(pictures)) == 2
    assert "red-boat" in {name_of(pool, picture) for picture in pictures}


def test_of_given_pictures_it_takes_the_nearest_to_the_paragraph(pool: Pool) -> None:
    article = gold("The red boat.", "The blue sea.", after=1)
    given = ids(pool, "red-boat", "blue-tower")
    chosen = Assigned(ground(pool)).choose(article, article.figures[0], "A red boat", given, Cancel())
    assert name_of(pool, chosen) == "blue-tower"
