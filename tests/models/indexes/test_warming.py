"""A file is read through once, where there is room, and closing does not wait for its end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from models.indexes import warming
from models.indexes.warming import PIECE, SPARE, Warming


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vectors"
    path.write_bytes(bytes(3 * PIECE + 5))
    return path


def bytes_read() -> int:
    return psutil.Process().io_counters().read_chars


def test_the_whole_file_is_read(file: Path) -> None:
    before = bytes_read()
    Warming(file).wait()
    assert bytes_read() - before >= file.stat().st_size


def test_a_file_that_would_drive_others_out_is_left(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = SPARE * file.stat().st_size - 1
    monkeypatch.setattr(warming.psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    before = bytes_read()
    Warming(file).wait()
    assert bytes_read() - before < PIECE


def test_a_file_that_is_gone_is_no_error(tmp_path: Path) -> None:
    warmth = Warming(tmp_path / "none")
    warmth.wait()
    warmth.close()
