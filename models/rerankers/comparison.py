"""Pictures compared with each other in one prompt, by a letter, and how to take the letter's place out of it.

Models prefer some letters and some places whatever the pictures are (arXiv 2605.11591: 67.5 % right among 4 candidates
becomes 24.9 % among 8 near ones; 13.9 % of the choices survive a shuffle). So every picture stands at every place once,
in rotations of one order by id, and its log-odds are averaged: the result cannot depend on the order given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from PIL.Image import Image

from composer.ports import Cancel, Vectors
from models.rerankers.questions import CAPTION, CONTEXT, shortened, telling

LETTERS = "ABCDEFGH"
ASKED = (
    "Which of these {count} pictures shows best what the caption of an article says and suits the text around it?\n"
    "Caption: {caption}\nText: {context}\nAnswer with one letter, A to {last}:"
)


class Seeing(Protocol):
    """What a comparison needs of a model: sight.Sight."""

    def choose(
        self, images: Sequence[Image], parts: list[dict[str, Any]], answers: Sequence[str], cancel: Cancel
    ) -> Vectors: ...


def letter_odds(sight: Seeing, images: Sequence[Image], caption: str, context: str, cancel: Cancel) -> Vectors:
    """Log-probability of each picture's letter among the letters, shape (len(images),), in one call."""
    parts: list[dict[str, Any]] = []
    for letter in LETTERS[: len(images)]:
        parts += [{"type": "text", "text": f"{letter}:"}, {"type": "image"}]
    caption = shortened(caption, CAPTION)
    words = ASKED.format(
        count=len(images), caption=caption, context=telling(context, caption, CONTEXT), last=LETTERS[len(images) - 1]
    )
    parts.append({"type": "text", "text": words})
    return sight.choose(images, parts, LETTERS[: len(images)], cancel)


def compared(sight: Seeing, images: Sequence[Image], caption: str, context: str, cancel: Cancel) -> Vectors:
    """Mean log-probability of each picture over all places, shape (len(images),). As many calls as pictures.

    `images` must be in an order that does not depend on the caller's, such as by id.
    """
    count = len(images)
    total = np.zeros(count, np.float32)
    for turn in range(count):
        order = [(turn + at) % count for at in range(count)]
        total[order] += letter_odds(sight, [images[at] for at in order], caption, context, cancel)
    return (total / count).astype(np.float32)


def near(scores: Vectors, margin: float, most: int = len(LETTERS)) -> list[int]:
    """Places of the scores within `margin` of the best, best first, at most `most`; empty if the best stands alone."""
    order = [int(at) for at in np.argsort(-scores, kind="stable")[:most] if scores.max() - scores[at] <= margin]
    return order if len(order) > 1 else []


def settled(scores: Vectors, tied: Sequence[int], odds: Vectors) -> Vectors:
    """The scores with those of `tied` handed out anew, the best of them to the picture with the best odds.

    `odds` are in the order of `tied`. The scores keep their scale, and pictures outside keep their place.
    """
    made = scores.copy()
    values = sorted((float(scores[at]) for at in tied), reverse=True)
    for rank, at in enumerate(sorted(range(len(tied)), key=lambda each: -float(odds[each]))):
        made[tied[at]] = values[rank]
    return made
