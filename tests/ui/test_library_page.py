"""The page of the library with an engine process that keeps a stock of names: every control, key and refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragMoveEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QWidget,
)  # fmt: skip
from pytestqt.qtbot import QtBot

from composer import project, wire
from composer.collection import Filter, LibraryFolder, Query
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui import library_skipped
from ui.app import Shell
from ui.library_dialogs import EditDialog, FolderRules, TagDialog
from ui.library_model import SKIPPED_AT_ONCE
from ui.library_page import LibraryPage
from ui.library_settings import LibrarySettings, host_elsewhere
from ui.library_skipped import SkippedDialog
from ui.model_dialogs import Question
from ui.picture_mime import mime_of
from ui.picture_view import PictureButton
from ui.texts import Interface, choose_language

PATIENCE = 15000
Open = Callable[..., tuple[Shell, LibraryPage]]


@pytest.fixture
def open_page(make_shell: MakeShell, qtbot: QtBot, pictures: Path) -> Open:
    def start(*arguments: str, count: int = 300) -> tuple[Shell, LibraryPage]:
        shell = make_shell("--library", str(count), str(pictures), *arguments)
        shell.window.resize(1280, 800)
        shell.show()
        shell.window.start.library_button.click()
        library = shell.parts.library
        qtbot.waitUntil(lambda: library.total == count and library.state is not None, timeout=PATIENCE)
        return shell, shell.window.library

    return start


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "commands"


def commands(log: Path) -> list[wire.AnyCommand]:
    lines = log.read_bytes().splitlines() if log.exists() else []
    return [wire.decode_command(line).command for line in lines]


def choose(page: LibraryPage, row: int, qtbot: QtBot) -> None:
    page.grid.choose(row)
    name = f"p{row:07}"
    qtbot.waitUntil(
        lambda: page.details.details is not None and page.details.details.picture.id == name, timeout=PATIENCE
    )


# --- coming and going ---


def test_what_was_searched_and_chosen_stays(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    choose(page, 40, qtbot)
    scroll = page.grid.verticalScrollBar().value()
    assert scroll > 0
    page.toolbar.back.click()
    assert shell.window.stack.currentWidget() is shell.window.start
    shell.window.actions_.library.trigger()
    assert shell.window.stack.currentWidget() is page
    assert page.grid.currentIndex().row() == 40
    assert page.grid.verticalScrollBar().value() == scroll
    shell.window.actions_.models.trigger()
    shell.window.models.back.click()
    assert shell.window.stack.currentWidget() is shell.window.start, "pages lead back to what they lie over"


def test_everything_has_a_name_for_screen_readers(open_page: Open, qtbot: QtBot) -> None:
    _, page = open_page()
    choose(page, 3, qtbot)
    page._ask(Query(text="castle", filter=Filter(rights=("free",))))
    page.messages.tell("Something", details="more")
    details = page.details.details
    assert details is not None
    dialogs = [
        EditDialog(details, page),
        TagDialog(1, (), ("cover",), page),
        FolderRules(LibraryFolder(path="/a"), page),
    ]
    nameless = []
    for top in (page, *dialogs):
        for widget in top.findChildren(QWidget):
            kinds = QAbstractButton | QLineEdit | QComboBox | QAbstractSlider
            if not isinstance(widget, kinds) or isinstance(widget, QScrollBar):
                continue
            if widget.objectName().startswith("qt_") or "QTabBar" in type(widget.parent()).__name__:
                continue
            interface = QAccessible.queryAccessibleInterface(widget)
            if interface is None or not interface.text(QAccessible.Text.Name):
                nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert nameless == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_cut_off_at_1280_by_800(
    make_shell: MakeShell, qtbot: QtBot, pictures: Path, language: Interface
) -> None:
    shell = make_shell("--library", "30", str(pictures))
    choose_language(language)
    shell.window.resize(1280, 800)
    shell.show()
    shell.window.show_library()
    page = shell.window.library
    qtbot.waitUntil(lambda: shell.parts.library.hits.hit(3) is not None, timeout=PATIENCE)
    choose(page, 3, qtbot)
    page.frame.show_folders()
    for area in (page.filters, page.folders, page.details):
        inside = area.widget()
        assert inside is not None
        assert inside.minimumSizeHint().width() <= area.viewport().width(), type(area).__name__


# --- searching ---


def test_searching_waits_for_the_last_letter(open_page: Open, qtbot: QtBot, log: Path) -> None:
    shell, page = open_page("--library-log", str(log))
    for letters in range(1, 7):
        page.toolbar.search.setText("castle"[:letters])
    assert shell.parts.library.searching
    qtbot.waitUntil(lambda: shell.parts.library.total == 30, timeout=PATIENCE)
    asked = [each.query.text for each in commands(log) if isinstance(each, wire.FindPictures)]
    assert asked == ["", "castle"]
    qtbot.waitUntil(lambda: page.toolbar.found.text() == "30 pictures found", timeout=PATIENCE)
    hit = shell.parts.library.hits.hit(0)
    assert hit is not None
    assert hit.picture.caption.startswith("Castle")


def test_a_search_is_given_up_for_the_next(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page("--library-seconds", "0.3")
    library = shell.parts.library
    page._ask(Query(text="castle"))
    page._ask(Query(text="lane"))
    qtbot.waitUntil(lambda: library.total == 30 and not library.searching, timeout=PATIENCE)
    hit = library.hits.hit(0)
    assert hit is not None
    assert hit.picture.caption.startswith("Lane")


def test_a_filter_becomes_a_chip_that_takes_it_away(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    library = shell.parts.library
    page.filters.rights["free"].setChecked(True)
    page.filters.taken_from.setText("2019-05")
    page.filters.taken_from.editingFinished.emit()
    assert library.query.filter == Filter(rights=("free",), taken_from="2019-05")
    assert [chip.text() for chip in page.chips.chips] == ["From 2019-05", "Free to print"]
    qtbot.waitUntil(lambda: library.total == 100, timeout=PATIENCE)
    page.chips.chips[1].click()
    assert library.query.filter == Filter(taken_from="2019-05")
    assert not page.filters.rights["free"].isChecked()
    page.chips.clear_button.click()
    assert library.query == Query()
    assert page.filters.taken_from.text() == ""
    assert not page.chips.isVisible()


def test_a_date_that_is_none_is_refused_in_words(open_page: Open) -> None:
    shell, page = open_page()
    page.filters.taken_to.setText("May 2019")
    page.filters.taken_to.editingFinished.emit()
    assert page.filters.problem.isVisibleTo(page)
    assert shell.parts.library.query == Query()


def test_empty_answers_say_what_to_do(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    library = shell.parts.library
    page._ask(Query(text="zeppelin"))
    qtbot.waitUntil(lambda: library.total == 0 and not library.searching, timeout=PATIENCE)
    qtbot.waitUntil(page.frame.empty.isVisible, timeout=PATIENCE)
    assert page.frame.empty.text().startswith("No picture was found for these words.")
    page._ask(Query(filter=Filter(orientation="square")))
    qtbot.waitUntil(lambda: page.frame.empty.text().startswith("No picture is like that."), timeout=PATIENCE)
    assert not page.add_button.isVisible()


def test_an_empty_library_offers_to_add_a_folder(
    open_page: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shell, page = open_page(count=0)
    qtbot.waitUntil(page.add_button.isVisible, timeout=PATIENCE)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    page.add_button.click()
    qtbot.waitUntil(lambda: str(tmp_path) in page.folders.cards, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not shell.parts.library.is_indexing, timeout=PATIENCE)


def test_examples_and_counter_examples(open_page: Open, qtbot: QtBot, tmp_path: Path) -> None:
    shell, page = open_page()
    library = shell.parts.library
    choose(page, 1, qtbot)
    page.details.like_button.click()
    assert library.query == Query(like=("p0000001",))
    assert page.toolbar.search.placeholderText().startswith("Like this, but")
    qtbot.waitUntil(lambda: not library.searching, timeout=PATIENCE)
    choose(page, 2, qtbot)
    page.details.unlike_button.click()
    assert library.query == Query(like=("p0000001",), unlike=("p0000002",))
    assert [chip.text() for chip in page.chips.chips] == ["Like: Windmill 1", "Not like: Harbour 2"]
    file = tmp_path / "mine.jpg"
    file.write_bytes(b"x")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    event = QDropEvent(
        QPointF(400, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    page.dropEvent(event)
    assert library.query == Query(example=str(file))


def test_scores_are_shown_on_request(open_page: Open) -> None:
    _, page = open_page()
    before = page.grid._painter.size.height()
    page.toolbar.scores.setChecked(True)
    assert page.grid.look.scores
    assert page.grid._painter.size.height() > before


# --- marks ---


def test_keys_rate_hide_and_tag_all_that_is_chosen(open_page: Open, qtbot: QtBot, log: Path) -> None:
    shell, page = open_page("--library-log", str(log))
    page.grid.setFocus()
    page.grid.choose(0)
    qtbot.keyClick(page.grid, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert page.grid.chosen_spans() == [(0, 1)]
    qtbot.keyClick(page.grid, Qt.Key.Key_4)
    qtbot.keyClick(page.grid, Qt.Key.Key_H)
    hits = shell.parts.library.hits
    shown = [(hit.rating, hit.hidden) for hit in map(hits.hit, range(3)) if hit is not None]
    assert shown == [(4, True), (4, True), (0, False)]
    page.ask_tags()
    dialog = page.findChild(TagDialog)
    assert dialog is not None
    dialog.tags.setText("cover; front page")
    dialog._agree()
    qtbot.waitUntil(lambda: sum(isinstance(each, wire.MarkPictures) for each in commands(log)) == 3, timeout=PATIENCE)
    marks = [each for each in commands(log) if isinstance(each, wire.MarkPictures)]
    assert [mark.ids for mark in marks] == [("p0000000", "p0000001")] * 3
    assert (marks[0].rating, marks[1].hidden, marks[2].add_tags) == (4, True, ("cover", "front page"))
    qtbot.waitUntil(lambda: "2 pictures are chosen." in page.details._many.text(), timeout=PATIENCE)


def test_all_pictures_can_be_marked_though_few_are_in_memory(open_page: Open, qtbot: QtBot, log: Path) -> None:
    shell, page = open_page("--library-log", str(log), count=2500)
    page.grid.selectAll()
    assert page.grid.chosen_count == 2500
    page.rate(3)

    def marked() -> set[str]:
        return {name for each in commands(log) if isinstance(each, wire.MarkPictures) for name in each.ids}

    qtbot.waitUntil(lambda: len(marked()) == 2500, timeout=PATIENCE)
    assert max(len(e.ids) for e in commands(log) if isinstance(e, wire.MarkPictures)) <= 1000
    assert not shell.parts.library._to_mark


def test_words_are_edited_beside_the_file(open_page: Open, qtbot: QtBot, log: Path) -> None:
    shell, page = open_page("--library-log", str(log))
    choose(page, 1, qtbot)
    page.details.edit_button.click()
    dialog = page.findChild(EditDialog)
    assert dialog is not None
    caption, keywords = dialog.fields["caption"], dialog.fields["keywords"]
    assert isinstance(caption, QPlainTextEdit)
    assert isinstance(keywords, QLineEdit)
    caption.setPlainText("A mill at dusk")
    keywords.setText("mill; dusk；mill")
    dialog._agree()
    qtbot.waitUntil(lambda: page.details._title.text() == "A mill at dusk", timeout=PATIENCE)
    edit = next(each.edit for each in commands(log) if isinstance(each, wire.EditPicture))
    assert (edit.caption, edit.keywords, edit.title, edit.place) == ("A mill at dusk", ("mill", "dusk"), None, None)
    assert "The picture file is as it was." in page.messages.message
    hit = shell.parts.library.hits.hit(1)
    assert hit is not None
    assert hit.picture.caption == "A mill at dusk"


def test_details_tell_rights_uses_and_where_it_lies(open_page: Open, qtbot: QtBot) -> None:
    _, page = open_page()
    choose(page, 1, qtbot)
    details = page.details
    assert details._rights.text() == "Rights unknown"
    assert details._warning.text().startswith("Ask whoever holds the rights")
    said = {name: section.words.text() for name, section in details._sections.items()}
    assert said["used"] == "Stone, Wind and Water · 2026-05-04"
    assert said["screens"] == "Photographs, sharpness 80 %, 2 faces, blue"
    assert "It says that a machine made the picture." in said["credential"]
    assert said["where"].endswith(".jpg")
    choose(page, 3, qtbot)
    copies = details._copies.findChildren(PictureButton)
    assert [button.picture.id for button in copies] == ["p0000004", "p0000005"]
    copies[1].click()
    assert page.grid.currentIndex().row() == 5


def test_the_large_view_steps_and_comes_back(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    choose(page, 0, qtbot)
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_Space)
    assert page.large.isVisible()
    qtbot.keyClick(page.large, Qt.Key.Key_Right)
    qtbot.keyClick(page.large, Qt.Key.Key_5)
    qtbot.waitUntil(lambda: page.large._hit is not None and page.large._hit.rating == 5, timeout=PATIENCE)
    qtbot.keyClick(page.large, Qt.Key.Key_Escape)
    assert not page.large.isVisible()
    assert page.grid.currentIndex().row() == 1
    hit = shell.parts.library.hits.hit(1)
    assert hit is not None
    assert hit.rating == 5


def test_slash_goes_to_the_search_and_return_comes_back(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    shell.window.activateWindow()
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_Slash)
    qtbot.waitUntil(page.toolbar.search.hasFocus, timeout=PATIENCE)
    qtbot.keyClick(page.toolbar.search, Qt.Key.Key_Return)
    assert page.grid.hasFocus()
    assert page.grid.currentIndex().row() == 0


# --- folders ---


def test_folders_tell_their_state_and_take_rules(open_page: Open, qtbot: QtBot, log: Path, pictures: Path) -> None:
    shell, page = open_page("--library-log", str(log))
    library, path = shell.parts.library, str(pictures)
    card = page.folders.cards[path]
    assert card.facts.text() == "300 pictures · 1 file was skipped."
    card.rules_button.click()
    dialog = page.findChild(FolderRules)
    assert dialog is not None
    dialog.exclude.setPlainText("rejects/")
    dialog._agree()
    qtbot.waitUntil(lambda: any(isinstance(each, wire.PutFolder) for each in commands(log)), timeout=PATIENCE)
    qtbot.waitUntil(lambda: not library.is_indexing, timeout=PATIENCE)
    put = next(each.folder for each in commands(log) if isinstance(each, wire.PutFolder))
    assert (put.path, put.exclude) == (path, "rejects/")
    page.folders.cards[path].watched.click()
    page.folders._gently.click()
    page.folders.pause_button.click()
    qtbot.waitUntil(lambda: bool(library.state and library.state.folders[0].watched), timeout=PATIENCE)
    qtbot.waitUntil(lambda: not library._jobs, timeout=PATIENCE)
    assert library.state is not None
    assert (library.state.paused, library.state.share) == (True, 0.5)
    assert page.folders.pause_button.text() == "Go on"
    assert page.toolbar.work_button.text() == "Paused"
    page.folders.cards[path].remove_button.click()
    question = page.findChild(Question)
    assert question is not None
    question.yes_button.click()
    qtbot.waitUntil(lambda: not page.folders.cards, timeout=PATIENCE)


def test_a_folder_that_is_away_says_so(open_page: Open, pictures: Path) -> None:
    shell, page = open_page()
    state = shell.parts.library.state
    assert state is not None
    away = replace(state, folders=(replace(state.folders[0], there=False),))
    shell.parts.library._state_shown(0, wire.LibraryShown(away))
    card = page.folders.cards[str(pictures)]
    assert card.facts.text().startswith("Cannot be reached")
    assert not card.scan_button.isEnabled()


def skipped_of(page: LibraryPage) -> SkippedDialog:
    page.frame.show_folders()
    next(iter(page.folders.cards.values())).skipped_button.click()
    (dialog,) = page.findChildren(SkippedDialog)
    return dialog


def test_why_files_were_skipped(open_page: Open, qtbot: QtBot, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, page = open_page("--skipped", "3")
    opened: list[str] = []
    monkeypatch.setattr(library_skipped.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    dialog = skipped_of(page)
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 3, timeout=PATIENCE)
    assert dialog.sentence.text() == "3 files were skipped."
    shown = [[dialog.model.index(row, column).data() for column in (0, 1)] for row in range(3)]
    assert shown[1] == ["broken-000001.jpg", "it is damaged"]
    assert not dialog.open_button.isEnabled()
    dialog.copy_button.click()
    copied = QGuiApplication.clipboard().text().splitlines()
    assert copied[0] == f"{pictures}/broken-000000.jpg\tit is damaged"
    assert len(copied) == 3
    dialog.table.selectRow(2)
    assert dialog.path.text() == f"{pictures}/broken-000002.jpg"
    dialog.copy()
    assert QGuiApplication.clipboard().text() == f"{pictures}/broken-000002.jpg\tit is damaged"
    dialog.open_button.click()
    assert opened == [str(pictures)]
    dialog.reject()
    qtbot.waitUntil(lambda: not shell.parts.library._jobs, timeout=PATIENCE)


def test_a_hundred_thousand_skipped_files_come_page_by_page(open_page: Open, qtbot: QtBot, log: Path) -> None:
    _, page = open_page("--skipped", "100000", "--library-log", str(log))
    dialog = skipped_of(page)
    qtbot.waitUntil(lambda: dialog.model.rowCount() > 0, timeout=PATIENCE)
    assert "first" in dialog.sentence.text(), "it is shown before all have come"
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 100_000, timeout=PATIENCE)
    qtbot.waitUntil(lambda: dialog.sentence.text() == "100,000 files were skipped.", timeout=PATIENCE)
    asked = [each for each in commands(log) if isinstance(each, wire.ShowSkipped)]
    assert len(asked) == 100_000 / SKIPPED_AT_ONCE
    dialog.table.scrollToBottom()
    assert dialog.table.rowAt(dialog.table.viewport().height() - 2) == 99_999
    dialog.reject()


def test_skipped_files_when_the_engine_dies(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page("--library-seconds", "0.2")
    dialog = skipped_of(page)
    client = shell.parts.client
    assert client._process is not None
    client._process.kill()
    qtbot.waitUntil(lambda: "try again" in dialog.sentence.text(), timeout=PATIENCE)
    dialog.reject()


def settings_of(page: LibraryPage) -> LibrarySettings:
    page.frame.show_folders()
    page.folders.settings_button.click()
    dialogs = [each for each in page.findChildren(LibrarySettings) if each.isVisible()]
    assert len(dialogs) == 1
    return dialogs[0]


def test_settings_of_the_library(open_page: Open, qtbot: QtBot, log: Path) -> None:
    shell, page = open_page("--library-log", str(log))
    library = shell.parts.library
    dialog = settings_of(page)
    assert (dialog.here.isChecked(), dialog.address.isEnabled(), dialog.read_texts.isChecked()) == (True, False, False)
    dialog.read_texts.click()
    dialog.screen_content.click()
    dialog.elsewhere.click()
    dialog.agree()
    assert dialog.problem.text() == "Write the address, or choose this computer."
    dialog.address.setText("milvus:/pictures/nonsense.db")
    dialog.keep_button.click()
    qtbot.waitUntil(lambda: "no place for an index" in dialog.problem.text(), timeout=PATIENCE)
    assert dialog.isVisible()
    assert dialog.address.text() == "milvus:/pictures/nonsense.db", "what was typed is kept"
    assert dialog.height() >= dialog.heightForWidth(dialog.width()) > 0, "nothing is cut off"
    assert dialog.keep_button.isEnabled()
    assert library.state is not None
    assert (library.state.index, library.state.read_texts) == ("", False)
    dialog.address.setText("milvus://127.0.0.1:19530/pictures")
    with qtbot.waitSignal(dialog.accepted, timeout=PATIENCE):
        dialog.keep_button.click()
    qtbot.waitUntil(lambda: not library._jobs, timeout=PATIENCE)
    assert (library.state.index, library.state.read_texts) == ("milvus://127.0.0.1:19530/pictures", True)
    sent = commands(log)
    arranged = wire.SetLibrary(library.state.index, read_texts=True, screen_content=True)
    assert wire.IndexLibrary() in sent[sent.index(arranged) :]
    again = settings_of(page)
    assert (again.elsewhere.isChecked(), again.read_texts.isChecked()) == (True, True)
    assert again.screen_content.isChecked()
    assert again.address.text() == "milvus://127.0.0.1:19530/pictures"
    again.reject()


def test_vectors_go_to_another_computer_only_after_a_yes(
    open_page: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, page = open_page()
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(shell.parts.library, "arrange", lambda index, *_, allow="": asked.append((index, allow)))
    dialog = settings_of(page)
    dialog.elsewhere.click()
    dialog.address.setText("milvus://nas.local/pictures")
    dialog.keep_button.click()
    (question,) = dialog.findChildren(Question)
    assert "nas.local:19530" in question.label.text()
    question.reject()
    assert not asked
    assert dialog.isVisible()
    dialog.keep_button.click()
    qtbot.waitUntil(lambda: any(each.isVisible() for each in dialog.findChildren(Question)))
    next(each for each in dialog.findChildren(Question) if each.isVisible()).yes_button.click()
    assert asked == [("milvus://nas.local/pictures", "nas.local:19530")]
    dialog.reject()


@pytest.mark.parametrize(
    ("index", "host"),
    [
        ("", ""), ("milvus:/a/b.db", ""), ("milvus://localhost/x", ""), ("milvus://127.0.0.1:19530/x", ""),
        ("milvus+tls://Box:7/x?index=FLAT", "box:7"), ("milvus://box", "box:19530"), ("milvus://a:b@box/x", ""),
        ("http://box/x", ""),
    ],
)  # fmt: skip
def test_hosts_of_an_index(index: str, host: str) -> None:
    assert host_elsewhere(index) == host


def test_what_is_wrong_with_the_index_is_told_once_and_stays_with_the_folders(open_page: Open) -> None:
    shell, page = open_page()
    library = shell.parts.library
    assert library.state is not None
    wrong = replace(library.state, problems=("The index could not be rebuilt.",))
    library._state_shown(0, wire.LibraryShown(wrong))
    assert page.messages.message == "The index could not be rebuilt."
    page.frame.show_folders()
    assert page.folders._problems.isVisible()
    assert page.folders._problems.text() == "The index could not be rebuilt."
    page.messages.close_button.click()
    library._state_shown(0, wire.LibraryShown(wrong))
    assert not page.messages.isVisible()
    library._state_shown(0, wire.LibraryShown(replace(wrong, problems=())))
    assert page.folders._problems.isHidden()


def test_an_engine_that_dies_is_asked_again(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    client = shell.parts.client
    assert client._process is not None
    client._process.kill()
    with qtbot.waitSignal(client.died, timeout=PATIENCE):
        pass
    qtbot.waitUntil(lambda: not shell.parts.library._jobs, timeout=PATIENCE)
    assert shell.parts.library.total == 300
    page.grid.choose(299)
    qtbot.waitUntil(lambda: shell.parts.library.hits.hit(299) is not None, timeout=PATIENCE)


# --- into the article ---


def test_a_picture_goes_into_the_selected_place(open_page: Open, qtbot: QtBot, pictures: Path, tmp_path: Path) -> None:
    shell, page = open_page()
    assert not page.details.put_button.isEnabled()
    path = tmp_path / "walk.pictorial"
    project.save(sample.composition(pictures), path)
    shell.window.open(path)
    shell.window.work.select("s1")
    shell.window.work.candidates.library_button.click()
    assert shell.window.stack.currentWidget() is page
    assert shell.parts.library.query.text == sample.CAPTIONS["en"][1]
    page._ask(Query())
    qtbot.waitUntil(lambda: shell.parts.library.total == 300, timeout=PATIENCE)
    choose(page, 7, qtbot)
    page.details.put_button.click()
    composition = shell.parts.session.composition
    assert composition is not None
    pick = composition.picks["s1"].picture
    assert pick is not None
    assert pick.id == "p0000007"
    assert composition.candidates["s1"][0].picture.id == "p0000007"
    page.messages.button.click()
    assert shell.window.stack.currentWidget() is shell.window.work
    shell.parts.session.undo.undo()
    assert shell.parts.session.composition is not None
    assert shell.parts.session.composition.picks["s1"].picture != pick


def test_a_picture_dropped_between_paragraphs_makes_a_place(open_page: Open, pictures: Path, tmp_path: Path) -> None:
    shell, _ = open_page()
    hit = shell.parts.library.hits.hit(5)
    assert hit is not None
    path = tmp_path / "walk.pictorial"
    project.save(sample.composition(pictures), path)
    shell.window.open(path)
    work = shell.window.work
    work.page.flush()
    sheet = work.page.sheet
    block = work.page._block_of("b2")
    assert block is not None
    rect = sheet.document().documentLayout().blockBoundingRect(block)
    point = QPointF(rect.center().x(), rect.bottom() - 2 - sheet.verticalScrollBar().value())
    data = mime_of(hit.picture)  # an event does not keep it alive
    event = QDropEvent(point, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    move = QDragMoveEvent(
        point.toPoint(), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    sheet.dragMoveEvent(move)
    assert move.isAccepted()
    assert sheet._drop_line is not None, "a line shows where it would go"
    sheet.dropEvent(event)
    assert sheet._drop_line is None
    composition = shell.parts.session.composition
    assert composition is not None
    assert composition.slots is not None
    made = next(slot for slot in composition.slots if slot.origin == "writer")
    assert (made.after, made.caption) == ("b2", hit.picture.caption)
    assert [slot.id for slot in composition.slots].index(made.id) == 1, "places stand in reading order"
    assert work.selected == made.id
    work.candidates.dropEvent(event)
    assert shell.parts.session.composition is not None
    shell.parts.session.undo.undo()
    assert shell.parts.session.composition.slots == sample.slots()


def test_a_saved_article_tells_which_pictures_it_uses(
    open_page: Open, qtbot: QtBot, pictures: Path, tmp_path: Path, log: Path
) -> None:
    shell, _ = open_page("--library-log", str(log))
    path = tmp_path / "walk.pictorial"
    project.save(sample.composition(pictures), path)
    shell.window.open(path)
    with qtbot.waitSignal(shell.parts.session.saved, timeout=PATIENCE):
        shell.window.actions_.save.trigger()

    def told() -> list[wire.UsePictures]:
        return [each for each in commands(log) if isinstance(each, wire.UsePictures)]

    qtbot.waitUntil(lambda: len(told()) == 1, timeout=PATIENCE)
    picks = sample.composition(pictures).picks.values()
    assert told()[0].article == str(path)
    assert set(told()[0].ids) == {pick.picture.id for pick in picks if pick.picture}
    shell.window.documents.export(tmp_path, ("markdown",))
    qtbot.waitUntil(lambda: len(told()) == 2, timeout=PATIENCE)


def test_a_drag_that_rests_on_the_way_back_goes_to_the_article(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    with qtbot.waitSignal(page.left, timeout=PATIENCE):
        page.toolbar.back._timer.start()
    assert shell.window.stack.currentWidget() is shell.window.start


def test_clicks_choose_and_double_clicks_enlarge(open_page: Open, qtbot: QtBot) -> None:
    _, page = open_page()
    viewport = page.grid.viewport()
    centre = page.grid.visualRect(page.grid.model().index(2, 0)).center()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=centre)
    assert page.grid.currentIndex().row() == 2
    far = page.grid.visualRect(page.grid.model().index(4, 0)).center()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, far)
    assert page.grid.chosen_spans() == [(2, 4)]
    gap = QPoint(viewport.width() // 2, page.grid.visualRect(page.grid.model().index(0, 0)).bottom() + 3)
    assert not page.grid.indexAt(gap).isValid()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=centre)
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=centre)
    assert page.large.isVisible()
