"""Bringing a file into the system's cache before it is asked for.

A search looks at some hundred records anywhere in the side store. Cold, each is a read from the disk: 50 ms a search of
10 M vectors, which is 2.5 ms once the file lies in the cache. Nothing of it counts as this process's memory.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from threading import Event, Thread

import psutil

PIECE = 1 << 22
SPARE = 2
"""Times the file's size that must be free: a cache that drives other programs' pages out would be no gain."""


class Warming:
    """Reads a file once through, on a thread of its own, where there is room for it."""

    def __init__(self, path: Path) -> None:
        self._path, self._stop = path, Event()
        self._thread = Thread(target=self._read, name="warming", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def wait(self) -> None:
        """Until the file was read, or found too large."""
        self._thread.join()

    def _read(self) -> None:
        piece = bytearray(PIECE)
        with contextlib.suppress(OSError), self._path.open("rb", buffering=0) as file:
            if psutil.virtual_memory().available < SPARE * self._path.stat().st_size:
                return
            while not self._stop.is_set() and file.readinto(piece):
                pass
