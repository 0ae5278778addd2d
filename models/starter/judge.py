"""The starter's re-ranker: a judge that reads the words that pictures carry. It does not see the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from composer import prose
from composer.ports import Cancel, Vectors
from composer.types import Language, Picture
from models.starter import minilm

JUDGE_ID = "starter-words-judge-1"
CONTEXT_SHARE = 0.3
"""How much the paragraph counts beside the caption."""


_CAMERA = frozenset({
    "dsc", "dscf", "dscn", "image", "img", "imgp", "mvimg", "photo", "pic", "pict", "picture", "pxl",
})  # fmt: skip
"""What cameras and people call any picture."""


def said_of(picture: Picture) -> str:
    """The caption, else file and folder names and keywords if they say anything; "IMG 2041" does not.

    Nothing where the words are Chinese, which the judge does not read.
    """
    if prose.is_chinese(picture.caption or picture.words):
        return ""
    if picture.caption:
        return picture.caption
    telling = [word for word in prose.content_words(picture.words) if word.isalpha() and word not in _CAMERA]
    return picture.words if telling else ""


class WordsJudge:
    """Cosine similarity of the caption (and the paragraph) with a picture's own caption, both read by MiniLM."""

    id = JUDGE_ID
    sees_pictures = False
    languages: tuple[Language, ...] = ("en",)

    def __init__(self, folder: Path) -> None:
        self._texts = minilm.shared(folder / "minilm")

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:
        """Shape (len(pictures),), -1 to 1; NaN, no opinion, for a picture of which nothing is said."""
        cancel.check()
        words = [said_of(picture) for picture in pictures]
        if not words:
            return np.zeros(0, np.float32)
        # One text at a time in a batch is padded by its neighbours, which moves the last digits; sorted input keeps
        # the scores independent of the order given.
        unique = sorted(set(words))
        place = {text: at for at, text in enumerate(unique)}
        theirs = self._texts.encode(unique)
        asked = self._texts.encode([caption, context or caption])
        scores = theirs @ ((1 - CONTEXT_SHARE) * asked[0] + CONTEXT_SHARE * asked[1])
        return np.asarray([scores[place[text]] if text else np.nan for text in words], np.float32)

    def prepare(self, pictures: Sequence[Picture], cancel: Cancel) -> Iterator[int]:  # noqa: ARG002 - the port's
        """Nothing: reading captions is fast."""
        cancel.check()
        yield from ()

    def notices(self) -> list[str]:
        return []

    def close(self) -> None:
        """The sentence encoder is shared; its owner frees it."""
