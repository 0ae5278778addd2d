"""The window around the article: start page, files, brief, languages, accessibility, weight."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from composer import project, settings
from composer.home import home
from composer.types import Brief, Composition
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui.chinese import CHINESE
from ui.details_dialog import DetailsDialog
from ui.preferences import PreferencesDialog
from ui.progress_strip import STEPS, time_left

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def saved(pictures: Path, tmp_path: Path) -> Path:
    path = tmp_path / "castle.pictorial"
    project.save(sample.composition(pictures), path)
    return path


# --- start page ---


def test_a_first_start_offers_three_choices(make_shell: MakeShell, pictures: Path) -> None:
    window = make_shell(demo=sample.brief(libraries=(str(pictures),))).window
    assert window.stack.currentWidget() is window.start
    choices = (window.start.demo_choice, window.start.new_choice, window.start.folder_choice)
    assert [choice.text() for choice in choices] == ["Compose the demo", "New article", "Add a picture folder"]
    assert all(choice.isVisibleTo(window) for choice in choices)
    assert not make_shell().window.start.demo_choice.isVisibleTo(window)


def test_the_demo_composes(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell(demo=sample.brief(libraries=(str(pictures),)))
    shell.show()
    with qtbot.waitSignal(shell.parts.composing.ended, timeout=20000) as ended:
        shell.window.start.demo_choice.click()
    assert ended.args == ["done"]


def test_a_demo_without_its_pictures_says_what_to_run(make_shell: MakeShell, tmp_path: Path) -> None:
    shell = make_shell(demo=sample.brief(libraries=(str(tmp_path / "missing"),)))
    shell.window.start.demo_choice.click()
    assert "make setup" in shell.window.work.messages.message
    assert not shell.parts.composing.busy


def test_new_article_shows_an_empty_brief(make_shell: MakeShell) -> None:
    window = make_shell().window
    window.start.new_choice.click()
    assert window.stack.currentWidget() is window.work
    assert window.work.form.brief.topic == ""


def test_a_picture_folder_is_scanned_and_kept_for_the_next_article(
    make_shell: MakeShell, pictures: Path, qtbot: QtBot
) -> None:
    shell = make_shell()
    with qtbot.waitSignal(shell.parts.client.scanned, timeout=15000):
        shell.window.take_folder(pictures)
        assert shell.parts.library.is_indexing, "the page of the library can show, pause and stop it"
    assert shell.window.work.form.brief.libraries == (str(pictures),)
    assert "9 pictures are ready" in shell.window.work.messages.message
    assert "1 file was skipped" in shell.window.work.messages.message
    shell.finish()
    again = make_shell()
    again.window.new_article()
    assert again.window.work.form.brief.libraries == (str(pictures),)


def test_drafts_are_listed_newest_first(make_shell: MakeShell, pictures: Path) -> None:
    folder = home() / "drafts"
    folder.mkdir()
    for age, language in enumerate(("en", "zh")):
        path = folder / f"{language}.pictorial"
        project.save(sample.composition(pictures, language), path)
        os.utime(path, (1700000000 - age, 1700000000 - age))
    window = make_shell().window
    assert [row.text() for row in window.start.rows] == [sample.TEXTS["en"][0], sample.TEXTS["zh"][0]]
    window.start.rows[1].click()
    assert window.stack.currentWidget() is window.work
    assert window.work.form.brief.language == "zh"


def test_files_and_folders_can_be_dropped(make_shell: MakeShell, saved: Path, pictures: Path) -> None:
    shell = make_shell()

    def drop(path: Path) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        event = QDropEvent(
            QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        shell.window.dropEvent(event)

    drop(saved)
    assert shell.parts.session.path == saved
    drop(pictures)
    assert str(pictures) in shell.window.work.form.brief.libraries


# --- files ---


def test_saving_and_opening_give_the_same_article(
    make_shell: MakeShell, saved: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtWidgets import QFileDialog

    shell = make_shell()
    shell.window.open(saved)
    before = shell.parts.session.composition
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "other"), ""))
    with qtbot.waitSignal(shell.parts.session.saved):
        shell.window.actions_.save_as.trigger()
    assert shell.parts.session.path == tmp_path / "other.pictorial"
    other = make_shell()
    other.window.open(tmp_path / "other.pictorial")
    assert other.parts.session.composition == before


def test_a_bad_file_gets_a_sentence_and_the_article_stays(make_shell: MakeShell, saved: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pictorial"
    bad.write_text("not json", "utf-8")
    shell = make_shell()
    shell.window.open(saved)
    before = shell.parts.session.composition
    shell.window.open(bad)
    assert "bad.pictorial is not a Pictorial project." in shell.window.work.messages.message
    assert shell.parts.session.composition is before
    assert shell.parts.session.path == saved


def test_work_that_did_not_reach_the_file_is_there_when_it_is_opened_again(
    make_shell: MakeShell, saved: Path, qtbot: QtBot
) -> None:
    shell = make_shell()
    shell.window.open(saved)
    with qtbot.waitSignal(shell.parts.session.saved):
        shell.window.actions_.save.trigger()
    shell.window.work.select("s0")
    shell.window.work.candidates.none_button.click()
    changed = shell.parts.session.composition
    shell.window.close()
    os.utime(saved, (1700000000, 1700000000))
    assert project.open_project(saved) != changed
    again = make_shell()
    again.window.open(saved)
    assert again.parts.session.composition == changed
    assert again.parts.session.path == saved
    assert again.window.isWindowModified()


def test_an_unfinished_draft_offers_to_go_on(make_shell: MakeShell, tmp_path: Path, pictures: Path) -> None:
    path = tmp_path / "half.pictorial"
    whole = sample.composition(pictures)
    project.save(Composition(brief=whole.brief, outline=whole.outline, article=whole.article), path)
    window = make_shell().window
    window.open(path)
    assert window.work.messages.button.text() == "Continue"


def test_export_tells_where(
    make_shell: MakeShell, saved: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtWidgets import QFileDialog

    shell = make_shell()
    shell.window.open(saved)
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(out))
    with qtbot.waitSignal(shell.parts.client.done, timeout=15000):
        shell.window.documents.ask_export(("html", "markdown"))
    assert "article.html and article.md" in shell.window.work.messages.message
    assert shell.window.work.messages.button.text() == "Open folder"


# --- the brief ---


def test_an_empty_topic_is_asked_for(make_shell: MakeShell, pictures: Path) -> None:
    shell = make_shell()
    shell.window.new_article()
    form = shell.window.work.form
    form.press()
    assert form.message.text() == "Say what the article is about."
    assert not shell.parts.composing.busy
    form.topic.setText("Windmills")
    assert form.message.text() == "Without a picture folder the article will have no pictures."
    form.folders.add(str(pictures))
    assert form.message.text() == ""
    form.folders.add("/nowhere/at/all")
    form.press()
    assert "/nowhere/at/all" in form.message.text()
    assert not shell.parts.composing.busy


def test_the_form_keeps_a_brief_as_it_is(make_shell: MakeShell, pictures: Path) -> None:
    form = make_shell().window.work.form
    for brief in (sample.brief("zh", (str(pictures),)), sample.brief("en"), Brief(topic="x", pictures=0, seed=7)):
        form.brief = brief
        assert form.brief == brief
    form.language.setCurrentIndex(1)
    assert form.length_label.text() == "Length in characters"


def test_the_button_says_what_composing_would_do(make_shell: MakeShell, saved: Path) -> None:
    window = make_shell().window
    window.open(saved)
    form = window.work.form
    assert form.button.text() == "Compose another version"
    form.pictures.setValue(7)
    assert form.button.text() == "Choose the pictures again"
    form.topic.setText("Something else")
    assert form.button.text() == "Compose"


# --- preferences, languages, looks ---


def test_preferences_are_saved_and_the_window_changes_its_language(
    make_shell: MakeShell, saved: Path, qtbot: QtBot
) -> None:
    shell = make_shell()
    shell.window.open(saved)
    shell.show()
    dialog = PreferencesDialog(settings.load(), shell.window)
    dialog.chosen.connect(shell._prefer)
    dialog.interface.setCurrentIndex(2)
    dialog.theme.setCurrentIndex(2)
    dialog.candidates.setValue(5)
    dialog._agree()
    kept = settings.load()
    assert (kept.interface, kept.theme, kept.candidates) == ("zh", "dark", 5)
    qtbot.addWidget(shell.window)
    assert shell.window.actions_.save.text() == "保存(&S)"
    assert shell.window.work.form.button.text() == "再写一版"
    assert shell.parts.session.path == saved
    assert sample.TEXTS["en"][0] in shell.window.work.page.sheet.toPlainText()
    shell.theme.choose("light")


def test_every_sentence_has_its_chinese() -> None:
    said: set[str] = {name for name, _ in STEPS}
    for path in (ROOT / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("text", "plural"):
                sentences = node.args[: 1 if node.func.id == "text" else 2]
                said |= {part.value for part in sentences if isinstance(part, ast.Constant)}
    assert said - CHINESE.keys() == set()
    assert CHINESE.keys() - said == set()
    for english, chinese in CHINESE.items():
        assert _names(english) == _names(chinese), english


def _names(sentence: str) -> set[str]:
    return {part.split("}")[0] for part in sentence.split("{")[1:]}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "a few seconds left"),
        (32, "about 30 seconds left"),
        (58, "about 1 minute left"),
        (200, "about 3 minutes left"),
    ],
)
def test_time_left_is_rounded_as_people_say_it(seconds: float, said: str) -> None:
    assert time_left(seconds) == said


def test_everything_that_can_be_used_has_a_name_for_screen_readers(
    make_shell: MakeShell, saved: Path, pictures: Path
) -> None:
    window = make_shell(demo=sample.brief(libraries=(str(pictures),))).window
    window.open(saved)
    window.work.select("s0")
    window.work.messages.tell("Something", action=("Do", lambda: None), details="more")
    dialogs: list[QWidget] = [PreferencesDialog(settings.load(), window), DetailsDialog("a", "b", window)]
    kinds = (QAbstractButton, QLineEdit, QPlainTextEdit, QTextEdit, QAbstractItemView, QAbstractSpinBox, QComboBox)
    nameless = []
    for top in (window, *dialogs):
        for widget in top.findChildren(QWidget):
            owner = widget.parent()
            if not isinstance(widget, kinds) or isinstance(owner, QComboBox | QAbstractSpinBox):
                continue
            if widget.objectName().startswith("qt_") or type(owner).__name__ == "QComboBoxPrivateContainer":
                continue
            interface = QAccessible.queryAccessibleInterface(widget)
            if interface is None or not interface.text(QAccessible.Text.Name):
                nameless.append(f"{type(widget).__name__} in {type(owner).__name__}")
    for dialog in dialogs:
        dialog.close()
    assert nameless == []


def test_the_window_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from PySide6.QtWidgets import QApplication\n"
        "application = QApplication([])\n"
        "from ui.app import Shell\n"
        "shell = Shell(application, [sys.executable, '-c', 'pass'])\n"
        "shell.window.new_article()\n"
        "heavy = {'torch', 'numpy', 'faiss', 'transformers', 'scipy', 'PIL', 'open_clip'} & set(sys.modules)\n"
        "shell.finish()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PICTORIAL_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_qt_calls_do_not_wear_out_none() -> None:
    """PySide6 6.12.0 on Python 3.11 forgets a reference at each call that returns None, until the process aborts."""
    from PySide6.QtGui import QTextBlockFormat

    form = QTextBlockFormat()
    before = sys.getrefcount(None)
    for _ in range(500):
        form.setTopMargin(1.0)
    assert sys.getrefcount(None) > before - 100, "this PySide6 does not fit this Python; install another version"
