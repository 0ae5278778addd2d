"""The terminal's verb for evaluations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composer.evaluation.report import read
from tests.composer.evaluation.golds import boats
from tests.composer.test_cli import Terminal, terminal  # noqa: F401 - a fixture


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return boats(tmp_path / "gold")


def test_evaluating(terminal: Terminal, gold: Path, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    target = tmp_path / "found" / "first.json"
    verb = ["evaluate", gold, "--report", target, "--systems", "encoder,even", "--vectors-only", "--seed", 3]
    assert terminal(*verb) == 0, terminal.err
    assert terminal.out.splitlines()[-2:] == [str(target), str(target.with_suffix(".html"))]
    assert "Right choice among eight" in terminal.out
    assert "Pictures carried no words" in terminal.err
    report = read(target)
    assert (report.articles, report.seed, report.words, list(report.systems)) == (3, 3, False, ["even", "encoder"])
    assert "<html" in target.with_suffix(".html").read_text("utf-8")
    assert terminal.chosen[-1].index == ""
    assert terminal("library", "stats", "--json") == 0
    assert json.loads(terminal.out)["pictures"] == 0  # the writer's own library is left alone
    assert terminal(*verb, "--json") == 0
    printed = json.loads(terminal.out)
    assert printed["files"] == [str(target), str(target.with_suffix(".html"))]
    assert printed["report"]["systems"] == json.loads(target.read_text("utf-8"))["systems"]
    assert read(target) == report  # times as well: nothing was done again


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--systems", "even,odd"], 2, "odd is not a system; choose of ours, xcomposer, even, encoder, mmc4."),
        (["--systems", ","], 2, "No system is named"),
        (["--limit", "0"], 2, "limit"),
    ],
)
def test_wrong_usage(
    terminal: Terminal,  # noqa: F811 - the fixture
    gold: Path,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    assert terminal("evaluate", gold, "--report", tmp_path / "report.json", *arguments) == code
    assert said in terminal.err
    assert not (tmp_path / "report.json").exists()


def test_what_cannot_be_used(terminal: Terminal, gold: Path, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    assert terminal("evaluate", tmp_path / "none", "--report", tmp_path / "report.json") == 1
    assert "is not a folder" in terminal.err
    (tmp_path / "file").touch()
    assert terminal("evaluate", gold, "--report", tmp_path / "file" / "report.json") == 1
    assert "Choose another place for the report." in terminal.err
    (gold / "articles.jsonl").write_text("{}\n")
    assert terminal("evaluate", gold, "--report", tmp_path / "report.json") == 1
    assert "Line 1 of articles.jsonl cannot be used" in terminal.err
