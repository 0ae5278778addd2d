"""What the library holds: its folders, how much is in them, and taking one of them out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from composer.collection import LibraryFolder, LibraryState
from composer.library.catalogue import Catalogue, absolute
from composer.library.columns import HERE
from composer.library.database import below
from composer.library.embeddings import CAPTIONS
from composer.library.filling.folders import Folder
from composer.library.filling.pace import Pace
from composer.ports import Cancel

PATIENCE = 20.0
"""Counting is not repeated before so many times the seconds it took: while a large library is taken in, its figures
change all the time."""


class _Counts(Struct, frozen=True):
    """What goes through all files or vectors to be known."""

    pictures: int
    files: int
    bytes: int
    without_vectors: int


class Census:
    """The state of the library; counts are kept for a while, because they read an index of everything."""

    def __init__(self) -> None:
        self._counts = _Counts(0, 0, 0, 0)
        self._version, self._until = -1, 0.0

    def forget(self) -> None:
        """Count anew next time."""
        self._version = -1

    def state(self, catalogue: Catalogue, pace: Pace) -> LibraryState:
        """Folders, figures, and how work in the background goes. Raises LibraryError as the catalogue does."""
        counts = self._counted(catalogue)
        folders = tuple(_folder(catalogue, folder) for folder in catalogue.folders.all())
        skipped = catalogue.database.number("SELECT count(*) FROM files WHERE reason IS NOT NULL")
        return LibraryState(
            folders=folders, pictures=counts.pictures, files=counts.files, skipped=skipped, bytes=counts.bytes,
            without_vectors=counts.without_vectors, paused=pace.paused, share=pace.share,
            tags=tuple(tag for tag, _ in catalogue.marks.tags()),
        )  # fmt: skip

    def _counted(self, catalogue: Catalogue) -> _Counts:
        version = catalogue.version()
        if self._version == -1 or (version != self._version and time.monotonic() >= self._until):
            start = time.monotonic()
            self._counts, self._version = _count(catalogue), version
            now = time.monotonic()
            self._until = now + PATIENCE * (now - start)
        return self._counts


def _count(catalogue: Catalogue) -> _Counts:
    with catalogue.columns.reading() as columns:
        pictures = int(np.count_nonzero(columns["flags"] & HERE))
        files, size = columns.places.count()
    looked = catalogue.embeddings.counts()
    latest = catalogue.database.all("SELECT name FROM models WHERE name NOT LIKE ? ORDER BY number DESC LIMIT 1",
                                    [f"%{CAPTIONS}"])  # fmt: skip
    have = looked.get(latest[0][0], 0) if latest else 0
    return _Counts(pictures, files, size, max(0, pictures - have))


def _folder(catalogue: Catalogue, folder: Folder) -> LibraryFolder:
    """Its counts are of files, by directory: exact but for pictures that lie in it twice."""
    where, values = below([folder.path])
    known = catalogue.database.number(f"SELECT sum(count) FROM directories WHERE {where}", values)  # noqa: S608 - constants
    skipped = catalogue.count_skipped(folder.path)
    return LibraryFolder(
        path=folder.path, include=folder.include, exclude=folder.exclude, watched=folder.watched,
        pictures=max(0, known - skipped), skipped=skipped, there=Path(folder.path).is_dir(),
    )  # fmt: skip


def drop(catalogue: Catalogue, path: str, cancel: Cancel) -> None:
    """Take a folder out of the library, with what is known of its pictures, except where another folder has them.

    The writer's marks and the files themselves stay. Raises LibraryError as the catalogue does.
    """
    cancel.check()
    catalogue.folders.drop(path)
    others = [folder.path for folder in catalogue.folders.all()]
    gone = [place for place in catalogue.places(absolute(path)) if not _inside(place, others)]
    catalogue.forget_places(gone)
    catalogue.drop_orphans()


def _inside(place: str, folders: Sequence[str]) -> bool:
    return any(Path(place).is_relative_to(folder) for folder in folders)
