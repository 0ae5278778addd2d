"""Explanations in words: two languages that say the same, numbers that add up."""

from __future__ import annotations

import string
from typing import get_args

import pytest
from msgspec.structs import replace

from composer import wording
from composer.explanation import explain
from composer.grounds import Change, Explanation, Part, Rival
from composer.types import Pick, SignalName
from tests.composer.fakes import picture
from tests.composer.test_explanation import ONE, TWO, decided, scored


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_both_languages_say_the_same() -> None:
    assert wording.TEXTS["en"].keys() == wording.TEXTS["zh"].keys()
    for key, english in wording.TEXTS["en"].items():
        assert fields(english) - {"unit"} == fields(wording.TEXTS["zh"][key]), key
    for names in wording.SIGNALS.values():
        assert set(get_args(SignalName)) <= names.keys()
        assert len(set(names.values())) == len(names)


def test_a_picture_of_the_program() -> None:
    said = wording.sentences(explain(decided(ONE), "s1"), "en")
    assert said == [
        "It fits 74 %, the best of 3 pictures that were looked at.",
        "For the sentence: “A mill stands high.”",
        "Points: Look 37 of 50, Words 27 of 30, Judge 10 of 20.",
        "“keep” fits 54 %: 20 points less, mostly in “Words”.",
        "“lane” fits 16 %: 58 points less, mostly in “Look”.",
        "If a picture needed more than 74 %, the place would be empty.",
        "Without this picture, “keep” would stand here.",
        "If “Words” did not count, “keep” would fit best here, with 73 %.",
    ]


def test_a_better_one_elsewhere() -> None:
    said = wording.sentences(explain(decided(TWO), "s1"), "en")
    assert "Of 2 pictures that were looked at, 1 would fit better." in said[0]
    assert any("“mill” fits" in line and line.endswith("points more. It stands at picture 2 now.") for line in said)
    assert "If picture 2 could not have it, “mill” would stand here." in said
    assert "如果第 2 张不能用它，此处会用“mill”。" in wording.sentences(explain(decided(TWO), "s1"), "zh")


def test_an_empty_place() -> None:
    weak = {"s1": (scored("mill", 0.2, 0.1, 0.9), scored("keep", 0.1))}
    said = wording.sentences(explain(decided(weak), "s1"), "en")
    assert said[0] == (
        "Nothing fits well enough: the best of 2, “mill”, is at 34 %, 6 points below the 40 % that a picture needs."
    )
    assert "“Look” held it back most: 13 of 50 points." in said
    assert "If a picture needed only 34 %, “mill” would stand here." in said
    assert not any(line.startswith("“mill” fits") for line in said), "it was told already"


def test_two_scores_that_round_to_the_same_are_told_apart() -> None:
    near = Explanation(
        slot="s1", place=1, decided="program", empty_below=0.4, considered=1,
        rivals=(Rival(picture="a", name="A", final=0.3987),),
    )  # fmt: skip
    assert "is at 39.9 %, 0.1 points below the 40.0 %" in wording.sentences(near, "en")[0]


def test_one_point_and_many() -> None:
    stands = Explanation(slot="s1", place=1, decided="program", picture="b", final=0.5)
    near, far = (Rival(picture="a", name="A", final=final) for final in (0.49, 0.48))
    assert wording.about_rival(near, stands, "en") == "“A” fits 49 %: 1 point less."
    assert wording.about_rival(far, stands, "en") == "“A” fits 48 %: 2 points less."


def test_points_add_up() -> None:
    parts = tuple(Part(signal=name, value=0.0, weight=1 / 3, share=0.235) for name in ("vector", "words", "rerank"))
    given = wording.points_of(parts)
    assert sum(share for share, _ in given) == round(100 * 3 * 0.235)
    assert sum(weight for _, weight in given) == 100


def test_what_the_writer_decided() -> None:
    mine = Pick(slot="s1", picture=picture("lane"), reason="", by="writer")
    found = explain(decided(ONE, {"s1": mine}), "s1")
    said = wording.sentences(found, "en")
    assert said[0] == "You chose this picture. By the program's figures it fits 16 %."
    assert said[-1] == "The program would have put “mill” here."
    assert wording.title(found, "en") == "Picture 1: lane"
    same = Pick(slot="s1", picture=picture("mill"), reason="", by="writer")
    assert wording.sentences(explain(decided(ONE, {"s1": same}), "s1"), "en")[-1] == (
        "The program would have chosen it too."
    )
    none = Pick(slot="s1", picture=None, reason="", by="writer")
    found = explain(decided(ONE, {"s1": none}), "s1")
    assert wording.sentences(found, "en")[0] == "You left this place without a picture."
    assert wording.title(found, "zh") == "第 1 张图片：无"


def test_old_articles_say_what_is_missing() -> None:
    said = wording.sentences(explain(replace(decided(ONE), weights={}), "s1"), "en")
    assert any("was not kept with this article" in line for line in said)
    assert not any(line.startswith("Points") for line in said)
    older = {"s1": (replace(ONE["s1"][0], signals={}),)}
    assert wording.sentences(explain(decided(older), "s1"), "en")[0].startswith("What was measured was not kept")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["threshold", "signal", "place", "picture", "choice"])
def test_every_change_has_its_words(kind: str, language: str) -> None:
    stands = Explanation(slot="s1", place=1, decided="program", picture="b", final=0.5)
    other = Change(kind=kind, picture="a", name="A", signal="words", place=2, value=0.5)  # type: ignore[arg-type]
    assert "A" in wording.about_change(other, stands, language)  # type: ignore[arg-type]
    if kind != "place":
        assert wording.about_change(replace(other, picture="", name=""), stands, language)  # type: ignore[arg-type]
