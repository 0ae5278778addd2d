"""Rank: every candidate gets the re-ranker's score, and one final score from all."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from composer.ports import Cancel, Reranker
from composer.types import Candidate


class Weights(Struct, frozen=True):
    """How scores become one. Each score is first brought to 0..1 by a logistic with a middle and a width of its own."""

    vector: float
    words: float
    rerank: float
    vector_middle: float
    vector_width: float
    rerank_middle: float
    rerank_width: float


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
        replace(candidate, rerank=score, final=final_score(candidate, score, weights))
        for candidate, score in zip(ordered, scores, strict=True)
    ]
    return tuple(sorted(scored, key=lambda candidate: -candidate.final))


def final_score(candidate: Candidate, rerank: float | None, weights: Weights) -> float:
    """Weighted mean of the scores that exist, 0 to 1."""
    parts: list[tuple[float, float]] = []
    if candidate.vector is not None:
        parts.append((weights.vector, _squash(candidate.vector, weights.vector_middle, weights.vector_width)))
    if candidate.words is not None:
        parts.append((weights.words, candidate.words))
    if rerank is not None:
        parts.append((weights.rerank, _squash(rerank, weights.rerank_middle, weights.rerank_width)))
    total = sum(weight for weight, _ in parts)
    return sum(weight * score for weight, score in parts) / total if total else 0.0


def _squash(score: float, middle: float, width: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, (score - middle) / width))))
