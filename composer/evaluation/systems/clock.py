"""What a system's work takes, when systems share results: each pays for what it uses as if it were alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Clock:
    """Seconds of one system's work on one article, running from when it is made."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._start = now, now()
        self._owed: dict[object, float] = {}

    def seconds(self) -> float:
        """Seconds since it was made, and what was used of others' work at the price that it had for them."""
        return self._now() - self._start + sum(self._owed.values())

    def owe(self, result: object, seconds: float) -> None:
        """Something that lay ready was used; the same result again costs nothing more."""
        self._owed.setdefault(result, seconds)


class Once(Generic[T]):
    """Results that are made once and used by several systems."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._made: dict[object, tuple[T, float]] = {}

    def put(self, key: object, result: T, seconds: float) -> None:
        """A result that was made on the way to another, and how long that took."""
        self._made.setdefault(key, (result, seconds))

    def of(self, key: object, make: Callable[[], T], clock: Clock) -> T:
        """The result of that key. Who makes it spends the time itself; for others the clock adds what it took."""
        if key in self._made:
            result, seconds = self._made[key]
            clock.owe(key, seconds)
            return result
        start = self._now()
        result = make()
        took = self._now() - start
        self._made[key] = result, took
        clock.owe(key, 0.0)
        return result
