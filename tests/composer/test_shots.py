"""What is to be taken where nothing fits: the words for one place, the list, and the list as text."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from composer import shots
from composer.shots import shot_for, shot_list
from composer.types import OPENING, Article, Block, Brief, Composition, Language, Pick, Slot, SlotKind
from tests.composer.fakes import heading, paragraph, picture

SENTENCE = "The miller carries the sack up a ladder."
TEXT = f"A mill at work is louder than it looks, and warmer too. {SENTENCE} By noon the wind has dropped."
ZH_SENTENCE = "磨坊主扛着面粉爬上木梯。"
ZH_TEXT = f"工作中的风车比看上去更吵。{ZH_SENTENCE}中午风停了。"


def place(**changes: object) -> Slot:
    slot = Slot(
        id="s1", after="p1", caption="The miller's ladder", query="miller's ladder", tone="warm", kind="object",
        sentence=SENTENCE,
    )  # fmt: skip
    return replace(slot, **changes)


def test_a_shot_says_what_for_which_sentence_how_and_in_which_mood() -> None:
    assert shot_for(place(), TEXT, "en") == (
        "A photographer should take: the miller's ladder, for the sentence “The miller carries the sack up a ladder”; "
        "a close-up against a quiet background; mood: warm."
    )
    chinese = place(caption="磨坊主的木梯", query="ladder in a mill", tone="温暖", sentence=ZH_SENTENCE)
    assert shot_for(chinese, ZH_TEXT, "zh") == (
        "摄影师应拍摄：磨坊主的木梯，配合句子“磨坊主扛着面粉爬上木梯”；近景特写，背景干净；气氛：温暖。"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_is_framed_in_its_own_way(language: Language) -> None:
    kinds: tuple[SlotKind, ...] = ("opening", "scene", "object", "person", "place", "diagram")
    said = [shot_for(place(kind=kind, sentence=""), "", language) for kind in kinds]
    assert len(set(said)) == len(kinds)
    assert all("{" not in words for words in said)


def test_a_diagram_is_drawn_and_has_no_mood() -> None:
    drawn = shot_for(place(kind="diagram", caption="How the stones turn"), TEXT, "en")
    assert drawn.startswith("A draughtsman should draw: How the stones turn")
    assert "mood" not in drawn
    assert shot_for(place(kind="diagram", caption="磨盘示意图"), "", "zh").startswith("绘图员应绘制：")
    assert shots.bare(drawn, "en")[1]
    assert shots.bare(drawn, "en")[0].startswith("How the stones turn")
    assert shots.bare(shot_for(place(), TEXT, "en"), "en")[0].startswith("the miller's ladder")


def test_the_query_adds_what_the_caption_does_not_say_to_those_who_read_it() -> None:
    slot = place(query="steep wooden ladder inside a windmill")
    assert "the miller's ladder (steep wooden ladder inside a windmill)" in shot_for(slot, TEXT, "en")
    assert "steep" not in shot_for(replace(slot, worded=True), TEXT, "en"), "the writer's words stand alone"
    assert "steep" not in shot_for(replace(slot, caption="木梯"), ZH_TEXT, "zh"), "it is in another language"
    assert "take: steep wooden" in shot_for(replace(slot, caption=" "), TEXT, "en")


def test_only_what_stands_in_the_text_is_quoted() -> None:
    assert "“" not in shot_for(place(sentence=""), TEXT, "en")
    edited = TEXT.replace(SENTENCE, "The miller climbs his ladder with a sack.")
    assert "for the sentence “The miller climbs his ladder with a sack”" in shot_for(place(), edited, "en")
    assert "“" not in shot_for(place(), "Nothing of it is left.", "en")
    long = " ".join(["word"] * 80) + "."
    assert "word…”" in shot_for(place(sentence=long), long, "en")


def test_a_place_without_words_has_a_shot_too() -> None:
    bare = Slot(id="s1", after="p1", caption="", query="")
    assert shot_for(bare, "", "en").startswith("A photographer should take: what this paragraph tells; ")
    assert shot_for(bare, "", "zh").startswith("摄影师应拍摄：本段所写的内容；")


# --- the list --------------------------------------------------------------------------------------------------------


def composed(language: Language = "en") -> Composition:
    blocks: tuple[Block, ...] = (
        heading(0, "On the ridge"),
        paragraph("p1", TEXT if language == "en" else ZH_TEXT),
        paragraph("p2", "Short."),
    )
    slots = (
        place(id="s3", after="p2", caption="A sack of flour", sentence=""),
        place(id="s0", after=OPENING, kind="opening", caption="The ridge", query="the ridge", sentence=""),
        place(id="s1"),
        place(id="s2"),
        place(id="s4", after="gone"),
        place(id="s5", after=blocks[0].id),
    )
    picks = {slot.id: Pick(slot=slot.id, picture=None, reason="") for slot in slots if slot.id != "s2"}
    picks["s3"] = replace(picks["s3"], shot="Take a sack.", by="writer")
    brief = Brief(topic="Mills", language=language)
    return Composition(brief=brief, article=Article("Sails", blocks), slots=slots, picks=picks)


def test_the_list_has_every_empty_place_in_reading_order() -> None:
    found = shot_list(composed())
    assert [shot.number for shot in found] == [1, 2, 3, 4, 5]
    assert [shot.place for shot in found] == [
        "Before the text, under the title",
        "After the heading “On the ridge”",
        "On the ridge, after “A mill at work is louder than…”",
        "On the ridge, after “Short.”",
        "At the end of the article",
    ]
    assert found[0].text.startswith("A photographer should take: the ridge; wide and in landscape format")
    assert found[2].text == shot_for(place(), TEXT, "en")
    assert found[3].text == "Take a sack.", "what the pick says of it comes first"
    assert found[3].caption == "A sack of flour"


def test_where_the_sentence_is_to_be_read_anyway_it_is_left_out() -> None:
    made = composed()
    for slot in (place(id="s0", after=OPENING), place()):
        assert "for the sentence “The miller carries" in shots.shot_at(made, slot)
        assert "sentence" not in shots.shot_at(made, slot, quoting=False)


def test_places_with_a_picture_and_undecided_ones_are_not_on_the_list() -> None:
    made = composed()
    filled = {slot: replace(pick, picture=picture("x")) for slot, pick in made.picks.items()}
    assert shot_list(replace(made, picks=filled)) == ()
    assert shot_list(replace(made, picks={})) == ()
    assert shot_list(Composition(brief=made.brief)) == ()
    assert shots.as_text(replace(made, picks={})) == ""


def test_the_list_as_plain_text() -> None:
    lines = shots.as_text(composed()).splitlines()
    assert lines[0] == "Shot list: Sails"
    assert lines[2:5] == [
        "1. The ridge",
        "   Place: Before the text, under the title",
        f"   {shot_list(composed())[0].text}",
    ]
    chinese = shots.as_text(composed("zh")).splitlines()
    assert chinese[0] == "配图清单：Sails"
    assert chinese[3] == "   位置：正文之前，标题之下"


def test_the_file_is_known_by_its_name() -> None:
    assert shots.file_name("article", "en") == "article - shot list.md"
    assert shots.file_name("article", "zh") == "article - 配图清单.md"
    assert all(shots.is_list(f"/somewhere/{shots.file_name('article', language)}") for language in ("en", "zh"))
    assert not shots.is_list("/somewhere/article.md")
