"""The conditional logit: its formula is the ranking's own, its slope is the slope, and it finds what was put in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from composer.evaluation.logit import NO_SPREAD, _Task, fitted, levels, log_likelihood, places_of, scales, scores
from composer.evaluation.nouns import Example
from composer.stages.rank import Signal, Weights, final_score
from composer.types import SignalName
from tests.composer.evaluation.examples import candidate, drawn

STRENGTH: dict[SignalName, float] = {"vector": 1.5, "words": 1.0, "rerank": 0.3}
NAMES: tuple[SignalName, ...] = ("vector", "words", "rerank")


@pytest.mark.parametrize("wordless", [Signal(0.3), Signal(0.0, 0.1, 0.2)])
def test_scores_are_the_rankings_own(wordless: Signal) -> None:
    weights = Weights({"vector": Signal(0.5, 0.01, 0.03), "words": wordless, "rerank": Signal(0.2, 0.0, 1e-4)})
    examples = drawn(30, STRENGTH, missing=0.5)
    found = scores(places_of(examples, NAMES), weights)
    for row, example in zip(found, examples, strict=True):
        ordered = sorted(example.candidates, key=lambda each: each.picture.id)
        assert row == pytest.approx([final_score(each.signals, weights) for each in ordered], abs=1e-12)


def test_a_weight_for_what_nobody_measured_changes_no_order() -> None:
    examples = drawn(5, STRENGTH)
    places, plain = places_of(examples, NAMES), Weights({"vector": Signal(0.5, 0.0, 0.05)})
    more = Weights({**plain.signals, "mood": Signal(0.9)})
    assert np.array_equal(np.argsort(scores(places, more)), np.argsort(scores(places, plain)))


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_the_slope_is_the_slope(missing: float) -> None:
    places = places_of(drawn(20, STRENGTH, missing=missing), NAMES)
    task = _Task(levels(places, Weights(scales(places, 1.0))), places, 0.1)
    at = np.array([0.7, 2.0, 0.1])
    assert check_grad(lambda x: task.loss(x)[0], lambda x: task.loss(x)[1], at) < 1e-5


def test_far_values_do_not_overflow() -> None:
    places = places_of(drawn(20, STRENGTH), NAMES)
    task = _Task(levels(places, Weights(scales(places, 1e-3))), places, 0.0)
    value, slope = task.loss(np.array([1e6, 0.0, 0.0]))
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_what_helps_gets_weight_and_what_misleads_gets_none() -> None:
    places = places_of(drawn(400, {"vector": 2.0, "words": 1.0, "rerank": -1.0}), NAMES)
    found, sureness = fitted(places, scales(places, 1.0), 0.001)
    weight = {name: signal.weight for name, signal in found.signals.items()}
    assert sum(weight.values()) == pytest.approx(1.0)
    assert weight["vector"] > weight["words"] > 0.1
    assert weight["rerank"] < 1e-3
    assert log_likelihood(places, found, sureness) > log_likelihood(places, found, 0.0)


def test_where_everything_misleads_nothing_gets_weight() -> None:
    places = places_of(drawn(60, {"vector": -3.0}), ("vector",))
    found, sureness = fitted(places, scales(places, 1.0), 0.1)
    assert found.signals["vector"].weight == 0
    assert sureness <= NO_SPREAD


def test_a_scale_lies_between_right_and_wrong() -> None:
    example = Example(
        group="a", right="b", candidates=(candidate("a", vector=0.1), candidate("b", vector=0.5), candidate("c"))
    )
    (signal,) = scales(places_of([example], ("vector",)), 0.5).values()
    assert signal == Signal(1.0, 0.3, 0.1)
    assert scales(places_of([example], ("mood",)), 0.5)["mood"].width == NO_SPREAD


def test_near_duplicates_of_the_right_picture_are_right() -> None:
    pictures = (candidate("c", "twins"), candidate("a", "twins"), candidate("b"), candidate("d", "others"))
    places = places_of([Example(group="a", right="c", candidates=pictures)], ())
    assert places.right.tolist() == [[True, False, True, False]]
    alone = places_of([Example(group="a", right="b", candidates=pictures)], ())
    assert alone.right.tolist() == [[False, True, False, False]]
