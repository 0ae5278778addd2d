"""Slots: one for each place, with a caption and a query, whatever the model says; after an edit what it touched."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import pytest
from msgspec.structs import replace

from composer import prose
from composer.errors import Cancelled
from composer.ports import Cancel, Prompt
from composer.stages.plan import CAPTION_LIMIT, Subjects, block_of, mark_of, plan, replan
from composer.types import OPENING, Article, Brief, Language, Outline, Slot
from tests.composer.fakes import ScriptedWriter, article, heading, outline_of, paragraph

TEXT = article(10, sections=5)
OUTLINE = outline_of(*(f"Section {at}" for at in range(5)))
SUBJECTS = tuple(f"subject {at}" for at in range(5))
TOPIC = "An island"


def run(
    writer: ScriptedWriter,
    places: Sequence[str] = ("p0", "p4", "p8"),
    text: Article = TEXT,
    outline: Outline = OUTLINE,
    subjects: Sequence[str] = SUBJECTS,
    **brief: object,
) -> tuple[Slot, ...]:
    wanted = Brief(topic="An island", length=400, **brief)  # pyright: ignore[reportArgumentType]
    stage = plan(wanted, outline, text, places, Subjects(TOPIC, tuple(subjects)), writer, Cancel())
    while True:
        try:
            assert 0 <= next(stage) <= 1
        except StopIteration as end:
            return end.value


def answer(shows: str = "boats on sand", caption: str = "Boats wait on the sand", tone: str = "calm") -> str:
    return json.dumps({"shows": shows, "caption": caption, "tone": tone}, ensure_ascii=False)


def test_a_good_answer_is_kept() -> None:
    writer = ScriptedWriter([answer("nets drying"), answer("a lamp"), answer("sheep", "Sheep graze")])
    slots = run(writer)
    assert [slot.after for slot in slots] == ["p0", "p4", "p8"]
    assert ["nets drying" in slots[0].query, "a lamp" in slots[1].query, "sheep" in slots[2].query] == [True] * 3
    assert slots[2].caption == "Sheep graze"
    assert {slot.tone for slot in slots} == {"calm"}
    assert {slot.origin for slot in slots} == {"model"}
    assert [slot.id for slot in slots] == ["s1", "s2", "s3"]
    assert len(writer.prompts) == 3, "one request a place"


def test_the_model_is_shown_the_paragraph_and_its_heading_and_no_other() -> None:
    writer = ScriptedWriter([answer()] * 2)
    run(writer, ("p0", "p4"))
    blocks = {block.id: block.text for block in TEXT.blocks}
    for prompt, shown in zip(writer.prompts, ("p0", "p4"), strict=True):
        asked = prompt.messages[-1].content
        start = {id_: " ".join(text.split()[:20]) for id_, text in blocks.items() if id_.startswith("p")}
        assert [id_ for id_, text in start.items() if text in asked] == [shown]
        assert f"(Section {int(shown[1:]) // 2})" in asked
        assert prompt.schema is not None
        assert "paragraph" not in prompt.schema["properties"], "where it stands is decided before"


def test_a_picture_before_all_text_goes_by_the_title_and_the_first_paragraph() -> None:
    writer = ScriptedWriter([answer("an island from the sea")])
    (slot,) = run(writer, (OPENING,))
    assert slot.after == OPENING
    asked = writer.prompts[0].messages[-1].content
    assert "(An article)" in asked
    assert " ".join(block_of("p0", TEXT).text.split()[:20]) in asked
    assert slot.query == "an island from the sea"
    assert slot.read == mark_of(block_of("p0", TEXT))


def test_queries_are_led_by_the_sections_subject() -> None:
    slots = run(ScriptedWriter([answer("nets drying"), answer("grey subject 2"), answer()]))
    assert slots[0].query == "subject 0, nets drying"
    assert slots[1].query == "grey subject 2", "a subject that is named already is not named twice"


def test_the_requests_own_example_is_no_query() -> None:
    slots = run(ScriptedWriter([answer("heron standing in shallow water"), answer("nets drying")]), ("p0", "p5"))
    assert slots[0].query == "subject 0"
    assert "nets" in slots[1].query


@pytest.mark.parametrize(
    "said", ["", "no pictures, please", "{}", "[1,2]", '{"shows":"a boat"}', '{"shows":7,"caption":[]}', "{" * 50]
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_garbage_still_gives_slots(said: str, language: Language) -> None:
    text = article(10, 5, language)
    slots = run(ScriptedWriter(lambda _: said), text=text, language=language)
    assert len(slots) == 3
    assert len({slot.after for slot in slots}) == 3
    for slot in slots:
        assert slot.caption.strip()
        assert slot.query.strip()
        assert slot.origin == "library"
        assert prose.length(slot.caption, language) <= CAPTION_LIMIT[language]


def test_an_answer_cut_short_is_none_and_others_are_kept() -> None:
    slots = run(ScriptedWriter([answer("nets"), answer("a lamp")[:-9]]), ("p0", "p4"))
    assert "nets" in slots[0].query
    assert slots[0].origin == "model"
    assert slots[1].origin == "library"


def test_words_around_an_answer_do_not_matter() -> None:
    """Models that are bound to no schema talk: the first object that is an answer counts."""
    said = f"Sure! {{not this}} {{}} Here it is: {answer('a smokehouse', 'Smoke rises')} Anything else?"
    (slot,) = run(ScriptedWriter([said]), ("p0",))
    assert slot.caption == "Smoke rises"
    assert "a smokehouse" in slot.query


@pytest.mark.parametrize("count", [0, 1, 4, 10])
def test_as_many_as_there_are_places(count: int) -> None:
    writer = ScriptedWriter([])
    slots = run(writer, [f"p{at}" for at in range(count)])
    assert [slot.after for slot in slots] == [f"p{at}" for at in range(count)]
    assert len(writer.prompts) == count, "where there is nothing to ask for nothing is asked"


def test_a_section_that_the_outline_does_not_know_is_no_trouble() -> None:
    text = Article("A title", (heading(7, "Nets"), paragraph("p0", "Nets dry on poles.", 7)))
    (slot,) = run(ScriptedWriter([answer("nets")]), ("p0",), text)
    assert slot.query == "nets"


def test_captions_are_cut_at_words() -> None:
    long = " ".join(f"word{at}" for at in range(40))
    slots = run(ScriptedWriter([answer(long, long)]), ["p0"])
    assert slots[0].caption == OUTLINE.sections[0].heading, "a sentence of the text is no caption: the heading is"
    text = Article("A title", (paragraph("p0", "A mill stands here."),))
    slots = run(ScriptedWriter([answer(long, long)]), ["p0"], text=text, outline=outline_of(""), subjects=[""])
    assert slots[0].caption.split() == ["Word0", *(f"word{at}" for at in range(1, CAPTION_LIMIT["en"]))]
    assert slots[0].query.split()[-1] in long.split()


def test_a_chinese_article_gets_chinese_captions_and_english_queries() -> None:
    text = article(6, 3, "zh")
    said = [answer("boats on sand", "沙滩上的小船，" * 10), answer("网", "Boats on the sand")]
    slots = run(ScriptedWriter(said), ("p0", "p4"), text=text, language="zh",
                outline=outline_of("老灯塔", "渔港", "海风"),
                subjects=["old lighthouse", "fishing harbour", "sea wind"])  # fmt: skip
    assert slots[0].caption == "老灯塔", "the caption was far too long"
    assert prose.length(slots[0].caption, "zh") <= CAPTION_LIMIT["zh"]
    assert all(slot.query.isascii() for slot in slots)
    assert "boats on sand" in slots[0].query
    assert not slots[1].caption.isascii(), "an English caption does not stand in a Chinese article"


def test_a_caption_with_names_that_the_picture_does_not_carry_is_not_believed() -> None:
    outline = outline_of("The mill", anchor="A mill with two sails")
    text = Article("A title", (heading(0, "The mill"), paragraph("p0", "A mill stands here.")))
    guess = answer("a mill", "The mill of Ravensburg at dusk")
    assert run(ScriptedWriter([guess]), ["p0"], text=text, outline=outline, subjects=["mill"])[0].caption == "The mill"
    named = replace(outline, sections=(replace(outline.sections[0], anchor="Ravensburg, a mill"),))
    kept = run(ScriptedWriter([guess]), ["p0"], text=text, outline=named, subjects=["mill"])[0]
    assert kept.caption == "The mill of Ravensburg at dusk"


def test_cancel() -> None:
    cancel, writer = Cancel(), ScriptedWriter([answer()] * 2)
    stage = plan(Brief(topic="x"), OUTLINE, TEXT, ("p0", "p4"), Subjects(TOPIC, SUBJECTS), writer, cancel)
    next(stage)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(stage)
    assert not writer.prompts


# --- after an edit ---------------------------------------------------------------------------------------------------


class Edit:
    """Plans once, changes the text, and plans again; keeps what was asked for on the way."""

    def __init__(self, places: Sequence[str], text: Article = TEXT) -> None:
        self.text, self.writer = text, ScriptedWriter(self.said)
        self.slots = run(self.writer, places, text)
        self.writer.prompts.clear()
        self.more: list[tuple[set[str], int]] = []
        self.named = 0

    @staticmethod
    def said(prompt: Prompt) -> str:
        first = prompt.messages[-1].content.split(") ")[-1].split()[0]
        return answer(f"a {first} thing", f"Caption of {first}")

    def change(self, block: str, text: str | None) -> None:
        """Another text of a block; None takes it out."""
        blocks = (each if each.id != block else replace(each, text=text or "") for each in self.text.blocks)
        self.text = replace(self.text, blocks=tuple(each for each in blocks if each.id != block or text is not None))

    def again(self, pictures: int | None, offered: Sequence[str] = ()) -> tuple[Slot, ...]:
        def more(taken: Collection[str], count: int) -> Sequence[str]:
            self.more.append((set(taken), count))
            return offered[:count]

        def subjects() -> Subjects:
            self.named += 1
            return Subjects(TOPIC, SUBJECTS)

        brief = Brief(topic="An island", length=400, pictures=pictures)
        stage = replan(brief, OUTLINE, self.text, self.slots, more, subjects, lambda: self.writer, Cancel())
        while True:
            try:
                assert 0 <= next(stage) <= 1
            except StopIteration as end:
                return end.value


@pytest.mark.parametrize("pictures", [3, None])
def test_an_edit_elsewhere_keeps_every_slot_and_asks_nothing(pictures: int | None) -> None:
    edit = Edit((OPENING, "p4", "p8"))
    edit.change("p2", "Quite another text.")
    assert edit.again(pictures) == edit.slots
    assert (edit.more, edit.named, edit.writer.prompts) == ([], 0, [])


def test_a_place_whose_paragraph_was_edited_is_described_anew_where_it_is() -> None:
    edit = Edit(("p0", "p4", "p8"))
    edit.change("p4", "Kites fly above the dunes.")
    first, second, third = edit.again(3)
    assert (first, third) == (edit.slots[0], edit.slots[2])
    assert (second.id, second.after) == ("s2", "p4")
    assert "Kites" in second.query
    assert second.caption == "Caption of Kites"
    assert len(edit.writer.prompts) == 1


def test_an_edit_beside_the_sentence_that_a_picture_is_about_asks_nothing() -> None:
    edit = Edit(("p0", "p4"))
    sentence = prose.sentences(block_of("p4", edit.text).text)[0]
    edit.slots = (edit.slots[0], replace(edit.slots[1], sentence=sentence))
    edit.change("p4", f"{sentence} Kites fly above the dunes.")
    second = edit.again(2)[1]
    assert second == replace(edit.slots[1], read=mark_of(block_of("p4", edit.text)))
    assert edit.writer.prompts == []
    edit.change("p4", f"Not so: {sentence.lower()} Kites fly above the dunes.")
    assert "Not" in edit.again(2)[1].query, "another sentence"


def test_a_picture_before_all_text_is_of_the_whole_article_and_others_of_their_section_too() -> None:
    opening, other = run(ScriptedWriter([answer("a boat", "A boat")] * 2), [OPENING, "p4"])
    assert (opening.query, opening.wider) == (f"{TOPIC}, a boat", "")
    assert (other.query, other.wider) == ("subject 2, a boat", f"{TOPIC}, a boat")


def test_a_picture_before_all_text_outlives_its_paragraph() -> None:
    """It goes by the first paragraph there is, and is described anew when that is another one."""
    edit = Edit((OPENING, "p4"))
    edit.change("p0", None)
    opening, other = edit.again(2)
    assert (opening.id, opening.after) == ("s1", OPENING)
    assert opening.read == mark_of(block_of("p1", edit.text))
    assert other == edit.slots[1]
    assert edit.more == []


@pytest.mark.parametrize("pictures", [3, None])
@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_lost_place_gives_way_to_another(pictures: int | None, text: str | None) -> None:
    edit = Edit(("p0", "p4", "p8"))
    edit.change("p4", text)
    slots = edit.again(pictures, ["p6"])
    assert edit.more == [({"p0", "p8"}, 1)]
    assert [slot.after for slot in slots] == ["p0", "p6", "p8"], "in reading order"
    assert (slots[0], slots[2]) == (edit.slots[0], edit.slots[2])
    assert slots[1].id == ""
    assert slots[1].query


def test_what_the_writer_worded_stands_whatever_the_paragraph_says() -> None:
    edit = Edit(("p0", "p4"))
    edit.slots = (edit.slots[0], replace(edit.slots[1], caption="My own words", worded=True))
    edit.change("p4", "Kites fly above the dunes.")
    _, second = edit.again(2)
    assert (second.caption, second.worded) == ("My own words", True)
    assert "Kites" in second.query


def test_no_more_slots_than_places_and_none_without_text() -> None:
    text = Article("A title", (paragraph("p0", "Nets dry."), paragraph("p1", "Boats wait.")))
    edit = Edit(("p0",), text)
    assert [slot.after for slot in edit.again(9, [OPENING, "p1", "p9"])] == [OPENING, "p0", "p1"]
    assert edit.more == [({"p0"}, 2)], "behind each paragraph, and before all text"
    edit.change("p0", None)
    edit.change("p1", None)
    assert edit.again(9) == ()


def test_an_example_that_was_copied_freely_is_no_caption() -> None:
    shows = {"shows": "a heron in shallow water", "caption": "A heron stands in the shallows", "tone": "calm"}
    said = json.dumps(shows)
    blocks = (heading(0, "The mill"), paragraph("p0", "The mill grinds corn for three villages."))
    kept = run(ScriptedWriter([said]), ["p0"], text=Article("Mills", blocks), outline=outline_of("The mill"))
    assert "heron" not in kept[0].caption.lower()
    assert "heron" not in kept[0].query
    wet = (heading(0, "The pond"), paragraph("p0", "A heron stands in the shallows of the pond at first light."))
    meant = run(ScriptedWriter([said]), ["p0"], text=Article("Ponds", wet), outline=outline_of("The pond"))
    assert "heron" in meant[0].caption.lower()
