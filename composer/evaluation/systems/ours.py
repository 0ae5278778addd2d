"""This program: its own plan, retrieval, ranking and assignment, as for an article that it wrote itself.

Source: composer.pipeline, from the stage "plan" on. Nothing is known of the article but its text: no outline with
subjects, no pictures that sections were planned around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing

from msgspec import Struct

from composer.choosing import Chooser
from composer.draft import fold
from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, Placed, SystemName
from composer.evaluation.systems.ground import Ground, brief_of, reordered, texts_of
from composer.evaluation.systems.planner import draft_of, places_of
from composer.pipeline import illustrate
from composer.ports import Cancel
from composer.stages.assign import assign
from composer.stages.plan import block_of
from composer.types import OPENING, Candidate, CandidatesReady, Composition, Slot, SlotsPlanned, StageFinished


class _Run(Struct, frozen=True):
    """What one run left."""

    draft: Composition
    retrieved: Mapping[str, tuple[str, ...]]
    """Ids by slot, best first, before any ranking."""
    seconds: float


class Ours:
    """Pictorial itself."""

    name: SystemName = "ours"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def illustrate(self, gold: GoldArticle, cancel: Cancel) -> Illustrated:
        run = self._run(gold, cancel)
        places, draft = places_of(gold), run.draft
        slots = tuple(
            Placed(
                after=places[slot.after], picture=_picture(draft, slot), candidates=run.retrieved.get(slot.id, ()),
                caption=slot.caption, query=slot.query,
            )
            for slot in draft.slots or ()
        )  # fmt: skip
        return Illustrated(
            article=gold.id, system=self.name, slots=slots, seconds=run.seconds,
            shuffled=self._shuffled(gold, draft, cancel),
        )  # fmt: skip

    def choose(
        self, gold: GoldArticle, figure: Figure, words: str, candidates: Sequence[str], cancel: Cancel
    ) -> str | None:
        """Measuring and ranking of one slot: caption and query are the author's words."""
        query = self._ground.twins.of(words, gold.language, self._ground.clock(), cancel)
        slot = Slot(id="s1", after=after_of(gold, figure.after), caption=words, query=query)
        ranked = self.considered(gold, slot, candidates, cancel)
        return ranked[0].picture.id if ranked else None

    def considered(
        self, gold: GoldArticle, slot: Slot, candidates: Sequence[str], cancel: Cancel
    ) -> tuple[Candidate, ...]:
        """Given pictures as candidates of a slot of the article, best first."""
        chooser = self._chooser(gold, cancel)
        aim = chooser.aims([slot], gold.article, [slot])[0]
        return chooser.ranked(slot, aim.text, chooser.measured(aim, self._ground.pictures(candidates)))

    def _chooser(self, gold: GoldArticle, cancel: Cancel) -> Chooser:
        return Chooser(self._ground.tools, brief_of(gold, self._ground.folders), cancel)

    def _run(self, gold: GoldArticle, cancel: Cancel) -> _Run:
        cancel.check()
        self._ground.warm(cancel, writes=True, ranks=True)
        clock, draft = self._ground.clock(), draft_of(gold, self._ground.folders)
        retrieved: dict[str, tuple[str, ...]] = {}
        with closing(illustrate(draft, self._ground.tools_for(gold), cancel)) as events:
            for event in events:
                draft = fold(draft, event)
                if isinstance(event, SlotsPlanned):
                    self._ground.plans.put(("plan", gold.id), event.slots, clock.seconds())
                if isinstance(event, StageFinished) and event.stage == "assign":
                    break  # captions are worded after the choice
                if isinstance(event, CandidatesReady) and event.slot not in retrieved:
                    retrieved[event.slot] = tuple(each.picture.id for each in event.candidates)
        return _Run(draft, retrieved, clock.seconds())

    def _shuffled(self, gold: GoldArticle, draft: Composition, cancel: Cancel) -> tuple[str | None, ...]:
        """What is chosen when ranking and assignment are given every slot's candidates in another order."""
        slots, chooser = draft.slots or (), self._chooser(gold, cancel)
        ranked: dict[str, tuple[Candidate, ...]] = {}
        for slot in slots:
            handed = reordered(draft.candidates.get(slot.id, ()), f"{gold.id} {slot.id}")
            again = chooser.ranked(slot, block_of(slot.after, gold.article).text, handed)
            ranked[slot.id] = tuple(reordered(again, f"{gold.id} {slot.id} ranked"))
        picks = assign(slots, chooser.together(ranked), self._ground.tools.empty_below)
        return tuple(pick.picture.id if pick.picture else None for pick in picks)


def after_of(gold: GoldArticle, place: int) -> str:
    """Where a figure stands, as slots say it."""
    return texts_of(gold)[place].id if place >= 0 else OPENING


def _picture(draft: Composition, slot: Slot) -> str | None:
    pick = draft.picks.get(slot.id)
    return pick.picture.id if pick and pick.picture else None
