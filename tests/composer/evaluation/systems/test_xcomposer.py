"""The rival's steps, one by one, with a writer that answers by script."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from composer.evaluation.pool import Pool
from composer.evaluation.systems.xcomposer import CANDIDATES, WORDS, XComposer, told_of
from composer.ports import PLACE, Cancel, Prompt
from tests.composer.evaluation.systems.quay import gold, ground, ids, long, name_of
from tests.composer.fakes import Bench, ScriptedWriter, picture

ARTICLE = gold(*long("The red boat.", "A green door.", "The blue tower.", words=150), headings=(1,))
"""Lines: 0 red, 1 the heading, 2 green, 3 blue."""


def _request(prompt: Prompt) -> str:
    return prompt.messages[-1].content


def _asks(prompt: Prompt) -> str:
    request = _request(prompt)
    if "Choose the" in request:
        return "lines"
    return "letter" if "Candidate pictures" in request else "caption"


def _script(
    places: str = "<Seg0>, <Seg3>", caption: Callable[[int], str] | None = None, letter: str = "A"
) -> Callable[[Prompt], str]:
    said = caption or (lambda line: f'"A {["red", "grey", "green", "blue"][line]} thing"')

    def answer(prompt: Prompt) -> str:
        match _asks(prompt):
            case "lines":
                return places
            case "caption":
                return said(int(re.findall(r"fits behind <Seg(\d+)>", _request(prompt))[-1]))
            case _:
                return letter

    return answer


def _system(bench: Bench, pool: Pool, answer: Callable[[Prompt], str]) -> XComposer:
    bench.scripted = ScriptedWriter(answer)
    return XComposer(ground(pool))


def test_the_steps_come_in_order_and_nothing_is_sampled(bench: Bench, pool: Pool) -> None:
    made = _system(bench, pool, _script()).illustrate(ARTICLE, Cancel())
    asked = [_asks(prompt) for prompt in bench.scripted.prompts]
    assert asked == ["lines", "caption", "caption", "letter", "letter", "letter", "letter"]  # two of them shuffled
    assert all(prompt.temperature == 0.0 and prompt.schema is None for prompt in bench.scripted.prompts)
    assert [(slot.after, slot.caption) for slot in made.slots] == [(0, "A red thing"), (2, "A blue thing")]
    assert [name_of(pool, slot.picture) for slot in made.slots] == ["red-boat", "blue-tower"]


def test_the_whole_article_is_shown_with_numbers_and_the_programs_own_count(bench: Bench, pool: Pool) -> None:
    _system(bench, pool, _script()).illustrate(ARTICLE, Cancel())
    request = _request(bench.scripted.prompts[0])
    assert [int(each) for each in re.findall(r"^<Seg(\d+)>", request, re.MULTILINE)] == [0, 1, 2, 3]
    assert "Choose the 2 lines" in request


def test_a_caption_is_asked_with_the_text_to_the_line_after_and_the_captions_so_far(bench: Bench, pool: Pool) -> None:
    _system(bench, pool, _script("<Seg3>, <Seg0>")).illustrate(ARTICLE, Cancel())
    first, second = [_request(prompt) for prompt in bench.scripted.prompts if _asks(prompt) == "caption"]
    assert "fits behind <Seg3>" in first
    assert "has the caption" not in first
    assert 'The picture behind <Seg3> has the caption "A blue thing".' in second
    assert "<Seg1> Part 1" in second
    assert "<Seg2>" not in second


def test_slots_stand_in_reading_order_whatever_the_order_of_the_answer(bench: Bench, pool: Pool) -> None:
    made = _system(bench, pool, _script("<Seg3>, <Seg0>")).illustrate(ARTICLE, Cancel())
    assert [slot.after for slot in made.slots] == [0, 2]


def test_a_picture_behind_a_heading_stands_behind_the_text_before_it(bench: Bench, pool: Pool) -> None:
    made = _system(bench, pool, _script("<Seg1>")).illustrate(ARTICLE, Cancel())
    assert [slot.after for slot in made.slots] == [0]


def test_all_four_candidates_are_excluded_from_then_on(bench: Bench, pool: Pool) -> None:
    made = _system(bench, pool, _script("<Seg3>, <Seg0>, <Seg2>", lambda _: '"A red thing"')).illustrate(
        ARTICLE, Cancel()
    )
    by_place = {slot.after: slot.candidates for slot in made.slots}
    assert len(by_place[2]) == len(by_place[0]) == CANDIDATES
    assert "red-boat" in {name_of(pool, each) for each in by_place[2]}  # the model named this line first
    assert not set(by_place[2]) & set(by_place[0])
    assert by_place[1] == ()  # eight pictures in all
    assert [slot.picture is None for slot in made.slots] == [False, True, False]


@pytest.mark.parametrize(("answer", "place"), [("B", 1), ("The best is D.", 3), ("Because", 0), ("", 0), ("Z", 0)])
def test_the_letter_chooses_and_without_one_the_first(bench: Bench, pool: Pool, answer: str, place: int) -> None:
    made = _system(bench, pool, _script("<Seg0>", letter=answer)).illustrate(ARTICLE, Cancel())
    (slot,) = made.slots
    assert slot.picture == slot.candidates[place]


def test_the_question_shows_the_text_so_far_with_its_pictures_and_four_letters(bench: Bench, pool: Pool) -> None:
    _system(bench, pool, _script()).illustrate(ARTICLE, Cancel())
    first, second = [_request(prompt) for prompt in bench.scripted.prompts if _asks(prompt) == "letter"][:2]
    assert "<Seg1>" not in first
    assert "[Picture:" not in first
    assert "A. A red boat on the quay" in first
    assert "[Picture: A red boat on the quay]" in second
    assert "<Seg3>" in second
    assert len(re.findall(r"^[A-Z]\. ", second, re.MULTILINE)) == CANDIDATES


def test_who_always_takes_the_first_letter_chooses_otherwise_in_another_order(bench: Bench, pool: Pool) -> None:
    made = _system(bench, pool, _script()).illustrate(ARTICLE, Cancel())
    assert len(made.shuffled) == len(made.slots)
    assert any(again != slot.picture for again, slot in zip(made.shuffled, made.slots, strict=True))
    assert all(again in slot.candidates for again, slot in zip(made.shuffled, made.slots, strict=True))


def test_a_model_that_names_no_line_gets_no_picture(bench: Bench, pool: Pool) -> None:
    made = _system(bench, pool, _script("I would rather not.")).illustrate(ARTICLE, Cancel())
    assert made.slots == made.shuffled == ()


def test_without_a_caption_or_with_the_examples_own_the_line_is_searched_for(bench: Bench, pool: Pool) -> None:
    for said in ('""', f'"{WORDS["en"].example_caption}."'):
        made = _system(bench, pool, _script("<Seg2>", lambda _, said=said: said)).illustrate(ARTICLE, Cancel())
        assert made.slots[0].caption.startswith("A green door.")
        assert name_of(pool, made.slots[0].candidates[0]) == "green-door"


def test_a_chinese_caption_is_searched_for_by_its_english_twin(bench: Bench, pool: Pool) -> None:
    def answer(prompt: Prompt) -> str:
        request = _request(prompt)
        if "Translate" in request:
            return "A red boat"
        if "选出" in request:
            return "<Seg0>"
        return "A" if "字母" in request else "“岸边的小船”"

    article = gold("红色的小船停在岸边。" * 12, language="zh")
    (slot,) = _system(bench, pool, answer).illustrate(article, Cancel()).slots
    assert (slot.caption, slot.query) == ("岸边的小船", "A red boat")
    assert name_of(pool, slot.picture) == "red-boat"


def test_of_given_pictures_the_letter_takes_one_and_the_words_are_told(bench: Bench, pool: Pool) -> None:
    system = _system(bench, pool, _script(letter="F"))
    given = ids(pool, "red-boat", "green-door", "blue-tower", "yellow-bicycle", "white-goat", "black-kettle")
    chosen = system.choose(ARTICLE, ARTICLE.figures[0], "A goat at noon", given, Cancel())
    assert name_of(pool, chosen) == "black-kettle"
    (prompt,) = bench.scripted.prompts
    assert "A goat at noon" in _request(prompt)
    assert "<Seg1>" not in _request(prompt)
    assert system.choose(ARTICLE, ARTICLE.figures[0], "A goat", (), Cancel()) is None


def test_a_picture_is_told_by_its_caption_its_words_or_its_file() -> None:
    assert told_of(picture("x", caption="A red boat"), "en") == "A red boat"
    assert told_of(picture("x", path="/pictures/dsc-0001.jpg"), "en") == "dsc-0001.jpg"


def test_a_writer_that_is_shown_pictures_sees_those_chosen_before_and_the_candidates(bench: Bench, pool: Pool) -> None:
    system = _system(bench, pool, _script(letter="B"))
    bench.scripted.capabilities = replace(bench.scripted.capabilities, shown=True)
    made = system.illustrate(ARTICLE, Cancel())
    first, second = [prompt.messages[-1] for prompt in bench.scripted.prompts if _asks(prompt) == "letter"][:2]
    assert [each.id for each in first.pictures] == list(made.slots[0].candidates)
    assert [each.id for each in second.pictures] == [made.slots[0].picture, *made.slots[1].candidates]
    assert second.content.count(PLACE) == len(second.pictures) == 5
    assert second.content.index(f"[Picture: {PLACE}]") < second.content.index(f"A. {PLACE}")
    assert "on the quay" not in second.content


def test_a_mark_in_the_text_is_no_picture(bench: Bench, pool: Pool) -> None:
    system = _system(bench, pool, _script("<Seg0>"))
    bench.scripted.capabilities = replace(bench.scripted.capabilities, shown=True)
    system.illustrate(gold(f"The red boat {PLACE} comes home."), Cancel())
    asked = [prompt.messages[-1] for prompt in bench.scripted.prompts if _asks(prompt) == "letter"]
    assert [message.content.count(PLACE) for message in asked] == [4, 4]
