"""English twins: one request a text, and none for what can be read as it is."""

from __future__ import annotations

import pytest

from composer.errors import Cancelled
from composer.ports import Cancel
from composer.twins import LONGEST, Twins, request
from tests.composer.fakes import ScriptedWriter


def twins(*answers: str, reads: tuple[str, ...] = ("en",)) -> tuple[Twins, ScriptedWriter]:
    writer = ScriptedWriter(answers)
    return Twins(lambda: writer, reads, 1, Cancel()), writer  # pyright: ignore[reportArgumentType]


def test_one_request_a_text() -> None:
    made, writer = twins("A red\n boat ", "a tower")
    assert made.of("红色的小船", "zh") == "A red boat", "on one line"
    assert made.of("高塔", "zh") == "a tower"
    assert made.of("红色的小船", "zh") == "A red boat"
    assert len(writer.prompts) == 2


def test_what_can_be_read_as_it_is_asks_nobody() -> None:
    made, writer = twins()
    assert made.of("Ein Café", "en") == "Ein Café"
    assert made.of("red boat 7", "zh") == "red boat 7"
    assert made.of("", "zh") == ""
    both, other = twins(reads=("en", "zh"))
    assert both.of("红色的小船", "zh") == "红色的小船"
    assert not writer.prompts
    assert not other.prompts


def test_a_request_stands_alone_and_can_be_repeated() -> None:
    """So that one text has one twin, whatever was asked before."""
    prompt = request("红色的小船", "zh", 5)
    assert prompt == request("红色的小船", "zh", 5)
    assert (prompt.fresh, prompt.temperature, prompt.seed) == (True, 0.0, 5)
    assert "红色的小船" in prompt.messages[-1].content
    assert "船" * LONGEST in request("船" * 500, "zh", 5).messages[-1].content
    assert "船" * (LONGEST + 1) not in request("船" * 500, "zh", 5).messages[-1].content


def test_it_can_be_cancelled() -> None:
    cancel, writer = Cancel(), ScriptedWriter(["A red boat"])
    cancel.cancel()
    with pytest.raises(Cancelled):
        Twins(lambda: writer, ("en",), 1, cancel).of("红色的小船", "zh")
