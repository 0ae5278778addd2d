"""The pictures of the README, made again: `python -m tests.ui.screenshots OUT PICTURES [--size 1440x900]`.

Needs a screen (Xvfb will do) or QT_QPA_PLATFORM=offscreen. OUT receives the PNGs, PICTURES is a folder of JPEGs that
illustrate the sample article.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.composing import Composing
    from ui.session import Session

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

ENGINE = [sys.executable, str(ROOT / "tests" / "ui" / "fake_engine.py")]


def wait(until: Callable[[], bool], seconds: float = 20.0) -> None:
    from PySide6.QtCore import QEventLoop
    from PySide6.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while not until():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        if time.monotonic() > end:
            raise SystemExit("What the picture should show did not come about.")


def settle(seconds: float = 0.7) -> None:
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def main() -> None:  # noqa: PLR0915 - one picture after the other
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--size", default="1440x900")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ["PICTORIAL_HOME"] = tempfile.mkdtemp(prefix="pictorial-")
    from PySide6.QtWidgets import QApplication

    from composer.home import home
    from composer.project import save
    from composer.settings import Settings
    from tests.ui import sample
    from ui.app import Shell

    application = QApplication(sys.argv[:1])
    width, height = (int(side) for side in options.size.split("x"))
    (home() / "drafts").mkdir()
    for number, language in enumerate(("zh", "en")):
        path = home() / "drafts" / f"{language}.pictorial"
        save(sample.composition(options.pictures, language), path)
        os.utime(path, (1750000000 + number * 90000,) * 2)
    demo = sample.brief("en", (str(options.pictures.resolve()),))

    def shoot(shell: Shell, name: str) -> None:
        settle()
        shell.window.grab().save(str(options.out / f"{name}.png"))

    def shell_for(*arguments: str) -> Shell:
        shell = Shell(application, [*ENGINE, *arguments], demo)
        shell.window.resize(width, height)
        shell.show()
        return shell

    def tour(shell: Shell, suffix: str, language: str) -> None:
        shoot(shell, f"start{suffix}")
        shell.window.open(home() / "drafts" / f"{language}.pictorial")
        shell.window.work.select("s0")
        shoot(shell, f"article{suffix}")
        shell.window.work.select("s1", reveal=True)
        shoot(shell, f"candidates{suffix}")
        shell.window.work.select("s2", reveal=True)
        shoot(shell, f"empty{suffix}")
        shell.window.show_start()

    shell = shell_for()
    tour(shell, "", "en")
    shell._prefer(Settings(theme="dark"))
    tour(shell, "-dark", "en")
    shell._prefer(Settings(interface="zh"))
    shell.window.resize(width, height)
    tour(shell, "-zh", "zh")
    shell._prefer(Settings(interface="en"))
    shell.finish()
    for name, arguments in (
        ("writing", ("--hold", "230", "--delay", "0.002")),
        ("choosing", ("--stop-at", "rank")),
    ):
        shell = shell_for(*arguments)
        shell.window.compose_demo()
        session = shell.parts.session
        if name == "writing":
            wait(partial(_written, session, 225))
        else:
            wait(partial(_offered, session))
            shell.window.work.select("s1", reveal=True)
        shoot(shell, name)
        shell.parts.composing.cancel()
        wait(partial(_idle, shell.parts.composing))
        shoot(shell, f"{name}-stopped")
        shell.finish()
        shell.window.hide()


def _written(session: Session, words: int) -> bool:
    from ui.counting import length_of

    return session.composition is not None and length_of(session.composition) >= words


def _offered(session: Session) -> bool:
    return session.composition is not None and bool(session.composition.candidates)


def _idle(composing: Composing) -> bool:
    return not composing.busy


if __name__ == "__main__":
    main()
