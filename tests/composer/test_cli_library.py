"""The terminal's verbs for the library and its pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from composer import cli_pictures
from composer.collection import Details, Screens
from composer.types import Picture
from tests.composer.fakes import draw_library
from tests.composer.test_cli import Terminal, terminal  # noqa: F401 - a fixture


@pytest.fixture
def own(terminal: Terminal, tmp_path: Path) -> Path:  # noqa: F811 - the fixture
    """A folder of its own, taken in."""
    folder = draw_library(tmp_path / "own")
    assert terminal("library", "add", folder) == 0
    return folder


def found(terminal: Terminal, *arguments: object) -> list[str]:  # noqa: F811 - the fixture
    assert terminal("library", "find", *arguments, "--json") == 0, terminal.err
    return [Path(each["path"]).stem for each in json.loads(terminal.out)]


@pytest.mark.usefixtures("own")
def test_finding(terminal: Terminal) -> None:  # noqa: F811 - the fixture
    assert found(terminal, "red boat", "--limit", 1) == ["red-boat"]
    assert len(found(terminal)) == 8
    assert found(terminal, "--sort", "name", "--limit", 2) == ["black-kettle", "blue-tower"]
    assert found(terminal, "quay", "--words-only", "--rights", "free", "--orientation", "landscape", "--limit", 3)
    assert found(terminal, "--rights", "licensed") == []
    assert found(terminal, "--orientation", "portrait") == []
    assert terminal("library", "find", "boat") == 0
    assert "red-boat.png" in terminal.out
    assert "of 8 pictures" in terminal.err


def test_finding_by_examples(terminal: Terminal, own: Path, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    assert found(terminal, "--like", own / "red-boat.png", "--limit", 1) == ["orange-bridge"]
    Image.new("RGB", (90, 90), (40, 60, 210)).save(tmp_path / "blue.png")
    assert found(terminal, "--like", tmp_path / "blue.png", "--limit", 1) == ["blue-tower"]
    assert found(terminal, "red boat", "--unlike", own / "red-boat.png")[-1] == "red-boat"
    assert terminal("library", "find", "--like", tmp_path / "blue.png", "--like", tmp_path / "two.png") == 2
    assert terminal("library", "find", "--unlike", tmp_path / "blue.png") == 1
    assert "not a picture of the library" in terminal.err


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--sort", "beauty"], 2, "newest"),
        (["--rights", "mine"], 2, "licensed"),
        (["--from", "yesterday"], 1, "2019-05"),
        (["--limit", "0"], 2, "limit"),
    ],
)
def test_wrong_wishes(terminal: Terminal, arguments: list[str], code: int, said: str) -> None:  # noqa: F811 - the fixture
    assert terminal("library", "find", *arguments) == code
    assert said in terminal.err


def test_what_was_seen_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    picture = Picture(id="a", path="/a.jpg", width=4, height=3)
    seen = Screens(kind="photograph", faces=0, unsafe=0.034)
    cli_pictures._print_details(Details(picture=picture, paths=("/a.jpg",), screens=seen))
    said = capsys.readouterr().out
    assert "faces: 0\nunsafe: 3%\n" in said


def test_marks_tags_and_showing(terminal: Terminal, own: Path) -> None:  # noqa: F811 - the fixture
    boat = own / "red-boat.png"
    assert terminal("library", "mark", boat, own / "green-door.png", "--rating", 4, "--tag", "cover") == 0
    assert terminal("library", "mark", own / "green-door.png", "--hide", "--untag", "cover") == 0
    assert found(terminal, "--rating", 3) == ["red-boat"]
    assert found(terminal, "--tag", "cover") == ["red-boat"]
    assert found(terminal, "--hidden") == ["green-door"]
    assert terminal("library", "tags", "--json") == 0
    assert json.loads(terminal.out) == {"cover": 1}
    assert terminal("library", "tags") == 0
    assert "cover" in terminal.out
    assert terminal("library", "show", boat, "--json") == 0
    details = json.loads(terminal.out)
    assert (details["rating"], details["tags"], details["rights"]) == (4, ["cover"], "free")
    assert terminal("library", "show", details["picture"]["id"]) == 0
    assert "caption: A red boat on the quay\n" in terminal.out
    assert "faces" not in terminal.out, "nobody looked for them"
    assert terminal("library", "show", own / "none.png") == 1
    assert terminal("library", "mark", own / "none.png", "--hide") == 1


def test_editing(terminal: Terminal, own: Path) -> None:  # noqa: F811 - the fixture
    boat = own / "red-boat.png"
    before = boat.read_bytes()
    assert terminal("library", "edit", boat, "--caption", "A cutter", "--person", "Ana Lind", "--keyword", "fog") == 0
    assert Path(terminal.out.strip()).suffix == ".xmp"
    assert boat.read_bytes() == before
    assert found(terminal, "--person", "lind") == ["red-boat"]
    assert found(terminal, "cutter", "--words-only") == ["red-boat"]
    assert terminal("library", "edit", boat) == 2
    assert terminal("library", "edit", own / "none.png", "--caption", "x") == 1


def test_folders_and_indexing(terminal: Terminal, own: Path, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    more = draw_library(tmp_path / "more")
    assert terminal("library", "folders", "add", more, "--exclude", "red-*", "--exclude", "blue-*", "--watch") == 0
    assert terminal("library", "index", "--share", 0.9) == 0, terminal.err
    assert f"6 pictures in {more}" in terminal.out
    assert f"8 pictures in {own}" in terminal.out
    assert terminal("library", "folders") == 0
    assert "not: red-*" in terminal.out
    assert "watched" in terminal.out
    assert terminal("library", "folders", "--json") == 0
    assert {Path(each["path"]).name: each["pictures"] for each in json.loads(terminal.out)} == {"own": 8, "more": 6}
    assert terminal("library", "folders", "drop", own) == 0
    assert len(found(terminal)) == 6
    assert terminal("library", "folders", "drop", own) == 1
    assert terminal("library", "folders", "add", tmp_path / "none") == 1


def test_an_article_is_remembered_by_its_pictures(terminal: Terminal, own: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "out"
    assert terminal("compose", "--brief", "Colours of the coast", "--library", own, "--out", out, "--words", 200,
                    "--pictures", 2) == 0  # fmt: skip
    unused = found(terminal, "--unused")
    assert 0 < len(unused) < 8
    used = next(own / f"{name}.png" for name in found(terminal) if name not in unused)
    assert terminal("library", "show", used, "--json") == 0
    (use,) = json.loads(terminal.out)["uses"]
    assert use["article"] == str(out / "article.pictorial")
    assert terminal("export", out / "article.pictorial", "--out", tmp_path / "web") == 0
    assert found(terminal, "--unused") == unused
