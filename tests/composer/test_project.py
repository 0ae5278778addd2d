"""The saved article: whole after every round trip, and never lost to a bad disk or a newer program."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import msgspec
import pytest

from composer import project
from composer.errors import ProjectError
from composer.types import Brief, Composition, Pick, Speed
from tests.composer.fakes import Bench, article, candidate, outline_of, picture, slot

WHOLE = Composition(
    brief=Brief(topic="灯塔 “quoted” \\ \n", language="zh", length=500, libraries=("/a b/图片",), pictures=None),
    outline=outline_of("缘起", "Nets", anchor="an anchor"),
    article=article(3, 2, "zh"),
    slots=(slot("s1"), slot("s2", "p1")),
    candidates={"s1": (candidate("a", 0.5, "g", vector=0.25, words=None, rerank=-3.5),), "s2": ()},
    picks={
        "s1": Pick(slot="s1", picture=picture("a"), reason="r", by="writer"),
        "s2": Pick(slot="s2", picture=None, reason="none"),
    },
    models={"writer": "w"},
    inputs={"write": "hash"},
    seconds={"write": 1.5},
    speed=Speed(100, 2.5),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "island.pictorial"


def test_round_trip(path: Path) -> None:
    project.save(WHOLE, path)
    assert project.open_project(path) == WHOLE


def test_round_trip_of_a_real_composition(bench: Bench, library: Path, path: Path) -> None:
    made, _ = bench.compose(Brief(topic="The coast", length=200, pictures=2, libraries=(str(library),)))
    project.save(made, path)
    assert project.open_project(path) == made


def test_a_brief_alone(path: Path) -> None:
    project.save(Composition(brief=Brief(topic="x")), path)
    assert project.open_project(path) == Composition(brief=Brief(topic="x"))


def test_a_file_of_this_version_stays_readable(path: Path) -> None:
    """Written by hand: whoever changes the names of fields breaks people's articles."""
    path.write_text(
        '{"format":1,"program":"pictorial","composition":{"brief":{"topic":"x","later":"passed over"},'
        '"article":{"title":"t","blocks":[{"id":"p0","kind":"paragraph","text":"Hello.","section":0}]}}}'
    )
    opened = project.open_project(path)
    assert opened.brief.length == 1000
    assert opened.article is not None
    assert opened.article.blocks[0].text == "Hello."


def refused(path: Path) -> ProjectError:
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(ProjectError) as caught:
        project.open_project(path)
    assert caught.value.hint
    assert not path.is_file() or path.read_bytes() == before
    return caught.value


def test_a_newer_version_is_refused(path: Path) -> None:
    path.write_text('{"format": 2, "composition": "something new"}')
    assert "newer version" in refused(path).message


@pytest.mark.parametrize("cut", [1, 40, -2, -40])
def test_a_file_cut_short(path: Path, cut: int) -> None:
    project.save(WHOLE, path)
    path.write_bytes(path.read_bytes()[:cut])
    assert path.name in refused(path).message


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff", b"[]", b"null", b'{"format":"1"}', b"{}", b"{" * 100_000, b'{"x":' + b"[" * 100_000]
)
def test_something_else(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert "not a Pictorial project" in refused(path).message


def test_a_wrong_value_inside(path: Path) -> None:
    project.save(WHOLE, path)
    data = json.loads(path.read_bytes())
    data["composition"]["brief"]["length"] = "long"
    path.write_text(json.dumps(data))
    error = refused(path)
    assert "damaged" in error.message
    assert "length" in error.message


def test_missing_or_a_folder(path: Path) -> None:
    assert "cannot be opened" in refused(path).message
    path.mkdir()
    assert "cannot be opened" in refused(path).message


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_while_saving(path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    project.save(WHOLE, path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(ProjectError) as caught:
        project.save(Composition(brief=Brief(topic="other")), path)
    assert "no space left" in caught.value.message
    assert project.open_project(path) == WHOLE
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_file_is_one_that_a_person_can_read(path: Path) -> None:
    project.save(WHOLE, path)
    text = path.read_text("utf-8")
    assert "缘起" in text
    assert len(text.splitlines()) > 20
    assert msgspec.json.decode(text)["format"] == project.FORMAT
