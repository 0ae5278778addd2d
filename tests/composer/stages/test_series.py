"""Series: what goes with the other places' good pictures gains, never by itself and never by the order given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.stages.series import resemblance


def unit(*rows: list[float]) -> np.ndarray:
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


SEA, TOWN = [1.0, 0.1, 0.0], [0.0, 0.1, 1.0]


def test_what_goes_with_the_others_good_pictures_gains() -> None:
    """Two places have found the sea, a third has both: there the sea gains and the town loses."""
    vectors = unit(SEA, TOWN, [1, 0.2, 0], [0, 0.2, 1], [1, 0, 0.1], TOWN)
    scores = [0.9, 0.2, 0.9, 0.2, 0.5, 0.5]
    found = resemblance(vectors, list("abcdef"), [0, 0, 1, 1, 2, 2], scores)
    assert found[4] is not None
    assert found[5] is not None
    assert found[4] > 0.2 > -0.2 > found[5]
    assert all(value is not None and -2 <= value <= 2 for value in found)


def test_how_well_they_fit_there_decides_whom_others_go_with() -> None:
    vectors = unit(SEA, TOWN, SEA, TOWN)
    sea = resemblance(vectors, list("abcd"), [0, 0, 1, 1], [0.9, 0.1, 0.5, 0.5])
    town = resemblance(vectors, list("abcd"), [0, 0, 1, 1], [0.1, 0.9, 0.5, 0.5])
    assert sea[2] == pytest.approx(town[3])
    assert sea[2] is not None
    assert town[2] is not None
    assert sea[2] > 0 > town[2]


def test_a_picture_is_not_compared_with_itself_or_its_near_duplicates() -> None:
    vectors = unit(SEA, SEA, TOWN)
    apart = resemblance(vectors, ["a", "b", "c"], [0, 1, 1], [0.5, 0.9, 0.9])
    same = resemblance(vectors, ["a", "a", "c"], [0, 1, 1], [0.5, 0.9, 0.9])
    assert same[0] == pytest.approx(0.0), "all that is left to go with is the town: no more like it than usual"
    assert apart[0] == pytest.approx(0.0, abs=1e-6)
    crowd = resemblance(unit(SEA, SEA, TOWN, TOWN), ["a", "a", "c", "d"], [0, 1, 1, 1], [0.5, 0.99, 0.2, 0.1])
    own = resemblance(unit(SEA, SEA, TOWN, TOWN), ["a", "b", "c", "d"], [0, 1, 1, 1], [0.5, 0.99, 0.2, 0.1])
    assert own[0] is not None
    assert crowd[0] is not None
    assert own[0] > 0.3
    assert crowd[0] == pytest.approx(0.0, abs=1e-6), "its own copy elsewhere is no reason to take it"


def test_alone_there_is_nothing_to_go_with() -> None:
    assert resemblance(np.zeros((0, 3), np.float32), [], [], []) == []
    assert resemblance(unit(SEA, TOWN), ["a", "b"], [0, 0], [0.5, 0.5]) == [None, None], "one place"
    assert resemblance(unit(SEA, SEA), ["a", "a"], [0, 1], [0.5, 0.5]) == [None, None], "one picture"


@given(st.integers(0, 10_000), st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_order_given_never_matters(seed: int, count: int, dice: object) -> None:
    random = np.random.default_rng(seed)
    vectors = unit(*random.normal(size=(count, 5)).tolist())
    groups = [f"g{number}" for number in random.integers(0, max(1, count - 1), count)]
    places, scores = random.integers(0, 3, count).tolist(), random.random(count).tolist()
    order = list(range(count))
    dice.shuffle(order)  # pyright: ignore[reportAttributeAccessIssue]
    straight = resemblance(vectors, groups, places, scores)
    mixed = resemblance(
        vectors[order], [groups[at] for at in order], [places[at] for at in order], [scores[at] for at in order]
    )
    for at, value in zip(order, mixed, strict=True):
        assert value == (None if straight[at] is None else pytest.approx(straight[at], abs=1e-6))
