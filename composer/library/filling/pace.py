"""How fast work in the background may go: paused, held back, or giving way to work that somebody waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from composer.ports import Cancel

LOOK = 0.05
"""Seconds between two looks at whether work may go on."""
LONGEST_REST = 2.0
"""Seconds: also a slow step is not paid for with more."""


class Pace:
    """Shared between the one who works and those who steer. Safe between threads."""

    def __init__(self, busy: Callable[[], bool] | None = None, share: float = 1.0) -> None:
        """`busy` tells whether something more urgent is computing."""
        self._busy = busy or (lambda: False)
        self._going = threading.Event()
        self._going.set()
        self.share = share
        """Part of the time that may be worked, above 0 to 1."""
        self._since = time.monotonic()

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    def pause(self) -> None:
        self._going.clear()

    def resume(self) -> None:
        self._going.set()

    def step(self, cancel: Cancel) -> None:
        """Called between two pieces of work: waits as long as it must. Raises Cancelled."""
        cancel.check()
        if self.share < 1.0:
            worked = time.monotonic() - self._since
            self._rest(min(LONGEST_REST, worked * (1.0 / max(self.share, 0.01) - 1.0)), cancel)
        while self.paused or self._busy():
            self._going.wait(LOOK)
            if not self.paused:
                time.sleep(LOOK if self._busy() else 0.0)
            cancel.check()
        self._since = time.monotonic()

    def _rest(self, seconds: float, cancel: Cancel) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))
            cancel.check()
