"""Choosing alone: for every gold figure the same candidates for every system."""

from __future__ import annotations

import random
from collections.abc import Iterator

from msgspec import Struct

from composer.evaluation.nouns import Figure, GoldArticle
from composer.evaluation.pool import Pool, author_words

OTHERS = 7
"""Wrong candidates beside the right one: with it as many as the program considers for a slot."""


class Question(Struct, frozen=True, kw_only=True):
    """Which of these pictures did the author place here?"""

    figure: Figure
    words: str
    """The author's: the caption, else the alternative text."""
    right: str
    """Id of the author's picture."""
    candidates: tuple[str, ...]
    """Ids in an order that says nothing; the right one is among them, and no near-duplicate of it."""


def questions(gold: GoldArticle, pool: Pool, seed: int) -> Iterator[Question]:
    """One for each figure of which its author said something.

    The others are the 7 nearest to the author's words by the encoder, one of each group of near-duplicates; where the
    encoder does not read the language, the 7 that look most like the right picture. The order depends on the seed, the
    article and the figure alone.
    """
    for place, figure in enumerate(gold.figures):
        words = author_words(figure)
        if not words:
            continue
        right = pool.id_of(figure.image)
        candidates = [right, *_others(gold, right, words, pool)]
        random.Random(f"{seed} {gold.id} {place}").shuffle(candidates)  # noqa: S311 - repeatable, no secret
        yield Question(figure=figure, words=words, right=right, candidates=tuple(candidates))


def _others(gold: GoldArticle, right: str, words: str, pool: Pool) -> list[str]:
    """Ids of the wrong candidates, the nearest first."""
    vector = pool.encoder.encode_texts([words])[0] if pool.reads(gold.language) else pool.vector_of(right)
    taken: dict[str, str] = {}
    for each in pool.near(vector):
        taken.setdefault(pool.group_of(each), each)
    taken.pop(pool.group_of(right), None)
    return list(taken.values())[:OTHERS]
