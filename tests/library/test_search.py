from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from composer.library.catalogue import Catalogue, Entry
from composer.library.metadata import Words
from composer.library.search import by_words

CAPTIONS = {
    "castle": "A ruined castle beside a loch in Scotland",
    "lake": "A boat by a lake, by a lake, by a lake",
    "market": "Spices on a market stall",
    "bridge": "A stone bridge in Scotland",
    "palace": "北京的故宫，冬天的雪",
    "cat": "一只猫在沙发上睡觉",
    "red": "红色的汽车",
    "dogs": "Two dogs running",
}


def fill(catalogue: Catalogue, captions: dict[str, str], folder: str = "/pictures") -> None:
    catalogue.record(
        Entry(
            path=f"{folder}/{name}.jpg",
            size=1,
            mtime_ns=1,
            id=f"{name:0>32}",
            width=100,
            height=100,
            told=Words(caption=caption, words=f"{caption} {name}"),
            look=bytes(192),
            preview="x",
        )
        for name, caption in captions.items()
    )


def names(catalogue: Catalogue, text: str, limit: int = 8, folders: tuple[str, ...] = ()) -> list[str]:
    found = by_words(catalogue, text, folders, limit)
    pictures = catalogue.pictures([row for row, _ in found])
    return [Path(pictures[row].path).stem for row, _ in found]


@pytest.fixture
def filled(catalogue: Catalogue) -> Catalogue:
    fill(catalogue, CAPTIONS)
    return catalogue


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("castle by a lake in Scotland", "castle"),
        ("spice markets", "market"),
        ("dog runs", "dogs"),
        ("故宫", "palace"),
        ("沙发", "cat"),
        ("猫", "cat"),
        ("上", "cat"),
        ("雪", "palace"),
        ("汽车", "red"),
        ("沙发上的猫", "cat"),
        ("A STONE BRIDGE", "bridge"),
    ],
)
def test_the_fitting_picture_comes_first(query: str, first: str, filled: Catalogue) -> None:
    assert names(filled, query)[0] == first


def test_chinese_words_do_not_match_across(filled: Catalogue) -> None:
    assert names(filled, "京北") == []
    assert names(filled, "色汽") == []


def test_a_perfect_caption_scores_near_one_and_one_word_of_five_far_below(filled: Catalogue) -> None:
    fill(filled, {"exact": "stone bridge scotland"})
    scores = dict(by_words(filled, "a stone bridge in Scotland", [], 9))
    best = max(scores.values())
    assert 0.85 < best <= 1.0
    [(_, weak)] = by_words(filled, "spices volcano eruption lava crater", [], 9)
    assert weak < 0.1


def test_scores_fall_and_stay_between_zero_and_one(filled: Catalogue) -> None:
    scores = [score for _, score in by_words(filled, "castle lake bridge scotland boat", [], 9)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def test_the_caption_weighs_more_than_names(catalogue: Catalogue) -> None:
    words = {"caption": "a heron", "words": "a heron birds"}, {"caption": "a duck", "words": "a duck heron"}
    catalogue.record(
        Entry(
            path=f"/p/{place}.jpg",
            size=1,
            mtime_ns=1,
            id=str(place),
            width=90,
            height=90,
            look=bytes(192),
            preview="x",
            told=Words(**said),
        )
        for place, said in enumerate(words)
    )
    fill(catalogue, CAPTIONS)
    assert names(catalogue, "heron") == ["0", "1"]


def test_a_word_in_most_pictures_still_finds_them(catalogue: Catalogue) -> None:
    fill(catalogue, {"one": "a tree", "two": "a tree", "three": "a tree and a house"})
    assert set(names(catalogue, "tree")) == {"one", "two", "three"}
    assert names(catalogue, "tree house")[0] == "three"


def test_only_pictures_of_the_folders_are_found(filled: Catalogue) -> None:
    fill(filled, {"elsewhere": "a castle"}, "/other")
    assert names(filled, "castle", folders=("/other",)) == ["elsewhere"]
    assert set(names(filled, "castle")) == {"castle", "elsewhere"}
    assert names(filled, "castle", folders=("/oth",)) == []


def test_the_limit_holds_in_a_large_library(catalogue: Catalogue) -> None:
    fill(catalogue, {f"n{number}": f"tree number {number}" for number in range(300)})
    fill(catalogue, {f"m{number}": f"tree number {number}" for number in range(20)}, "/other")
    assert len(names(catalogue, "tree", 5)) == 5
    assert len(names(catalogue, "tree", 50, ("/other",))) == 20
    assert names(catalogue, "tree", 0) == []


@pytest.mark.parametrize(
    "text", ['"', "a AND", "NEAR(a b)", "caption:x", "*", "^a", "-b", "'; DROP TABLE words;--", "()", "\0"]
)
def test_query_syntax_is_only_text(text: str, filled: Catalogue) -> None:
    by_words(filled, text, [], 5)
    assert names(filled, "castle") == ["castle"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_is_a_query(filled: Catalogue, text: str) -> None:
    assert all(0 < score <= 1 for _, score in by_words(filled, text, [], 5))


def test_an_empty_library_has_nothing(catalogue: Catalogue) -> None:
    assert by_words(catalogue, "castle", [], 5) == []
