"""Counting, cutting and comparing, in English and Chinese."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer import prose
from composer.types import Article, Language
from tests.composer.fakes import heading, paragraph


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("", "en", 0),
        ("The harbour's well-kept boats, 12 of them.", "en", 7),
        ("Café — naïve", "en", 2),
        ("老灯塔，建于山上。", "zh", 7),
        ("老灯塔 Lighthouse 1862 年", "zh", 6),
    ],
)
def test_length(text: str, language: Language, count: int) -> None:
    assert prose.length(text, language) == count


def test_only_paragraphs_count() -> None:
    article = Article("Four words are here", (heading(0, "Two words"), paragraph("p0", "Three more words.")))
    assert prose.article_length(article, "en") == 3


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("J. Smith came. He left.", ["J. Smith came.", "He left."]),
        ("It cost 3.5 marks. Cheap.", ["It cost 3.5 marks.", "Cheap."]),
        ("一。二！“三？”四", ["一。", "二！", "“三？”", "四"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert prose.sentences(text) == parts


@given(st.lists(st.text("ab .!?。”", max_size=12), max_size=6))
def test_sentences_lose_nothing(parts: list[str]) -> None:
    text = "".join(parts)
    assert "".join("".join(prose.sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "finished"), [("Yes.", True), ("“Yes.”", True), ("好。", True), ("No", False), ("", False)]
)
def test_is_finished(text: str, finished: bool) -> None:
    assert prose.is_finished(text) is finished


@given(st.lists(st.sampled_from(["a", "bé,", "c-d", "e;", "f’s", "\n", "g."])), st.integers(1, 12))
def test_cutting_english_never_cuts_a_word(words: list[str], limit: int) -> None:
    text = " ".join(words)
    cut = prose.cut_words(text, limit, "en")
    whole = " ".join(text.split())
    assert whole.startswith(cut)
    assert prose.length(cut, "en") <= limit
    rest = whole[len(cut) :]
    assert not rest or rest[0] in " ,;:-–"


@given(st.text("老灯塔，。 ab1", max_size=60), st.integers(1, 20))
def test_cutting_chinese(text: str, limit: int) -> None:
    cut = prose.cut_words(text, limit, "zh")
    assert " ".join(text.split()).startswith(cut)
    assert prose.length(cut, "zh") <= limit


def test_cut_words_keeps_what_is_short_and_drops_hanging_commas() -> None:
    assert prose.cut_words("  a \n b ", 5, "en") == "a b"
    assert prose.cut_words("one, two, three", 2, "en") == "one, two"
    assert prose.cut_words("老灯塔，山上", 3, "zh") == "老灯塔"


def test_comparing() -> None:
    assert prose.key("The  OLD lighthouse!") == prose.key("the old lighthouse")
    assert prose.similarity("Red boats", "a red boat on sand") == 1.0
    assert prose.similarity("Red boats", "") == 0.0
    assert prose.content_words("The boats of the glass") == {"boat", "glass"}
    assert prose.names("Boats of Ana, Ravensburg") == {"ana", "ravensburg"}


@pytest.mark.parametrize(
    ("wanted", "at"),
    [
        (["white sails", "a ridge"], 2),
        (["the mill"], 0),  # in two sentences: the first of equals
        (["mill", "stones"], 1),
        (["a mill, a mill and a boat"], 0),
        (["submarine"], None),
        ([], None),
    ],
)
def test_the_sentence_that_shares_most(wanted: list[str], at: int | None) -> None:
    said = ["The mill wakes early.", "The mill turns its stones.", "Three white sails stand on the ridge!"]
    assert prose.sentence_of(" ".join(said), wanted, "en") == ("" if at is None else said[at])


def test_rare_words_tell_sentences_apart() -> None:
    text = "Sails and wind and grain. Sails and wind and grain and flour. A lantern, in the wind, by night."
    assert prose.sentence_of(text, ["sails in the wind, a lantern"], "en").startswith("A lantern")


@pytest.mark.parametrize(("wanted", "start"), [("石桥", "河上"), ("白色的灯塔", "灯塔"), ("桥", "河上"), ("潜艇", "")])
def test_the_sentence_that_shares_most_in_chinese(wanted: str, start: str) -> None:
    text = "清晨的小巷很安静。河上有一座石桥，行人不多。灯塔立在岸边！"
    found = prose.sentence_of(text, [wanted], "zh")
    assert found in text
    assert found.startswith(start)
    assert bool(found) == bool(start)


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=3), st.sampled_from(["en", "zh"]))
def test_the_sentence_is_the_texts_own(text: str, wanted: list[str], language: Language) -> None:
    assert prose.sentence_of(text, wanted, language) in text


def test_repeated_share() -> None:
    text = "one two three four five six"
    assert prose.repeated_share(text, prose.shingles(text)) == 1.0
    assert prose.repeated_share(text, prose.shingles("one two three four five")) == 0.5
    assert prose.repeated_share("too short", prose.shingles(text)) == 0.0


@pytest.mark.parametrize(
    ("caption", "subject"),
    [
        ("", ""),
        ("A red boat. It lies on sand.", "A red boat"),
        ("windmill (Mykonos windmills 2), energy", "Mykonos windmills"),
        ("a fish (Anthia goldfish)", "a fish"),
        ("one two three four five", "one two three"),
    ],
)
def test_subject_of(caption: str, subject: str) -> None:
    assert prose.subject_of(caption, 3) == subject


def test_first_of() -> None:
    assert prose.first_of(["In conclusion"], "in CONCLUSION, boats")
    assert not prose.first_of(["In conclusion"], "Boats in conclusion")


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("♻️ General specifications", "General specifications"),
        ("Hacks not in the video:", "Hacks not in the video"),
        ("- 如下图：", "如下图"),
        (' "A mill."  ', "A mill"),
        ("St. Ives", "St. Ives"),
        ("🎈", ""),
    ],
)
def test_words_that_stand_alone(words: str, plain: str) -> None:
    assert prose.label(words) == plain
