"""Pictures compared with each other: a preference for a place in the prompt cannot decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from composer.ports import Cancel, Vectors
from models.rerankers.comparison import compared, letter_odds, near, settled


class Biased:
    """Sees how red a picture is, and likes the first letter far more than that."""

    def __init__(self) -> None:
        self.calls = 0

    def choose(
        self, images: Sequence[Image.Image], parts: list[dict[str, Any]], answers: Sequence[str], cancel: Cancel
    ) -> Vectors:
        cancel.check()
        self.calls += 1
        assert [part["type"] for part in parts].count("image") == len(images) == len(answers)
        red = np.array([image.getpixel((0, 0))[0] / 255 for image in images], np.float32)  # type: ignore[index]
        return red + np.array([5.0] + [0.0] * (len(images) - 1), np.float32)


def shades(*reds: int) -> list[Image.Image]:
    return [Image.new("RGB", (4, 4), (red, 0, 0)) for red in reds]


def test_one_call_follows_the_place() -> None:
    odds = letter_odds(Biased(), shades(10, 200, 90), "Red", "", Cancel())
    assert int(odds.argmax()) == 0


def test_all_places_follow_the_picture() -> None:
    model = Biased()
    odds = compared(model, shades(10, 200, 90), "Red", "", Cancel())
    assert np.argsort(-odds).tolist() == [1, 2, 0]
    assert model.calls == 3


def test_near_ties() -> None:
    scores = np.array([0.1, 0.9, 0.85, -3.0, 0.7], np.float32)
    assert near(scores, 0.1) == [1, 2]
    assert near(scores, 0.01) == []
    assert near(scores, 9.0, most=3) == [1, 2, 4]


def test_the_scale_stays() -> None:
    scores = np.array([0.1, 0.9, 0.85, -3.0], np.float32)
    made = settled(scores, [1, 2], np.array([0.0, 1.0], np.float32))
    assert np.allclose(made, [0.1, 0.85, 0.9, -3.0])


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=8), st.floats(0.01, 12))
def test_only_the_tied_change_places(values: list[float], margin: float) -> None:
    scores = np.array(values, np.float32)
    tied = near(scores, margin)
    made = settled(scores, tied, np.arange(len(tied), dtype=np.float32))
    assert np.allclose(np.sort(made), np.sort(scores))
    others = [place for place in range(len(values)) if place not in tied]
    assert np.array_equal(made[others], scores[others])
