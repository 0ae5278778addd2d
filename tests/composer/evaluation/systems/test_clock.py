"""Who uses a shared result pays for it once."""

from __future__ import annotations

import pytest

from composer.evaluation.systems import clock as clocks
from composer.evaluation.systems.clock import Clock, Once


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [100.0]
    monkeypatch.setattr(clocks.time, "monotonic", lambda: time[0])
    return time


def test_a_result_is_made_once_and_costs_everybody_the_same(now: list[float]) -> None:
    shared: Once[str] = Once()
    made: list[str] = []

    def make() -> str:
        made.append("made")
        now[0] += 5.0
        return "twin"

    first, second = Clock(), Clock()
    assert shared.of("text", make, first) == "twin"
    assert shared.of("text", make, first) == "twin"
    assert first.seconds() == pytest.approx(5.0)
    second = Clock()
    assert shared.of("text", make, second) == "twin"
    assert shared.of("text", make, second) == "twin"
    assert second.seconds() == pytest.approx(5.0)
    assert made == ["made"]


def test_what_was_made_on_the_way_to_something_else_has_its_price(now: list[float]) -> None:
    shared: Once[str] = Once()
    shared.put("plan", "slots", 3.0)
    shared.put("plan", "others", 9.0)
    clock = Clock()
    now[0] += 1.0
    assert shared.of("plan", lambda: "never", clock) == "slots"
    assert clock.seconds() == pytest.approx(4.0)
