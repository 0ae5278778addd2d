"""What the writer does to pictures is told to the engine, and nothing else is; one switch turns it off."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from composer import settings, wire
from composer.types import Picture, SlotsPlanned
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui.app import Shell
from ui.preferences import PreferencesDialog


@pytest.fixture
def told(make_shell: MakeShell, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Shell, list[wire.RecordActs]]:
    """A window with an article, and what its engine is told of acts."""
    shell = make_shell()
    shell.parts.client.start()
    shell.window.new_article()
    shell.parts.session._take(sample.composition(pictures), path=None, draft=None)
    shell.parts.session.opened.emit()
    said: list[wire.RecordActs] = []
    send = shell.parts.client.send

    def spy(command: wire.AnyCommand) -> int:
        if isinstance(command, wire.RecordActs):
            said.append(command)
        return send(command)

    monkeypatch.setattr(shell.parts.client, "send", spy)
    return shell, said


def test_swaps_and_removals_are_told_and_so_is_undoing_them(told: tuple[Shell, list[wire.RecordActs]]) -> None:
    shell, said = told
    work, composition = shell.window.work, shell.parts.session.composition
    assert composition is not None
    first = composition.picks["s0"].picture
    other = composition.candidates["s0"][1]
    assert first is not None
    work._take("s0", other)
    work._take("s0", None)
    shell.parts.session.undo.undo()
    acts = [act for command in said for act in command.acts]
    assert [(act.deed, act.was, act.now) for act in acts] == [
        ("swap", first.id, other.picture.id), ("remove", other.picture.id, None), ("swap", None, other.picture.id),
    ]  # fmt: skip
    assert {act.slot.id for act in acts} == {"s0"}
    assert acts[0].before == sample.blocks()[1].text


def test_a_picture_put_into_the_article_is_told(told: tuple[Shell, list[wire.RecordActs]]) -> None:
    shell, said = told
    own = Picture(id="own", path="/own.jpg", width=3, height=2, caption="Mine")
    shell.window.work._dropped(own, "", sample.blocks()[2].id)
    (act,) = said[0].acts
    assert (act.deed, act.was, act.now, act.slot.origin) == ("swap", None, "own", "writer")


def test_words_and_what_the_engine_chooses_are_not_told(told: tuple[Shell, list[wire.RecordActs]]) -> None:
    shell, said = told
    shell.window.work._caption("s0", "Another caption")
    shell.parts.session.grow(SlotsPlanned(sample.slots()[:1]))
    assert shell.parts.session.composition is not None
    assert shell.parts.session.composition.picks == {}
    assert said == []


def test_an_engine_that_is_not_running_is_not_started_for_it(told: tuple[Shell, list[wire.RecordActs]]) -> None:
    shell, said = told
    shell.parts.client._end()
    shell.window.work._take("s0", None)
    assert said == []
    assert not shell.parts.client.running


def test_one_switch_turns_it_off(told: tuple[Shell, list[wire.RecordActs]], qtbot: QtBot) -> None:
    shell, said = told
    dialog = PreferencesDialog(settings.load(), shell.window)
    qtbot.addWidget(dialog)
    assert dialog.record.isChecked()
    dialog.chosen.connect(shell._prefer)
    dialog.record.setChecked(False)
    dialog._agree()
    assert not settings.load().record_choices
    shell.window.work._take("s0", None)
    assert said == []
    shell._prefer(replace(shell._settings, record_choices=True))
    shell.window.work._take("s1", None)
    assert len(said) == 1
