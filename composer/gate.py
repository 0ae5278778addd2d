"""Who works with the models and the catalogue, so that they are only closed when nobody does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from composer.errors import Cancelled
from composer.ports import Cancel


class Within(Cancel):
    """A Cancel inside another one: thrown by either."""

    def __init__(self, outer: Cancel) -> None:
        super().__init__()
        self._outer = outer

    @property
    def cancelled(self) -> bool:
        return self._event.is_set() or self._outer.cancelled

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled


class Gate:
    """Any number may be inside, or one alone. Who wants to be alone goes first: others wait until it is done."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._inside = 0
        self._alone = False
        self._asked: list[Callable[[], None]] = []

    @contextmanager
    def using(self, leave: Callable[[], None] | None = None) -> Generator[None, None, None]:
        """Be inside. `leave` is called, from another thread, when somebody wants to be alone."""
        self.enter(leave)
        try:
            yield
        finally:
            self.leave(leave)

    def enter(self, leave: Callable[[], None] | None = None) -> None:
        """Go in, to come out by `leave` on whatever thread."""
        with self._news:
            self._news.wait_for(lambda: not self._alone)
            self._inside += 1
            self._asked += [leave] if leave else []

    def again(self) -> None:
        """Go in a second time for another thread, from inside: also when somebody waits to be alone."""
        with self._news:
            self._inside += 1

    def leave(self, leave: Callable[[], None] | None = None) -> None:
        with self._news:
            self._inside -= 1
            if leave:
                self._asked.remove(leave)
            self._news.notify_all()

    @contextmanager
    def alone(self) -> Generator[None, None, None]:
        """Wait until nobody is inside; nobody comes in meanwhile."""
        with self._news:
            self._news.wait_for(lambda: not self._alone)
            self._alone = True
            for leave in self._asked:
                leave()
            self._news.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            with self._news:
                self._alone = False
                self._news.notify_all()
