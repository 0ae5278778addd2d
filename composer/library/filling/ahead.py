"""Working ahead on threads while the caller takes results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from composer.ports import Cancel

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    work: Callable[[T], R], items: Iterable[T], cancel: Cancel, workers: int, ahead: int
) -> Generator[R, None, None]:
    """`work(item)` for every item, in their order; at most `ahead` of them are begun before their result is taken.

    What `work` raises comes out here. Raises Cancelled. When it raises or is closed, nothing is left running.
    """
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="pictures")
    try:
        for item in items:
            cancel.check()
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
            waiting.append(pool.submit(work, item))
        while waiting:
            cancel.check()
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
