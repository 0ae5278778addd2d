"""Evenly spaced places, the paragraph as the query, nothing twice."""

from __future__ import annotations

import pytest

from composer.errors import Cancelled
from composer.evaluation.pool import Pool
from composer.evaluation.systems.even import Even, spread
from composer.ports import Cancel
from tests.composer.evaluation.systems.quay import gold, ground, ids, long, name_of


@pytest.mark.parametrize(
    ("count", "places", "middle"), [(1, 5, [2]), (2, 8, [2, 6]), (3, 3, [0, 1, 2]), (4, 10, [1, 3, 6, 8]), (0, 3, [])]
)
def test_places_are_the_middles_of_equal_stretches(count: int, places: int, middle: list[int]) -> None:
    assert spread(count, places) == middle


def test_every_place_gets_the_nearest_to_its_paragraph_that_is_free(pool: Pool) -> None:
    article = gold(*long("The red boat.", "A red door.", "The blue sea."))
    made = Even(ground(pool)).illustrate(article, Cancel())
    assert [slot.after for slot in made.slots] == [0, 1, 2]
    names = [name_of(pool, slot.picture) for slot in made.slots]
    assert names[0] == "red-boat"
    assert names[1] != "red-boat"
    assert names[2] == "blue-tower"
    assert name_of(pool, made.slots[1].candidates[0]) == "red-boat"  # as found, before what was taken is left out
    assert made.shuffled == tuple(slot.picture for slot in made.slots)
    assert made.slots[2].query == article.article.blocks[2].text
    assert made.seconds > 0


def test_a_chinese_paragraph_is_searched_for_in_english(pool: Pool) -> None:
    made = Even(ground(pool)).illustrate(gold("红色的小船停在岸边。" * 12, language="zh"), Cancel())
    assert [slot.query for slot in made.slots] == ["A red boat"]
    assert name_of(pool, made.slots[0].picture) == "red-boat"


def test_of_given_pictures_it_takes_the_nearest_to_the_paragraph_before(pool: Pool) -> None:
    system = Even(ground(pool))
    article = gold("The red boat.", "The blue sea.", after=1)
    given = ids(pool, "red-boat", "blue-tower", "green-door")
    assert name_of(pool, system.choose(article, article.figures[0], "A red boat", given, Cancel())) == "blue-tower"
    opening = gold("The red boat.", "The blue sea.", after=-1)
    assert name_of(pool, system.choose(opening, opening.figures[0], "", given, Cancel())) == "red-boat"
    assert system.choose(opening, opening.figures[0], "", (), Cancel()) is None


def test_it_can_be_cancelled(pool: Pool) -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        Even(ground(pool)).illustrate(gold("The red boat."), cancel)
