"""The nearest that is free, whatever the order."""

from __future__ import annotations

from composer.evaluation.systems.ground import reordered
from composer.evaluation.systems.nearest import Found, Wanted, first_free, placed, taken_otherwise


def _found(name: str, cosine: float, group: str = "") -> Found:
    return Found(name, group or name, cosine)


def test_a_near_duplicate_of_what_was_taken_is_not_free() -> None:
    near = [_found("a", 0.9, "twins"), _found("b", 0.8, "twins"), _found("c", 0.1)]
    assert first_free([near, near, near]) == ["a", "c", None]


def test_the_order_in_which_they_come_says_nothing() -> None:
    near = [_found("b", 0.5), _found("a", 0.5), _found("c", 0.7)]
    assert first_free([near]) == first_free([list(reversed(near))]) == ["c"]
    assert first_free([near[:2]]) == ["a"]
    assert taken_otherwise([near, near], "key") == ("c", "a")


def test_as_many_candidates_are_kept_as_are_shown() -> None:
    near = [_found("a", 0.9), _found("b", 0.8), _found("c", 0.7)]
    (slot,) = placed([Wanted(after=3, query="boat", caption="A boat")], [near], 2)
    assert (slot.after, slot.picture, slot.candidates, slot.caption, slot.query) == (
        3,
        "a",
        ("a", "b"),
        "A boat",
        "boat",
    )


def test_another_order_is_another_and_the_same_again() -> None:
    for count in range(2, 6):
        items = list(range(count))
        assert reordered(items, "key") != items
        assert sorted(reordered(items, "key")) == items
        assert reordered(items, "key") == reordered(items, "key")
    assert reordered([1], "key") == [1]
    assert reordered([], "key") == []
