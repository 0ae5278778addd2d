"""Empty places: what the page and the panel say is to be taken, the list on the clipboard, the list of an export."""

from __future__ import annotations

from dataclasses import replace as replaced
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication

from composer import shots, wire
from composer.types import Composition, Language, Slot
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui import edits
from ui.app import Shell
from ui.page.figure import INSET, figures_of
from ui.shots import has_shots, shot_words
from ui.texts import choose_language

SENTENCE = {
    "en": "He let us carry a sack up the ladder, which is the quickest way to respect flour.",
    "zh": "他让我们扛一袋面粉爬上木梯，这是学会尊重面粉最快的办法。",
}


def composed(pictures: Path, language: Language = "en", **changes: object) -> Composition:
    """The sample; its empty place stands after the paragraph with the ladder."""
    made = sample.composition(pictures, language)
    slots = list(made.slots or ())
    assert made.article is not None
    after = next(block.id for block in made.article.blocks if SENTENCE[language] in block.text)
    words = {"kind": "object", "sentence": SENTENCE[language], "after": after, **changes}
    slots[sample.EMPTY] = replace(slots[sample.EMPTY], **words)
    return replace(made, slots=tuple(slots))


def empty(composition: Composition) -> Slot:
    return (composition.slots or ())[sample.EMPTY]


def opened(make_shell: MakeShell, composition: Composition) -> Shell:
    shell = make_shell()
    shell.window.new_article()
    shell.parts.session._take(composition, path=None, draft=None)
    shell.parts.session.opened.emit()
    return shell


def test_an_empty_place_says_what_is_to_be_taken(pictures: Path) -> None:
    made = composed(pictures)
    figure = figures_of(made, working=False)[empty(made).id]
    assert figure.remarks == (
        "Nothing fits well enough: the best is at 24 %.",
        "To be taken: the miller's ladder; a close-up against a quiet background.",
    )
    assert SENTENCE["en"][:-1] in shot_words(made, empty(made)), "away from the text the sentence is quoted"
    filled = next(slot for slot in made.slots or () if slot.id != empty(made).id)
    assert shot_words(made, filled) == ""


def test_it_speaks_the_languages_of_article_and_window(pictures: Path) -> None:
    choose_language("zh")
    made = composed(pictures, "zh")
    assert shot_words(made, empty(made), quoting=False) == "待拍摄：磨坊主的木梯；近景特写，背景干净。"
    drawn = composed(pictures, "zh", kind="diagram")
    assert shot_words(drawn, empty(drawn)).startswith("待绘制：磨坊主的木梯，配合句子“他让我们")


def test_the_place_grows_with_its_words(make_shell: MakeShell, pictures: Path) -> None:
    made = composed(pictures)
    painter = opened(make_shell, made).window.work.page._painter
    figure = painter.figures[empty(made).id]
    longer = replaced(figure, shot=figure.shot * 8)
    assert painter.height_of(longer) > painter.height_of(figure) + 40
    body = painter._body(longer)
    said = sum(painter._remark_heights(longer, body.width() - 2 * INSET))
    assert body.height() > said + 30, "there is room for the headline too: nothing is cut off"


def test_the_panel_of_an_empty_place_says_it_above_the_pictures(make_shell: MakeShell, pictures: Path) -> None:
    made = composed(pictures)
    shell = opened(make_shell, made)
    panel = shell.window.work.candidates
    shell.window.work.select(empty(made).id)
    assert panel.shot.text().startswith("To be taken: the miller's ladder, for the sentence “He let us")
    assert panel._shot_frame.isVisibleTo(panel)
    shell.window.show()
    QApplication.processEvents()
    assert panel.shot.mapTo(panel, panel.shot.rect().bottomLeft()).y() < panel.cards[0].mapTo(
        panel, panel.cards[0].rect().topLeft()
    ).y()  # fmt: skip
    shell.window.work.step(-1)
    assert not panel._shot_frame.isVisibleTo(panel)


def test_taking_a_picture_ends_the_asking(make_shell: MakeShell, pictures: Path) -> None:
    made = composed(pictures)
    shell = opened(make_shell, made)
    shell.window.work.select(empty(made).id)
    copy = shell.window.actions_.copy_shots
    assert copy.isEnabled()
    shell.window.work.candidates.cards[0].click()
    assert not shell.window.work.candidates._shot_frame.isVisibleTo(shell.window.work.candidates)
    assert not copy.isEnabled()
    shell.parts.session.undo.undo()
    assert copy.isEnabled()


def test_the_menu_puts_the_list_on_the_clipboard(make_shell: MakeShell, pictures: Path) -> None:
    made = composed(pictures)
    shell = opened(make_shell, made)
    QApplication.clipboard().clear()
    shell.window.actions_.copy_shots.trigger()
    assert QApplication.clipboard().text() == shots.as_text(made)
    assert shell.window.work.messages.message == "The shot list is on the clipboard: 1 picture to take."


@pytest.mark.parametrize("start", ["empty", "unfinished"])
def test_without_an_empty_place_there_is_nothing_to_copy(make_shell: MakeShell, pictures: Path, start: str) -> None:
    shell = make_shell()
    assert not shell.window.actions_.copy_shots.isEnabled()
    if start == "unfinished":
        made = replace(composed(pictures), picks={})
        assert not has_shots(made)
        shell.window.new_article()
        shell.parts.session._take(made, path=None, draft=None)
        shell.parts.session.opened.emit()
    QApplication.clipboard().setText("mine")
    shell.window._copy_shots()
    assert QApplication.clipboard().text() == "mine"
    assert "nothing to take" in shell.window.work.messages.message


def test_other_words_ask_for_another_picture(pictures: Path) -> None:
    made = composed(pictures)
    slot = empty(made)
    made = replace(made, picks={**made.picks, slot.id: replace(made.picks[slot.id], shot="Take the old thing.")})
    assert shot_words(made, slot).endswith("Take the old thing.")
    after = edits.with_caption(made, slot.id, "A sack of flour")
    assert "taken: a sack of flour" in shot_words(after, empty(after))
    assert made.article is not None
    blocks = tuple(
        replace(block, text=block.text.replace("sack", "bag")) if block.id == slot.after else block
        for block in made.article.blocks
    )
    edited = edits.with_text(made, made.article.title, blocks)
    assert "carry a bag up the ladder" in shot_words(edited, empty(edited))
    untouched = edits.with_text(made, "Another title", made.article.blocks)
    assert shot_words(untouched, slot).endswith("Take the old thing.")


def test_typing_changes_the_words_on_the_page(make_shell: MakeShell, pictures: Path) -> None:
    made = composed(pictures)
    shell = opened(make_shell, made)
    page = shell.window.work.page
    cursor = QTextCursor(page._block_of(empty(made).after))
    cursor.insertText("Then: ")
    composition = shell.parts.session.composition
    assert composition is not None
    assert has_shots(composition)
    assert "carry a sack" in shot_words(composition, empty(composition))


def test_an_export_tells_of_its_list(make_shell: MakeShell, tmp_path: Path) -> None:
    shell = make_shell()
    documents, messages = shell.window.documents, shell.window.work.messages
    documents._jobs[7] = "export"
    names = ("article.html", "article.md", "article - shot list.md", "pictures/01-mill.jpg")
    documents._files_written(7, wire.Exported(tuple(str(tmp_path / name) for name in names)))
    documents._done(7)
    assert messages.message == (
        f"Exported article.html and article.md to {tmp_path}. What is still to be taken is in “article - shot list.md”."
    )
    documents._jobs[8] = "export"
    documents._files_written(8, wire.Exported((str(tmp_path / "article.html"),)))
    documents._done(8)
    assert messages.message == f"Exported article.html to {tmp_path}."
