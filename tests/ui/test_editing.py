"""Text edited in place: the block model is the truth and the page is its view."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from composer import project
from composer.types import OPENING, Composition, Pick, Slot
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui import edits
from ui.app import Shell
from ui.page.items import Line, items_of, read_back
from ui.theme import tokens

Move = QTextCursor.MoveOperation


@pytest.fixture
def shell(make_shell: MakeShell, pictures: Path, tmp_path: Path, qtbot: QtBot) -> Shell:
    made = make_shell()
    path = tmp_path / "castle.pictorial"
    project.save(sample.composition(pictures), path)
    made.window.open(path)
    with qtbot.waitExposed(made.window):
        made.show()
    return made


def composition(shell: Shell) -> Composition:
    assert shell.parts.session.composition is not None
    return shell.parts.session.composition


def texts(shell: Shell) -> dict[str, str]:
    article = composition(shell).article
    assert article is not None
    return {block.id: block.text for block in article.blocks}


def place_cursor(shell: Shell, block: str, *, end: bool = True) -> None:
    page = shell.window.work.page
    found = page._block_of(block)
    assert found is not None
    cursor = QTextCursor(found)
    cursor.movePosition(Move.EndOfBlock if end else Move.StartOfBlock)
    page.sheet.setTextCursor(cursor)


def test_an_edited_paragraph_is_in_the_saved_project(shell: Shell, qtbot: QtBot, tmp_path: Path) -> None:
    place_cursor(shell, "b2")
    qtbot.keyClicks(shell.window.work.page.sheet, " And so on.")
    assert texts(shell)["b2"].endswith("to look. And so on.")
    assert shell.window.isWindowModified()
    with qtbot.waitSignal(shell.parts.session.saved):
        shell.window.actions_.save.trigger()
    saved = project.open_project(tmp_path / "castle.pictorial")
    assert saved == composition(shell)
    assert not shell.window.isWindowModified()


def test_typing_is_one_undo_step(shell: Shell, qtbot: QtBot) -> None:
    before = texts(shell)
    place_cursor(shell, "b2")
    qtbot.keyClicks(shell.window.work.page.sheet, "abc")
    assert shell.parts.session.undo.count() == 1
    qtbot.keyClick(shell.window.work.page.sheet, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    shell.window.actions_.undo.trigger() if shell.parts.session.undo.index() else None
    assert texts(shell) == before
    shell.window.work.page.flush()
    assert "abc" not in shell.window.work.page.sheet.toPlainText()


def test_return_splits_a_paragraph_and_backspace_joins_it(shell: Shell, qtbot: QtBot) -> None:
    sheet = shell.window.work.page.sheet
    before = texts(shell)
    place_cursor(shell, "b2", end=False)
    cursor = sheet.textCursor()
    cursor.movePosition(Move.NextWord, n=3)
    sheet.setTextCursor(cursor)
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    after = texts(shell)
    assert len(after) == len(before) + 1
    assert after["b2"] == "It is easy "
    assert after["w1"].startswith("to forget")
    qtbot.keyClick(sheet, Qt.Key.Key_Backspace)
    assert texts(shell) == before


def test_return_at_the_end_of_a_heading_opens_a_paragraph(shell: Shell, qtbot: QtBot) -> None:
    sheet = shell.window.work.page.sheet
    place_cursor(shell, "b3")
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    qtbot.keyClicks(sheet, "New.")
    article = composition(shell).article
    assert article is not None
    new = next(block for block in article.blocks if block.id == "w1")
    assert (new.kind, new.text, new.section) == ("paragraph", "New.", 1)


def test_the_title_can_be_edited(shell: Shell, qtbot: QtBot) -> None:
    place_cursor(shell, "title")
    qtbot.keyClicks(shell.window.work.page.sheet, "!")
    article = composition(shell).article
    assert article is not None
    assert article.title == f"{sample.TEXTS['en'][0]}!"
    assert shell.window.windowTitle().startswith("castle")


def test_figures_survive_any_edit(shell: Shell, qtbot: QtBot) -> None:
    sheet = shell.window.work.page.sheet
    place_cursor(shell, "b1")
    qtbot.keyClick(sheet, Qt.Key.Key_Delete)
    place_cursor(shell, "b2", end=False)
    qtbot.keyClick(sheet, Qt.Key.Key_Backspace)
    assert sheet.toPlainText().count("\ufffc") == 4
    sheet.selectAll()
    qtbot.keyClicks(sheet, "x")
    shell.window.work.page.flush()
    assert sheet.toPlainText().count("\ufffc") == 4
    assert len(composition(shell).slots or ()) == 4
    shell.parts.session.undo.undo()
    assert texts(shell) == {block.id: block.text for block in sample.blocks()}
    shell.window.work.page.flush()
    assert shell.window.work.page._items == items_of(composition(shell))


def test_a_paragraph_can_begin_below_a_figure(shell: Shell, qtbot: QtBot) -> None:
    sheet = shell.window.work.page.sheet
    place_cursor(shell, "s0", end=False)
    qtbot.keyClicks(sheet, "lost")
    assert sheet.toPlainText().count("\ufffc") == 4
    assert "lost" not in sheet.toPlainText()
    place_cursor(shell, "s0")
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    qtbot.keyClicks(sheet, "Below.")
    article = composition(shell).article
    assert article is not None
    order = [block.id for block in article.blocks]
    assert order.index("w1") == order.index("b1") + 1
    assert texts(shell)["w1"] == "Below."


def test_the_document_always_equals_the_model(shell: Shell, qtbot: QtBot) -> None:
    page = shell.window.work.page
    for block, keys in (("b1", "one"), ("b4", "two"), ("title", "three"), ("b8", "four")):
        place_cursor(shell, block)
        qtbot.keyClicks(page.sheet, keys)
        qtbot.keyClick(page.sheet, Qt.Key.Key_Return)
        qtbot.keyClicks(page.sheet, "more")
    while shell.parts.session.undo.canUndo():
        shell.parts.session.undo.undo()
        page.flush()
        lines = [(line.kind, line.key, line.text) for line in page._lines()]
        assert lines == [(item.kind, item.key, item.text) for item in items_of(composition(shell))]


def test_a_caption_is_edited_in_the_panel_and_can_be_undone(shell: Shell, qtbot: QtBot) -> None:
    work = shell.window.work
    work.select("s1")
    work.candidates.caption.setPlainText("Another caption")
    qtbot.keyClick(work.candidates.caption, Qt.Key.Key_Return)
    slots = composition(shell).slots
    assert slots is not None
    assert slots[1].caption == "Another caption"
    shell.parts.session.undo.undo()
    slots = composition(shell).slots
    assert slots is not None
    assert slots[1].caption == sample.CAPTIONS["en"][1]


def test_clicking_a_figure_selects_its_slot(shell: Shell, qtbot: QtBot) -> None:
    work = shell.window.work
    work.select("s3", reveal=True)
    block = work.page._block_of("s3")
    assert block is not None
    rect = work.page.sheet.document().documentLayout().blockBoundingRect(block)
    work.select("s0")
    point = rect.center().toPoint()
    point.setY(point.y() - work.page.sheet.verticalScrollBar().value())
    qtbot.mouseClick(work.page.sheet.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert work.selected == "s3"


def test_words_beyond_the_basic_plane_and_line_breaks_are_kept(shell: Shell) -> None:
    page = shell.window.work.page
    place_cursor(shell, "b2")
    page.sheet.textCursor().insertText("🏰 𠀀")
    cursor = page.sheet.textCursor()
    cursor.insertText("\u2028next")
    assert texts(shell)["b2"].endswith("🏰 𠀀\nnext")
    shell.parts.session.undo.undo()
    page.flush()
    shell.parts.session.undo.redo()
    page.flush()
    assert texts(shell)["b2"].endswith("🏰 𠀀\nnext")
    assert "🏰 𠀀" in page.sheet.toPlainText()


def test_read_back_of_an_untouched_page_changes_nothing(pictures: Path) -> None:
    whole = sample.composition(pictures)
    lines = [Line(item.kind, item.key, item.text) for item in items_of(whole)]
    assert whole.article is not None
    assert read_back(lines, whole) == (whole.article.title, whole.article.blocks)


def marked(shell: Shell) -> list[str]:
    return [mark.cursor.selectedText() for mark in shell.window.work.page.sheet.extraSelections()]


def tell(shell: Shell, slot: str, sentence: str, after: str | None = None) -> None:
    """Let a slot be about a sentence of the text."""
    whole = composition(shell)
    slots = tuple(
        replace(each, sentence=sentence, after=each.after if after is None else after) if each.id == slot else each
        for each in whole.slots or ()
    )
    shell.parts.session.show(replace(whole, slots=slots))
    shell.window.work.page.flush()


def test_the_sentence_of_the_selected_picture_is_marked(shell: Shell) -> None:
    work, said = shell.window.work, "Its walls are three metres thick at the foot"
    tell(shell, "s1", said)
    assert marked(shell) == []
    work.select("s1")
    assert marked(shell) == [said]
    assert work.page.sheet.extraSelections()[0].format.background().color() == tokens().color("wash")
    before = texts(shell)
    place_cursor(shell, "b4", end=False)
    work.page.sheet.textCursor().insertText("🏰 Look: ")
    assert marked(shell) == [said], "it goes with the text"
    assert shell.parts.session.undo.count() == 1, "only the typing can be undone"
    work.select("s3")
    assert marked(shell) == []
    work.select("s1")
    assert marked(shell) == [said]
    work.page.select_slot("")
    assert marked(shell) == []
    shell.parts.session.undo.undo()
    assert texts(shell) == before


def test_a_sentence_that_was_rewritten_is_marked_no_more(shell: Shell, qtbot: QtBot) -> None:
    page = shell.window.work.page
    tell(shell, "s1", "Its walls are three metres thick at the foot")
    shell.window.work.select("s1")
    place_cursor(shell, "b4", end=False)
    cursor = page.sheet.textCursor()
    cursor.setPosition(cursor.position() + texts(shell)["b4"].index("metres"))
    page.sheet.setTextCursor(cursor)
    qtbot.keyClick(page.sheet, Qt.Key.Key_Backspace)
    assert marked(shell) == []
    shell.parts.session.undo.undo()
    page.flush()
    assert marked(shell) == ["Its walls are three metres thick at the foot"]


def test_the_sentence_of_an_opening_picture_is_found_in_the_text(shell: Shell) -> None:
    tell(shell, "s0", "A mill at work is louder than it looks.", after=OPENING)
    shell.window.work.select("s0")
    assert marked(shell) == ["A mill at work is louder than it looks."]


def test_a_caption_of_the_writers_stays_with_any_picture(shell: Shell, qtbot: QtBot) -> None:
    work = shell.window.work
    whole = composition(shell)
    worded = replace(whole.picks["s1"], caption="For this picture", alt="A grey tower")
    shell.parts.session.show(replace(whole, picks={**whole.picks, "s1": worded}))
    work.select("s1")
    assert work.candidates.caption.toPlainText() == "For this picture"
    assert work.candidates.alt.toPlainText() == "A grey tower"
    work.page.flush()
    assert work.page._painter.figures["s1"].caption == "For this picture"
    work.candidates.cards[2].click()
    pick = composition(shell).picks["s1"]
    assert (pick.caption, pick.alt) == ("", ""), "they were for another picture"
    assert work.candidates.caption.toPlainText() == sample.CAPTIONS["en"][1]
    shell.parts.session.undo.undo()
    assert composition(shell).picks["s1"] == worded
    work.candidates.caption.setPlainText("Mine")
    qtbot.keyClick(work.candidates.caption, Qt.Key.Key_Return)
    slot = (composition(shell).slots or ())[1]
    assert (slot.caption, slot.worded) == ("Mine", True)
    work.page.flush()
    assert work.page._painter.figures["s1"].caption == "Mine"


def test_what_is_seen_can_be_told_and_undone(shell: Shell, qtbot: QtBot) -> None:
    work = shell.window.work
    work.select("s1")
    before = composition(shell)
    own = before.picks["s1"].picture
    assert own is not None
    assert work.candidates.alt.toPlainText() == own.caption
    work.candidates.alt.setPlainText("A tower\nin the rain")
    qtbot.keyClick(work.candidates.alt, Qt.Key.Key_Return)
    assert composition(shell).picks["s1"].alt == "A tower in the rain"
    assert composition(shell).picks["s1"].by == "writer", "it is not lost when pictures are chosen again"
    work.candidates.cards[0].click()
    assert composition(shell).picks["s1"].alt == "A tower in the rain", "the same picture"
    shell.parts.session.undo.undo()
    assert composition(shell) == before
    work.select("s2")
    assert not work.candidates.alt.isVisible(), "there is no picture to tell of"


def test_a_picture_that_was_just_taken_outlives_typing(shell: Shell) -> None:
    """The page shows it a moment later; words typed before that are laid over it, not over what was there."""
    slot, found = next((slot, found) for slot, found in composition(shell).candidates.items() if len(found) > 1)
    before = composition(shell).picks[slot].picture
    other = next(each.picture for each in found if each.picture != before)
    place_cursor(shell, "b2")
    shell.parts.session.edit(edits.with_picture(composition(shell), slot, other, "Mine."), "Take")
    shell.window.work.page.sheet.textCursor().insertText(" And so on.")
    assert texts(shell)["b2"].endswith("And so on.")
    assert composition(shell).picks[slot].picture == other


def test_text_between_pictures_that_arrive_late_is_shown(
    make_shell: MakeShell, pictures: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    made, path = make_shell(), tmp_path / "long.pictorial"
    whole = sample.composition(pictures)
    assert whole.article is not None
    found = sample.pictures(pictures)
    blocks = tuple(
        replace(block, id=f"{block.id}-{turn}", text=block.text * (1 if block.kind == "heading" else 4))
        for turn in range(6)
        for block in whole.article.blocks
    )
    after = [block.id for block in blocks if block.kind == "paragraph"][::3]
    slots = tuple(Slot(id=f"s{at}", after=place, caption="", query="") for at, place in enumerate(after))
    picks = {slot.id: Pick(slot=slot.id, picture=found[at % len(found)], reason="") for at, slot in enumerate(slots)}
    project.save(replace(whole, article=replace(whole.article, blocks=blocks), slots=slots, picks=picks), path)
    made.window.open(path)
    with qtbot.waitExposed(made.window):
        made.show()
    sheet = made.window.work.page.sheet

    def lines() -> None:
        block = sheet.document().begin()
        while block.isValid():
            assert sheet.document().documentLayout().blockBoundingRect(block).height() > 0, block.text()[:40]
            block = block.next()

    qtbot.wait(300)
    qtbot.waitUntil(lines, timeout=5000)
