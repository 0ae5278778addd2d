"""The one connection to the catalogue's file, shared by everything that reads or writes it."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from composer.library import schema

LISTED = "(SELECT value FROM json_each(?))"
"""Any number of values in one parameter; SQLite limits how many parameters a statement may have."""


class Database:
    """May be shared between threads: one lock guards the one connection.

    Every method raises LibraryError when the file is damaged, full or locked by another process for too long.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._link = schema.connect(file)
        self._lock = threading.RLock()

    def close(self) -> None:
        with self._lock:
            self._link.close()

    def all(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Every line of the answer."""
        with self._lock, schema.told(self.file):
            return self._link.execute(sql, values).fetchall()  # pyright: ignore[reportArgumentType]

    def number(self, sql: str, values: Sequence[object] = ()) -> int:
        """The first value of the first line; 0 when there is none."""
        found = self.all(sql, values)
        return int(found[0][0] or 0) if found else 0

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection, None, None]:
        """One transaction; the catalogue's version grows with it."""
        with self._lock, schema.told(self.file), schema.transaction(self._link):
            yield self._link
            self._link.execute("UPDATE meta SET value = value + 1 WHERE name = 'version'")

    def version(self) -> int:
        """A number that grows whenever anything changes, by whichever process."""
        return self.number("SELECT value FROM meta WHERE name = 'version'")

    def identity(self) -> int:
        """A number that no other catalogue has: what was derived from one does not fit another."""
        return self.number("SELECT value FROM meta WHERE name = 'identity'")


def listed(values: Iterable[int]) -> str:
    """Numbers for LISTED."""
    return json.dumps([int(value) for value in values])


def absolute(folder: str | os.PathLike[str]) -> str:
    """The folder's name as the catalogue writes it: absolute, "~" and ".." resolved, links left as they are."""
    return os.path.abspath(Path(folder).expanduser())  # noqa: PTH100 - Path.resolve would follow links


def joined(directory: str, name: str) -> str:
    """The path of a file as the catalogue writes it."""
    return directory + name if directory.endswith(os.sep) else directory + os.sep + name


def below(folders: Sequence[str]) -> tuple[str, list[str]]:
    """An SQL condition on directories.path for any of the folders and what lies below, which its index can answer."""
    values: list[str] = []
    for folder in map(absolute, folders):
        start = folder if folder.endswith(os.sep) else folder + os.sep
        values += [folder, start, start[:-1] + chr(ord(os.sep) + 1)]
    if not values:
        return "1", []
    return "(" + " OR ".join(["path = ? OR (path >= ? AND path < ?)"] * (len(values) // 3)) + ")", values
