"""How soon the window is there, and how late its event loop ever is while an article is being composed.

`python bench/window.py [--quick] [--json]`. The start is measured against a bare PySide6 window in the same run, taking
turns; both times run from the start of the process to the end of the first paint. The event loop is measured by the
lateness of a 5 ms timer in the window's process.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FAKE = ROOT / "tests" / "ui" / "fake_engine.py"
MAIN = ROOT / "main.py"
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
    if not late:
        raise SystemExit("The engine did not start, so the event loop could not be measured.")
    shown, rival = statistics.median(program), statistics.median(bare)
    p99 = statistics.quantiles(late, n=100)[98]
    if options.json:
        print(
            json.dumps(
                {"shown_seconds": round(shown, 4), "loop_p99_ms": round(p99, 2), "loop_max_ms": round(max(late), 2)}
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


if __name__ == "__main__":
    main()
