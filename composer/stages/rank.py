"""Rank: every candidate gets the re-ranker's score, and one final score from all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from composer.ports import Cancel, Reranker
from composer.types import Candidate, SignalName

UNKNOWN = 0.35
"""Level of a signal that was not measured, such as words of a picture that carries none: a little less than is needed,
so that a picture of which little is known must look all the better. On 331 places of illustrated articles, where most
candidates are wordless: 177 filled, 48 with the author's picture; left out of the mean instead, 236 and 47."""


class Signal(Struct, frozen=True):
    """How much one signal counts. Its value is first brought to 0..1 by a logistic of its own."""

    weight: float
    middle: float = 0.5
    """Value that counts as a half."""
    width: float = 0.0
    """Unit of the logistic; 0 where the value is one from 0 to 1 already and is taken as it is."""

    def level(self, value: float) -> float:
        """0 speaks against the picture, 1 for it."""
        if self.width <= 0:
            return min(1.0, max(0.0, value))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, (value - self.middle) / self.width))))


class Weights(Struct, frozen=True):
    """How signals become one score, for one set of models."""

    signals: dict[SignalName, Signal]
    fitted: str = ""
    """What they were fitted on; empty for weights that nobody has fitted."""


def rank(
    candidates: Sequence[Candidate],
    caption: str,
    context: str,
    reranker: Reranker | None,
    weights: Weights,
    cancel: Cancel,
) -> tuple[Candidate, ...]:
    """Score the candidates of one slot, best first. Ties keep the order by picture id, so order in never matters."""
    ordered = sorted(candidates, key=lambda candidate: candidate.picture.id)
    scores: list[float | None] = [None] * len(ordered)
    if reranker is not None and ordered:
        given = reranker.rerank([candidate.picture for candidate in ordered], caption, context, cancel)
        scores = [float(score) if math.isfinite(score) else None for score in given]
    scored = [
        replace(candidate, signals=signals, final=final_score(signals, weights))
        for candidate, score in zip(ordered, scores, strict=True)
        for signals in [_with(candidate.signals, "rerank", score)]
    ]
    return tuple(sorted(scored, key=lambda candidate: -candidate.final))


def final_score(signals: Mapping[SignalName, float], weights: Weights) -> float:
    """Weighted mean of the levels of all signals, UNKNOWN for those that were not measured, 0 to 1; 0 if none was."""
    total = sum(signal.weight for signal in weights.signals.values())
    if not any(signal.weight > 0 and name in signals for name, signal in weights.signals.items()):
        return 0.0
    return sum(signal.weight * level_of(signals.get(name), signal) for name, signal in weights.signals.items()) / total


def level_of(value: float | None, signal: Signal) -> float:
    """What a value counts for, 0 to 1; None was not measured."""
    return UNKNOWN if value is None else signal.level(value)


def _with(signals: Mapping[SignalName, float], name: SignalName, value: float | None) -> dict[SignalName, float]:
    """The signals with this one as it is now, without it where it is None."""
    others: dict[SignalName, float] = {each: known for each, known in signals.items() if each != name}
    return others if value is None else {**others, name: value}
