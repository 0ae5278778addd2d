"""Long lists in little memory: pages of hits, thumbnails by bytes, and the words of filters."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QModelIndex, QRect, QSize
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from composer import wire
from composer.collection import Credential, Filter, Hit, Screens
from composer.types import Picture
from tests.ui import sample
from ui import edits
from ui.chinese import CHINESE
from ui.flow import FlowLayout
from ui.images import WAITING, ImageLoader
from ui.library_details import credential_words
from ui.library_filters import LibraryFilters
from ui.library_grid import LibraryGrid
from ui.library_hits import ASKED_AT_ONCE, PAGE, PAGES_KEPT, HitsModel
from ui.library_words import chips_of, indexing_words, is_day, screens_words, title_of
from ui.picture_mime import mime_of, picture_in
from ui.texts import choose_language


def hits(start: int, count: int) -> list[Hit]:
    return [
        Hit(picture=Picture(id=f"{row}", path=f"/{row}.jpg", width=3, height=2)) for row in range(start, start + count)
    ]


class Asked(list[tuple[int, int]]):
    """What a model asks for."""

    def __init__(self, model: HitsModel) -> None:
        super().__init__()
        model.wanted.connect(lambda start, count: self.append((start, count)))


def test_only_what_is_looked_at_is_asked_for_and_little_is_kept() -> None:
    model = HitsModel()
    asked = Asked(model)
    model.start(10_000_000, hits(0, PAGE))
    assert model.rowCount() == 10_000_000
    assert asked == []
    model.look(5_000_000, 5_000_020)
    first = 5_000_000 // PAGE * PAGE
    assert asked[0] == (first, PAGE)
    assert len(asked) <= ASKED_AT_ONCE
    model.look(9_000_000, 9_000_020)
    assert len(asked) <= ASKED_AT_ONCE, "what comes first is waited for"
    model.take(first, hits(first, PAGE))
    assert asked[-1][0] == 9_000_000 // PAGE * PAGE, "then only what is on the screen is asked for"
    for page in range(PAGES_KEPT + 40):
        model.take(page * PAGE, hits(page * PAGE, PAGE))
    assert len(model._pages) == PAGES_KEPT
    assert model.hit(0) is None
    last = model.hit((PAGES_KEPT + 39) * PAGE)
    assert last is not None


def test_changes_are_shown_at_once_and_fetched_anew() -> None:
    model = HitsModel()
    asked = Asked(model)
    model.start(PAGE, hits(0, PAGE))
    model.look(0, 20)
    assert asked == []
    model.change(["7"], lambda hit: replace(hit, rating=5))
    changed = model.hit(7)
    assert changed is not None
    assert changed.rating == 5
    model.spoil(["7"])
    assert asked == [(0, PAGE)]
    model.give_up(0)
    model.renew(PAGE - 10)
    assert model.rowCount() == PAGE - 10
    assert asked[-1] == (0, PAGE - 10)


def test_ten_million_pictures_scroll_like_a_hundred(qtbot: QtBot) -> None:
    model, thumbnails = HitsModel(), ImageLoader()
    grid = LibraryGrid(model, thumbnails)
    qtbot.addWidget(grid)
    grid.resize(700, 600)
    grid.show()
    model.start(10_000_000, hits(0, PAGE))
    assert grid.verticalScrollBar().maximum() < 2**31
    last = model.index(9_999_999)
    grid.scrollTo(last)
    assert QRect(0, 0, 700, 600).intersects(grid.visualRect(last))
    assert grid.indexAt(grid.visualRect(last).center()).row() == 9_999_999
    assert grid.indexAt(grid.visualRect(model.index(9_999_990)).center()).row() == 9_999_990
    top = grid.seen[0]
    grid.set_look(grid.look.side + 60, scores=True)
    first, end = grid.seen
    assert first <= top <= end, "another size keeps the place"
    grid.selectAll()
    assert grid.chosen_spans() == [(0, 9_999_999)]
    grid.clearSelection()
    grid.setCurrentIndex(QModelIndex())
    assert grid.chosen_spans() == []
    thumbnails.close()


def test_thumbnails_are_kept_by_bytes_and_wishes_are_bounded(qtbot: QtBot, pictures: Path) -> None:
    files = sorted(str(path) for path in pictures.glob("*.jpg"))
    one = 40 * 27 * 4
    thumbnails = ImageLoader(bytes_kept=3 * one)
    heard: list[str] = []
    thumbnails.loaded.connect(heard.append)
    for file in files:
        assert thumbnails.get((file,), QSize(40, 40)) is None
    qtbot.waitUntil(lambda: len(heard) == len(files), timeout=15000)
    assert thumbnails.bytes <= 3 * one
    for row in range(WAITING * 2):
        thumbnails.get((f"/nowhere/{row}.jpg",), QSize(40, 40))
    assert thumbnails.waiting <= WAITING
    qtbot.waitUntil(lambda: thumbnails.waiting == 0 and not thumbnails._jobs, timeout=15000)
    image = thumbnails.get((f"/nowhere/{WAITING * 2 - 1}.jpg",), QSize(40, 40))
    assert image is not None
    assert image.isNull()
    assert thumbnails.get(("", ""), QSize(40, 40)) is not None
    thumbnails.close()


def test_a_thumbnail_of_another_size_stands_in(qtbot: QtBot, pictures: Path) -> None:
    file = str(next(pictures.glob("*.jpg")))
    thumbnails = ImageLoader()
    thumbnails.get(("/nowhere.jpg", file), QSize(40, 40))
    qtbot.waitUntil(lambda: bool(thumbnails.bytes), timeout=15000)
    assert thumbnails.get(("/nowhere.jpg", file), QSize(60, 60)) is None
    near = thumbnails.nearest(("/nowhere.jpg", file))
    assert near is not None
    assert max(near.width(), near.height()) == 40
    thumbnails.close()


def test_each_wish_of_a_filter_is_a_chip_that_takes_it_away() -> None:
    chosen = Filter(
        folders=("/a/holiday",), orientation="portrait", kind="drawing", taken_from="2019", taken_to="2020-05",
        place="Delft", person="Ana", people=False, rights=("free", "licensed"), licence="BY", colour="blue",
        tags=("cover",), rating=3, width=2000, unused=True, hidden=True, screens=True, copies=True,
    )  # fmt: skip
    chips = chips_of(chosen)
    assert len(chips) == len(Filter.__struct_fields__)
    assert [words for words, _ in chips][:6] == [
        "In holiday", "Portrait", "Drawings", "From 2019", "Until 2020-05", "Place: Delft",
    ]  # fmt: skip
    left = chosen
    for words, _ in chips:
        left = next(without for said, without in chips_of(left) if said == words)
    assert left == Filter()


def test_fields_show_a_filter_and_give_it_back(qtbot: QtBot) -> None:
    fields = LibraryFilters()
    qtbot.addWidget(fields)
    chosen = Filter(
        orientation="square", kind="photograph", people=True, colour="red", rating=4, width=1000, tags=("rare",),
        folders=("/b",), taken_from="2019", place="Delft", rights=("unknown",), unused=True,
    )  # fmt: skip
    with qtbot.assertNotEmitted(fields.changed):
        fields.chosen = chosen
    fields.person.setText("Ana")
    fields.person.editingFinished.emit()
    assert fields.chosen == replace(chosen, person="Ana")
    fields.chosen = Filter()
    fields.flags["copies"].setChecked(True)
    assert fields.chosen == Filter(copies=True)


@pytest.mark.parametrize(
    ("words", "right"),
    [("", True), ("2019", True), ("2019-05", True), ("2019-05-04", True), ("2019-13", False), ("May 2019", False)],
)
def test_dates_are_checked(words: str, right: bool) -> None:
    assert is_day(words) is right


def test_what_is_said_of_pictures() -> None:
    picture = Picture(id="a", path="/x/old_mill.jpg", width=3, height=2)
    assert title_of(picture) == "old mill"
    assert title_of(replace(picture, title="Mill")) == "Mill"
    assert screens_words(Screens()) == ""
    assert screens_words(Screens(kind="drawing", faces=1, mark=0.5)) == "Drawings, watermark 50 %, 1 face"
    assert credential_words(None) == ""
    assert credential_words(Credential(valid=False, problem="bad hash")).splitlines()[0].startswith("The file is not")
    assert indexing_words(wire.Indexing("look", 5, 10, seconds_left=30.0)) == (
        "Looking at the pictures · 5 of 10 · about 30 seconds left"
    )
    assert indexing_words(wire.Indexing("scan", 5, 0)) == "Looking through the folders · 5 pictures"
    choose_language("zh")
    assert indexing_words(wire.Indexing("text", 5, 10)).startswith(CHINESE["Reading text in pictures"])


def test_a_dragged_picture_arrives_whole() -> None:
    picture = Picture(id="a", path="/x/a.jpg", width=3, height=2, credit="Ana", licence="CC0")
    data = mime_of(picture)
    assert picture_in(data) == picture
    assert data.urls()[0].toLocalFile() == "/x/a.jpg"
    data.setData("application/x-pictorial-picture", b"{")
    assert picture_in(data) is None


def test_a_new_place_stands_in_reading_order(pictures: Path) -> None:
    composition = sample.composition(pictures)
    picture = Picture(id="mine", path="/m.jpg", width=3, height=2, caption="A mill")
    last = composition.article.blocks[-1].id if composition.article else ""
    after, name = edits.with_new_slot(composition, last, picture, "mine")
    assert after.slots is not None
    assert after.slots[-1].id == name
    again, other = edits.with_new_slot(after, "b0", picture, "mine")
    assert again.slots is not None
    assert again.slots[0].id == other
    assert other != name
    assert edits.pictures_of(again).count("mine") == 1
    assert edits.finished(again)


def test_words_flow_into_lines(qtbot: QtBot) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    flow = FlowLayout(holder)
    buttons = [QPushButton("x" * 10) for _ in range(6)]
    for button in buttons:
        flow.addWidget(button)
    width = buttons[0].sizeHint().width()
    one, three = flow.heightForWidth(width * 7), flow.heightForWidth(width * 2 + 10)
    assert three > 2 * one
    holder.resize(width * 2 + 10, three)
    flow.setGeometry(holder.rect())
    assert len({button.y() for button in buttons}) == 3
