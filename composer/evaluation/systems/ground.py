"""What all systems stand on: the same tools and pictures, how many pictures an article gets, another order."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from composer import prose
from composer.evaluation.answers import Answers
from composer.evaluation.nouns import GoldArticle
from composer.evaluation.systems.clock import Clock, Once
from composer.evaluation.systems.twins import Twins
from composer.ports import Cancel
from composer.tools import Tools
from composer.types import LONGEST, MOST_PICTURES, SHORTEST, Block, Brief, Language, Picture, Slot

if TYPE_CHECKING:
    from composer.evaluation.pool import Pool

T = TypeVar("T")
SEED = 1
UNITS_A_PICTURE = {"en": 200, "zh": 250}
"""Near what English articles of the development set have (187 words); its Chinese recipes have more pictures."""


class Ground:
    """Tools, pictures and results that systems share."""

    def __init__(
        self, tools: Tools, folders: tuple[str, ...], unseen: Mapping[str, Mapping[str, float]] | None = None
    ) -> None:
        self.tools = tools
        self.folders = folders
        """Of the pool's pictures, absolute."""
        self._unseen = unseen or {}
        self.twins = Twins(tools, SEED, self.now)
        self.plans: Once[tuple[Slot, ...]] = Once(self.now)
        """The program's own slots, by article."""

    def now(self) -> float:
        """Seconds of a clock that also counts what kept answers of the writer took when they were made."""
        kept = self.tools.writer
        return time.monotonic() + (kept.saved if isinstance(kept, Answers) else 0.0)

    def tools_for(self, gold: GoldArticle) -> Tools:
        """The tools, with weights of places fitted without this article where the program's own know it."""
        weights = self._unseen.get(gold.id)
        return dataclasses.replace(self.tools, places=weights) if weights else self.tools

    def clock(self) -> Clock:
        return Clock(self.now)

    def warm(self, cancel: Cancel, *, writes: bool, ranks: bool = False) -> None:
        """Load what a system works with before its clock runs: who comes first pays for no model."""
        self.tools.encoder.encode_texts(["a boat"])
        if writes:
            self.tools.writer().count_tokens("a boat")
        if ranks and self.tools.reranker is not None:
            first = self.tools.catalogue.rows(self.folders)[:1].tolist()
            pictures = list(self.tools.catalogue.pictures(first, self.folders).values())
            self.tools.reranker.rerank(pictures, "a boat", "a boat", cancel)

    def reads(self, language: Language) -> bool:
        """Whether the encoder reads it; texts in another language are translated by the writer."""
        return language in self.tools.encoder.languages

    def pictures(self, ids: Sequence[str]) -> list[Picture]:
        """The pictures of those ids, in that order; those that the catalogue does not have are left out."""
        rows = [row for row in map(self.tools.catalogue.row_of, ids) if row is not None]
        known = self.tools.catalogue.pictures(rows, self.folders)
        return [known[row] for row in rows if row in known]

    def group(self, picture: Picture) -> str:
        """Near-duplicates have one group; a picture that stands alone is its own."""
        return picture.group or picture.id


@lru_cache(maxsize=2)
def ground_of(pool: Pool, tools: Tools) -> Ground:
    """One ground for all systems on a pool, so that they share what was made."""
    return Ground(tools, (pool.folder,), pool.unseen)


def texts_of(gold: GoldArticle) -> tuple[Block, ...]:
    """The text blocks: place by place what `Figure.after` and `Placed.after` count."""
    return tuple(block for block in gold.article.blocks if block.kind == "paragraph")


def text_at(gold: GoldArticle, after: int) -> str:
    """The text block that a picture follows; before all text the first one, which it stands beside."""
    return texts_of(gold)[max(0, after)].text


def brief_of(gold: GoldArticle, folders: tuple[str, ...]) -> Brief:
    """A brief that the article could have been written from; how many pictures is left to its length."""
    length = prose.article_length(gold.article, gold.language)
    return Brief(
        topic=gold.article.title,
        language=gold.language,
        length=min(max(length, SHORTEST), LONGEST),
        libraries=folders,
        seed=SEED,
    )


def count_for(gold: GoldArticle) -> int:
    """How many pictures a system that does not plan by the text gives: one for every 200 words or 250 characters."""
    wanted = max(1, round(brief_of(gold, ()).length / UNITS_A_PICTURE[gold.language]))
    return min(wanted, len(texts_of(gold)), MOST_PICTURES)


def reordered(items: Sequence[T], key: str) -> list[T]:
    """The items in another order, the same one for the same key; as they were only where there are fewer than two."""
    dice = random.Random(key)  # noqa: S311 - a draw that can be repeated, no secret
    order = list(range(len(items)))
    while len(order) > 1 and order == sorted(order):
        dice.shuffle(order)
    return [items[place] for place in order]
