"""The window with the real engine and its small writer: from a brief to a saved article with a picture."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from composer import project
from composer.home import home
from composer.types import Brief, Composition, Picture
from ui import edits
from ui.app import Shell

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("starter-writer-tiny", "starter-encoder")
# The session's own home, before each test is given one.
MODELS = home() / "models"

pytestmark = [
    pytest.mark.weights,
    pytest.mark.timeout(280),
    pytest.mark.skipif(
        not all((MODELS / name).is_dir() for name in NEEDED), reason="the starter models are not here: `make setup`"
    ),
]


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Six drawn pictures whose names say what they show."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for at, name in enumerate(("windmill", "castle", "lighthouse", "harbour boats", "oak tree", "stone bridge")):
        picture = Image.new("RGB", (640, 420), (120 + 20 * at, 170, 230 - 25 * at))
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, 300, 640, 420), fill=(60, 110 + 10 * at, 50))
        draw.polygon([(200 + 20 * at, 300), (320, 60 + 20 * at), (440, 300)], fill=(140, 90 + 15 * at, 60))
        picture.save(folder / f"{name}.jpg", quality=90)
    return folder


@pytest.fixture
def real_shell(_own_home: None, qtbot: QtBot) -> Iterator[Shell]:
    (home() / "models").symlink_to(MODELS, target_is_directory=True)
    # One thread: beside other work on a small machine two would wait for each other.
    (home() / "settings.toml").write_text('writer = "starter-tiny"\nthreads = 1\n', "utf-8")
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    shell = Shell(application, [sys.executable, str(ROOT / "main.py"), "engine"])
    qtbot.addWidget(shell.window)
    yield shell
    shell.finish()
    assert not shell.parts.client.running


def check_export(shell: Shell, tmp_path: Path, qtbot: QtBot) -> None:
    out = tmp_path / "exported"
    out.mkdir()
    shell.window.documents.export(out, ("html", "markdown"))
    qtbot.waitUntil(lambda: "Exported" in shell.window.work.messages.message, timeout=20_000)
    composition = shell.parts.session.composition
    assert composition is not None
    assert composition.article is not None
    markdown = next(out.rglob("*.md")).read_text("utf-8")
    assert composition.article.blocks[-1].text in markdown
    assert (composition.slots or ())[0].caption in markdown
    assert any(file.suffix in {".jpg", ".jpeg", ".png", ".webp"} for file in out.rglob("*"))


def take_another(shell: Shell, composition: Composition, slot: str) -> Picture:
    """Click on a candidate that is not the program's choice."""
    chosen, considered = composition.picks[slot].picture, composition.candidates[slot]
    other = max(at for at, each in enumerate(considered) if each.picture != chosen)
    shell.window.work.candidates.cards[other].click()
    taken = shell.parts.session.composition
    assert taken is not None
    assert taken.picks[slot].picture == considered[other].picture
    return considered[other].picture


def test_an_article_is_composed_edited_illustrated_anew_saved_and_opened(
    real_shell: Shell, photographs: Path, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, work, session = real_shell, real_shell.window.work, real_shell.parts.session
    shell.show()
    shell.window.new_article()
    work.form.brief = Brief(
        topic="A windmill by the harbour", length=120, pictures=1, libraries=(str(photographs),), seed=3
    )
    with qtbot.waitSignal(shell.parts.composing.ended, timeout=240_000) as ended:
        work.form.press()
    assert ended.args == ["done"], work.messages.message
    work.page.flush()
    composition = session.composition
    assert composition is not None
    assert composition.article is not None
    assert edits.finished(composition)
    shown = work.page.sheet.toPlainText()
    assert all(block.text in shown for block in composition.article.blocks)
    assert composition.models["writer"].startswith("starter-writer-tiny")
    slots = composition.slots or ()
    assert len(slots) == 1
    assert len(work.candidates.cards) == len(composition.candidates[slots[0].id]) > 0
    state = work.page._painter.figures[slots[0].id].state
    assert state == ("picture" if composition.picks[slots[0].id].picture else "empty")

    taken = take_another(shell, composition, slots[0].id)
    check_export(shell, tmp_path, qtbot)
    place = work.page._block_of(composition.article.blocks[-1].id)
    assert place is not None
    cursor = work.page.sheet.textCursor()
    cursor.setPosition(place.position() + place.length() - 1)
    cursor.insertText(" The last words are mine.")
    assert work.form.button.text() == "Choose the pictures again"
    work.form.pictures.setValue(0)
    mine = session.composition
    assert mine is not None
    with qtbot.waitSignal(shell.parts.composing.ended, timeout=120_000) as ended:
        work.form.press()
    assert ended.args == ["done"], work.messages.message
    assert session.composition is not None
    assert session.composition.article == mine.article
    kept = [pick.picture for pick in session.composition.picks.values()]
    assert kept == [taken], "no pictures but the one that the writer took"

    file = tmp_path / "windmill.pictorial"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    with qtbot.waitSignal(session.saved):
        shell.window.actions_.save_as.trigger()
    assert project.open_project(file) == session.composition
    shell.window.show_start()
    shell.window.open(file)
    assert session.composition == project.open_project(file)
    assert "The last words are mine." in work.page.sheet.toPlainText()
