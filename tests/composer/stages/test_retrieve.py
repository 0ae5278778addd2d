"""The short list: rankings fused, near-duplicates once, the count asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from composer.stages.retrieve import RRF_K, Ranking, fused, shortlist
from composer.types import Picture
from tests.composer.fakes import picture

ROWS = st.lists(st.integers(1, 30), unique=True, max_size=15)


def ranking(kind: str, *rows: int, weight: float = 1.0) -> Ranking:
    return Ranking(kind, tuple((row, 1.0 - at / 100) for at, row in enumerate(rows)), weight)


def listed(rankings: Sequence[Ranking], count: int, groups: dict[int, str] | None = None) -> tuple[Picture, ...]:
    """Every picture is there, and its cosine is its row / 1000."""
    return shortlist(
        rankings,
        count,
        lambda rows: {row: picture(str(row), (groups or {}).get(row, "")) for row in rows},
        lambda rows: {row: row / 1000 for row in rows},
    )


@given(st.lists(st.tuples(ROWS, st.floats(0.1, 2.0)), max_size=4))
def test_fusion_is_the_sum_of_reciprocal_ranks(given_: list[tuple[list[int], float]]) -> None:
    scores = fused([ranking("words", *rows, weight=weight) for rows, weight in given_])
    expected = {
        row: sum(weight / (RRF_K + 1 + rows.index(row)) for rows, weight in given_ if row in rows)
        for rows, _ in given_
        for row in rows
    }
    assert scores == pytest.approx(expected)


def test_what_two_rankings_agree_on_comes_first() -> None:
    def order(*rankings: Ranking) -> list[str]:
        return [each.id for each in listed(rankings, 9)]

    assert order(ranking("vector", 1, 2, 3), ranking("words", 9, 2, 8))[0] == "2"
    assert order(ranking("vector", 5, 4), ranking("words", 4, 5)) == ["4", "5"], "ties by row"
    assert order(ranking("vector", 1), ranking("words", 2, weight=2.0)) == ["2", "1"]
    assert order() == []


def test_a_picture_without_words_is_not_behind_for_being_in_no_list_by_words() -> None:
    """Otherwise not one of them is ever seen beside pictures that carry words, however well it fits."""

    def some(rows: Sequence[int]) -> dict[int, Picture]:
        return {row: replace(picture(str(row)), caption="" if row > 5 else "Words") for row in rows}

    def could(picture: Picture, kind: str) -> bool:
        return kind == "vector" or bool(picture.caption)

    by_looks = ranking("vector", 6, 7, 5, 4, 3, 2, 1)
    by_words = [ranking("captions", 1, 2, 3, 4, 5), ranking("words", 1, 2), ranking("context", 1)]
    even = [each.id for each in shortlist([by_looks, *by_words], 4, some, lambda _: {}, could)]
    assert "6" in even
    assert {"1", "2"} & set(even), "what words found is there too"
    assert not {"6", "7"} & {each.id for each in shortlist([by_looks, *by_words], 4, some, lambda _: {})}
    assert [each.id for each in shortlist([by_looks], 3, some, lambda _: {}, could)] == ["6", "7", "5"]
    hidden = shortlist([ranking("words", 6, 1)], 2, some, lambda _: {}, could)
    assert [each.id for each in hidden] == ["6", "1"], "found all the same"


@pytest.mark.parametrize("count", [1, 4, 8])
def test_the_count(count: int) -> None:
    assert len(listed([ranking("vector", *range(1, 21))], count)) == count
    assert len(listed([ranking("vector", 1, 2)], count)) == min(2, count)
    assert listed([], count) == ()


def test_near_duplicates_count_once_and_the_best_stays() -> None:
    groups = {1: "a", 2: "a", 3: "a", 5: "b", 6: "b"}
    found = listed([ranking("vector", 1, 2, 3, 4, 5, 6, 7)], 4, groups)
    assert [each.id for each in found] == ["1", "4", "5", "7"]


def test_the_largest_copy_stays_where_it_is_as_near() -> None:
    def some(rows: Sequence[int]) -> dict[int, Picture]:
        return {row: replace(picture(str(row), "g" if row < 4 else ""), width=100 * row) for row in rows}

    ranks = [Ranking("vector", ((1, 0.90), (4, 0.895), (2, 0.89), (3, 0.80)))]
    found = shortlist(ranks, 2, some, lambda rows: {row: score for row, score in ranks[0].rows if row in rows})
    assert [each.id for each in found] == ["2", "4"], "3 is larger, but not as near"


def test_pictures_that_are_gone_are_passed_over() -> None:
    def some(rows: Sequence[int]) -> dict[int, Picture]:
        return {row: picture(str(row)) for row in rows if row != 1}

    found = shortlist([ranking("vector", 1, 2, 3)], 2, some, lambda _: {})
    assert [each.id for each in found] == ["2", "3"]
