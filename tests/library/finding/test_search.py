from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from composer.library.catalogue import Catalogue, Entry
from composer.library.finding import search
from composer.library.finding.search import by_words
from composer.library.words.metadata import Words

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


# --- terms that many pictures have ------------------------------------------------------------------------------------


@pytest.fixture
def many(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Sixty pictures of hills, some of them with a mill or a bridge, and terms common from ten pictures on."""
    things = {7: "mill", 21: "mill", 30: "bridge"}
    captions = {f"p{at:02}": f"A hill with a {things.get(at, 'tree')}" for at in range(60)}
    fill(catalogue, captions)
    fill(catalogue, {"far": "A hill"}, "/far")
    monkeypatch.setattr(search, "MOST_ROWS", 10)
    monkeypatch.setattr(search, "BUDGET", 10)
    monkeypatch.setattr(search, "MOST_SHARE", 1.0)
    return catalogue


def test_every_picture_with_a_rarer_term_is_found(many: Catalogue) -> None:
    assert set(names(many, "mill on a hill", limit=2)) == {"p07", "p21"}


def test_scores_are_those_of_a_full_search(many: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    some = dict(by_words(many, "mill on a hill with a tree", (), 60))
    monkeypatch.setattr(search, "MOST_ROWS", 1000)
    every = dict(by_words(many, "mill on a hill with a tree", (), 60))
    assert len(some) < len(every)
    assert some == pytest.approx({row: every[row] for row in some})


def test_a_common_term_alone_gives_some_of_its_pictures(many: Catalogue) -> None:
    found = names(many, "hill", limit=60)
    assert 10 <= len(found) < 15
    assert found[0] == "far", "the shortest caption"


def test_common_terms_are_looked_for_where_pictures_are_wanted(many: Catalogue) -> None:
    assert 0 < len(names(many, "hill", limit=60, folders=("/pictures",))) <= 11
    assert names(many, "hill", folders=("/far",)) == ["far"]
    wanted = np.array([2, 5, 9])
    found = by_words(many, "hill", (), 60, among=wanted)
    assert sorted(row for row, _ in found) == wanted.tolist()


def test_those_with_most_of_the_common_terms_come_first(many: Catalogue) -> None:
    found = names(many, "hill tree", limit=60)
    assert len(found) > 10
    assert "far" not in found[:10]


def test_a_term_that_nearly_all_have_is_left_out(many: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_SHARE", 0.5)
    found, alone = dict(by_words(many, "hill mill", (), 60)), dict(by_words(many, "mill", (), 60))
    assert found == pytest.approx(alone)
    assert len(by_words(many, "hill", (), 60)) >= 10, "unless there is nothing else"


def test_only_wanted_rows(filled: Catalogue) -> None:
    row = filled.row_of(f"{'bridge':0>32}")
    assert row is not None
    assert [each for each, _ in by_words(filled, "Scotland", (), 8, among=np.array([row]))] == [row]
    assert by_words(filled, "Scotland", (), 8, among=np.empty(0, np.int64)) == []
