"""Fitting: what is told of it was held out, and it never chooses worse than what was there or the encoder alone."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from composer.errors import Cancelled, ComposerError
from composer.evaluation.fitting import Fit, _dealt, fit
from composer.evaluation.nouns import Example
from composer.ports import Cancel
from composer.stages.rank import Signal, Weights, final_score
from composer.types import Candidate, SignalName
from tests.composer.evaluation.examples import candidate, drawn

NAMES: tuple[SignalName, ...] = ("vector", "words", "rerank")
START = Weights({"vector": Signal(0.5, 0.03, 0.05), "words": Signal(0.5, 0.0, 0.2)}, "before")

MISLED = Weights({**START.signals, "rerank": Signal(2.0, 0.0, 3.0)})


def made(examples: list[Example], start: Weights = START) -> Fit:
    return fit(examples, NAMES, start, 1, 0.4)


def test_what_helps_is_joined() -> None:
    found = made(drawn(120, {"vector": 1.5, "words": 1.0, "rerank": 1.5}))
    assert (found.kind, found.places, found.empty, found.groups, found.dropped) == ("fused", 120, 0, 12, ())
    assert sum(signal.weight for signal in found.weights.signals.values()) == pytest.approx(1.0, abs=1e-3)
    assert found.share == found.fused
    assert found.share.chosen > max(share.chosen for share in found.single.values())
    assert found.share.chosen > found.without["vector"].chosen
    assert found.gain.low is not None
    assert found.gain.low > 0
    assert found.gain.value == pytest.approx(found.share.chosen - found.single["vector"].chosen)
    assert found.over_start.value == pytest.approx(found.share.chosen - found.start.chosen)


def test_the_weights_choose_through_the_ranking_as_told() -> None:
    """On places that the fit never saw, the ranking with the fitted weights is about as right as was told."""
    found = made(drawn(120, {"vector": 1.5, "words": 1.0, "rerank": 1.5}))
    fresh = drawn(400, {"vector": 1.5, "words": 1.0, "rerank": 1.5}, seed=2)
    right = np.mean([_first(each, found.weights).picture.id == each.right for each in fresh])
    assert right == pytest.approx(found.share.chosen, abs=0.1)


def test_a_reranker_that_adds_nothing_is_dropped() -> None:
    found = made(drawn(120, {"vector": 1.5, "words": 1.0, "rerank": -0.5}), MISLED)
    assert found.dropped == ("rerank",)
    assert found.weights.signals["rerank"].weight == 0
    assert found.share.chosen >= max(found.start.chosen, found.single["vector"].chosen)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_never_chooses_worse_than_the_encoder_alone(seed: int) -> None:
    """Few places and much noise: fits are worse than the encoder as often as not, and must not be taken then."""
    found = made(drawn(24, {"vector": 1.5, "words": 0.0, "rerank": 0.0}, seed, groups=6))
    assert found.share.chosen >= found.single["vector"].chosen
    assert found.share.chosen >= found.start.chosen
    assert found.gain.value is not None
    assert found.gain.value >= 0


def test_what_was_there_stays_where_nothing_is_better() -> None:
    examples = drawn(60, {"vector": 0.3, "words": 0.0, "rerank": 0.0})
    told = [
        replace(each, candidates=tuple(
            replace(one, signals={**one.signals, "mood": float(one.picture.id == each.right)})
            for one in each.candidates
        ))
        for each in examples
    ]  # fmt: skip
    start = Weights({"mood": Signal(1.0)}, "an oracle that is not fitted on")
    found = made(told, start)
    assert (found.kind, found.weights, found.empty_below, found.start.chosen) == ("start", start, 0.4, 1.0)


def test_the_encoder_alone_is_taken_where_all_else_is_worse() -> None:
    examples = drawn(40, {"vector": 6.0, "words": 0.0, "rerank": 0.0})
    found = made(examples, Weights({"words": Signal(1.0)}))
    assert found.kind in {"fused", "trimmed", "vector"}
    assert found.share.chosen >= found.single["vector"].chosen > 0.9


def test_where_nothing_fits_the_place_is_left_empty() -> None:
    found = made(drawn(200, {"vector": 4.0, "words": 3.0, "rerank": 0.0}, empty=0.4))
    assert 60 < found.empty < 100
    assert found.share.decided > 0.85
    assert found.share.decided > found.start.decided


def test_without_such_places_as_many_stay_empty_as_before() -> None:
    examples = drawn(100, {"vector": 2.0, "words": 1.0, "rerank": 1.0})
    found = made(examples)
    before, after = (
        [final_score(_first(each, weights).signals, weights) < below for each in examples]
        for weights, below in ((START, 0.4), (found.weights, found.empty_below))
    )
    assert np.mean(after) == pytest.approx(np.mean(before), abs=0.02)


def test_one_seed_gives_one_fit() -> None:
    examples = drawn(40, {"vector": 1.0, "words": 1.0, "rerank": 0.5}, missing=0.3)
    assert made(examples) == made(list(examples))


def test_no_article_is_in_two_parts() -> None:
    groups = np.array([f"a{at % 7}" for at in range(50)])
    parts = _dealt(groups, 3)
    assert set(parts.tolist()) == {0, 1, 2, 3, 4}
    assert all(len(set(parts[groups == name].tolist())) == 1 for name in np.unique(groups))
    assert set(_dealt(np.array(["a", "b", "a"]), 1).tolist()) == {0, 1}


def test_a_right_picture_that_was_not_found_is_left_out() -> None:
    odd = [
        Example(group="x", candidates=(candidate("p0", vector=0.1),), right="gone"),
        Example(group="x", candidates=(candidate("p0", vector=0.1), candidate("p1")), right="p1"),
        Example(group="x", candidates=(), right=None),
    ]
    found = made([*drawn(24, {"vector": 2.0, "words": 1.0}), *odd])
    assert (found.places, found.left_out) == (24, 3)


def test_too_little_to_fit_on_is_told() -> None:
    with pytest.raises(ComposerError, match="5 places of 5 articles are too few"):
        made(drawn(5, {"vector": 1.0}))
    with pytest.raises(ComposerError, match="of 1 articles"):
        made(drawn(30, {"vector": 1.0}, groups=1))
    with pytest.raises(ComposerError, match="tells them apart"):
        fit(drawn(30, {"vector": 1.0}), ("mood",), START, 1)


def test_it_can_be_cancelled() -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        fit(drawn(30, {"vector": 1.0}), NAMES, START, 1, 0.4, cancel)


def _first(example: Example, weights: Weights) -> Candidate:
    """As the ranking has it: the best score, and of those that tie the first by id."""
    ordered = sorted(example.candidates, key=lambda each: each.picture.id)
    return max(ordered, key=lambda each: final_score(each.signals, weights))
