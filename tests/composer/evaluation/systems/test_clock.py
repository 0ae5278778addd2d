"""Who uses a shared result pays for it once."""

from __future__ import annotations

import pytest

from composer.evaluation.systems.clock import Clock, Once


def test_a_result_is_made_once_and_costs_everybody_the_same() -> None:
    now = [100.0]
    shared: Once[str] = Once(lambda: now[0])
    made: list[str] = []

    def make() -> str:
        made.append("made")
        now[0] += 5.0
        return "twin"

    first, second = Clock(lambda: now[0]), Clock(lambda: now[0])
    assert shared.of("text", make, first) == "twin"
    assert shared.of("text", make, first) == "twin"
    assert first.seconds() == pytest.approx(5.0)
    second = Clock(lambda: now[0])
    assert shared.of("text", make, second) == "twin"
    assert shared.of("text", make, second) == "twin"
    assert second.seconds() == pytest.approx(5.0)
    assert made == ["made"]


def test_what_was_made_on_the_way_to_something_else_has_its_price() -> None:
    now = [100.0]
    shared: Once[str] = Once(lambda: now[0])
    shared.put("plan", "slots", 3.0)
    shared.put("plan", "others", 9.0)
    clock = Clock(lambda: now[0])
    now[0] += 1.0
    assert shared.of("plan", lambda: "never", clock) == "slots"
    assert clock.seconds() == pytest.approx(4.0)
