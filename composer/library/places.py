# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""Which pictures lie in which directory, in the order of names: folders and lists by name without asking SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from composer.library.database import LISTED, Database, below, listed

Rows = NDArray[np.int32]
_USABLE = "picture IS NOT NULL AND reason IS NULL"
AT_ONCE = 2_000
"""Directories read at a time."""


class Places:
    """The usable files of every directory as rows of their pictures, by file name: 4 bytes a file, and about 250 a
    directory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._filed: dict[int, Rows] = {}
        self._sizes: dict[int, int] = {}
        self._named: Rows | None = None

    def follow(self, since: int) -> None:
        """Take in the directories that changed after that version of the catalogue; all of them if it is negative."""
        sql = "SELECT number FROM directories" if since < 0 else "SELECT directory FROM refiled WHERE version > ?"
        changed = [number for (number,) in self._database.all(sql, [] if since < 0 else [since])]
        for start in range(0, len(changed), AT_ONCE):
            self._read(changed[start : start + AT_ONCE])

    def _read(self, directories: Sequence[int]) -> None:
        self._named = None
        of = f"directory IN {LISTED} AND {_USABLE}"
        inner = f"SELECT directory, picture, size FROM files WHERE {of} ORDER BY directory, name"
        sql = f"SELECT directory, group_concat(picture), sum(size) FROM ({inner}) GROUP BY directory"
        for number in directories:
            self._filed.pop(number, None)
            self._sizes.pop(number, None)
        for number, pictures, size in self._database.all(sql, [listed(directories)]):
            self._filed[number] = np.fromstring(pictures, np.int32, sep=",")
            self._sizes[number] = size

    def count(self) -> tuple[int, int]:
        """How many files there are, and their bytes."""
        return sum(map(len, self._filed.values())), sum(self._sizes.values())

    def below(self, folders: Sequence[str]) -> Rows:
        """Pictures of the usable files below any of the folders, in the order of paths; some twice."""
        where, values = below(folders)
        found = self._database.all(f"SELECT number FROM directories WHERE {where} ORDER BY path", values)
        return self._joined(number for (number,) in found)

    def named(self) -> Rows:
        """Every picture once, where its first path is, in the order of directories and file names."""
        if self._named is None:
            rows = self.below([])
            first = np.zeros(int(rows.max(initial=0)) + 1, np.int32)
            at = np.arange(len(rows), dtype=np.int32)
            first[rows[::-1]] = at[::-1]  # the last that is written stays: the first path
            self._named = rows[first[rows] == at]
        return self._named

    def _joined(self, directories: Iterable[int]) -> Rows:
        parts = [self._filed[number] for number in directories if number in self._filed]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    def arrays(self) -> tuple[NDArray[np.int64], Rows, NDArray[np.int64]]:
        """To be kept in a file, for `take`: each file's directory's number, its picture, and each directory's bytes."""
        numbers = np.array(list(self._filed), np.int64)
        sizes = np.array([self._sizes[number] for number in self._filed], np.int64)
        return np.repeat(numbers, [len(rows) for rows in self._filed.values()]), self._joined(self._filed), sizes

    def take(self, directories: NDArray[np.int64], pictures: Rows, sizes: NDArray[np.int64]) -> None:
        ends = np.flatnonzero(np.diff(directories)) + 1
        starts = np.concatenate([np.zeros(min(1, len(directories)), np.int64), ends])
        numbers: list[int] = directories[starts].tolist()
        self._named = None
        self._filed = dict(zip(numbers, np.split(pictures, ends), strict=False))
        self._sizes = dict(zip(numbers, sizes.tolist(), strict=True))
