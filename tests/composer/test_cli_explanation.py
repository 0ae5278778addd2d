"""`why`: places by number or id, words in the article's language, and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from composer import project
from composer.cli import run
from composer.types import Composition
from tests.composer.test_explanation import TWO, decided


def why(*arguments: str) -> int:
    def none(_settings: object) -> None:
        raise AssertionError("no model is needed")

    return run(["why", *arguments], none, none, "1")  # type: ignore[arg-type]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.pictorial"
    project.save(decided(TWO), path)
    return path


def test_all_places(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert why(str(saved)) == 0
    said = capsys.readouterr().out
    assert said.startswith("Picture 1: keep\n  It fits ")
    assert "\n\nPicture 2: mill\n" in said


@pytest.mark.parametrize("place", ["2", "s2"])
def test_one_place(saved: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert why(str(saved), place, "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["explanation"]["slot"], found["explanation"]["picture"]) == ("s2", "mill")
    assert found["sentences"][0].startswith("It fits ")


def test_languages(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    composition = decided(TWO)
    project.save(replace(composition, brief=replace(composition.brief, language="zh")), saved)
    assert why(str(saved), "1") == 0
    assert "第 1 张图片：keep" in capsys.readouterr().out
    assert why(str(saved), "1", "--language", "en") == 0
    assert "Picture 1: keep" in capsys.readouterr().out
    assert why(str(saved), "--language", "fr") == 2


@pytest.mark.parametrize("place", ["0", "3", "s9", "²"])
def test_no_such_place(saved: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert why(str(saved), place) == 1
    assert capsys.readouterr().err.strip() == (
        f"There is no place {place} in this article. Choose a number from 1 to 2."
    )


def test_nothing_to_explain(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.save(Composition(brief=decided(TWO).brief), saved)
    assert why(str(saved)) == 1
    assert "no places for pictures" in capsys.readouterr().err
    assert why(str(tmp_path / "none.pictorial")) == 1
