"""The program's own way from a bare text on, as events, and its plan alone for systems that share it."""

from __future__ import annotations

from contextlib import closing

from composer.evaluation.nouns import GoldArticle
from composer.evaluation.systems.clock import Clock
from composer.evaluation.systems.ground import Ground, brief_of, texts_of
from composer.pipeline import illustrate
from composer.ports import Cancel
from composer.types import OPENING, Composition, Outline, Section, Slot, SlotsPlanned


def draft_of(gold: GoldArticle, folders: tuple[str, ...]) -> Composition:
    """The bare text as if the program had written it: headings are sections, of which nothing more is known."""
    return Composition(brief=brief_of(gold, folders), outline=_outline(gold), article=gold.article)


def places_of(gold: GoldArticle) -> dict[str, int]:
    """Where a block's picture stands, by the block's id: counted as `Placed.after`."""
    places, after = {OPENING: -1}, -1
    for block in gold.article.blocks:
        after += block.kind == "paragraph"
        places[block.id] = after
    return places


def planned(ground: Ground, gold: GoldArticle, clock: Clock, cancel: Cancel) -> tuple[Slot, ...]:
    """The program's slots for the article, made once for all systems that use them."""
    return ground.plans.of(("plan", gold.id), lambda: _plan(ground, gold, cancel), clock)


def _plan(ground: Ground, gold: GoldArticle, cancel: Cancel) -> tuple[Slot, ...]:
    draft = draft_of(gold, ground.folders)
    with closing(illustrate(draft, ground.tools_for(gold), cancel)) as events:
        return next((event.slots for event in events if isinstance(event, SlotsPlanned)), ())


def _outline(gold: GoldArticle) -> Outline:
    headings = {block.section: block.text for block in gold.article.blocks if block.kind == "heading"}
    points = {block.section: 0 for block in gold.article.blocks}
    for block in texts_of(gold):
        points[block.section] += 1
    sections = (
        Section(headings.get(section, gold.article.title), ("",) * points.get(section, 0))
        for section in range(max(points) + 1)
    )
    return Outline(gold.article.title, tuple(sections))
