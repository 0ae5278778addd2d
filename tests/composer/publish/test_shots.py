"""The shot list beside the article: there when something is to be taken, and never inside the text."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from composer.publish.export import export
from composer.types import Brief, Composition, Language, Pick
from tests.composer.fakes import article, draw, picture, slot


def composed(folder: Path, language: Language = "en", filled: int = 1) -> Composition:
    """Two places, of which `filled` have a picture."""
    shown = picture("x", path=str(draw(folder / "in" / "boat.png", "red")))
    slots = (slot("s0", "p0", "A *red* boat"), slot("s1", "p1", "The <empty> quay"))
    picks = {
        each.id: Pick(slot=each.id, picture=shown if at < filled else None, reason="") for at, each in enumerate(slots)
    }
    return Composition(brief=Brief(topic="x", language=language), article=article(4, 2), slots=slots, picks=picks)


@pytest.mark.parametrize("formats", [("markdown",), ("html",), ("markdown", "html")])
def test_the_list_goes_with_every_format(tmp_path: Path, formats: tuple) -> None:
    out = tmp_path / "out"
    files = export(composed(tmp_path), out, formats)
    assert files[len(formats)] == out / "article - shot list.md"
    said = files[len(formats)].read_text("utf-8")
    assert said.startswith("# Shot list: An article\n\n## 1 · The \\<empty\\> quay\n\nPlace: ")
    assert "A photographer should take: the \\<empty\\> quay" in said
    assert "red" not in said
    for page in files[: len(formats)]:
        assert "photographer" not in page.read_text("utf-8"), "it is never part of what is published"


def test_an_article_with_all_its_pictures_has_no_list(tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = export(composed(tmp_path, filled=2), out, ("markdown", "html"))
    assert [file.name for file in files] == ["article.md", "article.html", "01-boat.png"]
    assert not list(out.glob("*list*"))


def test_in_chinese(tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(composed(tmp_path, "zh"), out, ("html",))
    said = (out / "article - 配图清单.md").read_text("utf-8")
    assert said.startswith("# 配图清单：An article\n")
    assert "摄影师应拍摄：" in said


def test_an_older_list_is_replaced_and_does_not_go_on_asking(tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(composed(tmp_path, filled=0), out, ("html",))
    listed = out / "article - shot list.md"
    assert listed.read_text("utf-8").count("## ") == 2
    export(composed(tmp_path), out, ("html",))
    assert listed.read_text("utf-8").count("## ") == 1
    files = export(composed(tmp_path, filled=2), out, ("html",))
    assert files == (out / "article.html", listed)
    assert "nothing is to be taken" in listed.read_text("utf-8")


def test_a_place_without_a_caption_is_listed_by_where_it_is(tmp_path: Path) -> None:
    made = composed(tmp_path)
    nameless = replace(made, slots=tuple(replace(each, caption="", query="") for each in made.slots or ()))
    export(nameless, tmp_path / "out", ("html",))
    said = (tmp_path / "out" / "article - shot list.md").read_text("utf-8")
    assert "## 1 · " in said
    assert "after “" in said.splitlines()[2]
