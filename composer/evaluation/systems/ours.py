"""This program: its own plan, retrieval, ranking and assignment, as for an article that it wrote itself.

Source: composer.pipeline, from the stage "plan" on. Nothing is known of the article but its text: no outline with
subjects, no pictures that sections were planned around.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing

import numpy as np
from msgspec import Struct

from composer import prose
from composer.draft import fold
from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, Placed, SystemName
from composer.evaluation.systems.ground import Ground, reordered, text_at
from composer.evaluation.systems.planner import draft_of, places_of
from composer.library.finding.search import by_words
from composer.pipeline import EVIDENCE_WORDS, illustrate
from composer.ports import Cancel
from composer.stages.assign import assign
from composer.stages.rank import rank
from composer.stages.retrieve import signals_of
from composer.types import Candidate, CandidatesReady, Composition, Language, Slot, SlotsPlanned


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
        """Ranking and assignment of one slot: caption and query are the author's words."""
        query = self._ground.twins.of(words, gold.language, self._ground.clock(), cancel)
        slot = Slot(id="s1", after="", caption=words, query=query)
        scored = self._scored(slot, candidates)
        ranked = self._ranked(slot, scored, text_at(gold, figure.after), gold.language, cancel)
        picture = assign([slot], {slot.id: ranked}, self._ground.tools.empty_below)[0].picture
        return picture.id if picture else None

    def _run(self, gold: GoldArticle, cancel: Cancel) -> _Run:
        cancel.check()
        self._ground.warm(cancel, writes=True, ranks=True)
        clock, draft = self._ground.clock(), draft_of(gold, self._ground.folders)
        retrieved: dict[str, tuple[str, ...]] = {}
        with closing(illustrate(draft, self._ground.tools, cancel)) as events:
            for event in events:
                draft = fold(draft, event)
                if isinstance(event, SlotsPlanned):
                    self._ground.plans.put(("plan", gold.id), event.slots, clock.seconds())
                if isinstance(event, CandidatesReady) and event.slot not in retrieved:
                    retrieved[event.slot] = tuple(each.picture.id for each in event.candidates)
        return _Run(draft, retrieved, clock.seconds())

    def _shuffled(self, gold: GoldArticle, draft: Composition, cancel: Cancel) -> tuple[str | None, ...]:
        """What is chosen when ranking and assignment are given every slot's candidates in another order."""
        slots, places = draft.slots or (), places_of(gold)
        ranked: dict[str, tuple[Candidate, ...]] = {}
        for slot in slots:
            handed = reordered(draft.candidates.get(slot.id, ()), f"{gold.id} {slot.id}")
            text = text_at(gold, places[slot.after])
            again = self._ranked(slot, handed, text, gold.language, cancel)
            ranked[slot.id] = tuple(reordered(again, f"{gold.id} {slot.id} ranked"))
        picks = assign(slots, ranked, self._ground.tools.empty_below)
        return tuple(pick.picture.id if pick.picture else None for pick in picks)

    def _scored(self, slot: Slot, ids: Sequence[str]) -> list[Candidate]:
        """Given pictures as candidates, with the scores that retrieval gives those it finds."""
        tools, folders = self._ground.tools, self._ground.folders
        rows = {picture.id: tools.catalogue.row_of(picture.id) for picture in self._ground.pictures(ids)}
        among = np.asarray(sorted(row for row in rows.values() if row is not None), np.int64)
        cosines = tools.search.cosines(tools.encoder.encode_texts([slot.query])[0], among.tolist())
        words: dict[int, float] = {}
        for text in (f"{slot.query} {slot.caption}", slot.query):
            for row, score in by_words(tools.catalogue, text, folders, len(among), among=among):
                words[row] = max(score, words.get(row, 0.0))
        return [
            Candidate(picture=picture, signals=signals_of(picture, cosines.get(row), words.get(row)))
            for picture in self._ground.pictures(ids)
            if (row := rows[picture.id]) is not None
        ]

    def _ranked(
        self, slot: Slot, candidates: Iterable[Candidate], text: str, language: Language, cancel: Cancel
    ) -> tuple[Candidate, ...]:
        """As the pipeline ranks: caption and paragraph, or the query where the re-ranker does not read the language."""
        tools = self._ground.tools
        caption, context = f"{slot.caption}. {slot.query}", prose.cut_words(text, EVIDENCE_WORDS, "en")
        if tools.reranker is not None and language not in tools.reranker.languages:
            caption = context = slot.query
        return rank(list(candidates), caption, context, tools.reranker, tools.weights, cancel)


def _picture(draft: Composition, slot: Slot) -> str | None:
    pick = draft.picks.get(slot.id)
    return pick.picture.id if pick and pick.picture else None
