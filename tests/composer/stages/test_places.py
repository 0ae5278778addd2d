"""Places: as many as asked for, where authors of the same chances would put them, the same every time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from composer.stages import places
from composer.stages.places import EXACT, Numbers, Passage, chances, choose, seen, shipped
from composer.types import MOST_PICTURES, Language
from tests.composer.fakes import passage

CHANCES = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=12).map(np.array)
SMALL = st.lists(st.floats(0.05, 0.95), min_size=1, max_size=6).map(np.array)


def text(count: int, language: Language = "en", sections: int = 2) -> list[Passage]:
    return [Passage(passage(40, f"{at}", language), at * sections // count) for at in range(count)]


# --- what is seen of a text ------------------------------------------------------------------------------------------


def test_every_place_is_looked_at_the_one_before_all_text_first() -> None:
    table = seen([Passage("One two.", 0), Passage("- a list\n- of two", 0), Passage("See below:", 1)], "en")
    assert {values.shape for values in table.values()} == {(4,)}
    expected = {
        "one": [1, 1, 1, 1],
        "opening": [1, 0, 0, 0],
        "after first": [0, 1, 0, 0],
        "closing": [0, 0, 0, 1],
        "first": [0, 1, 0, 1],
        "last": [0, 0, 1, 1],
        "list": [0, 0, 1, 0],
        "list follows": [0, 1, 0, 0],
        "colon": [0, 0, 0, 1],
        "points at something": [0, 0, 0, 1],
        "zh one": [0, 0, 0, 0],
    }
    assert {name: table[name].tolist() for name in expected} == expected
    assert table["place"].tolist() == sorted(table["place"])
    assert (table["place"][0], table["place"][-1]) == (0.0, 1.0)


def test_chinese_has_weights_of_its_own() -> None:
    table = seen([Passage("如图所示，船停在岸边。", 0), Passage("然后加入盐。", 0)], "zh")
    assert table["points at something"].tolist() == [0, 1, 0]
    assert table["course of things"][2] > 0
    assert table["zh one"].tolist() == [1, 1, 1]
    assert table["zh opening"].tolist() == table["opening"].tolist()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_weight_of_the_program_is_of_something_that_is_seen(language: Language) -> None:
    assert set(shipped()) - set(seen(text(3, language), language)) == {"library"}
    assert places.fitted_on()


@given(st.lists(st.tuples(st.text(max_size=60), st.integers(0, 3)), max_size=6), st.sampled_from(["en", "zh"]))
def test_any_text_gives_chances(given_: list[tuple[str, int]], language: Language) -> None:
    likely = chances(seen([Passage(*each) for each in given_], language), shipped(), [0.5] * len(given_))
    assert len(likely) == (len(given_) + 1 if given_ else 0)
    assert np.all((likely > 0) & (likely < 1))


def test_no_text_has_no_places() -> None:
    likely = chances(seen([], "en"), shipped())
    assert choose(likely, None) == choose(likely, 5) == []


def test_what_the_library_shows_raises_the_chance() -> None:
    table, weights = seen(text(4), "en"), {**shipped(), "library": 1.0}
    bare = chances(table, weights)
    shown = chances(table, weights, [0.1, 0.1, 0.9, 0.1])
    assert shown[3] > bare[3]
    assert np.all(shown[[1, 2, 4]] < bare[[1, 2, 4]])
    assert shown[0] == bare[0], "of the place before all text it says nothing"
    assert chances(table, weights, [0.4] * 4) == pytest.approx(bare), "what is the same everywhere says nothing"
    twice = chances(table, weights, [0.2, 0.2, 1.8, 0.2])
    assert twice == pytest.approx(shown, rel=1e-4), "its unit does not matter"
    assert chances(table, {**shipped(), "library": 0.0}, [0.1, 0.1, 0.9, 0.1]) == pytest.approx(bare)


# --- choosing --------------------------------------------------------------------------------------------------------


@given(CHANCES, st.integers(0, 20))
def test_the_count_asked_for_as_far_as_there_are_places(likely: Numbers, count: int) -> None:
    chosen = choose(likely, count)
    assert len(chosen) == min(count, len(likely))
    assert chosen == sorted(set(chosen))
    assert all(0 <= place < len(likely) for place in chosen)


@given(CHANCES)
def test_a_free_count_is_at_least_one_and_the_same_every_time(likely: Numbers) -> None:
    chosen = choose(likely, None)
    assert chosen == choose(likely.copy(), None)
    assert chosen == sorted(set(chosen))
    assert 1 <= len(chosen) <= min(len(likely), MOST_PICTURES)


def test_a_free_count_follows_the_chances() -> None:
    many, few = choose(np.full(30, 0.6), None), choose(np.full(30, 0.05), None)
    assert len(many) > 2 * len(few)
    peaks = np.full(20, 0.01)
    peaks[[3, 9, 16]] = 0.95
    assert choose(peaks, None) == [3, 9, 16]


def test_neighbours_count_nearly_as_much_so_that_pictures_keep_apart() -> None:
    chosen = choose(np.full(21, 0.3), 5)
    assert min(later - earlier for earlier, later in itertools.pairwise(chosen)) >= 2


def slow_near(chosen: list[int], author: list[int]) -> int:
    """The most pairs of places at most one apart, each used once: by trying all."""
    if not chosen:
        return 0
    first, *rest = chosen
    best = slow_near(rest, author)
    for place in author:
        if abs(place - first) <= 1:
            best = max(best, 1 + slow_near(rest, [each for each in author if each != place]))
    return best


def slow_agreement(chosen: list[int], authors: NDArray[np.bool_]) -> float:
    total = 0.0
    for row in authors:
        author = [int(place) for place in np.flatnonzero(row)]
        near, exact = slow_near(chosen, author), len(set(chosen) & set(author))
        total += 2 * ((1 - EXACT) * near + EXACT * exact) / (len(chosen) + len(author))
    return total / len(authors)


def test_as_many_pairs_as_trying_all_gives() -> None:
    """Every choice of five places beside every author: the quick way loses none."""
    authors = np.array(list(itertools.product([False, True], repeat=5)))
    for count in range(1, 6):
        tried = [list(each) for each in itertools.combinations(range(5), count)]
        pairs = places._near(np.array(tried), authors)
        expected = [[slow_near(each, np.flatnonzero(row).tolist()) for row in authors] for each in tried]
        assert pairs.tolist() == expected


@given(SMALL, st.data())
def test_agreement_is_f1_where_a_neighbour_counts_nearly_as_much(likely: Numbers, data: st.DataObject) -> None:
    authors = places._authors(likely)
    chosen = sorted(data.draw(st.sets(st.integers(0, len(likely) - 1), min_size=1)))
    assert places._agreements([chosen], authors)[0] == pytest.approx(slow_agreement(chosen, authors))


def slow_choice(likely: Numbers, count: int | None) -> float:
    """Greedy, then moves, word by word; the agreement reached."""
    authors, chosen, value = places._authors(likely), list[int](), 0.0
    size = len(likely)
    while len(chosen) < (size if count is None else min(count, size)):
        tried = {at: slow_agreement(sorted([*chosen, at]), authors) for at in range(size) if at not in chosen}
        best = max(tried, key=lambda at: (round(tried[at], 9), -at))
        if count is None and chosen and tried[best] <= value + 1e-9:
            break
        chosen, value = sorted([*chosen, best]), tried[best]
    while True:
        moves = [
            sorted({*chosen} - {old} | {old + step})
            for old, step in itertools.product(chosen, (-2, -1, 1, 2))
            if 0 <= old + step < size and old + step not in chosen
        ]
        if count is None and len(chosen) > 1:
            moves += [[each for each in chosen if each != old] for old in chosen]
        reached = max((slow_agreement(each, authors) for each in moves), default=0.0)
        if reached <= value + 1e-9:
            return value
        chosen = max(moves, key=lambda each: slow_agreement(each, authors))
        value = reached


@settings(max_examples=12, deadline=None)
@given(SMALL, st.one_of(st.none(), st.integers(1, 4)))
def test_the_choice_agrees_as_well_as_that_of_a_plain_reference(likely: Numbers, count: int | None) -> None:
    chosen = choose(likely, count)
    assert slow_agreement(chosen, places._authors(likely)) == pytest.approx(slow_choice(likely, count), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(SMALL, st.integers(1, 3))
def test_the_choice_is_near_the_best_of_all(likely: Numbers, count: int) -> None:
    """Greedy with moves is no proof of the best; on small texts it is never far from it."""
    authors, count = places._authors(likely), min(count, len(likely))
    best = max(slow_agreement(list(each), authors) for each in itertools.combinations(range(len(likely)), count))
    assert slow_agreement(choose(likely, count), authors) >= 0.95 * best


def test_a_section_that_was_planned_around_a_picture_is_likelier() -> None:
    text = places.seen([Passage(f"Passage {at} says a little.", at) for at in range(6)], "en")
    bare = places.chances(text, places.shipped())
    planned = places.chances(text, places.shipped(), anchored=[3])
    assert planned[4] > bare[4]
    assert [*planned[:4], *planned[5:]] == pytest.approx([*bare[:4], *bare[5:]])
