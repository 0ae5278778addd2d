"""The page of models with an engine process that keeps a shelf of names: every button, state and refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QComboBox, QFileDialog, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from composer import settings, wire
from composer.shelf import Fit, ModelSet
from tests.ui import models_sample as models
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui.app import Shell
from ui.model_dialogs import Question, ServerDialog, SourceDialog
from ui.model_row import ModelCard
from ui.model_words import fit_of, recommended, remote_of, seconds_left, server_of, size, source_of
from ui.models_page import ModelsPage
from ui.texts import choose_language

PATIENCE = 15000
Open = Callable[..., tuple[Shell, ModelsPage]]


@pytest.fixture
def open_page(make_shell: MakeShell, qtbot: QtBot) -> Open:
    def start(*arguments: str) -> tuple[Shell, ModelsPage]:
        shell = make_shell(*arguments)
        shell.show()
        shell.window.start.models_button.click()
        page = shell.window.models
        shelf = shell.parts.shelf
        qtbot.waitUntil(lambda: shelf.disk is not None and not shelf._jobs, timeout=PATIENCE)
        return shell, page

    return start


def card(page: ModelsPage, name: str) -> ModelCard:
    return next(section.cards[name] for section in page.sections.values() if name in section.cards)


def offered(shown: ModelCard) -> list[str]:
    return [button.text() for button in shown.findChildren(QAbstractButton) if button.isVisibleTo(shown)]


# --- what is shown ---


def test_it_is_reached_from_the_start_page_and_left_again(open_page: Open) -> None:
    shell, page = open_page()
    assert shell.window.stack.currentWidget() is page
    page.back.click()
    assert shell.window.stack.currentWidget() is shell.window.start
    shell.window.actions_.models.trigger()
    assert shell.window.stack.currentWidget() is page
    shell.window.actions_.compose.trigger()
    assert shell.window.stack.currentWidget() is shell.window.work, "composing never happens out of sight"
    shell.window.actions_.models.trigger()
    page.back.click()
    assert shell.window.stack.currentWidget() is shell.window.work


def test_every_model_says_how_it_stands(open_page: Open) -> None:
    _, page = open_page()
    cards = {name: each for section in page.sections.values() for name, each in section.cards.items()}
    shown = {name: (each.state.text(), offered(each)) for name, each in cards.items()}
    assert shown["starter-writer"] == ("In use", ["Remove", "Check files"])
    assert shown["starter-writer-tiny"] == ("Damaged", ["Remove", "Mend"])
    assert shown["writer-8b"] == ("Not here", ["Get (5.0 GB)"])
    assert shown["writer-14b"] == ("Partly here", ["Remove", "Continue"])
    found = "gguf:/home/ana/.lmstudio/models/gemma-3-4b-it-Q4_K_M.gguf"
    assert shown[found] == ("On this computer", ["Use"]), "what belongs to another program is not ours to remove"
    assert shown["starter"] == ("In use", [])
    assert shown["none"] == ("", ["Use"])
    tiny = card(page, "starter-writer-tiny")
    assert tiny.facts.text() == "English · 98 MB · Apache-2.0"
    assert card(page, found).facts.text() == "English, Chinese · 2.5 GB · from LM Studio"
    assert tiny.fit.text() == "Needs 0.3 GB of memory; 14.3 GB are free."
    assert card(page, "writer-14b").fit.text().startswith("Only just fits")
    assert "88 GB are free" in page.disk.text()


def test_the_judge_in_use_says_whether_it_was_measured(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    starter, none = card(page, "starter"), card(page, "none")
    assert (starter.gain.text(), starter.gain.isVisibleTo(page)) == ("Measured: adds nothing; not used.", True)
    assert (none.gain.text(), none.gain.isVisibleTo(page)) == ("", False)
    page.sections["reranker"].cards["none"].use_button.click()
    qtbot.waitUntil(lambda: shell.parts.shelf.chosen["reranker"] == "none", timeout=PATIENCE)
    assert not any(each.gain.isVisibleTo(page) for each in page.sections["reranker"].cards.values())
    shell.parts.shelf.use("server:http://127.0.0.1:1234/v1#eye", "reranker")
    named = "server:http://127.0.0.1:1234/v1#eye"
    qtbot.waitUntil(lambda: shell.parts.shelf.chosen["reranker"] == named, timeout=PATIENCE)
    assert card(page, named).gain.text() == "Not measured with this encoder."
    assert not any(each.gain.text() for each in page.sections["writer"].cards.values())


def test_what_is_neither_here_nor_recommended_is_folded_away(open_page: Open) -> None:
    shell, page = open_page()
    section = page.sections["writer"]
    large = card(page, "writer-32b")
    assert not large.isVisibleTo(page)
    assert section.more.text() == "Show 1 more model"
    section.more.click()
    assert large.isVisibleTo(page)
    assert large.fit.text() == "Too large for this machine. Needs 23.0 GB of memory; 14.3 GB are free."
    assert section.more.text() == "Show fewer models"
    section.more.click()
    assert not large.isVisibleTo(page)
    assert card(page, "writer-8b").isVisibleTo(page)
    shell.parts.shelf.sets = ()
    shell.parts.shelf.changed.emit()
    assert not card(page, "writer-8b").isVisibleTo(page), "it was shown because it was recommended"
    assert section.more.text() == "Show 2 more models"
    shell.parts.shelf.sets = models.SETS
    shell.parts.shelf.changed.emit()
    assert not page.sections["encoder"].more.isVisibleTo(page)


def test_everything_has_a_name_and_is_reached_by_the_keyboard(open_page: Open) -> None:
    shell, page = open_page()
    page.messages.tell("Something", details="more")
    server, question = ServerDialog(page), Question("a", "b", "Yes", page)
    nameless, unreachable = [], []
    for top in (page, server, question):
        for widget in top.findChildren(QWidget):
            if not isinstance(widget, QAbstractButton | QLineEdit | QComboBox):
                continue
            if widget.objectName().startswith("qt_"):
                continue
            interface = QAccessible.queryAccessibleInterface(widget)
            if interface is None or not interface.text(QAccessible.Text.Name):
                nameless.append(type(widget).__name__)
            if not widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.parent() is not page.messages._frame:
                unreachable.append(widget.accessibleName())
    assert nameless == []
    assert unreachable == []
    assert card(page, "writer-8b").get_button.accessibleName() == "Get (5.0 GB): Qwen3 8B, 4-bit"
    assert shell.window.focusWidget() is page.back


# --- one model ---


def test_getting_a_model_and_using_it(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    wanted = card(page, "writer-8b")
    wanted.get_button.setFocus()
    with qtbot.waitSignal(shell.parts.client.pulling, timeout=PATIENCE):
        wanted.get_button.click()
    assert offered(wanted) == ["Cancel"]
    assert wanted.progress.cancel.hasFocus(), "the keyboard stays with the model"
    qtbot.waitUntil(lambda: wanted.state.text() == "On this computer", timeout=PATIENCE)
    assert page.messages.message == "Qwen3 8B, 4-bit is here. Press Use to work with it."
    assert wanted.use_button.hasFocus()
    wanted.use_button.click()
    qtbot.waitUntil(lambda: wanted.state.text() == "In use", timeout=PATIENCE)
    assert page.messages.message == "The next article is written with Qwen3 8B, 4-bit."
    assert card(page, "starter-writer").state.text() == "On this computer"
    assert "Use" in offered(card(page, "starter-writer"))
    assert card(page, "writer-8b") is wanted, "the same widget all along"


def test_a_fetch_tells_how_far_it_is_and_can_be_stopped(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page("--hold-pull")
    wanted, other = card(page, "writer-8b"), card(page, "judge-2b")
    wanted.get_button.click()
    other.get_button.click()
    qtbot.waitUntil(lambda: wanted.progress.words.text().startswith("2,012 of 5,030 MB"), timeout=PATIENCE)
    assert wanted.progress.bar.value() == 400
    assert (wanted.state.text(), other.state.text()) == ("Fetching…", "Waiting…")
    progress = shell.parts.shelf.progress("writer-8b")
    assert progress is not None
    progress.since -= 30
    progress.begun = 0
    shell.parts.shelf.progressed.emit("writer-8b")
    assert wanted.progress.words.text() == "2,012 of 5,030 MB · about 45 seconds left"
    wanted.progress.cancel.click()
    assert (wanted.state.text(), wanted.progress.cancel.isEnabled()) == ("Stopping…", False)
    qtbot.waitUntil(lambda: wanted.state.text() == "Not here", timeout=PATIENCE)
    assert page.messages.message.startswith("Stopped. What came is kept")
    qtbot.waitUntil(lambda: other.state.text() == "Fetching…", timeout=PATIENCE)
    other.progress.cancel.click()
    qtbot.waitUntil(lambda: other.state.text() == "Not here", timeout=PATIENCE)


def test_an_article_is_written_while_a_model_is_fetched(open_page: Open, pictures: Path, qtbot: QtBot) -> None:
    shell, page = open_page("--hold-pull")
    card(page, "writer-8b").get_button.click()
    qtbot.waitUntil(lambda: card(page, "writer-8b").state.text() == "Fetching…", timeout=PATIENCE)
    shell.window.new_article()
    shell.window.work.form.brief = sample.brief("en", (str(pictures),))
    with qtbot.waitSignal(shell.parts.composing.ended, timeout=PATIENCE) as ended:
        shell.window.work.form.press()
        shell.window.show_models()
        assert shell.window.stack.currentWidget() is page
    assert ended.args == ["done"]
    assert card(page, "writer-8b").state.text() == "Fetching…"
    page.back.click()
    assert shell.window.stack.currentWidget() is shell.window.work


def test_checking_finds_damage_and_mending_mends_it(open_page: Open, qtbot: QtBot) -> None:
    _, page = open_page()
    starter = card(page, "starter-writer")
    starter.verify_button.click()
    assert starter.state.text() == "Checking…"
    qtbot.waitUntil(lambda: starter.state.text() == "Damaged", timeout=PATIENCE)
    assert page.messages.message.startswith("1 file of Qwen2.5-Coder 1.5B Instruct, 4-bit is damaged.")
    assert offered(starter) == ["Remove", "Mend"]
    starter.get_button.click()
    qtbot.waitUntil(lambda: starter.state.text() == "In use", timeout=PATIENCE)


def test_removing_asks_first(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    starter = card(page, "starter-writer")
    starter.remove_button.click()
    (question,) = page.findChildren(Question)
    assert question.label.text() == "Remove Qwen2.5-Coder 1.5B Instruct, 4-bit?"
    assert "It is in use" in question.details.text()
    assert question.no_button.isDefault()
    question.no_button.click()
    assert shell.parts.shelf.work_on("starter-writer") == ""
    starter.remove_button.click()
    page.findChildren(Question)[-1].yes_button.click()
    qtbot.waitUntil(lambda: starter.state.text() == "Chosen, but not here", timeout=PATIENCE)
    assert page.messages.message == "Qwen2.5-Coder 1.5B Instruct, 4-bit was removed; 1.1 GB are free again."
    assert offered(starter) == ["Get (1.1 GB)"]


def test_a_refusal_says_what_to_do(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page("--fail-models")
    with qtbot.waitSignal(shell.parts.shelf.failed, timeout=PATIENCE):
        card(page, "writer-8b").get_button.click()
    assert page.messages.message == "The model cannot be used. Choose another."
    assert card(page, "writer-8b").state.text() == "Not here"
    page.recommended.button.click()
    qtbot.waitUntil(lambda: shell.parts.shelf.plan is None, timeout=PATIENCE)
    assert page.recommended.button.isVisibleTo(page), "the rest of the plan is given up"


def test_the_end_of_the_engine_is_told(open_page: Open, qtbot: QtBot) -> None:
    import os
    import signal

    shell, page = open_page("--hold-pull")
    page.recommended.button.click()
    qtbot.waitUntil(lambda: card(page, "writer-8b").state.text() == "Fetching…", timeout=PATIENCE)
    with qtbot.waitSignal(shell.parts.shelf.lost, timeout=PATIENCE):
        os.kill(shell.parts.client.pid, signal.SIGKILL)
    assert page.messages.message.startswith("The engine stopped before this was done.")
    assert card(page, "writer-8b").state.text() == "Not here"
    assert page.recommended.button.isVisibleTo(page)


# --- the recommended set ---


def test_the_recommended_set_is_fetched_and_used_with_one_button(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    top = page.recommended
    assert top.models.text().splitlines() == [
        "Writing: Qwen3 8B, 4-bit (5.0 GB)",
        "Finding pictures: SigLIP 2 base, 256 px (1.5 GB)",
        "Judging pictures: Qwen3-VL 2B (4.3 GB)",
    ]
    assert top.before.text() == "11 GB will be fetched from the internet first."
    assert top.fit.text() == "Needs 9.0 GB of memory; 14.3 GB are free."
    top.button.click()
    assert top.progress.isVisibleTo(page)
    assert top.before.text() == "Fetching 1 of 3…"
    qtbot.waitUntil(lambda: shell.parts.shelf.plan is None, timeout=PATIENCE)
    assert shell.parts.shelf.chosen == {"writer": "writer-8b", "encoder": "siglip2-base", "reranker": "judge-2b"}
    assert page.messages.message == "The next article uses these models."
    assert top.before.text() == "You are using this set."
    assert not top.button.isVisibleTo(page)


def test_a_set_under_way_can_be_stopped(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page("--hold-pull")
    page.recommended.button.click()
    qtbot.waitUntil(lambda: page.recommended.progress.words.text().startswith("2,012"), timeout=PATIENCE)
    page.recommended.progress.cancel.click()
    assert page.recommended.before.text() == "Stopping…"
    qtbot.waitUntil(lambda: shell.parts.shelf.plan is None, timeout=PATIENCE)
    assert shell.parts.shelf.chosen == models.CHOSEN, "nothing was changed"
    assert page.recommended.button.isVisibleTo(page)


def test_the_set_is_for_the_language_of_the_articles(open_page: Open) -> None:
    shell, page = open_page()
    page.recommended.language.setCurrentIndex(1)
    chosen = page.recommended.chosen
    assert chosen is not None
    assert chosen.name == "ram-16-zh"
    shell.parts.shelf.sets = models.SETS[:2]
    shell.parts.shelf.changed.emit()
    assert page.recommended.models.text() == "There is no set for this language."
    assert not page.recommended.button.isVisibleTo(page)


def test_the_size_is_said_as_far_as_it_is_known(open_page: Open) -> None:
    shell, page = open_page()
    shelf = shell.parts.shelf
    shelf.rows = tuple(replace(row, megabytes=0) if row.name == "siglip2-base" else row for row in shelf.rows)
    shelf.changed.emit()
    assert page.recommended.before.text() == "More than 11 GB will be fetched from the internet first."
    shelf.sets = tuple(replace(each, megabytes=0) for each in shelf.sets)
    shelf.changed.emit()
    assert page.recommended.before.text().endswith("their size is not known yet.")
    assert page.recommended.button.isVisibleTo(page)


def set_of(name: str, fits: str, gigabytes: int, memory: str = "ram") -> ModelSet:
    made = models.SETS[0]
    return replace(made, name=name, gigabytes=gigabytes, memory=memory, fit=Fit(fits, ""))  # type: ignore[arg-type]


def test_which_set_is_recommended() -> None:
    small, middle, large = set_of("a", "yes", 8), set_of("b", "yes", 16), set_of("c", "tight", 32)
    card = set_of("d", "yes", 12, "vram")
    assert recommended((small, middle, large), "en") is middle
    assert recommended((small, card, middle), "en") is card
    assert recommended((large,), "en") is large
    assert recommended((set_of("e", "no", 16), set_of("f", "no", 8)), "en") == set_of("f", "no", 8)
    assert recommended((small,), "zh") is None


# --- one's own models ---


def test_a_model_file_and_a_folder_of_ones_own(open_page: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, page = open_page()
    files = iter(["/models/own.gguf", "/models/eye.gguf", "/models/eye-mmproj.gguf", "/models/eye.gguf", ""])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (next(files), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/models/clip")
    page.sections["writer"].file_button.click()
    page.sections["reranker"].file_button.click()
    page.sections["encoder"].folder_button.click()
    wanted = {
        "writer": "gguf:/models/own.gguf",
        "encoder": "open_clip:/models/clip",
        "reranker": "gguf:/models/eye.gguf+/models/eye-mmproj.gguf",
    }
    qtbot.waitUntil(lambda: shell.parts.shelf.chosen == wanted, timeout=PATIENCE)
    own = card(page, "gguf:/models/own.gguf")
    assert (own.title.text(), own.state.text(), offered(own)) == ("own.gguf", "In use", [])
    page.sections["reranker"].file_button.click()
    page.sections["writer"].folder_button.click()
    qtbot.waitUntil(lambda: shell.parts.shelf.chosen["writer"] == "transformers:/models/clip", timeout=PATIENCE)
    assert shell.parts.shelf.chosen["reranker"] == wanted["reranker"], "without its second file nothing is changed"


def test_a_model_is_fetched_from_its_address(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page("--hold-pull")
    page.sections["writer"].source_button.click()
    (dialog,) = page.findChildren(SourceDialog)
    dialog.address.setText("not an address")
    dialog.fetch_button.click()
    assert dialog.problem.isVisibleTo(dialog)
    dialog.address.setText("https://huggingface.co/owner/small-GGUF/blob/main/small-q4.gguf")
    dialog.fetch_button.click()
    source = "hf:owner/small-GGUF#small-q4.gguf"
    qtbot.waitUntil(lambda: shell.parts.shelf.work_on(source) == "pulling", timeout=PATIENCE)
    arriving = card(page, source)
    assert arriving.isVisibleTo(page)
    assert arriving.title.text() == "owner/small-GGUF#small-q4.gguf"
    arriving.progress.cancel.click()
    qtbot.waitUntil(lambda: not shell.parts.shelf.work_on(source), timeout=PATIENCE)
    assert source not in page.sections["writer"].cards, "what is not being fetched and not here is no row"


@pytest.mark.parametrize(
    ("typed", "source"),
    [
        ("owner/repository", "hf:owner/repository"),
        (" hf:owner/repository#a-q4.gguf ", "hf:owner/repository#a-q4.gguf"),
        ("https://huggingface.co/Qwen/Qwen3-4B", "hf:Qwen/Qwen3-4B"),
        ("https://hf.co/Qwen/Qwen3-4B/", "hf:Qwen/Qwen3-4B"),
        ("https://huggingface.co/o/r/tree/main", "hf:o/r"),
        ("https://huggingface.co/o/r/blob/main/sub/a.gguf?download=true", "hf:o/r#sub/a.gguf"),
        ("https://huggingface.co/o/r/resolve/v2/a.gguf", "hf:o/r@v2#a.gguf"),
        ("pypi:some-part{1..4}==1.0.0#data/{1..4}.bin", "pypi:some-part{1..4}==1.0.0#data/{1..4}.bin"),
        ("", ""), ("one-word", ""), ("https://example.com/a/b", ""), ("a b/c", ""), ("hf:", ""), ("../../etc", ""),
    ],
)  # fmt: skip
def test_addresses_as_people_paste_them(typed: str, source: str) -> None:
    assert source_of(typed) == source


def test_a_server_on_this_computer(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    page.sections["writer"].server_button.click()
    (dialog,) = page.findChildren(ServerDialog)
    dialog.address.setText("not an address")
    dialog.use_button.click()
    assert dialog.problem.isVisibleTo(dialog)
    dialog.address.setText("http://127.0.0.1:11434/v1")
    dialog.model.setText("qwen3:8b")
    dialog.use_button.click()
    setting = "server:http://127.0.0.1:11434/v1#qwen3:8b"
    qtbot.waitUntil(lambda: shell.parts.shelf.chosen.get("writer") == setting, timeout=PATIENCE)
    assert card(page, setting).title.text() == "qwen3:8b on 127.0.0.1:11434"
    assert not page.findChildren(Question)
    assert not page.remote.isVisibleTo(page), "nothing leaves this computer"


def test_a_server_elsewhere_needs_a_yes_and_is_shown_as_long_as_it_is_used(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    server = server_of("https://box.example/v1", "big")
    assert server is not None
    page.take_server(server, "reranker")
    (question,) = page.findChildren(Question)
    assert question.label.text() == "Your texts and pictures would be sent to box.example:443."
    assert question.no_button.isDefault()
    assert question.yes_button.text() == "Send to box.example:443"
    question.no_button.click()
    assert shell.parts.shelf.chosen == models.CHOSEN
    assert not shell.parts.shelf._jobs
    page.take_server(server, "reranker")
    page.findChildren(Question)[-1].yes_button.click()
    qtbot.waitUntil(lambda: page.remote.isVisibleTo(page), timeout=PATIENCE)
    assert "allowed box.example:443" in shell.parts.client.last_errors
    assert shell.parts.shelf.chosen["reranker"] == "server:https://box.example/v1#big"
    assert page.remote.text().startswith("Your texts and pictures are sent to box.example:443.")
    card(page, "none").use_button.click()
    qtbot.waitUntil(lambda: not page.remote.isVisibleTo(page), timeout=PATIENCE)


@pytest.mark.parametrize(
    ("address", "place", "here"),
    [
        ("http://localhost:11434/v1", "localhost:11434", True),
        ("127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://[::1]:8080/v1", "[::1]:8080", True),
        ("http://192.168.1.5:8080", "192.168.1.5:8080", False),
        ("https://models.example/v1", "models.example:443", False),
        ("http://localhost.example/v1", "localhost.example:80", False),
        ("http://127.0.0.1.example/v1", "127.0.0.1.example:80", False),
        ("http://127.0.0.1@box.example/v1", "box.example:80", False),
    ],
)
def test_whose_server_it_is(address: str, place: str, here: bool) -> None:
    server = server_of(address, "m")
    assert server is not None
    assert (server.place, server.here) == (place, here)
    assert remote_of(server.setting) == ("" if here else place)


@pytest.mark.parametrize("address", ["", "http://", "ftp://box/v1", "http://box:port/v1", "http://a b/v1", "file:///x"])
def test_what_is_no_server(address: str) -> None:
    assert server_of(address, "m") is None


# --- the machine, words, languages ---


def test_checking_the_machine(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page()
    with qtbot.waitSignal(shell.parts.shelf.checked, timeout=PATIENCE):
        page.checks.button.click()
        assert not page.checks.button.isEnabled()
    assert page.checks.summary.text() == "1 thing needs you."
    assert page.checks.lines[0].text() == "1.2 GB free in /home/ana Make room, or move PICTORIAL_HOME."
    assert len(page.checks.lines) == len(models.CHECKS)
    qtbot.waitUntil(page.checks.button.isEnabled, timeout=PATIENCE)


def test_figures_in_words() -> None:
    assert [size(each) for each in (0.4, 98, 1117, 5030, 19_800)] == ["0 MB", "98 MB", "1.1 GB", "5.0 GB", "20 GB"]
    assert seconds_left(0, 10, 100, 1.0) is None, "too young to say"
    assert seconds_left(10, 10, 100, 60.0) is None
    assert seconds_left(40, 60, 100, 10.0) == 20.0
    assert fit_of(Fit("no", "Needs 9 GB; 1 GB is free.")) == (
        "Too large for this machine. Needs 9 GB; 1 GB is free.", "problem",
    )  # fmt: skip
    choose_language("zh")
    assert fit_of(Fit("yes", "Needs 1.6 GB."), 1600) == ("需要 1.6 GB 内存。", "quiet")


def test_the_page_in_chinese(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page("--hold-pull")
    card(page, "writer-8b").get_button.click()
    qtbot.waitUntil(lambda: card(page, "writer-8b").state.text() == "Fetching…", timeout=PATIENCE)
    shell._prefer(replace(settings.load(), interface="zh"))
    qtbot.addWidget(shell.window)
    shell.window.show_models()
    renewed = shell.window.models
    assert card(renewed, "writer-8b").state.text() == "正在下载…", "what goes on is known to the new window"
    assert renewed.recommended.language.currentIndex() == 1
    said = {label.text() for label in renewed.findChildren(QLabel)}
    assert {"模型", "写作", "找图", "选图"} <= said


def test_preferences_leave_the_models_as_the_engine_set_them(make_shell: MakeShell) -> None:
    shell = make_shell()
    shell.parts.client.start()
    before = shell.parts.client.pid
    settings.save(replace(settings.load(), writer="gguf:/models/own.gguf", allowed_hosts=("box:80",)))
    shell._prefer(replace(shell._settings, theme="dark", candidates=5))
    kept = settings.load()
    assert (kept.writer, kept.allowed_hosts, kept.theme, kept.candidates) == (
        "gguf:/models/own.gguf", ("box:80",), "dark", 5,
    )  # fmt: skip
    assert shell.parts.client.pid == before, "the engine need not be started again"
    shell.theme.choose("light")


def test_a_missing_model_leads_to_the_page(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell("--fail")
    shell.show()
    shell.window.new_article()
    shell.window.work.form.brief = sample.brief("en", (str(pictures),))
    with qtbot.waitSignal(shell.parts.composing.failed, timeout=PATIENCE):
        shell.window.work.form.press()
    messages = shell.window.work.messages
    assert messages.message.startswith("The writer model is missing.")
    assert messages.button.text() == "Models…"
    messages.button.click()
    assert shell.window.stack.currentWidget() is shell.window.models


def test_a_slow_stop_does_not_end_the_engine(open_page: Open, qtbot: QtBot) -> None:
    shell, page = open_page("--hold-pull", "--deaf")
    card(page, "writer-8b").get_button.click()
    qtbot.waitUntil(lambda: card(page, "writer-8b").state.text() == "Fetching…", timeout=PATIENCE)
    card(page, "writer-8b").progress.cancel.click()
    assert not shell.parts.client._patience.isActive(), "an article may be under way in the same process"
    assert card(page, "writer-8b").state.text() == "Stopping…"


def test_listing_twice_is_asked_once(make_shell: MakeShell) -> None:
    shell = make_shell()
    shell.parts.shelf.refresh()
    shell.parts.shelf.refresh()
    assert [job.command for job in shell.parts.shelf._jobs.values()] == [wire.ListModels()]
