"""What this machine has: memory, a graphics card's memory, cores; and whether a model fits into it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from functools import lru_cache

import psutil
from msgspec import Struct

from composer.shelf import Fit

MARGIN = 1.2
"""Memory that must be free for each byte needed: other programs want some while a model works."""
LOOK_SECONDS = 10
"""How long what was seen holds good."""
ASK_SECONDS = 4.0


class Card(Struct, frozen=True):
    """A graphics card. Memory in MB."""

    name: str
    total: int
    free: int


class Machine(Struct, frozen=True):
    """Memory in MB."""

    total: int
    free: int
    cores: int
    card: Card | None
    unified: bool
    """The graphics card works in the main memory (Apple)."""
    problem: str = ""
    """Why a graphics card that is there cannot be used."""


def look() -> Machine:
    """This machine now; looked at anew every LOOK_SECONDS. No library that computes on a card is imported."""
    return _look(int(time.monotonic() / LOOK_SECONDS))


@lru_cache(maxsize=1)
def _look(_moment: int) -> Machine:
    memory = psutil.virtual_memory()
    unified = platform.system() == "Darwin" and platform.machine() == "arm64"
    card, problem = (None, "") if unified else _card()
    return Machine(
        total=memory.total >> 20, free=memory.available >> 20,
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1, card=card, unified=unified, problem=problem,
    )  # fmt: skip


def _card() -> tuple[Card | None, str]:
    """The NVIDIA card with the most free memory, as its driver's own tool tells."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None, ""
    command = [tool, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None, "the driver's tool nvidia-smi does not answer"
    cards = [card for line in ran.stdout.splitlines() if (card := _card_of(line))]
    if not cards:
        return None, (ran.stdout + ran.stderr).strip().partition("\n")[0][:200] or "nvidia-smi names no card"
    return max(cards, key=lambda card: card.free), ""


def _card_of(line: str) -> Card | None:
    parts = [part.strip() for part in line.rsplit(",", 2)]
    if len(parts) != 3 or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    return Card(parts[0], int(parts[1]), int(parts[2]))


def fit(needed_mb: int, machine: Machine, *, on_card: bool = False) -> Fit:
    """Whether that much memory is free, with a margin. `on_card`: the model would use the graphics card if it can."""
    if not needed_mb:
        return Fit("unknown", "How much memory it needs is not known.")
    card = machine.card if on_card else None
    if card and card.free >= MARGIN * needed_mb:
        return Fit("yes", f"Needs {_gb(needed_mb)} of memory; {_gb(card.free)} are free on the {card.name}.")
    said = f"Needs {_gb(needed_mb)} of memory; {_gb(machine.free)} are free."
    if machine.free >= MARGIN * needed_mb:
        return Fit("yes", said)
    if machine.free >= needed_mb:
        return Fit("tight", f"{said} Close other programs before you use it.")
    other = "Close other programs, or choose" if machine.total >= MARGIN * needed_mb else "Choose"
    return Fit("no", f"{said} {other} a smaller one: the machine has {_gb(machine.total)} in all.")


def _gb(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB"
