"""Slots: the right number, apart from each other, each with a caption and a query, whatever the model says."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from composer import prose
from composer.errors import Cancelled
from composer.ports import Cancel
from composer.stages.plan import CAPTION_LIMIT, choose_paragraphs, pictures_for, plan
from composer.types import Article, Brief, Outline, Slot
from tests.composer.fakes import ScriptedWriter, article, heading, outline_of, paragraph

TEXT = article(10, sections=5)
OUTLINE = outline_of(*(f"Section {at}" for at in range(5)))
SUBJECTS = [f"subject {at}" for at in range(5)]


def run(
    writer: ScriptedWriter,
    pictures: int | None = 3,
    text: Article = TEXT,
    outline: Outline = OUTLINE,
    subjects: list[str] = SUBJECTS,
    evidence: dict[str, float] | None = None,
    **brief: object,
) -> tuple[Slot, ...]:
    wanted = Brief(topic="An island", length=400, pictures=pictures, **brief)  # pyright: ignore[reportArgumentType]
    stage = plan(wanted, outline, text, evidence or {}, subjects, writer, Cancel())
    while True:
        try:
            assert 0 <= next(stage) <= 1
        except StopIteration as end:
            return end.value


def picture(
    place: int, shows: str = "boats on sand", caption: str = "Boats wait on the sand", tone: str = "calm"
) -> dict:
    return {"paragraph": f"p{place}", "shows": shows, "caption": caption, "tone": tone}


def answer(*pictures: dict) -> str:
    return json.dumps({"pictures": pictures})


def test_a_good_answer_is_kept() -> None:
    writer = ScriptedWriter(
        [answer(picture(1, "nets drying"), picture(5, "a lamp"), picture(9, "sheep", "Sheep graze"))]
    )
    slots = run(writer)
    assert [slot.after for slot in slots] == ["p0", "p4", "p8"]
    assert ["nets drying" in slots[0].query, "a lamp" in slots[1].query, "sheep" in slots[2].query] == [True] * 3
    assert slots[2].caption == "Sheep graze"
    assert {slot.tone for slot in slots} == {"calm"}
    assert {slot.origin for slot in slots} == {"model"}
    assert [slot.id for slot in slots] == ["s1", "s2", "s3"]
    assert len(writer.prompts) == 1


def test_queries_are_led_by_the_sections_subject() -> None:
    slots = run(ScriptedWriter([answer(picture(1, "nets drying"), picture(5, "grey subject 2"), picture(9))]))
    assert slots[0].query == "subject 0, nets drying"
    assert slots[1].query == "grey subject 2", "a subject that is named already is not named twice"


def test_the_requests_own_example_is_no_query() -> None:
    copied = picture(1, "heron standing in shallow water")
    slots = run(ScriptedWriter([answer(copied, picture(6, "nets drying"))]), 2)
    assert slots[0].query == "subject 0"
    assert "nets" in slots[1].query


def test_unknown_and_repeated_paragraphs_are_dropped() -> None:
    said = answer(picture(1, "first"), picture(1, "second"), picture(77), {**picture(5), "paragraph": "x"}, picture(6))
    slots = run(ScriptedWriter([said]), 2)
    assert [slot.after for slot in slots] == ["p0", "p5"]
    assert "first" in slots[0].query


def test_proposals_outweigh_small_differences_of_evidence_only() -> None:
    evidence = {"p1": 0.4, "p8": 0.6}
    slots = run(ScriptedWriter([answer(picture(1), picture(7))]), 2, evidence=evidence)
    assert [slot.after for slot in slots] == ["p0", "p8"]


@pytest.mark.parametrize(
    "said", ["", "no pictures, please", "{}", "[1,2]", '{"pictures":[{"paragraph":"p1"}]}', "{" * 50]
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_garbage_still_gives_slots(said: str, language: str) -> None:
    text = article(10, 5, language)
    slots = run(ScriptedWriter(lambda _: said), text=text, language=language)
    assert len(slots) == 3
    assert len({slot.after for slot in slots}) == 3
    for slot in slots:
        assert slot.caption.strip()
        assert slot.query.strip()
        assert slot.origin == "library"
        assert prose.length(slot.caption, language) <= CAPTION_LIMIT[language]


def test_an_answer_cut_short_keeps_its_whole_pictures() -> None:
    whole = answer(picture(1, "nets"), picture(5, "a lamp"))
    slots = run(ScriptedWriter([whole[: whole.index("a lamp")]]), 2)
    assert "nets" in slots[0].query
    assert slots[0].origin == "model"
    assert slots[1].origin == "library"


def test_a_slot_that_the_model_did_not_describe_is_asked_for() -> None:
    writer = ScriptedWriter([answer(picture(1)), answer(picture(1, "a smokehouse", "Smoke rises"))])
    slots = run(writer, 2)
    assert slots[1].caption == "Smoke rises"
    assert "a smokehouse" in slots[1].query
    assert len(writer.prompts) == 2


@pytest.mark.parametrize(("pictures", "count"), [(0, 0), (1, 1), (4, 4), (10, 10), (40, 10), (None, 2)])
def test_the_count_is_exact(pictures: int | None, count: int) -> None:
    writer = ScriptedWriter([])
    slots = run(writer, pictures)
    assert len(slots) == count
    if not count:
        assert not writer.prompts, "nothing to ask for"


@pytest.mark.parametrize(
    ("language", "length", "count"), [("en", 100, 1), ("en", 1000, 5), ("zh", 2500, 10), ("en", 8000, 40)]
)
def test_pictures_by_length(language: str, length: int, count: int) -> None:
    assert pictures_for(Brief(topic="x", length=length, language=language), 100) == count


def test_an_article_without_paragraphs_has_no_slots() -> None:
    assert run(ScriptedWriter([]), text=Article("A title", (heading(0, "Nets"),))) == ()


def test_paragraphs_that_were_emptied_get_no_picture() -> None:
    blocks = (heading(0, "Nets"), paragraph("p0", ""), paragraph("p1", "  \n"), paragraph("p2", "Nets dry on poles."))
    slots = run(ScriptedWriter([]), 3, text=Article("A title", blocks))
    assert [slot.after for slot in slots] == ["p2"]


@given(
    count=st.integers(1, 20),
    evidence=st.lists(st.floats(0, 1), min_size=1, max_size=40),
    proposed=st.sets(st.integers(0, 39)),
)
def test_neighbours_are_never_both_chosen_when_avoidable(count: int, evidence: list[float], proposed: set[int]) -> None:
    blocks = [paragraph(f"p{at}", "Some text.") for at in range(len(evidence))]
    count = min(count, len(blocks))
    chosen = choose_paragraphs(
        blocks,
        {block.id: given for block, given in zip(blocks, evidence, strict=True)},
        {f"p{at}" for at in proposed},
        count,
    )
    places = [blocks.index(block) for block in chosen]
    assert len(set(places)) == count
    assert places == sorted(places)
    if len(blocks) >= 2 * count - 1:
        assert all(later - earlier > 1 for earlier, later in itertools.pairwise(places))


def test_captions_are_cut_at_words() -> None:
    long = " ".join(f"word{at}" for at in range(40))
    slots = run(ScriptedWriter([answer(picture(1, long, long))]), 1)
    assert slots[0].caption == OUTLINE.sections[0].heading, "a sentence of the text is no caption: the heading is"
    text = Article("A title", (paragraph("p0", "A mill stands here."),))
    slots = run(ScriptedWriter([answer(picture(1, long, long))]), 1, text=text, outline=outline_of(""), subjects=[""])
    assert slots[0].caption.split() == ["Word0", *(f"word{at}" for at in range(1, CAPTION_LIMIT["en"]))]
    assert slots[0].query.split()[-1] in long.split()


def test_a_chinese_article_gets_chinese_captions_and_english_queries() -> None:
    text = article(6, 3, "zh")
    said = answer(picture(1, "boats on sand", "沙滩上的小船，" * 10), picture(5, "网", "Boats on the sand"))
    slots = run(ScriptedWriter([said]), 2, text=text, outline=outline_of("老灯塔", "渔港", "海风"), language="zh",
                subjects=["old lighthouse", "fishing harbour", "sea wind"])  # fmt: skip
    assert slots[0].caption == "老灯塔", "the caption was far too long"
    assert prose.length(slots[0].caption, "zh") <= CAPTION_LIMIT["zh"]
    assert all(slot.query.isascii() for slot in slots)
    assert "boats on sand" in slots[0].query
    assert not slots[1].caption.isascii(), "an English caption does not stand in a Chinese article"


def test_a_caption_with_names_that_the_picture_does_not_carry_is_not_believed() -> None:
    outline = outline_of("The mill", anchor="A mill with two sails")
    text = Article("A title", (heading(0, "The mill"), paragraph("p0", "A mill stands here.")))
    guess = answer(picture(1, "a mill", "The mill of Ravensburg at dusk"))
    assert run(ScriptedWriter([guess]), 1, text=text, outline=outline, subjects=["mill"])[0].caption == "The mill"
    named = replace(outline, sections=(replace(outline.sections[0], anchor="Ravensburg, a mill"),))
    kept = run(ScriptedWriter([guess]), 1, text=text, outline=named, subjects=["mill"])[0]
    assert kept.caption == "The mill of Ravensburg at dusk"


def test_cancel() -> None:
    cancel = Cancel()
    stage = plan(
        Brief(topic="x", pictures=3), OUTLINE, TEXT, {}, SUBJECTS, ScriptedWriter([answer(picture(1))]), cancel
    )
    next(stage)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(stage)
