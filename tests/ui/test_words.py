"""What the window says about progress, choices and folders; and what an edit makes of the next step."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from composer import wire
from composer.types import Candidate, Composition, Pick, Picture
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui import edits
from ui.progress_strip import ProgressStrip, pictures_seen, time_taken
from ui.reasons import reason_of


def picture(name: str, group: str = "") -> Picture:
    return Picture(id=name, path=f"/{name}.jpg", width=3, height=2, group=group)


def decided(slot: str, taken: Picture | None, *scores: tuple[Picture, float], others: tuple[Pick, ...] = ()) -> str:
    candidates = tuple(Candidate(picture=each, final=score) for each, score in scores)
    picks = {pick.slot: pick for pick in (Pick(slot=slot, picture=taken, reason="as told"), *others)}
    return reason_of(Composition(brief=sample.brief(), candidates={slot: candidates}, picks=picks), slot)


def test_a_pick_is_explained_from_its_figures() -> None:
    mill, keep, twin = picture("mill"), picture("keep", "pair"), picture("twin", "pair")
    assert decided("s1", mill, (mill, 0.8), (keep, 0.5)) == "Fits best of all."
    assert decided("s1", keep, (mill, 0.8), (keep, 0.5)).startswith("1 picture that fits better serves")
    assert decided("s1", None) == "The library has no picture for this place."
    assert decided("s1", None, (keep, 0.2)) == "Nothing fits well enough: the best is at 20 %."
    elsewhere = Pick(slot="s2", picture=twin, reason="")
    assert "serves another place" in decided("s1", None, (keep, 0.7), others=(elsewhere,))
    assert decided("s1", twin, (mill, 0.8)) == "as told"
    mine = Pick(slot="s1", picture=None, reason="", by="writer")
    assert "You left" in reason_of(Composition(brief=sample.brief(), picks={"s1": mine}), "s1")


@pytest.mark.parametrize(
    ("seconds", "said"), [(2, ""), (20.5, "20 seconds so far"), (70, "1 minute so far"), (200, "3 minutes so far")]
)
def test_a_stage_of_unknown_length_tells_the_time_it_took(seconds: float, said: str) -> None:
    assert time_taken(seconds) == said


def test_the_folders_are_counted_while_they_are_read() -> None:
    assert pictures_seen(0, 5200) == "5,200 pictures found"
    assert pictures_seen(12, 454) == "picture 12 of 454"
    assert pictures_seen(454, 454) == ""


def test_the_strip_names_the_stage_that_the_time_is_for(qtbot: QtBot) -> None:
    strip = ProgressStrip()
    qtbot.addWidget(strip)
    strip.begin()
    strip.stage("index", 12, 454, 40.0)
    assert strip.left.text() == "Folders: picture 12 of 454 · about 40 seconds left"
    strip.stage("write", 500, 1000, 125.0)
    assert strip.left.text() == "Writing: about 2 minutes left"
    strip.stage("plan", 0, 0, None)
    assert strip.left.text() == ""
    strip._since -= 30
    strip._tell()
    assert strip.left.text() == "Planning: 30 seconds so far"
    strip.end("done", complete=True)
    assert not strip._clock.isActive()


def test_an_edited_text_asks_for_its_pictures_again(make_shell: MakeShell, pictures: Path) -> None:
    shell = make_shell()
    shell.window.new_article()
    whole = replace(sample.composition(pictures), inputs={"write": "a", "plan": "b"})
    shell.parts.session._take(whole, path=None, draft=None)
    shell.parts.session.opened.emit()
    page, form = shell.window.work.page, shell.window.work.form
    assert form.button.text() == "Compose another version"
    block = page._block_of(sample.blocks()[1].id)
    assert block is not None
    cursor = QTextCursor(block)
    cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
    cursor.insertText(" Mine.")
    assert form.button.text() == "Choose the pictures again"
    assert shell.parts.session.composition is not None
    assert edits.edited_since_planned(shell.parts.session.composition)
    shell.parts.session.undo.undo()
    assert form.button.text() == "Compose another version"


def test_looking_through_a_folder_counts_and_tells_what_was_wrong(make_shell: MakeShell) -> None:
    shell = make_shell()
    documents, messages = shell.window.documents, shell.window.work.messages
    documents._jobs[7] = "/somewhere/holiday"
    documents._indexing(7, wire.Indexing("scan", 30, 90))
    assert messages.message == "Looking through holiday: picture 30 of 90."
    documents._indexing(7, wire.Indexing("scan", 0, 0, notice="Its drive may be unplugged."))
    documents._scanned(
        7, wire.Scanned("/somewhere/holiday", 0, 0, 0, (wire.Skipped("/somewhere/a.jpg", "damaged"),), 1)
    )
    assert messages.message == (
        "There is no picture in holiday that can be used. 1 file was skipped. Its drive may be unplugged."
    )
    assert "a.jpg: damaged" in messages._details
    documents._indexing(7, wire.Indexing("look", 5, 9))
    assert "Its drive may be unplugged." in messages.message, "what follows goes on in silence"
    documents._indexing(7, wire.Indexing("look", 0, 0, notice="Pictures were not looked at."))
    assert messages.message == "Pictures were not looked at."


def test_reports_after_closing_are_for_nobody(make_shell: MakeShell, pictures: Path, qtbot: QtBot) -> None:
    shell = make_shell("--hold", "10")
    shell.show()
    shell.window.new_article()
    shell.window.work.form.brief = sample.brief("en", (str(pictures),))
    shell.window.work.form.press()
    qtbot.waitUntil(lambda: shell.parts.session.composition is not None, timeout=15000)
    shell.finish()
    with qtbot.assertNotEmitted(shell.parts.composing.ended, wait=200):
        pass


def test_what_the_engine_words_for_the_writers_own_choice_is_taken(pictures: Path) -> None:
    whole = sample.composition(pictures)
    mine = replace(whole.picks["s1"], by="writer", reason="Mine", caption="old", alt="")
    worded = replace(mine, caption="Worded for it", alt="A tower", reason="Theirs")
    taken = edits.with_choices(replace(whole, picks={**whole.picks, "s1": worded}), {"s1": mine}).picks["s1"]
    assert (taken.caption, taken.alt, taken.reason) == ("Worded for it", "A tower", "Mine")
    other = replace(worded, picture=picture("another"))
    assert edits.with_choices(replace(whole, picks={**whole.picks, "s1": other}), {"s1": mine}).picks["s1"] == mine
