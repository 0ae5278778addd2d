"""Examples whose right picture is known because the signals were drawn around it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from composer.evaluation.nouns import Example
from composer.types import Candidate, Picture, SignalName


def candidate(name: str, group: str = "", **signals: float) -> Candidate:
    picture = Picture(id=name, path=f"/{name}.jpg", width=3, height=2, group=group)
    return Candidate(picture=picture, signals=signals)  # type: ignore[arg-type]


def drawn(
    places: int, strength: Mapping[SignalName, float], seed: int = 1, *, missing: float = 0.0, empty: float = 0.0,
    groups: int = 12,
) -> list[Example]:  # fmt: skip
    """Places with six candidates. Each signal is normal, in units of its own, and higher by its strength where the
    picture is right; a share is missing, and at a share of the places nothing is right."""
    dice = np.random.default_rng(seed)
    units: dict[SignalName, float] = {"vector": 0.05, "words": 0.2, "rerank": 3.0}
    made: list[Example] = []
    for place in range(places):
        right = None if dice.random() < empty else f"p{dice.integers(6)}"
        made.append(
            Example(
                group=f"a{place % groups}",
                candidates=tuple(
                    Candidate(
                        picture=Picture(id=f"p{at}", path=f"/{at}.jpg", width=3, height=2),
                        signals={
                            name: units.get(name, 1.0) * float(dice.normal(value * (f"p{at}" == right)))
                            for name, value in strength.items()
                            if name == "vector" or dice.random() >= missing
                        },
                    )
                    for at in dice.permutation(6)
                ),
                right=right,
            )
        )
    return made
