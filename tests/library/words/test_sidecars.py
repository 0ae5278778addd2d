from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from composer.collection import Edit
from composer.errors import ComposerError, LibraryError
from composer.library.catalogue import Catalogue
from composer.library.finding.search import by_words
from composer.library.marks import Marked
from composer.library.words import sidecars, xmp
from composer.library.words.packets import changed
from composer.library.words.sidecars import edit, edit_picture, kept
from composer.types import Picture
from tests.library.conftest import Scan, paint
from tests.library.words.test_metadata import RICH

WHOLE = Edit(
    caption='A "new" <caption> & more 城堡',
    title="Title",
    keywords=("a", "b, c"),
    people=("Jane Doe", "王伟"),
    place="Ålesund, Norway",
    creator="Ann",
    credit="Ann/Agency",
    copyright="© Ann",
    licence="CC BY-SA 4.0",
)


def only(catalogue: Catalogue) -> Picture:
    [picture] = catalogue.pictures(catalogue.rows([]).tolist()).values()
    return picture


@pytest.fixture
def picture(catalogue: Catalogue, folder: Path, run: Scan) -> Picture:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "Told by the file", "Somebody"
    paint(1).save(folder / "heron.jpg", exif=exif)
    (folder / "captions.tsv").write_text("file\tcaption\tplace\nheron.jpg\tTold by the list\tRome\n", "utf-8")
    run()
    return only(catalogue)


def test_an_edit_is_shown_at_once_and_after_a_scan(
    catalogue: Catalogue, picture: Picture, folder: Path, run: Scan
) -> None:
    before = (folder / "heron.jpg").read_bytes(), (folder / "heron.jpg").stat()
    assert edit_picture(catalogue, picture.id, WHOLE) == (folder / "heron.jpg.xmp",)
    for shown in (only(catalogue), (run(), only(catalogue))[1]):
        assert (shown.caption, shown.title, shown.place) == (WHOLE.caption, "Title", "Ålesund, Norway")
        assert (shown.people, shown.creator, shown.credit) == ("Jane Doe; 王伟", "Ann", "Ann/Agency")
        assert (shown.copyright, shown.licence) == ("© Ann", "CC BY-SA 4.0")
        assert "Told by" not in shown.words
    row = catalogue.row_of(picture.id)
    assert catalogue.database.all("SELECT keywords FROM pictures WHERE row = ?", [row]) == [("a; b, c",)]
    assert [found for found, _ in by_words(catalogue, "jane", (), 10)] == [row]
    assert (folder / "heron.jpg").read_bytes() == before[0]
    assert (folder / "heron.jpg").stat().st_mtime_ns == before[1].st_mtime_ns


def test_a_scan_of_a_new_catalogue_finds_the_edits(
    catalogue: Catalogue, picture: Picture, folder: Path, tmp_path: Path
) -> None:
    from composer.library.filling.scan import scan
    from composer.ports import Cancel

    edit_picture(catalogue, picture.id, WHOLE)
    with Catalogue(tmp_path / "other" / "catalogue.db", tmp_path / "other" / "previews") as other:
        list(scan(other, folder, Cancel()))
        assert only(other).caption == WHOLE.caption


def test_what_is_emptied_stays_empty_and_the_rest_stays(catalogue: Catalogue, picture: Picture, run: Scan) -> None:
    edit_picture(catalogue, picture.id, Edit(caption="", title="A title"))
    edit_picture(catalogue, picture.id, Edit(credit="Ann"))
    run()
    shown = only(catalogue)
    assert (shown.caption, shown.title, shown.credit) == ("", "A title", "Ann")
    assert (shown.place, shown.creator) == ("Rome", "Somebody")


def test_all_copies_of_a_picture_are_told(catalogue: Catalogue, picture: Picture, folder: Path, run: Scan) -> None:
    (folder / "copies").mkdir()
    shutil.copy(folder / "heron.jpg", folder / "copies" / "again.jpg")
    run()
    written = edit_picture(catalogue, picture.id, Edit(caption="Both"))
    assert set(written) == {folder / "heron.jpg.xmp", folder / "copies" / "again.jpg.xmp"}
    assert only(catalogue).caption == "Both"
    run()
    assert only(catalogue).caption == "Both"


def test_a_copy_whose_file_cannot_be_changed_is_told_and_the_others_are_changed(
    catalogue: Catalogue, picture: Picture, folder: Path, run: Scan
) -> None:
    shutil.copy(folder / "heron.jpg", folder / "z.jpg")
    run()
    (folder / "z.jpg.xmp").write_text("not xml", "utf-8")
    with pytest.raises(LibraryError, match=r"z\.jpg\.xmp is not an XMP file"):
        edit_picture(catalogue, picture.id, Edit(caption="Changed"))
    assert (folder / "heron.jpg.xmp").is_file()
    assert only(catalogue).caption == "Changed"


@pytest.mark.parametrize("name", ["heron.xmp", "heron.jpg.xmp", "heron.XMP"])
def test_a_file_that_is_there_is_used_and_keeps_all_else(name: str, folder: Path, tmp_path: Path) -> None:
    paint(1).save(folder / "heron.jpg")
    strange = RICH.replace(
        "<dc:source>",
        '<dt:past xmlns:dt="urn:darkroom"><rdf:Seq><rdf:li dt:step="1" dt:note="a&#10;b&#9;&quot;c&quot;"/></rdf:Seq>'
        "</dt:past><!-- by hand --><dc:source>",
    )
    (folder / name).write_text(strange, "utf-16")
    assert edit(folder / "heron.jpg", "id", WHOLE, tmp_path / "own") == folder / name
    text = (folder / name).read_text("utf-8")
    assert 'dt:note="a&#10;b&#9;&quot;c&quot;"' in text
    assert "<!-- by hand -->" in text
    fields = xmp.read(text.encode())
    assert fields.description == WHOLE.caption
    assert "水坝" in fields.more
    assert (fields.taken, fields.rating, fields.terms) == ("2019-05", 4, "https://x.org/terms")
    assert (fields.people, fields.keywords) == (WHOLE.people, WHOLE.keywords)
    again = changed(text.encode(), {})
    assert again.decode() == text


def test_a_file_for_two_pictures_is_not_changed_for_one(folder: Path, tmp_path: Path) -> None:
    for name in ("heron.jpg", "heron.png"):
        paint(1).save(folder / name)
    (folder / "heron.xmp").write_text(RICH, "utf-8")
    assert edit(folder / "heron.jpg", "id", Edit(title="T"), tmp_path / "own") == folder / "heron.jpg.xmp"
    assert (folder / "heron.xmp").read_text("utf-8") == RICH
    fields = xmp.read((folder / "heron.jpg.xmp").read_bytes())
    assert (fields.title, fields.description) == ("T", "A weir")


def test_a_link_to_an_xmp_file_stays_a_link(folder: Path, tmp_path: Path) -> None:
    paint(1).save(folder / "heron.jpg")
    (tmp_path / "real.xmp").write_text(RICH, "utf-8")
    (folder / "heron.xmp").symlink_to(tmp_path / "real.xmp")
    edit(folder / "heron.jpg", "id", Edit(title="T"), tmp_path / "own")
    assert (folder / "heron.xmp").is_symlink()
    assert xmp.read((tmp_path / "real.xmp").read_bytes()).title == "T"


def test_rating_and_tags_are_written_beside_the_keywords(catalogue: Catalogue, picture: Picture, folder: Path) -> None:
    edit_picture(catalogue, picture.id, Edit(keywords=("bird",)))
    catalogue.marks.put([picture.id], rating=4, tags=["cover", "bird"])
    edit_picture(catalogue, picture.id, Edit(), marks=True)
    fields = xmp.read((folder / "heron.jpg.xmp").read_bytes())
    assert (fields.rating, fields.keywords) == (4, ("bird", "cover"))


def test_where_the_folder_may_not_be_written_the_edit_is_kept_elsewhere(
    catalogue: Catalogue, picture: Picture, folder: Path, run: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = sidecars.write_safely

    def refuse(path: Path, data: bytes) -> None:
        if path.parent == folder:
            raise ComposerError("may not be written")
        write(path, data)

    own = kept(catalogue.file.parent, picture.id)
    with monkeypatch.context() as patch:
        patch.setattr(sidecars, "write_safely", refuse)
        assert edit_picture(catalogue, picture.id, Edit(caption="Kept", title="T")) == (own,)
    assert not list(folder.glob("*.xmp"))
    assert only(catalogue).caption == "Kept"
    os.utime(folder / "heron.jpg", (1, 1))
    run()
    assert (only(catalogue).caption, only(catalogue).title) == ("Kept", "T")
    assert edit_picture(catalogue, picture.id, Edit(title="New")) == (folder / "heron.jpg.xmp",)
    assert not own.exists()
    assert (only(catalogue).caption, only(catalogue).title) == ("Kept", "New")


@pytest.mark.parametrize(
    "data", [b"not xml", b"<x/>", b'<!DOCTYPE a [<!ENTITY b "c">]>' + RICH.encode(), b"<a>" * 9_000]
)
def test_a_file_that_is_no_xmp_is_left_alone(data: bytes, folder: Path, tmp_path: Path) -> None:
    paint(1).save(folder / "heron.jpg")
    (folder / "heron.xmp").write_bytes(data)
    with pytest.raises(LibraryError, match=r"heron\.xmp is not an XMP file"):
        edit(folder / "heron.jpg", "id", WHOLE, tmp_path / "own")
    assert (folder / "heron.xmp").read_bytes() == data
    assert not (tmp_path / "own").exists()


def test_a_picture_that_is_gone_is_told(catalogue: Catalogue) -> None:
    with pytest.raises(LibraryError, match="not in the library"):
        edit_picture(catalogue, "no such id", WHOLE)


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_words_come_back(text: str, keywords: list[str]) -> None:
    change = sidecars._changes(Edit(caption=text, keywords=tuple(keywords), place=text, credit=text))
    fields = xmp.read(changed(b"", change))
    assert fields.description == fields.place == fields.credit == change["description"]
    assert fields.keywords == tuple(dict.fromkeys(change["keywords"]))  # type: ignore[arg-type]


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_another_program_reads_what_was_written(folder: Path, tmp_path: Path) -> None:
    import json

    paint(1).save(folder / "heron.jpg")
    place = edit(folder / "heron.jpg", "id", WHOLE, tmp_path / "own", Marked(rating=5))
    command = ["exiftool", "-j", "-struct", "-validate", "-all", str(place)]
    [read] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert (read["Description"], read["Title"], read["Subject"]) == (WHOLE.caption, "Title", ["a", "b, c"])
    assert (read["PersonInImage"], read["Creator"]) == (["Jane Doe", "王伟"], ["Ann"])
    assert read["LocationShown"] == [{"LocationName": "Ålesund, Norway"}]
    assert (read["Credit"], read["Rights"], read["Rating"]) == ("Ann/Agency", "© Ann", 5)
    assert read["License"] == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert read["Validate"] == "OK"
