"""How soon the window is there, and how late its event loop is while an article is composed or a library scrolls.

`python bench/window.py [--quick] [--json]`. The start is measured against a bare PySide6 window in the same run, taking
turns; both times run from the start of the process to the end of the first paint. The event loop is measured by the
lateness of a 5 ms timer in the window's process. The library is a stand-in of 100,000 pictures that share 400 files of
512 pixels; the grid scrolls a few lines at every frame and now and then jumps far. Its rival is Qt's own QListView in
icon mode over as many rows, with the same files read in its paint, as a plain program would do it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QScrollBar

ROOT = Path(__file__).resolve().parents[1]
FAKE = ROOT / "tests" / "ui" / "fake_engine.py"
MAIN = ROOT / "main.py"
ROWS, FILES = 100_000, 400
TINY = "starter-writer-tiny"
BARE = """
import sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        QTimer.singleShot(0, self.tell)
    def tell(self):
        sys.stderr.write(f"shown {time.time()}\\n")
        QApplication.exit()
application = QApplication(sys.argv[:1])
window = Window()
window.resize(1360, 860)
window.show()
application.exec()
"""


def shown_after(command: list[str], environment: dict[str, str]) -> float:
    """Seconds from the start of the process to its first painted window."""
    begun = time.time()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    for line in done.stderr.splitlines():
        if line.startswith("shown "):
            return float(line.split()[1]) - begun
    raise SystemExit(f"The window was not shown:\n{done.stderr}")


def environment_in(home: str) -> dict[str, str]:
    made = {**os.environ, "PICTORIAL_HOME": home, "PICTORIAL_BENCH_SHOWN": "1"}
    # As on a writer's machine: compiled modules are kept from one start to the next; here beside the bench's own home.
    made.pop("PYTHONDONTWRITEBYTECODE", None)
    made["PYTHONPYCACHEPREFIX"] = str(Path(home) / "compiled")
    if not made.get("DISPLAY") and not made.get("WAYLAND_DISPLAY"):
        made.setdefault("QT_QPA_PLATFORM", "offscreen")
    return made


def measure_start(home: str, times: int) -> tuple[list[float], list[float]]:
    """Starts of the program and of the bare window, taking turns; the first of each warms the disk."""
    ours = [sys.executable, str(MAIN)]
    environment = environment_in(home)
    program: list[float] = []
    bare: list[float] = []
    for _ in range(times + 1):
        bare.append(shown_after([sys.executable, "-c", BARE], environment))
        program.append(shown_after(ours, environment))
    return program[1:], bare[1:]


def measure_loop(home: str, seconds: float) -> tuple[list[float], str]:
    """Lateness in milliseconds of a 5 ms timer while an article is composed, and which engine composed it."""
    pictures = ROOT / "demo" / "pictures"
    if pictures.is_dir() and (Path(home) / "models" / TINY).exists():
        late, words = composing_with([sys.executable, str(MAIN), "engine"], (str(pictures),), home, seconds)
        if words:
            return late, f"the real engine and its small writer, {words} words"
    # 4,000 words at 100 words a second, cut off when the time is up.
    stand_in = [sys.executable, str(FAKE), "--delay", "0.01", "--repeat", "12"]
    late, words = composing_with(stand_in, (), home, min(seconds, 8.0))
    return late, f"a stand-in engine, 100 words a second, {words} words"


def measure_scrolling(seconds: float) -> tuple[list[float], list[float]]:
    """Lateness of each tick while the page of the library scrolls, and while Qt's own list does."""
    with tempfile.TemporaryDirectory(prefix="pictorial-") as home:
        os.environ.update(environment_in(home))
        os.environ.pop("PICTORIAL_BENCH_SHOWN", None)
        previews = Path(home) / "previews"
        draw_previews(previews)
        ours = scroll_the_page(previews, seconds)
        return ours, scroll_a_list(previews, seconds)


def draw_previews(into: Path) -> None:
    """Files with as much in them as photographs have, so that they take as long to read."""
    import numpy as np
    from PIL import Image

    into.mkdir()
    chance = np.random.default_rng(1)
    for at in range(FILES):
        coarse = chance.integers(0, 256, (22, 32, 3), np.uint8)
        image = Image.fromarray(coarse).resize((512, 352), Image.Resampling.BICUBIC)
        image.save(into / f"{at:03}.jpg", quality=85)


def scroll_the_page(previews: Path, seconds: float) -> list[float]:
    from PySide6.QtWidgets import QApplication

    from ui.app import Shell

    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    shell = Shell(application, [sys.executable, str(FAKE), "--library", str(ROWS), str(previews)])
    shell.window.resize(1360, 860)
    shell.show()
    shell.window.show_library()
    library, bar = shell.parts.library, shell.window.library.grid.verticalScrollBar()
    late = lateness(lambda: library.total == ROWS, bar, seconds)
    shell.finish()
    shell.window.hide()
    return late


def scroll_a_list(previews: Path, seconds: float) -> list[float]:
    from PySide6.QtCore import QSize, QStringListModel
    from PySide6.QtGui import QIcon, QPainter
    from PySide6.QtWidgets import QListView, QStyledItemDelegate

    class Plain(QStyledItemDelegate):
        def paint(self, painter: QPainter, option, index) -> None:  # noqa: ANN001
            QIcon(str(previews / f"{index.row() % FILES:03}.jpg")).paint(painter, option.rect)

    view = QListView()
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setUniformItemSizes(True)
    view.setLayoutMode(QListView.LayoutMode.Batched)
    view.setBatchSize(10_000)
    view.setGridSize(QSize(210, 205))
    view.setItemDelegate(Plain(view))
    view.setModel(QStringListModel([str(row) for row in range(ROWS)], view))
    view.resize(690, 780)
    view.show()
    late = lateness(lambda: view.verticalScrollBar().maximum() > ROWS, view.verticalScrollBar(), seconds)
    view.hide()
    return late


def lateness(ready: Callable[[], bool], bar: QScrollBar, seconds: float) -> list[float]:
    """Scroll for so long once it is ready; how many milliseconds late each tick of 5 ms was."""
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    until(ready)
    late: list[float] = []
    last = [time.perf_counter()]
    ticks, frames, loop = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=5), QTimer(interval=16), QEventLoop()
    frame = [0]

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(0.0, (now - last[0] - 0.005) * 1000))
        last[0] = now

    def scroll() -> None:
        frame[0] += 1
        far = bar.maximum() * (frame[0] * 37 % 101) // 101 if frame[0] % 90 == 0 else bar.value() + 40
        bar.setValue(far)

    ticks.timeout.connect(tick)
    frames.timeout.connect(scroll)
    ticks.start()
    frames.start()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()
    ticks.stop()
    frames.stop()
    return late[1:]


def until(ready: Callable[[], bool]) -> None:
    from PySide6.QtCore import QEventLoop, QTimer

    end = time.monotonic() + 30
    while not ready():
        loop = QEventLoop()
        QTimer.singleShot(20, loop.quit)
        loop.exec()
        if time.monotonic() > end:
            raise SystemExit("The library was not shown, so its scrolling could not be measured.")


def borrow(home: str) -> None:
    """Models and a copy of the catalogued library in a home of the bench's own, with the small fast writer."""
    from composer.home import home as own

    for name in ("models", "library"):
        there = own() / name
        if name == "models" and there.is_dir():
            (Path(home) / name).symlink_to(there, target_is_directory=True)
        elif there.is_dir():
            shutil.copytree(there, Path(home) / name)
    (Path(home) / "settings.toml").write_text('writer = "starter-tiny"\n', "utf-8")


def composing_with(
    command: list[str], libraries: tuple[str, ...], home: str, seconds: float
) -> tuple[list[float], int]:
    """The lateness of each tick, and how many words were written meanwhile."""
    os.environ.update(environment_in(home))
    os.environ.pop("PICTORIAL_BENCH_SHOWN", None)
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from composer.types import Brief
    from ui.app import Shell

    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setQuitOnLastWindowClosed(False)
    shell = Shell(application, command)
    shell.show()
    shell.window.new_article()
    shell.window.work.form.brief = Brief(
        topic="A walk around the castles and windmills of Europe", length=300, pictures=3, libraries=libraries
    )
    late: list[float] = []
    expected = [0.0]
    timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=5)

    def tick() -> None:
        now = time.perf_counter()
        if expected[0]:
            late.append(max(0.0, (now - expected[0]) * 1000))
        expected[0] = now + 0.005

    timer.timeout.connect(tick)
    shell.parts.composing.ended.connect(lambda _how: application.exit())
    shell.parts.composing.stage_changed.connect(lambda *_: timer.isActive() or timer.start())
    QTimer.singleShot(round(seconds * 1000), application.exit)
    QTimer.singleShot(200, shell.window.compose)
    application.exec()
    timer.stop()
    composition = shell.parts.session.composition
    words = sum(len(b.text.split()) for b in composition.article.blocks) if composition and composition.article else 0
    shell.finish()
    shell.window.hide()
    return late, words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 50 seconds")
    parser.add_argument("--json", action="store_true", help="one JSON line and nothing else on stdout")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(prefix="pictorial-") as home:
        borrow(home)
        program, bare = measure_start(home, 5 if options.quick else 9)
        late, engine = measure_loop(home, 22.0 if options.quick else 150.0)
    scrolling, plain = measure_scrolling(5.0 if options.quick else 20.0)
    if not late:
        raise SystemExit("The engine did not start, so the event loop could not be measured.")
    shown, rival = statistics.median(program), statistics.median(bare)
    p99, page_p99, list_p99 = (statistics.quantiles(each, n=100)[98] for each in (late, scrolling, plain))
    if options.json:
        print(
            json.dumps(
                {
                    "shown_seconds": round(shown, 4),
                    "loop_p99_ms": round(p99, 2),
                    "loop_max_ms": round(max(late), 2),
                    "library_scroll_p99_ms": round(page_p99, 2),
                    "list_scroll_p99_ms": round(list_p99, 2),
                }
            )
        )
        return
    print(f"window shown, {'main.py':<36} {shown:7.3f} s   ({min(program):.3f} to {max(program):.3f})")
    print(f"window shown, {'a bare PySide6 window':<36} {rival:7.3f} s   ({min(bare):.3f} to {max(bare):.3f})")
    print(f"{'ratio':<50} {shown / rival:7.2f}")
    print(f"lateness of a 5 ms timer ({engine}, {len(late)} ticks)")
    print(f"{'  p50':<50} {statistics.median(late):7.2f} ms")
    print(f"{'  p99':<50} {p99:7.2f} ms")
    print(f"{'  max':<50} {max(late):7.2f} ms")
    print(f"lateness of a 5 ms timer while {ROWS:,} pictures scroll ({len(scrolling)} ticks)")
    print(f"{'  p99, the page of the library':<50} {page_p99:7.2f} ms")
    print(f"{'  p99, a plain QListView':<50} {list_p99:7.2f} ms")
    print(f"{'  ratio':<50} {page_p99 / list_p99:7.2f}")


if __name__ == "__main__":
    main()
