"""Intervals: against a plain loop over resamples, against theory, and paired against apart."""

from __future__ import annotations

import numpy as np
import pytest

from composer.evaluation.intervals import RESAMPLES, difference, interval
from composer.evaluation.nouns import Interval, Tally


def some(seed: int, count: int = 40, shift: float = 0.0) -> dict[str, Tally]:
    """Articles of unlike size and difficulty."""
    dice = np.random.default_rng(seed)
    sizes, hard = dice.integers(1, 12, count), dice.random(count)
    tops = sizes * np.minimum(1.0, hard + shift)
    return {f"a{at}": Tally(*each) for at, each in enumerate(zip(tops.tolist(), sizes.tolist(), strict=True))}


def test_the_figure_is_a_ratio_of_sums() -> None:
    found = interval({"a": Tally(1, 2), "b": Tally(0, 8), "none": Tally(0, 0)}, seed=1)
    assert (found.value, found.articles) == (0.1, 2)
    assert (found.low, found.high) == (0.0, 0.5)  # articles alone: only a, only b, or both


def test_against_a_plain_loop() -> None:
    tallies = some(3)
    values = np.array([(tally.top, tally.bottom) for tally in tallies.values()])
    dice = np.random.default_rng(9)
    drawn = [values[dice.integers(0, len(values), len(values))].sum(axis=0) for _ in range(4 * RESAMPLES)]
    low, high = np.quantile([top / bottom for top, bottom in drawn], [0.025, 0.975])
    found = interval(tallies, seed=1)
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)
    assert found == interval(dict(reversed(tallies.items())), seed=1)
    assert found != interval(tallies, seed=2)


def test_with_many_articles_it_is_the_normal_interval() -> None:
    dice = np.random.default_rng(0)
    values = dice.random(400)
    found = interval({f"a{at}": Tally(float(value), 1) for at, value in enumerate(values)}, seed=1)
    half = 1.96 * values.std(ddof=1) / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.003)
    assert found.high == pytest.approx(values.mean() + half, abs=0.003)


def test_where_there_is_little_to_count() -> None:
    assert interval({}, 1) == interval({"a": Tally(0, 0)}, 1) == Interval(None)
    assert interval({"a": Tally(1, 4), "b": Tally(0, 0)}, 1) == Interval(0.25, articles=1)
    assert difference({"a": Tally(1, 2)}, {"b": Tally(1, 2)}, 1) == Interval(None)
    assert difference({"a": Tally(1, 2)}, {"a": Tally(0, 0)}, 1) == Interval(None)
    assert difference({"a": Tally(2, 2)}, {"a": Tally(1, 2)}, 1) == Interval(0.5, articles=1)


def test_a_difference_is_of_the_same_articles() -> None:
    hard = some(1)
    better = {name: Tally(tally.top + 0.1 * tally.bottom, tally.bottom) for name, tally in hard.items()}
    found = difference(better, {**hard, "other": Tally(0, 99)}, seed=1)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))  # what is hard for both falls out
    assert found.articles == len(hard)
    apart = interval(better, 1)
    assert apart.low is not None
    assert apart.low < (interval(hard, 1).high or 0)  # two intervals alone would have told nothing
    same = difference(some(1), some(2), seed=1)
    assert same.low is not None
    assert same.high is not None
    assert same.low < 0 < same.high


def test_a_difference_against_a_plain_loop() -> None:
    first, second = some(1, shift=0.1), some(2)
    names = sorted(first)
    mine, theirs = (np.array([(run[name].top, run[name].bottom) for name in names]) for run in (first, second))
    dice, values = np.random.default_rng(4), []
    for _ in range(4 * RESAMPLES):
        at = dice.integers(0, len(names), len(names))
        (top, bottom), (other, below) = mine[at].sum(axis=0), theirs[at].sum(axis=0)
        values.append(top / bottom - other / below)
    found = difference(first, second, seed=1)
    low, high = np.quantile(values, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.015), pytest.approx(high, abs=0.015))
