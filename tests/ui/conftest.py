"""Windows without a screen, engines without models, and a home of their own for every test."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from pytestqt.qtbot import QtBot

from ui.app import Shell
from ui.texts import choose_language

ENGINE = [sys.executable, str(Path(__file__).with_name("fake_engine.py"))]
MakeShell = Callable[..., Shell]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    yield
    choose_language("en")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small pictures in plain colours."""
    folder = tmp_path_factory.mktemp("pictures")
    for at in range(9):
        size = (120, 80) if at % 3 else (60, 90)
        Image.new("RGB", size, (25 * at, 160, 250 - 25 * at)).save(folder / f"picture-{at}.jpg")
    return folder


@pytest.fixture
def make_shell(qtbot: QtBot) -> Iterator[MakeShell]:
    """Starts windows with the fake engine; every window is closed and its engine ended afterwards."""
    from PySide6.QtWidgets import QApplication

    made: list[Shell] = []

    def make(*arguments: str, **kwargs: object) -> Shell:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        shell = Shell(application, [*ENGINE, *arguments], **kwargs)  # type: ignore[arg-type]
        choose_language("en")
        made.append(shell)
        qtbot.addWidget(shell.window)
        return shell

    yield make
    for shell in made:
        shell.finish()
