"""Groups of near-duplicates as arrays: which rows are copies of each other, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from composer.ports import Ids

SHIFT = 10
"""Rows in a block as a power of two; schema.py's triggers know it too."""
_MEMBER = np.dtype([("row", "<i4"), ("group", "<i8"), ("area", "<i8"), ("length", "<i4")])


class Groups:
    """The members of all groups, 24 bytes each; most pictures are in none."""

    def __init__(self) -> None:
        self._members: NDArray[np.void] = np.empty(0, _MEMBER)
        self._fresh: dict[int, NDArray[np.void]] = {}
        self._ordered: tuple[Ids, NDArray[np.int64]] | None = None

    def put(self, block: int, rows: Sequence[int], groups: Sequence[str], area: Ids, length: Sequence[int]) -> None:
        """Replace the rows of a block (columns.py); `groups` names each one's group, "" for none."""
        at = [n for n, name in enumerate(groups) if name]
        new = np.empty(len(at), _MEMBER)
        new["row"], new["group"] = [rows[n] for n in at], [_key(groups[n]) for n in at]
        new["area"], new["length"] = area[at], [length[n] for n in at]
        self._fresh[block] = new

    def ordered(self) -> tuple[Ids, NDArray[np.int64]]:
        """Members and their groups; those of a group follow each other, the largest first, of equally large ones that
        of which most is told."""
        if self._settle() or self._ordered is None:
            those = self._members
            order = np.lexsort((those["row"], -those["length"], -those["area"], those["group"]))
            self._ordered = those["row"][order].astype(np.int64), those["group"][order]
        return self._ordered

    def _settle(self) -> bool:
        """Take in what was put; returns whether anything changed."""
        fresh, self._fresh = self._fresh, {}
        ends = np.searchsorted(self._members["row"] >> SHIFT, [[block, block + 1] for block in fresh]).tolist()
        changed = {
            block: (low, high)
            for block, (low, high) in zip(fresh, ends, strict=True)
            if not np.array_equal(self._members[low:high], fresh[block])
        }
        if changed:
            kept = np.ones(len(self._members), np.bool_)
            for low, high in changed.values():
                kept[low:high] = False
            whole = np.concatenate([self._members[kept], *(fresh[block] for block in changed)])
            self._members = whole[np.argsort(whole["row"], kind="stable")]
        return bool(changed)

    def array(self) -> NDArray[np.void]:
        """To be kept in a file, for `take`."""
        self._settle()
        return self._members

    def take(self, members: NDArray[np.void]) -> None:
        self._members, self._fresh, self._ordered = members, {}, None


def _key(group: str) -> int:
    """A number of 64 bits for a group's name: of a million groups two are the same once in 37 million libraries."""
    return int.from_bytes(blake2b(group.encode(), digest_size=8).digest(), "little", signed=True)
