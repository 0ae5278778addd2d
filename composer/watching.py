"""Keeping an eye on the library's watched folders while the engine runs."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing

from composer.errors import Cancelled
from composer.library.filling.watch import Change, watch
from composer.ports import Cancel

LAST_WAIT = 3.0
"""Seconds that a thread is given to end."""


class Watchman:
    """Watches on a thread of its own and tells what changed, from that thread."""

    def __init__(self, changed: Callable[[Change], None]) -> None:
        self._changed = changed
        self._folders: tuple[str, ...] = ()
        self._cancel = Cancel()
        self._thread: threading.Thread | None = None
        self._turn = threading.Lock()

    def follow(self, folders: Sequence[str]) -> tuple[str, ...]:
        """Watch these and no others. Returns those that were not watched before."""
        with self._turn:
            wanted = tuple(sorted(folders))
            new = tuple(folder for folder in wanted if folder not in self._folders)
            if wanted != self._folders:
                self._stop()
                self._folders, self._cancel = wanted, Cancel()
                if wanted:
                    work = (wanted, self._cancel)
                    self._thread = threading.Thread(target=self._watch, args=work, name="watchman", daemon=True)
                    self._thread.start()
            return new

    def close(self) -> None:
        with self._turn:
            self._stop()
            self._folders = ()

    def _stop(self) -> None:
        self._cancel.cancel()
        if self._thread is not None:
            self._thread.join(LAST_WAIT)
            self._thread = None

    def _watch(self, folders: tuple[str, ...], cancel: Cancel) -> None:
        try:
            with closing(watch(folders, cancel)) as changes:
                for change in changes:
                    cancel.check()
                    self._changed(change)
        except Cancelled:
            return
        except Exception:  # noqa: BLE001 - the last resort: folders can still be scanned by hand
            traceback.print_exc(file=sys.stderr)
