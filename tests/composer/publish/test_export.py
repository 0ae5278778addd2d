"""Files in a folder: the page, its pictures beside it, and nothing else touched."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from composer.errors import ComposerError, LibraryError
from composer.publish.export import export
from composer.types import Brief, Composition, Pick, Picture
from tests.composer.fakes import article, draw, picture, slot


def composed(*paths: Path, same: bool = False) -> Composition:
    slots = tuple(slot(f"s{at}", f"p{at}", f"Caption {at}") for at in range(len(paths)))
    pictures = [
        Picture(
            id="same" if same else f"x{at}", path=str(path), width=160, height=120, caption=f"Shows {at}",
            credit="Ana Lind", licence="CC0",
        )
        for at, path in enumerate(paths)
    ]  # fmt: skip
    picks = {
        each.id: Pick(slot=each.id, picture=chosen, reason="r") for each, chosen in zip(slots, pictures, strict=True)
    }
    return Composition(brief=Brief(topic="x"), article=article(4, 2), slots=slots, picks=picks)


def test_both_formats(tmp_path: Path) -> None:
    made = composed(draw(tmp_path / "in" / "Red Boat.PNG", "red"), draw(tmp_path / "in" / "green.png", "green"))
    out = tmp_path / "out" / "deeper"
    files = export(made, out, ("markdown", "html"))
    assert [str(file.relative_to(out)) for file in files] == [
        "article.md", "article.html", "pictures/01-Red-Boat.png", "pictures/02-green.png",
    ]  # fmt: skip
    assert all(file.is_file() for file in files)
    assert (out / "pictures/01-Red-Boat.png").read_bytes() == (tmp_path / "in" / "Red Boat.PNG").read_bytes()
    page = (out / "article.md").read_text("utf-8")
    assert page.startswith("# An article\n")
    assert "![Shows 0](pictures/01-Red-Boat.png)\n*Caption 0* · Ana Lind (CC0)" in page
    web = (out / "article.html").read_text("utf-8")
    assert web.count("<figure>") == 2
    assert 'alt="Shows 1"' in web
    assert "Ana Lind (CC0)" in web


@pytest.mark.parametrize(
    ("formats", "names"), [(("markdown",), {"article.md", "pictures"}), (("html",), {"article.html"})]
)
def test_one_format(tmp_path: Path, formats: tuple, names: set[str]) -> None:
    export(composed(draw(tmp_path / "in" / "a.png", "red")), tmp_path / "out", formats)
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


@pytest.mark.parametrize(
    "name",
    ["灯塔 1.png", "a/../b.png", "..png", "-rf.png", "x" * 200 + ".png", "quo'te\"&<b>.png", "tab\tnew\nline.png"],
)
def test_pictures_get_safe_names(tmp_path: Path, name: str) -> None:
    source = tmp_path / "in" / name.replace("/", "-")
    draw(tmp_path / "plain.png", "red")
    source.parent.mkdir(exist_ok=True)
    shutil.copyfile(tmp_path / "plain.png", source)
    files = export(composed(source), tmp_path / "out", ("markdown",))
    copied = files[1]
    assert copied.parent == tmp_path / "out" / "pictures"
    assert copied.read_bytes() == source.read_bytes()
    assert copied.name.startswith("01-")
    assert len(copied.name) < 80
    assert not set(copied.name) & set("/\\ \t\n'\"<>&()%?*:|")


def test_two_pictures_of_one_name(tmp_path: Path) -> None:
    made = composed(draw(tmp_path / "a" / "boat.png", "red"), draw(tmp_path / "b" / "boat.png", "blue"))
    files = export(made, tmp_path / "out", ("markdown",))
    assert files[1].read_bytes() != files[2].read_bytes()
    page = files[0].read_text("utf-8")
    assert "01-boat.png" in page
    assert "02-boat.png" in page


def test_a_picture_used_twice_is_copied_once(tmp_path: Path) -> None:
    path = draw(tmp_path / "boat.png", "red")
    files = export(composed(path, path, same=True), tmp_path / "out", ("markdown",))
    assert len(files) == 2
    assert files[0].read_text("utf-8").count("01-boat.png") == 2


def test_other_files_are_left_alone_and_own_ones_replaced(tmp_path: Path) -> None:
    (tmp_path / "out" / "pictures").mkdir(parents=True)
    (tmp_path / "out" / "article.md").write_text("old")
    (tmp_path / "out" / "pictures" / "mine.png").write_text("mine")
    export(composed(draw(tmp_path / "a.png", "red")), tmp_path / "out", ("markdown",))
    assert (tmp_path / "out" / "article.md").read_text() != "old"
    assert (tmp_path / "out" / "pictures" / "mine.png").read_text() == "mine"


def test_exporting_again_from_the_exported_pictures(tmp_path: Path) -> None:
    made = composed(draw(tmp_path / "a.png", "red"))
    copied = export(made, tmp_path / "out", ("markdown",))[1]
    before = copied.read_bytes()
    moved = replace(made, picks={"s0": replace(made.picks["s0"], picture=picture("x0", path=str(copied)))})
    again = export(moved, tmp_path / "out", ("markdown",))[1]
    assert copied.read_bytes() == again.read_bytes() == before


@pytest.mark.parametrize("formats", [("markdown",), ("html",), ("markdown", "html")])
def test_a_missing_picture_is_a_sentence(tmp_path: Path, formats: tuple) -> None:
    made = composed(tmp_path / "gone.png")
    with pytest.raises(LibraryError) as caught:
        export(made, tmp_path / "out", formats)
    assert "gone.png" in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "out" / "article.md").exists(), "no page without its pictures"


def test_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(ComposerError) as caught:
        export(Composition(brief=Brief(topic="x")), tmp_path / "out", ("markdown",))
    assert "no article" in caught.value.message
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    made = composed(draw(tmp_path / "a.png", "red"))
    with pytest.raises(ComposerError):
        export(made, tmp_path / "file", ("markdown",))
    with pytest.raises(ComposerError):
        export(made, tmp_path / "file", ("html",))
    assert (tmp_path / "file").read_text() == "x"


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(LibraryError) as caught:
        export(composed(draw(tmp_path / "a.png", "red")), tmp_path / "out", ("markdown",))
    assert "No space left" in caught.value.message
