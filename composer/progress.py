"""Progress on a terminal: a live line where there is a screen, a line a step where there is none. Always stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from composer.types import AnyEvent, Notice, OutlineReady, StageFinished, StageName, StageProgress, StageStarted

TITLES: dict[StageName, str] = {
    "index": "Reading the library",
    "outline": "Outlining",
    "write": "Writing",
    "plan": "Planning pictures",
    "retrieve": "Finding pictures",
    "rank": "Comparing pictures",
    "assign": "Choosing pictures",
    "caption": "Wording captions",
}
LINE_SECONDS = 5.0


class Meter:
    """Shows events or plain counts. Use as a context manager."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        self._live = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"), TimeRemainingColumn(),
            console=self._console, transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._title = ""
        self._last_line = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: AnyEvent) -> None:
        """One event of the pipeline."""
        match event:
            case StageStarted():
                self._say(f"{TITLES[event.stage]} ...")
            case StageProgress():
                self.count(TITLES[event.stage], event.done, event.total)
            case StageFinished() if not event.reused and event.seconds >= 0.1:
                self._say(f"{TITLES[event.stage]}: {event.seconds:.1f} s")
            case OutlineReady():
                self._say(f"  {event.outline.title}")
            case Notice():
                self._say(f"  {event.message} {event.hint}".rstrip())
            case _:
                pass

    def count(self, title: str, done: float, total: float, notice: str = "", unit: str = "") -> None:
        """Plain progress. Without a screen a line now and then is enough."""
        if notice:
            self._say(f"  {notice}")
        figures = f"{done:.0f}/{total:.0f} {unit}".strip() if total > 1 else f"{done / total:.0%}" if total else ""
        if self._console.is_terminal:
            if self._task is None or title != self._title:
                if self._task is not None:
                    self._live.remove_task(self._task)
                self._task = self._live.add_task(title, total=total, figures=figures)
            self._live.update(self._task, completed=done, total=total, figures=figures)
        elif time.monotonic() - self._last_line > LINE_SECONDS:
            self._last_line = time.monotonic()
            self._say(f"{title}: {figures}")
        self._title = title

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)
