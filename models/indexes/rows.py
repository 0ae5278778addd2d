"""The side store of an index: every vector's record, its id, and which of them are dead, in files that only grow.

Nothing that was written is ever changed, so the first n records, ids and deaths are what they were when `state` said
so: after a crash the files are cut back to that, and another process may read that much while this one goes on.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import zlib
from pathlib import Path
from typing import Any, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer.errors import LibraryError
from composer.ports import Ids
from models.indexes.places import NOWHERE, Places

ID = np.dtype("<i8")
Mask = NDArray[np.bool_]


class Damaged(Exception):
    """Files that are not what was saved."""


class Written(Struct, frozen=True, kw_only=True):
    """How far the files went, with CRC-32 sums of the ids and the deaths up to there."""

    count: int = 0
    dead: int = 0
    ids_sum: int = 0
    dead_sum: int = 0


class Rows:
    """Records of one numpy dtype, by row number, and the ids that they belong to. One writer; not for threads."""

    def __init__(self, folder: Path, form: np.dtype[Any], written: Written) -> None:
        """Open what was written, or begin. Raises Damaged when the files hold less or something else."""
        folder.mkdir(parents=True, exist_ok=True)
        self.form = form
        with contextlib.ExitStack() as opened:  # one that cannot be opened closes the others
            self._records = opened.enter_context(_Log(folder / "vectors", form.itemsize, written.count))
            self._ids = opened.enter_context(_Log(folder / "ids", ID.itemsize, written.count))
            self._dead = opened.enter_context(_Log(folder / "dead", ID.itemsize, written.dead))
            opened.pop_all()
        self._ids_sum, self._dead_sum = written.ids_sum, written.dead_sum
        self.ids: Ids = np.empty(0, np.int64)
        self._room = np.empty(0, np.int64)
        self._live: Mask = np.empty(0, np.bool_)
        self._map: NDArray[Any] = np.empty(0, form)
        self.places = Places()
        self._read()

    def __len__(self) -> int:
        """Rows, dead ones included."""
        return self._ids.count

    @property
    def live(self) -> Mask:
        """Which rows are not dead, shape (len(self),). A view that changes."""
        return self._live[: len(self)]

    @property
    def dead(self) -> int:
        return self._dead.count

    @property
    def records(self) -> NDArray[Any]:
        """All records, mapped: only those that are looked at are read from the disk."""
        return self._map

    def append(self, ids: Ids, records: NDArray[Any]) -> None:
        """Add rows; ids that have one already leave it. Raises LibraryError, and nothing has changed then."""
        if not len(ids):
            return
        start, old = len(self), self.places.find(ids)
        old = old[old != NOWHERE]
        data, told, killed = records.tobytes(), ids.astype(ID).tobytes(), old.astype(ID).tobytes()
        self._records.write(data)
        self._ids.write(told)
        self._dead.write(killed)
        for log, size in ((self._records, len(ids)), (self._ids, len(ids)), (self._dead, len(old))):
            log.count += size
        self._ids_sum, self._dead_sum = zlib.crc32(told, self._ids_sum), zlib.crc32(killed, self._dead_sum)
        self._remember(ids, start)
        self._live[old] = False
        self._map = self._records.mapped(self.form)

    def kill(self, ids: Ids) -> None:
        """Make the rows of those ids dead; unknown ones are passed over. Raises LibraryError as `append` does."""
        ids = np.unique(ids)
        rows = self.places.find(ids)
        ids, rows = ids[rows != NOWHERE], rows[rows != NOWHERE]
        told = rows.astype(ID).tobytes()
        self._dead.write(told)
        self._dead.count += len(rows)
        self._dead_sum = zlib.crc32(told, self._dead_sum)
        self._live[rows] = False
        self.places.put(ids, np.full(len(ids), NOWHERE, np.int64))

    def flush(self) -> Written:
        """Make what was written last through a power cut. Raises LibraryError."""
        for log in (self._records, self._ids, self._dead):
            log.flush()
        return Written(count=len(self), dead=self.dead, ids_sum=self._ids_sum, dead_sum=self._dead_sum)

    def close(self) -> None:
        self._map = np.empty(0, self.form)
        for log in (self._records, self._ids, self._dead):
            log.close()

    def _read(self) -> None:
        ids, dead = self._ids.read(), self._dead.read()
        if zlib.crc32(ids) != self._ids_sum or zlib.crc32(dead) != self._dead_sum:
            self.close()
            raise Damaged
        rows = np.frombuffer(dead, ID)
        self._remember(np.frombuffer(ids, ID).astype(np.int64), 0, rows)
        self._map = self._records.mapped(self.form)

    def _remember(self, ids: Ids, start: int, dead: Ids | None = None) -> None:
        """Take ids into memory as the rows from `start`; room doubles, so that growing stays cheap."""
        end = start + len(ids)
        if end > len(self._room):
            self._room = np.resize(self._room, max(end, 2 * len(self._room))) if end else self._room
            self._live = np.resize(self._live, len(self._room))
        self._room[start:end], self._live[start:end] = ids, True
        if dead is not None:
            self._live[dead] = False
        self.ids = self._room[:end]
        fresh = np.flatnonzero(self._live[start:end])
        self.places.put(ids[fresh], fresh + start)


def written(folder: Path, form: np.dtype[Any], told: Written) -> tuple[Ids, Mask, NDArray[Any]]:
    """Ids, which rows live, and the records, of what was written so far; for a reader beside the writer.

    Raises Damaged and OSError.
    """
    ids = np.fromfile(folder / "ids", ID, told.count)
    dead = np.fromfile(folder / "dead", ID, told.dead)
    if zlib.crc32(ids.tobytes()) != told.ids_sum or zlib.crc32(dead.tobytes()) != told.dead_sum:
        raise Damaged
    live = np.ones(told.count, np.bool_)
    live[dead] = False
    if not told.count:
        return ids, live, np.empty(0, form)
    with (folder / "vectors").open("rb") as file:
        if os.fstat(file.fileno()).st_size < told.count * form.itemsize:
            raise Damaged
        view = mmap.mmap(file.fileno(), told.count * form.itemsize, access=mmap.ACCESS_READ)
    return ids, live, np.frombuffer(view, form)


class _Log:
    """A file of equal pieces that are only added. What lies beyond `count` is of no account."""

    def __init__(self, path: Path, piece: int, count: int) -> None:
        self._path, self._piece, self.count = path, piece, count
        try:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600), "r+b", 0)
            if os.fstat(self._file.fileno()).st_size < piece * count:
                self._file.close()
                raise Damaged
            self._file.truncate(piece * count)
        except OSError as error:
            raise _unusable(path, error) from error

    def write(self, data: bytes) -> None:
        """Put the bytes after the last piece; `count` is the caller's to raise when all is written."""
        left = memoryview(data)
        try:
            self._file.seek(self._piece * self.count)
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            raise _unusable(self._path, error) from error

    def read(self) -> bytes:
        self._file.seek(0)
        return self._file.read(self._piece * self.count) or b""

    def mapped(self, form: np.dtype[Any]) -> NDArray[Any]:
        """The pieces as an array that the system reads as they are looked at, without reading ahead."""
        if not self.count:
            return np.empty(0, form)
        view = mmap.mmap(self._file.fileno(), self._piece * self.count, access=mmap.ACCESS_READ)
        if hasattr(mmap, "MADV_RANDOM"):
            view.madvise(mmap.MADV_RANDOM)
        return np.frombuffer(view, form)

    def flush(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unusable(self._path, error) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _unusable(path: Path, error: OSError) -> LibraryError:
    return LibraryError(
        f"The index of pictures in {path.parent.name} could not be written: {(error.strerror or str(error)).lower()}.",
        "Make room on the disk, then try again; what was saved before still holds.",
    )
