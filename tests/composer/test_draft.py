"""Folding events: each one leaves exactly what it says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from composer.draft import fold
from composer.types import (
    STAGES,
    AnyEvent,
    Article,
    ArticleReady,
    BlockReplaced,
    BlockStarted,
    Brief,
    CandidatesReady,
    Composed,
    Composition,
    ModelsChosen,
    Notice,
    OutlineReady,
    Pick,
    Picked,
    SlotsPlanned,
    Speed,
    StageFinished,
    StageName,
    StageProgress,
    StageStarted,
    TextDelta,
    WeightsChosen,
)
from tests.composer.fakes import article, candidate, heading, outline_of, paragraph, picture, slot

EMPTY = Composition(brief=Brief(topic="x"))
FULL = Composition(
    brief=Brief(topic="x"),
    outline=outline_of("Nets"),
    article=article(2),
    slots=(slot("s1"),),
    candidates={"s1": (candidate("a", 0.5),)},
    picks={"s1": Pick(slot="s1", picture=picture("a"), reason="r")},
    models={"writer": "w"},
    inputs=dict.fromkeys(STAGES, "hash"),
    seconds=dict.fromkeys(STAGES, 1.0),
)


def folded(draft: Composition, *events: AnyEvent) -> Composition:
    for event in events:
        draft = fold(draft, event)
    return draft


def test_text_streams_into_its_block() -> None:
    open_ = paragraph("p0", "", done=False)
    draft = folded(
        EMPTY, OutlineReady(outline_of("Nets")), BlockStarted(heading(0, "Nets")), BlockStarted(open_),
        TextDelta("p0", "Nets "), TextDelta("p0", "dry."), TextDelta("p9", "nobody's"),
    )  # fmt: skip
    assert draft.article == Article("A title", (heading(0, "Nets"), replace(open_, text="Nets dry.")))
    closed = replace(open_, text="Nets hang.", done=True)
    assert fold(draft, BlockReplaced(closed)).article == Article("A title", (heading(0, "Nets"), closed))


def test_text_for_an_earlier_block_finds_it() -> None:
    draft = folded(EMPTY, BlockStarted(paragraph("p0", "a")), BlockStarted(paragraph("p1", "b")), TextDelta("p0", "!"))
    assert draft.article is not None
    assert [block.text for block in draft.article.blocks] == ["a!", "b"]


def test_an_empty_text_takes_the_block_out() -> None:
    draft = folded(EMPTY, BlockStarted(paragraph("p0", "a")), BlockStarted(paragraph("p1", "b")))
    draft = fold(draft, BlockReplaced(paragraph("p0", "")))
    assert draft.article is not None
    assert [block.id for block in draft.article.blocks] == ["p1"]


def test_whole_results_replace_what_was_there() -> None:
    done = fold(FULL, ArticleReady(article(3), Speed(10, 2.0)))
    assert done.article == article(3)
    assert done.speed.tokens_per_second == 5.0
    assert fold(FULL, Composed(EMPTY)) == EMPTY
    assert fold(FULL, ModelsChosen({"encoder": "e"})).models == {"encoder": "e"}
    weighed = fold(FULL, WeightsChosen({"words": (0.5, 0.5, 0.0)}, 0.3))
    assert (weighed.weights, weighed.empty_below) == ({"words": (0.5, 0.5, 0.0)}, 0.3)
    again = fold(FULL, CandidatesReady("s2", (candidate("b"),)))
    assert set(again.candidates) == {"s1", "s2"}
    pick = Pick(slot="s1", picture=None, reason="none")
    assert fold(FULL, Picked(pick)).picks == {"s1": pick}


def test_a_new_outline_leaves_nothing_of_the_old_article() -> None:
    draft = fold(FULL, OutlineReady(outline_of("Boats")))
    assert draft.article == Article("A title", ())
    assert (draft.slots, draft.candidates, draft.picks) == (None, {}, {})


def test_new_slots_leave_nothing_of_the_old_ones() -> None:
    draft = fold(FULL, SlotsPlanned((slot("s1", "p1"),)))
    assert draft.slots == (slot("s1", "p1"),)
    assert (draft.candidates, draft.picks) == ({}, {})


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_starts_is_not_finished_and_neither_is_what_follows(stage: StageName) -> None:
    draft = fold(FULL, StageStarted(stage))
    if stage == "index":
        assert draft.inputs == FULL.inputs, "a look at the folders changes nothing by itself"
    else:
        assert set(draft.inputs) == set(STAGES[: STAGES.index(stage)])
    assert fold(draft, StageFinished(stage, 2.0, "new")).inputs[stage] == "new"


def test_a_reused_stage_keeps_its_time() -> None:
    assert fold(FULL, StageFinished("write", 0.0, "hash", reused=True)).seconds["write"] == 1.0
    assert fold(FULL, StageFinished("write", 3.0, "hash")).seconds["write"] == 3.0


@pytest.mark.parametrize("event", [StageProgress("write", 1, 2), Notice("Hello.")])
def test_the_rest_changes_nothing(event: AnyEvent) -> None:
    assert fold(FULL, event) is FULL
