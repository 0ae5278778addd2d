"""A whole composition through the window, with a real engine process that writes a prepared article."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from composer import project
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui import edits
from ui.app import Shell
from ui.counting import length_of


def start(shell: Shell, pictures: Path, language: str = "en") -> None:
    shell.show()
    shell.window.new_article()
    shell.window.work.form.brief = sample.brief(language, (str(pictures),))
    shell.window.work.form.press()


def compose(shell: Shell, pictures: Path, qtbot: QtBot, language: str = "en") -> None:
    start(shell, pictures, language)
    with qtbot.waitSignal(shell.parts.composing.ended, timeout=20000) as ended:
        pass
    assert ended.args == ["done"]
    shell.window.work.page.flush()


def words(shell: Shell) -> int:
    composition = shell.parts.session.composition
    return length_of(composition) if composition else 0


def page_text(shell: Shell) -> str:
    return shell.window.work.page.sheet.toPlainText()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_whole_article_arrives_on_the_page(
    make_shell: MakeShell, pictures: Path, qtbot: QtBot, language: str
) -> None:
    shell = make_shell()
    compose(shell, pictures, qtbot, language)
    composition = shell.parts.session.composition
    assert composition is not None
    assert edits.finished(composition)
    title, sections = sample.TEXTS[language]
    shown = page_text(shell)
    assert shown.startswith(title)
    for heading, paragraphs in sections:
        assert heading in shown
        assert all(paragraph in shown for paragraph in paragraphs)
    assert shown.count("\ufffc") == len(composition.slots or ())
    assert "Choosing" not in shell.window.work.strip.left.text()


def test_text_streams_in_while_the_page_is_for_reading_only(
    make_shell: MakeShell, pictures: Path, qtbot: QtBot
) -> None:
    shell = make_shell("--hold", "90")
    start(shell, pictures)
    qtbot.waitUntil(lambda: "machines" in page_text(shell), timeout=15000)
    assert shell.window.work.page.sheet.isReadOnly()
    assert shell.window.work.form.button.text() == "Cancel"
    assert not shell.window.work.form.topic.isEnabled()


def test_a_slot_is_a_placeholder_until_its_picture_is_chosen(
    make_shell: MakeShell, pictures: Path, qtbot: QtBot
) -> None:
    shell = make_shell("--stop-at", "assign")
    start(shell, pictures)
    painter = shell.window.work.page._painter
    qtbot.waitUntil(lambda: len(painter.figures) == len(sample.slots()), timeout=15000)
    assert {figure.state for figure in painter.figures.values()} == {"choosing"}
    qtbot.waitUntil(lambda: len(shell.window.work.candidates.cards) == 6)
    assert shell.window.work.candidates._note.isVisibleTo(shell.window)


def test_pictures_and_empty_places_are_told_apart(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell()
    compose(shell, pictures, qtbot)
    states = [figure.state for figure in shell.window.work.page._painter.figures.values()]
    assert states == ["picture", "picture", "empty", "picture"]


def test_the_candidate_clicked_is_taken_and_undo_brings_the_first_back(
    make_shell: MakeShell, pictures: Path, qtbot: QtBot
) -> None:
    shell = make_shell()
    compose(shell, pictures, qtbot)
    session, work = shell.parts.session, shell.window.work
    work.select("s1")
    assert session.composition is not None
    first = session.composition.picks["s1"]
    work.candidates.cards[2].click()
    taken = session.composition.picks["s1"]
    assert taken.by == "writer"
    assert taken.picture == work.candidates.cards[2].candidate.picture
    assert [card.isChecked() for card in work.candidates.cards] == [False, False, True, False, False, False]
    work.page.flush()
    assert work.page._painter.figures["s1"].picture == taken.picture
    shell.window.actions_.undo.trigger()
    assert session.composition.picks["s1"] == first
    shell.window.actions_.redo.trigger()
    assert session.composition.picks["s1"] == taken
    work.candidates.none_button.click()
    assert session.composition.picks["s1"].picture is None
    assert work.candidates.none_button.isChecked()


def test_a_choice_made_while_choosing_survives_the_end(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell("--stop-at", "assign")
    start(shell, pictures)
    work = shell.window.work
    qtbot.waitUntil(lambda: len(work.candidates.cards) == 6, timeout=15000)
    work.candidates.cards[3].click()
    assert shell.parts.session.composition is not None
    mine = shell.parts.session.composition.picks[work.selected]
    from composer.types import Composed, Picked

    slot = (shell.parts.session.composition.slots or ())[0]
    other = sample.pick(slot, 0, shell.parts.session.composition.candidates[slot.id])
    shell.parts.session.grow(Picked(other))
    assert shell.parts.session.composition.picks[slot.id] == mine
    shell.parts.session.grow(Composed(sample.composition(pictures)))
    assert shell.parts.session.composition.picks[slot.id] == mine


def test_cancel_stops_the_text_at_once(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell("--delay", "0.003")
    start(shell, pictures)
    qtbot.waitUntil(lambda: words(shell) > 20, timeout=15000)
    shell.window.work.form.press()
    written = words(shell)
    with qtbot.waitSignal(shell.parts.composing.ended, timeout=4000) as ended:
        pass
    assert ended.args == ["stopped"]
    assert words(shell) == written
    assert "kept" in shell.window.work.messages.message


def test_an_engine_that_ignores_cancel_is_ended(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell("--hold", "10", "--deaf")
    shell.parts.client._patience.setInterval(200)
    start(shell, pictures)
    qtbot.waitUntil(lambda: words(shell) >= 5, timeout=15000)
    before = shell.parts.client.pid
    shell.parts.composing.cancel()
    with qtbot.waitSignal(shell.parts.composing.ended, timeout=8000) as ended:
        pass
    assert ended.args == ["stopped"]
    qtbot.waitUntil(lambda: shell.parts.client.pid not in (0, before))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_a_killed_engine_loses_no_word_and_can_go_on(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell("--hold", "80")
    start(shell, pictures)
    qtbot.waitUntil(lambda: words(shell) >= 75, timeout=15000)
    written = words(shell)
    pid = shell.parts.client.pid
    with qtbot.waitSignal(shell.parts.composing.lost, timeout=8000) as lost:
        os.kill(pid, signal.SIGKILL)
    assert lost.args == [True]
    work = shell.window.work
    assert words(shell) >= written
    assert "no word was lost" in work.messages.message
    assert work.messages.button.text() == "Continue"
    qtbot.waitUntil(lambda: shell.parts.client.pid not in (0, pid))
    draft = shell.parts.session.draft
    assert draft is not None
    qtbot.waitUntil(draft.exists)
    with qtbot.waitSignal(shell.parts.composing.ended, timeout=20000) as ended:
        work.messages.button.click()
    assert ended.args == ["done"]
    assert shell.parts.session.composition is not None
    assert shell.parts.session.composition.article is not None
    assert shell.parts.session.composition.article.blocks == sample.blocks()


def test_a_failure_is_told_with_what_to_do_next(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell("--fail")
    start(shell, pictures)
    with qtbot.waitSignal(shell.parts.composing.failed, timeout=15000):
        pass
    assert shell.window.work.messages.message == "The writer model is missing. Run `make setup`, then try again."
    assert shell.window.work.messages.details_button.isVisibleTo(shell.window)
    assert shell.window.work.form.button.text() != "Cancel"


def test_an_engine_that_never_starts_is_said_once(make_shell: MakeShell, qtbot: QtBot) -> None:
    shell = make_shell("--mute")
    with qtbot.waitSignal(
        shell.parts.client.died, timeout=20000, check_params_cb=lambda _jobs, restarted: not restarted
    ):
        shell.show()
    assert not shell.parts.client.running
    assert "could not be started" in shell.window.work.messages.message


def test_closing_the_window_leaves_no_engine_behind(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell("--hold", "10")
    start(shell, pictures)
    qtbot.waitUntil(lambda: words(shell) >= 5, timeout=15000)
    pid, draft = shell.parts.client.pid, shell.parts.session.draft
    shell.window.close()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        pytest.fail("the engine is still there")
    assert draft is not None
    assert project.open_project(draft).article is not None


def test_notices_are_listed_and_never_pop_up(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell()
    compose(shell, pictures, qtbot)
    strip = shell.window.work.strip
    assert strip.notices_button.text() == "1 notice"
    assert not strip.notices.isVisibleTo(strip)
    strip.notices_button.click()
    assert strip.notices.isVisibleTo(strip)
