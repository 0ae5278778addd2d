"""How sure figures are: percentile bootstrap over articles, and the paired difference of two runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from composer.evaluation.nouns import Interval, Tally

RESAMPLES = 2_000
LEVEL = 0.95

Numbers = NDArray[np.float64]


def interval(tallies: Mapping[str, Tally], seed: int) -> Interval:
    """Sum of tops over sum of bottoms, with its percentile interval over resamples of the articles.

    Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13: articles are drawn with replacement, as
    many as there are, and the ratio of sums is taken anew. They are taken as independent. Those with nothing to count
    (bottom 0) are none of the sample. One article alone has no interval.
    """
    counted = {name: tally for name, tally in sorted(tallies.items()) if tally.bottom}
    if not counted:
        return Interval(None)
    tops, bottoms = _columns(counted)
    value = float(tops.sum() / bottoms.sum())
    if len(counted) < 2:
        return Interval(value, articles=len(counted))
    drawn = _drawn(len(counted), seed)
    low, high = _ends((drawn @ tops) / (drawn @ bottoms))
    return Interval(value, low, high, len(counted))


def difference(first: Mapping[str, Tally], second: Mapping[str, Tally], seed: int) -> Interval:
    """The first run's figure minus the second's, on the articles that both have, resampled together.

    What makes an article hard is the same for both and falls out, so that the interval is narrower than the two alone.
    Resamples in which one of the two has nothing to count are left out.
    """
    both = sorted(first.keys() & second.keys())
    mine, theirs = ({name: run[name] for name in both} for run in (first, second))
    both = [name for name in both if mine[name].bottom or theirs[name].bottom]
    tops, bottoms = _columns({name: mine[name] for name in both})
    their_tops, their_bottoms = _columns({name: theirs[name] for name in both})
    if not (bottoms.sum() and their_bottoms.sum()):
        return Interval(None)
    value = float(tops.sum() / bottoms.sum() - their_tops.sum() / their_bottoms.sum())
    if len(both) < 2:
        return Interval(value, articles=len(both))
    drawn = _drawn(len(both), seed)
    below, their_below = drawn @ bottoms, drawn @ their_bottoms
    some = (below > 0) & (their_below > 0)
    low, high = _ends((drawn @ tops)[some] / below[some] - (drawn @ their_tops)[some] / their_below[some])
    return Interval(value, low, high, len(both))


def _columns(tallies: Mapping[str, Tally]) -> tuple[Numbers, Numbers]:
    whole = np.array([(tally.top, tally.bottom) for tally in tallies.values()], np.float64).reshape(-1, 2)
    return whole[:, 0], whole[:, 1]


def _drawn(articles: int, seed: int) -> Numbers:
    """How often each article is in each resample, shape (RESAMPLES, articles)."""
    dice = np.random.default_rng(seed)
    return dice.multinomial(articles, np.full(articles, 1 / articles), RESAMPLES).astype(np.float64)


def _ends(values: Numbers) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
