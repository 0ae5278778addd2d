"""A thread that does jobs one after the other, and something of its own while there are none."""

from __future__ import annotations

import queue
import sys
import threading
import traceback
from collections.abc import Callable

from composer.ports import Cancel

LAST_WAIT = 5.0
"""Seconds that the running job is given at the end."""


class Lane:
    """Jobs are done in the order they came.

    `pastime` is called once after each job when nothing has come for `patience` seconds; its Cancel is thrown as soon
    as a job comes.
    """

    def __init__(self, name: str, pastime: Callable[[Cancel], None] | None = None, patience: float = 0.0) -> None:
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._pastime, self._patience = pastime, patience
        self._rest = Cancel()
        self._thread = threading.Thread(target=self._work, name=f"lane-{name}", daemon=True)
        self._thread.start()

    def put(self, job: Callable[[], None]) -> None:
        self._put(job)

    def close(self) -> None:
        """Let what has come be done, a few seconds at most."""
        self._put(None)
        self._thread.join(timeout=LAST_WAIT)

    def _put(self, job: Callable[[], None] | None) -> None:
        # In this order: whoever made a new Cancel after the job came finds the job in the queue.
        self._jobs.put(job)
        self._rest.cancel()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            _guarded(job)

    def _next(self) -> Callable[[], None] | None:
        pastime = self._pastime
        if pastime is None:
            return self._jobs.get()
        rest = self._rest = Cancel()
        try:
            return self._jobs.get(timeout=self._patience)
        except queue.Empty:
            _guarded(lambda: pastime(rest))
            return self._jobs.get()


def _guarded(job: Callable[[], None]) -> None:
    """Jobs tell their own failures; what still comes out of one must not end the lane."""
    try:
        job()
    except Exception:  # noqa: BLE001 - the last resort, as above
        traceback.print_exc(file=sys.stderr)
