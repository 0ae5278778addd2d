"""The obvious way without a model that reads: pictures at equal distances, each the nearest to its paragraph.

Source: none; it is what a program does that knows only how long an article is and how well a picture fits a text.
"""

from __future__ import annotations

from collections.abc import Sequence

from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, SystemName
from composer.evaluation.systems.ground import Ground, count_for, text_at, texts_of
from composer.evaluation.systems.nearest import Wanted, found, nearest_of, placed, taken_otherwise
from composer.ports import Cancel


def spread(count: int, places: int) -> list[int]:
    """`count` of the places from 0 to `places` - 1, in the middle of as many equal stretches, ascending."""
    return [(2 * at + 1) * places // (2 * count) for at in range(count)]


class Even:
    """As many places as the program's own count, evenly spaced; the paragraph is the query; no picture twice."""

    name: SystemName = "even"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def illustrate(self, gold: GoldArticle, cancel: Cancel) -> Illustrated:
        cancel.check()
        self._ground.warm(cancel, writes=not self._ground.reads(gold.language))
        clock, twins, texts = self._ground.clock(), self._ground.twins, texts_of(gold)
        wanted = [
            Wanted(after=after, query=twins.of(texts[after].text, gold.language, clock, cancel))
            for after in spread(count_for(gold), len(texts))
        ]
        near = found(self._ground, [want.query for want in wanted])
        slots = placed(wanted, near, self._ground.tools.candidates)
        seconds = clock.seconds()
        return Illustrated(
            article=gold.id, system=self.name, slots=slots, seconds=seconds,
            shuffled=taken_otherwise(near, gold.id),
        )  # fmt: skip

    def choose(
        self,
        gold: GoldArticle,
        figure: Figure,
        words: str,  # noqa: ARG002 - it knows no captions, here as in `illustrate`
        candidates: Sequence[str],
        cancel: Cancel,
    ) -> str | None:
        """The nearest to the paragraph that the figure follows."""
        text = self._ground.twins.of(text_at(gold, figure.after), gold.language, self._ground.clock(), cancel)
        return nearest_of(self._ground, text, candidates)
