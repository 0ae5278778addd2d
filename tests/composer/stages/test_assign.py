"""One decision over all slots: no picture twice, never better by another order, best sum, honest reasons."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.stages.assign import assign
from composer.types import Candidate, Pick, Slot
from tests.composer.fakes import candidate, picture, slot

NAMES = "abcdefg"
GROUPS = {"e": "twins", "f": "twins", "g": "twins"}
FINALS = st.integers(0, 10).map(lambda tenths: tenths / 10)
TABLES = st.lists(st.dictionaries(st.sampled_from(NAMES), FINALS, max_size=5), min_size=0, max_size=4)
THRESHOLD = st.sampled_from([0.0, 0.25, 0.5, 0.8])


def made(table: list[dict[str, float]]) -> tuple[list[Slot], dict[str, tuple[Candidate, ...]]]:
    slots = [slot(f"s{at}") for at in range(len(table))]
    found = {
        f"s{at}": tuple(candidate(name, final, GROUPS.get(name, "")) for name, final in row.items())
        for at, row in enumerate(table)
    }
    return slots, found


def key(name: str) -> str:
    return GROUPS.get(name, name)


@given(TABLES, THRESHOLD)
def test_no_picture_twice_and_near_duplicates_count_as_one(table: list[dict[str, float]], threshold: float) -> None:
    slots, found = made(table)
    picks = assign(slots, found, threshold)
    assert [pick.slot for pick in picks] == [each.id for each in slots]
    used = [key(pick.picture.id) for pick in picks if pick.picture]
    assert len(used) == len(set(used))
    for pick, row in zip(picks, table, strict=True):
        assert pick.reason
        if pick.picture:
            assert row[pick.picture.id] >= threshold


@given(TABLES, THRESHOLD, st.randoms(use_true_random=False))
def test_the_order_of_candidates_never_changes_the_result(
    table: list[dict[str, float]], threshold: float, dice: random.Random
) -> None:
    slots, found = made(table)
    shuffled = {name: tuple(dice.sample(each, len(each))) for name, each in found.items()}
    assert assign(slots, shuffled, threshold) == assign(slots, found, threshold)


@given(TABLES, THRESHOLD)
def test_the_sum_is_the_best_there_is(table: list[dict[str, float]], threshold: float) -> None:
    slots, found = made(table)
    picks = assign(slots, found, threshold)
    got = sum(row[pick.picture.id] if pick.picture else threshold for pick, row in zip(picks, table, strict=True))
    best = 0.0
    for choice in product(*([None, *row] for row in table)):
        used = [key(name) for name in choice if name]
        if len(used) == len(set(used)):
            best = max(best, sum(row[name] if name else threshold for name, row in zip(choice, table, strict=True)))
    assert got == pytest.approx(best)


@pytest.mark.parametrize("order", ["ef", "fe"])
def test_of_equal_twins_always_the_same(order: str) -> None:
    slots, found = made([dict.fromkeys(order, 0.9)])
    (pick,) = assign(slots, found, 0.3)
    assert pick.picture is not None
    assert pick.picture.id == "e"


@given(st.lists(st.sampled_from([0.5, 0.49]), min_size=1, max_size=6))
def test_a_score_at_the_threshold_is_enough(finals: list[float]) -> None:
    slots, found = made([{name: final} for name, final in zip(NAMES, finals, strict=False)][:4])
    for pick, row in zip(assign(slots, found, 0.5), found.values(), strict=True):
        assert (pick.picture is not None) == (row[0].final == 0.5)


def test_greed_does_not_pay() -> None:
    slots, found = made([{"a": 0.9, "b": 0.8}, {"a": 0.9}])
    picks = assign(slots, found, 0.3)
    assert [pick.picture.id for pick in picks if pick.picture] == ["b", "a"]
    assert "better" in picks[0].reason
    assert "0.80" in picks[0].reason


def test_reasons() -> None:
    slots, found = made([{"a": 0.9, "b": 0.2}, {"a": 0.8}, {"c": 0.1}, {}])
    chosen, elsewhere, poor, none = assign(slots, found, 0.35)
    assert chosen.picture is not None
    assert "Best of 2" in chosen.reason
    assert "0.90" in chosen.reason
    assert elsewhere.picture is poor.picture is none.picture is None
    assert "another place" in elsewhere.reason
    assert "0.10" in poor.reason
    assert "0.35" in poor.reason
    assert "no picture" in none.reason
    assert {pick.by for pick in (chosen, elsewhere, poor, none)} == {"program"}


def test_the_writers_picks_stay_and_take_their_pictures() -> None:
    slots, found = made([{"a": 0.9}, {"a": 0.95, "e": 0.9}, {"f": 0.9}])
    own = Pick(slot="s0", picture=picture("a"), reason="Yours.", by="writer")
    twin = Pick(slot="s2", picture=picture("g", "twins"), reason="Yours.", by="writer")
    picks = assign(slots, found, 0.3, {"s0": own, "s2": twin})
    assert picks[0] == own
    assert picks[2] == twin
    assert picks[1].picture is None, "both its pictures are taken, one through a near-duplicate"


def test_a_slot_that_the_writer_emptied_stays_empty() -> None:
    slots, found = made([{"a": 0.9}, {"a": 0.8}])
    empty = Pick(slot="s0", picture=None, reason="Yours.", by="writer")
    picks = assign(slots, found, 0.3, {"s0": empty})
    assert picks[0] == empty
    assert picks[1].picture is not None


def test_no_slots() -> None:
    assert assign([], {}, 0.3) == ()
