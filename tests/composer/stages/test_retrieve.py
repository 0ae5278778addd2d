"""The short list: rankings fused, near-duplicates once, the count asked for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from composer.stages.retrieve import RRF_K, Ranking, fuse, shortlist
from composer.types import Candidate, Picture
from tests.composer.fakes import picture

ROWS = st.lists(st.integers(1, 30), unique=True, max_size=15)


def ranking(kind: str, *rows: int, weight: float = 1.0) -> Ranking:
    return Ranking(kind, tuple((row, 1.0 - at / 100) for at, row in enumerate(rows)), weight)


def listed(rankings: Sequence[Ranking], count: int, groups: dict[int, str] | None = None) -> tuple[Candidate, ...]:
    """Every picture is there, and its cosine is its row / 1000."""
    return shortlist(
        rankings,
        count,
        lambda rows: {row: said(picture(str(row), (groups or {}).get(row, "")), row) for row in rows},
        lambda rows: {row: row / 1000 for row in rows},
    )


def said(one: Picture, row: int) -> Picture:
    """Every picture but row 8 has a caption."""
    return replace(one, caption="" if row == 8 else "a harbour")


@given(st.lists(st.tuples(ROWS, st.floats(0.1, 2.0)), max_size=4))
def test_fusion_is_the_sum_of_reciprocal_ranks(given_: list[tuple[list[int], float]]) -> None:
    order = fuse([ranking("words", *rows, weight=weight) for rows, weight in given_])
    expected = {
        row: sum(weight / (RRF_K + 1 + rows.index(row)) for rows, weight in given_ if row in rows)
        for rows, _ in given_
        for row in rows
    }
    assert sorted(order) == sorted(expected)
    for one, next_ in itertools.pairwise(order):
        assert expected[one] >= expected[next_] - 1e-12


def test_what_two_rankings_agree_on_comes_first() -> None:
    assert fuse([ranking("vector", 1, 2, 3), ranking("words", 9, 2, 8)])[0] == 2
    assert fuse([ranking("vector", 5, 4), ranking("words", 4, 5)]) == [4, 5], "ties by row"
    assert fuse([ranking("vector", 1), ranking("words", 2, weight=2.0)]) == [2, 1]
    assert fuse([]) == []


@pytest.mark.parametrize("count", [1, 4, 8])
def test_the_count(count: int) -> None:
    assert len(listed([ranking("vector", *range(1, 21))], count)) == count
    assert len(listed([ranking("vector", 1, 2)], count)) == min(2, count)
    assert listed([], count) == ()


def test_near_duplicates_count_once_and_the_best_stays() -> None:
    groups = {1: "a", 2: "a", 3: "a", 5: "b", 6: "b"}
    found = listed([ranking("vector", 1, 2, 3, 4, 5, 6, 7)], 4, groups)
    assert [each.picture.id for each in found] == ["1", "4", "5", "7"]


def test_the_largest_copy_stays_where_it_is_as_near() -> None:
    def some(rows: Sequence[int]) -> dict[int, Picture]:
        return {row: replace(picture(str(row), "g" if row < 4 else ""), width=100 * row) for row in rows}

    ranks = [Ranking("vector", ((1, 0.90), (4, 0.895), (2, 0.89), (3, 0.80)))]
    found = shortlist(ranks, 2, some, lambda _: {})
    assert [each.picture.id for each in found] == ["2", "4"], "3 is larger, but not as near"
    assert found[0].signals["vector"] == 0.89


def test_every_candidate_carries_both_scores() -> None:
    found = {each.picture.id: each for each in listed([ranking("vector", 7, 8), ranking("words", 9)], 3)}
    assert found["7"].signals["vector"] == 1.0
    assert found["7"].signals["words"] == 0.0
    assert found["9"].signals["vector"] == 0.009, "found by its words only: its cosine is looked up"
    assert found["9"].signals["words"] == 1.0
    assert found["8"].signals["vector"] == pytest.approx(0.99)
    assert "words" not in found["8"].signals, "nothing is said of it, which speaks neither for nor against it"


def test_the_paragraphs_ranking_gives_no_score() -> None:
    (found,) = listed([ranking("context", 3)], 4)
    assert found.signals["words"] == 0.0


def test_the_better_of_two_scores_counts() -> None:
    low, high = Ranking("words", ((3, 0.2),)), Ranking("words", ((3, 0.6),))
    assert listed([low, high], 1)[0].signals["words"] == listed([high, low], 1)[0].signals["words"] == 0.6


def test_pictures_that_are_gone_are_passed_over() -> None:
    def some(rows: Sequence[int]) -> dict[int, Picture]:
        return {row: picture(str(row)) for row in rows if row != 1}

    found = shortlist([ranking("vector", 1, 2, 3)], 2, some, lambda _: {})
    assert [each.picture.id for each in found] == ["2", "3"]
