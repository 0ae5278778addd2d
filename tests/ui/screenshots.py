"""The pictures of the README, made again from real runs: `python -m tests.ui.screenshots docs/pictures`.

Needs what `make setup` fetches, and a screen; Xvfb will do:
`xvfb-run -s "-screen 0 1400x900x24" .venv/bin/python -m tests.ui.screenshots docs/pictures`.
The runs take place in a home of their own, which borrows the models and the library of the program's. An English and a
Chinese article are written: ten minutes on two cores. `--only start,chinese` makes some of the pictures.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from composer.settings import Settings
    from ui.app import Shell

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
SIZE = (1280, 800)
NAMES = ("start", "models", "library", "library-dark", "library-chinese", "composing", "done", "why", "dark", "chinese")
PATIENCE = 1500.0
MOST_BYTES = 290_000


def wait(until: Callable[[], bool], seconds: float = PATIENCE) -> None:
    from PySide6.QtCore import QEventLoop, QTimer

    end = time.monotonic() + seconds
    while not until():
        turn = QEventLoop()
        QTimer.singleShot(50, turn.quit)
        turn.exec()
        if time.monotonic() > end:
            raise SystemExit("What the picture should show did not come about.")


def settle(seconds: float = 1.0) -> None:
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def shoot(shell: Shell, out: Path, name: str) -> None:
    """The window as PNG, with as many colours as fit the size allowed."""
    from PIL import Image
    from PySide6.QtCore import QBuffer

    settle()
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    shell.window.grab().save(buffer, "PNG")
    whole = Image.open(io.BytesIO(buffer.data().data())).convert("RGB")
    data = _png(whole)
    if len(data) > MOST_BYTES:
        data = _fewer_colours(data)
    for colours in (256, 192, 128, 96):
        if len(data) <= MOST_BYTES:
            break
        data = _png(whole.quantize(colours, dither=Image.Dither.FLOYDSTEINBERG))
    (out / f"{name}.png").write_bytes(data)
    print(f"{name}.png  {len(data) / 1000:.0f} kB", flush=True)


def _fewer_colours(whole: bytes) -> bytes:
    """As pngquant does it, where it is installed: skies stay smooth."""
    program = shutil.which("pngquant")
    if program is None:
        return whole
    command = [program, "--speed", "1", "--strip", "256", "-"]
    return subprocess.run(command, input=whole, capture_output=True, check=True).stdout


def _png(image: object) -> bytes:
    made = io.BytesIO()
    image.save(made, "PNG", optimize=True)  # type: ignore[attr-defined]
    return made.getvalue()


def lend_home(into: Path, settings: str = "") -> None:
    """A home with the models and a copy of the library of the program's own, so that nothing of it is changed."""
    from composer.home import home

    os.environ.pop("PICTORIAL_HOME", None)
    (into / "models").symlink_to(home() / "models", target_is_directory=True)
    if (home() / "library").is_dir():
        shutil.copytree(home() / "library", into / "library")
    if settings:
        (into / "settings.toml").write_text(settings, "utf-8")
    os.environ["PICTORIAL_HOME"] = str(into)


class Photographer:
    """One window with the real engine, led through what the README shows."""

    def __init__(self, out: Path) -> None:
        from PySide6.QtGui import QCursor
        from PySide6.QtWidgets import QApplication

        import main
        from ui.app import Shell

        self.out = out
        self.demo = main.demo_brief()
        self.shell = Shell(QApplication(sys.argv[:1]), [sys.executable, str(ROOT / "main.py"), "engine"], self.demo)
        self.shell.window.resize(*SIZE)
        QCursor.setPos(0, 0)  # nothing is to look pointed at
        self.shell.show()

    def prefer(self, settings: Settings) -> None:
        self.shell._prefer(settings)
        self.shell.window.resize(*SIZE)

    def start(self) -> None:
        self.shell.window.show_start()
        shoot(self.shell, self.out, "start")

    def models(self) -> None:
        self.shell.window.show_models()
        wait(lambda: self.shell.parts.shelf.disk is not None)
        shoot(self.shell, self.out, "models")
        self.shell.window.leave()

    def library(self, names: set[str]) -> None:
        """What the library finds for some words; its catalogue is brought up to date first."""
        from composer import settings

        library = self.shell.parts.library
        self.shell.window.library.folders.add(str(ROOT / "demo" / "pictures"))
        wait(lambda: not library.is_indexing)
        for name, theme, language in (
            ("library", "light", "en"), ("library-dark", "dark", "en"), ("library-chinese", "light", "zh"),
        ):  # fmt: skip
            if name not in names:
                continue
            self.prefer(replace(settings.load(), theme=theme, interface=language))
            self.shell.window.show_library()
            self.shell.window.library.look_for("old buildings by the water")
            wait(lambda: not library.searching and bool(library.total))
            self.shell.window.library.grid.choose(0)
            shoot(self.shell, self.out, name)
        self.prefer(replace(settings.load(), theme="light", interface="en"))
        self.shell.window.leave()

    def english(self, names: set[str]) -> None:
        self.shell.window.compose_demo()
        if "composing" in names:
            wait(lambda: self._words() > 115 or not self.busy)  # so much fits under the title
            shoot(self.shell, self.out, "composing")
        wait(lambda: not self.busy)
        self._select(1)
        if "done" in names:
            shoot(self.shell, self.out, "done")
        if "why" in names:
            why = self.shell.window.work.candidates.why
            why.toggle.setChecked(True)
            wait(lambda: bool(why.said))
            shoot(self.shell, self.out, "why")
            why.toggle.setChecked(False)
        if "dark" in names:
            self._look("dark")
            self._select(2)
            shoot(self.shell, self.out, "dark")
            self._look("light")

    def chinese(self) -> None:
        from composer import settings

        self.prefer(replace(settings.load(), interface="zh"))
        brief = replace(
            self.demo, topic="漫步欧洲的城堡与风车", audience="周末杂志的读者", tone="亲切而好奇", language="zh",
            length=800, pictures=4,
        )  # fmt: skip
        self.shell.window.new_article()
        self.shell.window.work.form.brief = brief
        self.shell.window.compose()
        wait(lambda: not self.busy)
        self._select(1)
        shoot(self.shell, self.out, "chinese")
        self.prefer(replace(settings.load(), interface="en"))

    @property
    def busy(self) -> bool:
        return self.shell.parts.composing.busy

    def _look(self, theme: str) -> None:
        from composer import settings

        self.prefer(replace(settings.load(), theme=theme))

    def _select(self, at: int) -> None:
        composition = self.shell.parts.session.composition
        slots = (composition.slots or ()) if composition else ()
        if slots:
            self.shell.window.work.select(slots[min(at, len(slots) - 1)].id, reveal=True)

    def _words(self) -> int:
        from ui.counting import length_of

        composition = self.shell.parts.session.composition
        return length_of(composition) if composition else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default=",".join(NAMES))
    parser.add_argument("--writer", default="starter")
    parser.add_argument("--threads", type=int, default=0, help="1 is faster on a machine that is busy with other work")
    options = parser.parse_args()
    names = set(options.only.split(","))
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictorial-") as folder:
        settings = f'writer = "{options.writer}"\nthreads = {options.threads}\ninterface = "en"\ntheme = "light"\n'
        lend_home(Path(folder), settings)
        photographer = Photographer(options.out)
        if names & {"composing", "done", "why", "dark"}:
            photographer.english(names)
        if "chinese" in names:
            photographer.chinese()
        if "start" in names:
            photographer.start()
        if "models" in names:
            photographer.models()
        if any(name.startswith("library") for name in names):
            photographer.library(names)
        photographer.shell.finish()


if __name__ == "__main__":
    main()
