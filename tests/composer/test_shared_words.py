"""Words in common: as the picture has them, the place's own first, no bits of words."""

from __future__ import annotations

from msgspec.structs import replace

from composer.shared_words import MOST, shared_words
from tests.composer.fakes import picture, slot


def test_the_places_own_words_come_before_those_of_the_paragraph() -> None:
    seen = replace(picture("a"), caption="Windmills over the old harbour", words="img 2019 windmills over the harbour")
    place = slot("s1", caption="A windmill", query="white windmill")
    assert shared_words(seen, place, "When the harbour lay over there in 2019.") == ("windmills", "over", "harbour")
    assert shared_words(seen, place, "") == ("windmills",)


def test_chinese_words_are_runs() -> None:
    seen = replace(picture("a"), caption="山脊上的白色风车", words="山脊上的白色风车 windmill")
    place = slot("s1", caption="远处山脊上的风车", query="windmill")
    assert shared_words(seen, place, "磨坊主说白色很好，风大。") == ("山脊上的", "风车", "windmill", "白色")


def test_no_more_than_a_line() -> None:
    words = " ".join(f"word{letter}" for letter in "abcdefghijklmn")
    assert len(shared_words(replace(picture("a"), caption=words), slot("s1", caption=words), "")) == MOST
    assert shared_words(picture("a"), slot("s1"), "Nothing.") == ()
