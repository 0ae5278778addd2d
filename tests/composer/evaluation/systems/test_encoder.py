"""The program's own slots with the encoder's best pictures."""

from __future__ import annotations

from composer.evaluation.pool import Pool
from composer.evaluation.systems.encoder import NearestToCaption
from composer.evaluation.systems.ours import Ours
from composer.ports import Cancel
from tests.composer.evaluation.systems.quay import gold, ground, ids, long, name_of
from tests.composer.fakes import Bench, is_plan

ARTICLE = gold(*long("The red boat.", "A green door.", "The blue tower.", "A yellow bicycle."), headings=(0, 2))


def test_slots_are_those_of_the_program_and_planned_once(bench: Bench, pool: Pool) -> None:
    place = ground(pool)
    ours = Ours(place).illustrate(ARTICLE, Cancel())
    asked = len(bench.scripted.asked(is_plan))
    made = NearestToCaption(place).illustrate(ARTICLE, Cancel())
    assert asked
    assert len(bench.scripted.asked(is_plan)) == asked
    assert [(slot.after, slot.caption, slot.query) for slot in made.slots] == [
        (slot.after, slot.caption, slot.query) for slot in ours.slots
    ]
    alone = NearestToCaption(ground(pool)).illustrate(ARTICLE, Cancel())
    assert [slot.query for slot in alone.slots] == [slot.query for slot in made.slots]


def test_each_slot_gets_the_nearest_to_its_query_that_is_free(pool: Pool) -> None:
    made = NearestToCaption(ground(pool)).illustrate(ARTICLE, Cancel())
    assert made.slots
    for slot in made.slots:
        assert slot.picture == slot.candidates[0]  # every query names another colour
        assert name_of(pool, slot.picture).split("-")[0] in slot.query
    assert made.shuffled == tuple(slot.picture for slot in made.slots)


def test_of_given_pictures_it_takes_the_nearest_to_the_words(pool: Pool) -> None:
    given = ids(pool, "red-boat", "blue-tower")
    chosen = NearestToCaption(ground(pool)).choose(ARTICLE, ARTICLE.figures[0], "The blue one", given, Cancel())
    assert name_of(pool, chosen) == "blue-tower"
