"""Final scores: independent of the order given, bounded, and honest about scores that are missing."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.errors import Cancelled
from composer.ports import Cancel, Vectors
from composer.settings import Settings
from composer.stages.rank import UNKNOWN, final_score, rank
from composer.types import Candidate, Picture, SignalName
from tests.composer.fakes import WEIGHTS, WordsReranker, candidate

SCORE = st.none() | st.floats(-1, 1)


class Fixed(WordsReranker):
    """Gives each picture the score of its id, and remembers the order it was shown."""

    def __init__(self, scores: dict[str, float]) -> None:
        super().__init__()
        self.scores = scores
        self.shown: list[list[str]] = []

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:  # noqa: ARG002
        cancel.check()
        self.shown.append([each.id for each in pictures])
        return np.array([self.scores[each.id] for each in pictures], np.float32)


@given(
    st.lists(st.tuples(SCORE, SCORE, st.floats(-5, 5)), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_the_order_given_never_matters(
    scores: list[tuple[float | None, float | None, float]], dice: random.Random, judged: bool
) -> None:
    found = [candidate(f"x{at}", vector=v, words=None if w is None else abs(w)) for at, (v, w, _) in enumerate(scores)]
    judge = Fixed({f"x{at}": given_ for at, (_, _, given_) in enumerate(scores)}) if judged else None
    ranked = rank(found, "a caption", "a paragraph", judge, WEIGHTS, Cancel())
    shuffled = dice.sample(found, len(found))
    assert rank(shuffled, "a caption", "a paragraph", judge, WEIGHTS, Cancel()) == ranked
    assert [each.final for each in ranked] == sorted((each.final for each in ranked), reverse=True)
    assert all(0 <= each.final <= 1 for each in ranked)
    if judge:
        assert judge.shown[0] == judge.shown[1], "the judge sees the same order every time"


def test_ties_go_by_picture() -> None:
    found = [candidate(name, vector=0.5, words=0.5) for name in ("c", "a", "b")]
    assert [each.picture.id for each in rank(found, "", "", None, WEIGHTS, Cancel())] == ["a", "b", "c"]


def test_signals_that_were_not_measured_speak_a_little_against() -> None:
    """Else a picture that says nothing of itself beats one whose words fit fairly."""
    assert final_score({"words": 0.4}, WEIGHTS) == pytest.approx(0.3 * 0.4 + 0.7 * UNKNOWN)
    assert final_score({"vector": 0.5, "words": 1.0}, WEIGHTS) == pytest.approx(0.4 * 0.5 + 0.3 + 0.3 * UNKNOWN)
    assert final_score({"vector": 0.7}, WEIGHTS) < final_score({"vector": 0.6, "words": 0.6, "rerank": 0.6}, WEIGHTS)
    assert Settings().empty_below > UNKNOWN, "of what is not known at all nothing stands"
    assert final_score({}, WEIGHTS) == 0.0
    assert final_score({"mood": 1.0}, WEIGHTS) == 0.0, "a signal without a weight says nothing"


def test_every_signal_counts_upwards() -> None:
    low: dict[SignalName, float] = {"vector": 0.4, "words": 0.2, "rerank": 0.0}
    base = final_score(low, WEIGHTS)
    assert final_score({**low, "vector": 0.6}, WEIGHTS) > base
    assert final_score({**low, "words": 0.6}, WEIGHTS) > base
    assert final_score({**low, "rerank": 0.5}, WEIGHTS) > base


@pytest.mark.parametrize("extreme", [1e9, -1e9])
def test_extreme_signals_stay_bounded(extreme: float) -> None:
    assert 0 <= final_score({"vector": extreme, "words": extreme, "rerank": extreme}, WEIGHTS) <= 1


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_no_score(broken: float) -> None:
    judge = Fixed({"a": broken, "b": 0.1})
    ranked = rank([candidate("a", words=0.1), candidate("b", words=0.9)], "", "", judge, WEIGHTS, Cancel())
    assert [each.picture.id for each in ranked] == ["b", "a"]
    assert "rerank" not in ranked[1].signals
    assert ranked[1].final == pytest.approx(0.3 * 0.1 + 0.7 * UNKNOWN)


def test_the_rerankers_scores_are_kept() -> None:
    ranked = rank([candidate("a"), candidate("b")], "", "", Fixed({"a": 0.25, "b": 0.75}), WEIGHTS, Cancel())
    assert [(each.picture.id, each.signals["rerank"]) for each in ranked] == [("b", 0.75), ("a", 0.25)]


def test_nothing_to_rank_and_cancel() -> None:
    judge = Fixed({})
    assert rank((), "", "", judge, WEIGHTS, Cancel()) == ()
    assert not judge.shown
    gone = Cancel()
    gone.cancel()
    found: list[Candidate] = [candidate("a")]
    with pytest.raises(Cancelled):
        rank(found, "", "", Fixed({"a": 1.0}), WEIGHTS, gone)
