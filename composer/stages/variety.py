"""Variety: of the candidates of one place, those that are good and not all the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def diverse(
    vectors: NDArray[np.float32], scores: NDArray[np.floating], count: int, weight: float = 0.7, near: float = 0.97
) -> list[int]:
    """Places of `count` candidates, the best first, each good in itself and unlike those before it.

    Maximal marginal relevance (Carbonell and Goldstein 1998): next comes the largest weight * score - (1 - weight) *
    largest cosine with those taken. `vectors` has rows of length 1, shape (n, d); `scores`, shape (n,), lie in 0 to 1
    as cosines do. A candidate whose cosine with one taken is `near` or more is a near-duplicate: it comes after all
    that are not. Of equals the first given comes first; otherwise the order given never matters.
    """
    if len(vectors) != len(scores):
        raise ValueError(f"{len(vectors)} vectors for {len(scores)} scores")
    wide = np.asarray(vectors, np.float64)
    merit = weight * np.asarray(scores, np.float64)
    alike = np.full(len(merit), -1.0)
    free = np.ones(len(merit), np.bool_)
    taken: list[int] = []
    while len(taken) < min(count, len(merit)):
        value = merit - (1 - weight) * alike if taken else merit
        among = free & (alike < near) if (free & (alike < near)).any() else free
        best = int(np.argmax(np.where(among, value, -np.inf)))
        taken.append(best)
        free[best] = False
        cosines: NDArray[np.float64] = wide @ wide[best]
        alike = np.maximum(alike, cosines.round(6))  # the last bits of a sum depend on where its row stands
    return taken
