"""Where each id lies: a table from ids to row numbers, in pages, 4 bytes an id where ids are dense."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from composer.ports import Ids

PAGE_BITS = 16
NOWHERE = -1


class Places:
    """Ids are any numbers from 0. One far from all others costs a page, 256 kB, not a table up to it."""

    def __init__(self) -> None:
        self._pages: dict[int, NDArray[np.int32]] = {}

    def put(self, ids: Ids, rows: Ids) -> None:
        """Note that each id lies in the row beside it; NOWHERE forgets it."""
        for page, some, slots in _by_page(ids):
            if page not in self._pages:
                self._pages[page] = np.full(1 << PAGE_BITS, NOWHERE, np.int32)
            self._pages[page][slots] = rows[some]

    def find(self, ids: Ids) -> Ids:
        """The row of each id, NOWHERE for those that are not known; shape (len(ids),)."""
        rows = np.full(len(ids), NOWHERE, np.int64)
        for page, some, slots in _by_page(ids):
            if page in self._pages:
                rows[some] = self._pages[page][slots]
        return rows


def _by_page(ids: Ids) -> Iterator[tuple[int, NDArray[np.int64] | slice, NDArray[np.int64]]]:
    """Page, which of the ids lie in it, and their slots there. Ids that ascend, as they mostly do, need no sorting."""
    if not len(ids):
        return
    pages = ids >> PAGE_BITS
    order = None if len(ids) < 2 or bool((pages[1:] >= pages[:-1]).all()) else np.argsort(pages, kind="stable")
    turns = np.flatnonzero(np.diff(pages if order is None else pages[order], prepend=-1))
    for start, end in zip(turns, [*turns[1:], len(ids)], strict=True):
        some = slice(start, end) if order is None else order[start:end]
        yield int(pages[some][0]), some, ids[some] & ((1 << PAGE_BITS) - 1)
