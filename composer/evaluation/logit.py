"""Conditional logit over the candidates of places, through the very formula that ranks them.

McFadden 1974, "Conditional logit analysis of qualitative choice behavior": of a place's candidates, c is the right one
with probability exp(u_c) / sum exp(u). Here u = B * s: s is the final score of stages/rank.py (the weighted mean of the
levels of the signals that were measured), and B, the sum of the weights, says how sure choices are. Where every signal
was measured that is the plain logit, u = sum of weight * level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from composer.evaluation.nouns import Example
from composer.stages.rank import UNKNOWN, Signal, Weights
from composer.types import Candidate, SignalName

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
NO_SPREAD = 1e-6
"""Width of a signal that has one value everywhere: it then says the same of every candidate."""


@dataclass(frozen=True, eq=False)
class Places:
    """Examples as arrays. Candidates stand in the order of their ids, as stages/rank.py has them where scores tie."""

    names: tuple[SignalName, ...]
    values: Numbers
    """Shape (places, candidates, signals); NaN where a signal was not measured or there is no candidate."""
    there: Flags
    """Shape (places, candidates)."""
    right: Flags
    """Shape (places, candidates): the right picture and its near-duplicates."""
    groups: NDArray[np.str_]
    """Shape (places,)."""

    def of(self, some: Flags) -> Places:
        """Some of the places."""
        return Places(self.names, self.values[some], self.there[some], self.right[some], self.groups[some])

    @property
    def fitting(self) -> Flags:
        """Shape (places,): whether anything fits there."""
        return np.asarray(self.right.any(axis=1), np.bool_)


def places_of(examples: Sequence[Example], names: Sequence[SignalName]) -> Places:
    """Examples as arrays, with these signals."""
    width = max((len(example.candidates) for example in examples), default=0)
    values = np.full((len(examples), width, len(names)), np.nan)
    there = np.zeros((len(examples), width), np.bool_)
    right = np.zeros((len(examples), width), np.bool_)
    for at, example in enumerate(examples):
        ordered = sorted(example.candidates, key=lambda each: each.picture.id)
        for place, candidate in enumerate(ordered):
            values[at, place] = [candidate.signals.get(name, np.nan) for name in names]
            there[at, place] = True
        right[at, : len(ordered)] = _right(ordered, example.right)
    return Places(tuple(names), values, there, right, np.array([example.group for example in examples], np.str_))


def _right(candidates: Sequence[Candidate], right: str | None) -> list[bool]:
    group = next((each.picture.group for each in candidates if each.picture.id == right), "")
    return [each.picture.id == right or bool(group and each.picture.group == group) for each in candidates]


def scales(places: Places, narrowing: float) -> dict[SignalName, Signal]:
    """Each signal on a scale of its own, weight 1: the middle is half way between the means of right and of wrong
    pictures, the width is the standard deviation times `narrowing`, so that most values lie where the logistic is
    steep."""
    some = places.of(places.fitting)
    wrong = some.there & ~some.right
    found: dict[SignalName, Signal] = {}
    for at, name in enumerate(places.names):
        values = some.values[:, :, at]
        known = np.isfinite(values)
        means = [values[known & of].mean() for of in (some.right, wrong) if (known & of).any()]
        spread = values[known].std() if known.any() else 0.0
        middle = float(np.mean(means)) if means else 0.0
        found[name] = Signal(1.0, middle, max(NO_SPREAD, float(spread) * narrowing))
    return found


def levels(places: Places, weights: Weights) -> Numbers:
    """What `level_of` makes of every value, shape (places, candidates, signals of the weights); 0 for candidates of
    which none of these signals was measured."""
    made = np.full((*places.there.shape, len(weights.signals)), np.nan)
    for at, (name, signal) in enumerate(weights.signals.items()):
        if name not in places.names:
            continue
        values = places.values[:, :, places.names.index(name)]
        if signal.width <= 0:
            made[:, :, at] = np.clip(values, 0.0, 1.0)
        else:
            made[:, :, at] = 1 / (1 + np.exp(-np.clip((values - signal.middle) / signal.width, -60.0, 60.0)))
    measured = np.isfinite(made)
    return np.where(measured, made, np.where(measured.any(2, keepdims=True), UNKNOWN, 0.0))


def scores(places: Places, weights: Weights) -> Numbers:
    """`final_score` of every candidate, shape (places, candidates); -inf where there is none."""
    counted = Weights({name: signal for name, signal in weights.signals.items() if signal.weight > 0})
    each = np.array([signal.weight for signal in counted.signals.values()])
    found = levels(places, counted) @ each / max(float(each.sum()), NO_SPREAD)
    return np.where(places.there, found, -np.inf)


def log_likelihood(places: Places, weights: Weights, sureness: float) -> float:
    """Of the right pictures, mean over the places where something fits. Higher is better, at most 0."""
    some = places.of(places.fitting)
    sure = sureness * scores(some, weights)
    return float(np.mean(_log_sum(sure, some.right) - _log_sum(sure, some.there)))


def fitted(places: Places, scaled: dict[SignalName, Signal], ridge: float) -> tuple[Weights, float]:
    """Weights of at least 0 that make the right pictures most likely, less ridge/2 * |weights|^2, made to sum to 1; and
    how sure choices are by them, which is their sum before. Where no signal helps all weights are 0.

    Hoerl and Kennard 1970, "Ridge regression"; Byrd, Lu, Nocedal and Zhu 1995, L-BFGS-B, with the exact gradient.
    """
    some = places.of(places.fitting)
    task = _Task(levels(some, Weights(scaled)), some, ridge)
    count = len(scaled)
    answer = minimize(task.loss, np.ones(count), jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * count)
    found = np.asarray(answer.x, np.float64)
    total = float(found.sum())
    parts = found / total if total > NO_SPREAD else np.zeros(count)
    signals: dict[SignalName, Signal] = {
        name: Signal(float(part), signal.middle, signal.width)
        for (name, signal), part in zip(scaled.items(), parts, strict=True)
    }
    return Weights(signals), total


class _Task:
    """Negative mean log-likelihood with ridge, and its gradient: a conditional logit (McFadden 1974)."""

    def __init__(self, measured: Numbers, places: Places, ridge: float) -> None:
        self._levels = measured
        self._places = places
        self._ridge = ridge

    def loss(self, weights: Numbers) -> tuple[float, Numbers]:
        """Of weights, shape (signals,)."""
        sure = self._levels @ weights
        of_all, of_right = _log_sum(sure, self._places.there), _log_sum(sure, self._places.right)
        value = float(np.mean(of_all - of_right)) + self._ridge / 2 * float(weights @ weights)
        share = _shares(sure, of_all, self._places.there) - _shares(sure, of_right, self._places.right)
        return value, np.tensordot(share / len(share), self._levels, 2) + self._ridge * weights


def _log_sum(values: Numbers, some: Flags) -> Numbers:
    """log sum exp over the candidates of each place that are flagged; every place has one."""
    kept = np.where(some, values, -np.inf)
    most = kept.max(axis=1)
    return most + np.log(np.exp(kept - most[:, None]).sum(axis=1))


def _shares(values: Numbers, sums: Numbers, some: Flags) -> Numbers:
    """exp(value) in its sum, 0 where it is none of it."""
    return np.exp(np.where(some, values - sums[:, None], -np.inf))
