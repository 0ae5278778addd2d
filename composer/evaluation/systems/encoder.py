"""The program's own plan, without what it does afterwards: each slot gets the encoder's nearest picture.

Source: retrieval by a dual encoder's cosine (Radford et al. 2021, arXiv 2103.00020), what most programs that choose
pictures stop at. Beside "ours" it shows what rankings by words, re-ranking, assignment and empty slots are worth. Slots
are served in reading order and a picture, or a near-duplicate of one, is not taken twice: nobody would print it twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, SystemName
from composer.evaluation.systems.ground import Ground
from composer.evaluation.systems.nearest import Wanted, found, nearest_of, placed, taken_otherwise
from composer.evaluation.systems.planner import places_of, planned
from composer.ports import Cancel


class NearestToCaption:
    """The planner's slots, the planner's query, the encoder's best."""

    name: SystemName = "encoder"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def illustrate(self, gold: GoldArticle, cancel: Cancel) -> Illustrated:
        cancel.check()
        self._ground.warm(cancel, writes=True)
        clock, places = self._ground.clock(), places_of(gold)
        wanted = [
            Wanted(after=places[slot.after], query=slot.query, caption=slot.caption)
            for slot in planned(self._ground, gold, clock, cancel)
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
        figure: Figure,  # noqa: ARG002 - the words say it all
        words: str,
        candidates: Sequence[str],
        cancel: Cancel,
    ) -> str | None:
        """The nearest to the author's words."""
        text = self._ground.twins.of(words, gold.language, self._ground.clock(), cancel)
        return nearest_of(self._ground, text, candidates)
