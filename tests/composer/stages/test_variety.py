"""Maximal marginal relevance: by merit alone, by variety alone, and whatever the order given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from composer.stages.variety import diverse


def unit(seed: int, count: int, dimensions: int = 16) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 15), st.floats(0, 1))
def test_as_many_as_asked_each_once_and_the_best_first(seed: int, count: int, asked: int, weight: float) -> None:
    scores = np.random.default_rng(seed).random(count)
    found = diverse(unit(seed, count), scores, asked, weight)
    assert len(found) == len(set(found)) == min(asked, count)
    if found and weight > 0:
        assert found[0] == int(np.argmax(scores))


@given(st.integers(0, 10_000), st.integers(2, 12))
def test_the_order_given_never_matters(seed: int, count: int) -> None:
    vectors, scores = unit(seed, count), np.random.default_rng(seed + 1).random(count)
    order = np.random.default_rng(seed + 2).permutation(count)
    again = diverse(vectors[order], scores[order], count)
    assert [int(order[at]) for at in again] == diverse(vectors, scores, count)


def test_of_equals_the_first_given_comes_first() -> None:
    assert diverse(np.eye(4, dtype=np.float32), np.full(4, 0.5), 3) == [0, 1, 2]


def test_merit_alone_is_the_order_by_score() -> None:
    scores = np.array([0.2, 0.9, 0.5, 0.7])
    assert diverse(np.eye(4, dtype=np.float32), scores, 4, weight=1.0) == [1, 3, 2, 0]


def test_another_subject_comes_before_more_of_the_same() -> None:
    vectors = np.array([[1, 0], [0.9, 0.436], [0, 1]], np.float32)
    assert diverse(vectors, np.array([0.9, 0.85, 0.6]), 2) == [0, 2]
    assert diverse(vectors, np.array([0.9, 0.85, 0.6]), 2, weight=1.0) == [0, 1]


def test_near_duplicates_come_after_all_others() -> None:
    vectors = np.array([[1, 0], [0.9999, 0.0141], [0, 1], [-1, 0]], np.float32)
    assert diverse(vectors, np.array([1.0, 1.0, 0.05, 0.0]), 4, weight=0.99) == [0, 2, 3, 1]


def test_nothing_of_nothing_and_no_two_lengths() -> None:
    assert diverse(np.empty((0, 4), np.float32), np.empty(0), 3) == []
    with pytest.raises(ValueError, match="3 vectors for 2 scores"):
        diverse(unit(0, 3), np.zeros(2), 1)
