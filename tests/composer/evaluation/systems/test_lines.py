"""Numbered lines, and what is read out of free answers."""

from __future__ import annotations

import pytest

from composer.evaluation.systems import lines
from tests.composer.evaluation.systems.quay import gold
from tests.composer.fakes import ScriptedWriter


def test_headings_are_lines_too_and_stand_behind_the_text_before_them() -> None:
    article = gold("One.", "- two\n- three", "Four.", headings=(0, 2))
    assert lines.lines_of(article) == ["Part 0", "One.", "- two - three", "Part 1", "Four."]
    assert lines.after_of(article) == [-1, 0, 1, 1, 2]


def test_lines_carry_their_numbers_and_pictures_stand_behind_theirs() -> None:
    shown = lines.numbered(["One.", "Two."], {0: "[Picture: a boat]"})
    assert shown == "<Seg0> One.\n[Picture: a boat]\n<Seg1> Two."


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("<Seg3>, <Seg1>", [3, 1]),
        ("The 2 lines are <Seg4> and <seg 0>.", [4, 0]),
        ("3, 1 and 3 again", [3, 1]),
        ("第２行和第4行", [2, 4]),
        ("<Seg9>, <Seg2>, <Seg123456789012345678901234567890>", [2]),
        ("none of them", []),
        ("", []),
    ],
)
def test_numbers_keep_the_order_of_the_answer_each_once_and_only_lines_that_there_are(
    answer: str, named: list[int]
) -> None:
    assert lines.numbers(answer, 5) == named


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('The caption is: "A red boat"', "A red boat"),
        ("A red boat\nand more talk", "A red boat"),
        ("“A red boat” would fit", "A red boat"),
        ('"A red boat', "A red boat"),
        ("", ""),
        ('""', ""),
    ],
)
def test_a_caption_ends_at_its_closing_quotation_mark(answer: str, said: str) -> None:
    assert lines.caption_in(answer, "en", 40) == said


def test_a_chinese_caption_is_read_and_cut_by_characters() -> None:
    assert lines.caption_in("标题是“岸边的红色小船”。", "zh", 40) == "岸边的红色小船"
    assert lines.caption_in("标题是“岸边的红色小船”。", "zh", 3) == "岸边的"


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("B", 1),
        (" b)", 1),
        ("**C**", 2),
        ("The best is D.", 3),
        ("选Ｂ", 1),
        ("A. a boat, not B", 0),
        ("Because of the light", None),
        ("E", None),
        ("", None),
    ],
)
def test_the_first_letter_that_stands_alone_counts(answer: str, place: int | None) -> None:
    assert lines.letter(answer, 4) == place


def test_as_many_letters_as_candidates() -> None:
    assert lines.letter("E", 8) == 4


def test_an_article_that_is_too_long_is_cut_line_by_line_until_it_fits() -> None:
    writer, article = ScriptedWriter([]), ["word " * 100, "short"]
    assert lines.fitted(article, 1000, writer, "en") == article
    cut = lines.fitted(article, 50, writer, "en")
    assert writer.count_tokens(lines.numbered(cut)) <= 50
    assert cut[1] == "short"
