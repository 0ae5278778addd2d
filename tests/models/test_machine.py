"""Whether a model fits: figures of the machine, margins, and cards told by their driver's tool."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from models import machine
from models.machine import Card, Machine

PLAIN = Machine(total=16_000, free=10_000, cores=4, card=None, unified=False)
CARD = Machine(total=16_000, free=3_000, cores=4, card=Card("RTX", 12_000, 11_000), unified=False)


@pytest.mark.parametrize(
    ("needed", "here", "on_card", "fits"),
    [
        (5_000, PLAIN, False, "yes"),
        (9_000, PLAIN, False, "tight"),
        (12_000, PLAIN, False, "no"),
        (90_000, PLAIN, False, "no"),
        (0, PLAIN, False, "unknown"),
        (5_000, CARD, True, "yes"),
        (5_000, CARD, False, "no"),
        (10_500, CARD, True, "no"),
    ],
)
def test_fit(needed: int, here: Machine, on_card: bool, fits: str) -> None:
    found = machine.fit(needed, here, on_card=on_card)
    assert found.fits == fits
    assert found.sentence.endswith(".")
    if needed:
        assert f"{needed / 1000:.1f} GB" in found.sentence
        assert ("RTX" in found.sentence) == (on_card and fits == "yes")
    if fits == "no":
        assert "smaller" in found.sentence


def test_this_machine() -> None:
    here = machine.look()
    assert 0 < here.free <= here.total
    assert here.cores >= 1
    assert machine.look() is here or machine.look().total == here.total


def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prints: str, wait: float = 0) -> None:
    """A stand-in for the driver's tool."""
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!{sys.executable}\nimport time\ntime.sleep({wait})\nprint({prints!r})\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    machine._look.cache_clear()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
@pytest.mark.parametrize(
    ("prints", "card"),
    [
        ("NVIDIA RTX 4070, 12282, 11000", Card("NVIDIA RTX 4070", 12282, 11000)),
        ("A, 8000, 100\nB, with a comma, 6000, 5000", Card("B, with a comma", 6000, 5000)),
        ("A, [N/A], [N/A]", None),
        ("No devices were found", None),
        ("", None),
    ],
)
def test_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prints: str, card: Card | None) -> None:
    tool(tmp_path, monkeypatch, prints)
    found, problem = machine._card()
    assert found == card
    assert bool(problem) == (card is None)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_a_tool_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ASK_SECONDS", 0.3)
    tool(tmp_path, monkeypatch, "late", wait=5)
    assert machine._card() == (None, "the driver's tool nvidia-smi does not answer")


def test_no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine._card() == (None, "")
