"""The terminal prints where the shot list lies, as a line and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from composer import cli, project
from composer.types import Brief, Composition, Outline, Pick
from tests.composer.fakes import Bench, ScriptedWriter, article, draw, picture, slot


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one picture and one empty place."""
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    shown = picture("x", path=str(draw(tmp_path / "in" / "boat.png", "red")))
    picks = {"s0": Pick(slot="s0", picture=shown, reason=""), "s1": Pick(slot="s1", picture=None, reason="")}
    made = Composition(
        brief=Brief(topic="x"), outline=Outline("An article", ()), article=article(4, 2),
        slots=(slot("s0", "p0", "A red boat"), slot("s1", "p1", "The empty quay")), picks=picks,
    )  # fmt: skip
    project.save(made, tmp_path / "boats.pictorial")
    return tmp_path / "boats.pictorial"


def export(saved: Path, *options: str) -> list[str]:
    out = saved.parent / "out"
    arguments = ["export", str(saved), "--out", str(out), *options]
    assert cli.run(arguments, lambda _: Bench(saved.parent / "home", ScriptedWriter([])), pytest.fail, "1.2") == 0
    return [str(out / name) for name in ("article.md", "article.html", "article - shot list.md")]


def test_export_prints_the_list(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = export(saved)
    assert capsys.readouterr().out.splitlines()[:3] == wanted
    assert "The empty quay" in Path(wanted[2]).read_text("utf-8")


def test_export_tells_programs(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = export(saved, "--json", "--format", "html")
    assert json.loads(capsys.readouterr().out) == {"files": wanted[1:]}


def test_a_full_article_has_none(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = project.open_project(saved)
    project.save(replace(made, slots=(made.slots or ())[:1]), saved)
    export(saved, "--json")
    assert not any("list" in Path(file).name for file in json.loads(capsys.readouterr().out)["files"])
