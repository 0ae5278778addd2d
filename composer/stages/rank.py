"""Rank: every candidate gets the re-ranker's score, and one final score from all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from composer.ports import Cancel, Reranker
from composer.types import Candidate, SignalName


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
    """Weighted mean of the levels of the signals that were measured, 0 to 1."""
    parts = [
        (signal.weight, signal.level(signals[name])) for name, signal in weights.signals.items() if name in signals
    ]
    total = sum(weight for weight, _ in parts)
    return sum(weight * level for weight, level in parts) / total if total else 0.0


def _with(signals: Mapping[SignalName, float], name: SignalName, value: float | None) -> dict[SignalName, float]:
    """The signals with this one as it is now, without it where it is None."""
    others: dict[SignalName, float] = {each: known for each, known in signals.items() if each != name}
    return others if value is None else {**others, name: value}
