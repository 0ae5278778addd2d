"""Series: pictures of one article belong together, so a picture that goes with the others' best ones is likelier.

What the places of an article have found is read as a whole: each place's candidates count by how well they fit there,
and a candidate elsewhere gains by resemblance to them. That is pseudo-relevance feedback (Rocchio 1971) across places
instead of within one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from composer.ports import Vectors

SHARPNESS = 0.1
"""Scores of 0 to 1: a candidate that is so much better than another counts e times as much."""
Numbers = NDArray[np.float64]


def resemblance(
    vectors: Vectors, groups: Sequence[str], places: Sequence[int], scores: Sequence[float]
) -> list[float | None]:
    """How much more each candidate resembles the other places' good candidates than it resembles all, -2 to 2.

    One row of `vectors` (unit length), `groups` (near-duplicates share one), `places` and `scores` (0 to 1) for each
    candidate of each place. A picture is not compared with itself or its near-duplicates. None where no other place has
    another picture. The order given never matters.
    """
    if not len(vectors):
        return []
    alike = np.asarray(vectors @ vectors.T, np.float64)
    place, group = np.asarray(places), np.unique(np.asarray(groups), return_inverse=True)[1]
    other = (place[:, None] != place[None, :]) & (group[:, None] != group[None, :])
    counted = other * _shares(place, np.asarray(scores, np.float64))[None, :]
    whole, number = counted.sum(1), other.sum(1)
    near = (alike * counted).sum(1) / np.where(whole > 0, whole, 1.0)
    usual = (alike * other).sum(1) / np.maximum(number, 1)
    return [float(value) if some else None for value, some in zip(near - usual, whole > 0, strict=True)]


def _shares(place: NDArray[np.int64], scores: Numbers) -> Numbers:
    """What each candidate counts among those of its place: a softmax of the scores."""
    shares = np.zeros(len(scores))
    for one in np.unique(place):
        here = place == one
        odds = np.exp((scores[here] - scores[here].max()) / SHARPNESS)
        shares[here] = odds / odds.sum()
    return shares
