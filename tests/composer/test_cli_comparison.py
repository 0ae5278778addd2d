"""Two reports compared in the terminal, and what was kept of choices deleted."""

from __future__ import annotations

import json
from pathlib import Path

from composer.evaluation import recording, report
from composer.evaluation.nouns import SYSTEMS
from tests.composer.evaluation.reports import toy_report
from tests.composer.evaluation.test_recording import swapped
from tests.composer.test_cli import Terminal, terminal  # noqa: F401 - a fixture


def test_comparing(terminal: Terminal, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_bytes(report.json(toy_report(1)))
    new.write_bytes(report.json(toy_report(2)))
    assert terminal("evaluate", "--compare", old, new, "--report", tmp_path / "both") == 0, terminal.err
    assert "new less old" in terminal.out
    assert "<html" in (tmp_path / "both.html").read_text("utf-8")
    assert terminal("evaluate", "--compare", old, new, "--json") == 0
    rows = json.loads(terminal.out)["rows"]
    assert {row["system"] for row in rows} == set(SYSTEMS)
    assert {"difference", "verdict"} <= rows[0].keys()


def test_what_is_no_report(terminal: Terminal, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    (tmp_path / "a.json").write_text("{}")
    assert terminal("evaluate", "--compare", tmp_path / "a.json", tmp_path / "a.json") == 1
    assert "a.json is not a report of an evaluation." in terminal.err
    assert terminal("evaluate") == 2
    assert "Name a folder of gold articles" in terminal.err


def test_forgetting(terminal: Terminal) -> None:  # noqa: F811 - the fixture
    recording.record(swapped())
    assert terminal("evaluate", "--forget") == 0
    assert "Deleted" in terminal.out
    assert not recording.folder().exists()
    assert terminal("evaluate", "--forget") == 0
    assert "Nothing was kept." in terminal.out
