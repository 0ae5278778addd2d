"""Bringing the catalogue up to date with a folder."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from pathlib import Path
from time import monotonic

from msgspec import Struct

from composer.errors import LibraryError
from composer.library.catalogue import Catalogue, Entry, Place, Stamp, absolute
from composer.library.filling.ahead import in_order
from composer.library.filling.intake import File, examine
from composer.library.filling.pace import Pace
from composer.library.filling.walk import Folder, check_folder, printable, walk
from composer.library.looks import duplicates
from composer.ports import Cancel

BATCH, BATCH_SECONDS = 64, 2.0
"""Files or seconds after which what was found is kept: no more than that is lost when the program is killed."""
WORKERS = min(4, os.cpu_count() or 1)
"""Threads that read pictures; Pillow lets go of Python's lock while it decodes."""
_LISTED = 5_000
"""Files after which listing a folder is reported."""
_ODD: Stamp = (0, 0, 0)
"""Of what looks like a picture and is no file that can be opened."""
_EMPTY = "This folder holds no pictures now; those known from it are kept, because its drive may be unplugged."


class ScanProgress(Struct, frozen=True):
    """`done` of `total` files (or pictures, while vectors are made), and which was the last.

    While the folder is still being listed `done` is 0 and `total`, the files seen, grows. Then both are of the files
    that are new or changed, and are to be opened. The last report is of all files of the folder.
    """

    done: int
    total: int
    path: str
    notice: str = ""
    """Something the writer should know; work goes on."""
    added: int = 0
    """Files taken in so far, new or changed."""
    removed: int = 0
    """Files taken out."""


def scan(
    catalogue: Catalogue, folder: Path, cancel: Cancel, pace: Pace | None = None
) -> Generator[ScanProgress, None, None]:
    """Make the catalogue agree with what lies below the folder. The last report says how much changed.

    Directories whose listing is as before are passed over, files whose size and times are as before are not opened.
    What was found is kept in batches: a scan that was cancelled or killed goes on where it stopped. Files that vanished
    are taken out; not so when the folder suddenly holds no picture at all, or a part of it cannot be listed: a drive
    may be unplugged, and a notice says so. Memory: the largest directory's listing, not the library's.
    Raises LibraryError when the folder cannot be scanned, Cancelled when the writer gave up.
    """
    root = absolute(folder)
    check_folder(root)
    catalogue.folders.remember(root)
    survey = _Survey(catalogue.places(root), catalogue.known)
    for each in walk(root, catalogue.folders.rules(root), cancel):
        if survey.take(each):
            yield ScanProgress(0, survey.total, printable(each.path))
    if not survey.total and any(place.files for place in survey.known.values()):
        yield ScanProgress(0, 0, root, _EMPTY)
        return
    for place, count in survey.keep_unreachable():
        yield ScanProgress(0, survey.total, place, f"{place} cannot be listed; the {count} files known there are kept.")
    intake = _Intake(catalogue, cancel, pace or Pace())
    added = 0
    for done, entry in enumerate(intake.examined(survey.changed), 1):
        added += entry.reason is None
        yield ScanProgress(done, max(done, survey.to_open), entry.path, added=added)
    removed = intake.removed + _finish(catalogue, survey)
    total = survey.unchanged + intake.seen
    yield ScanProgress(total, total, root, added=added, removed=removed)


class _Survey:
    """What a folder holds beside what is known of it."""

    def __init__(self, known: dict[str, Place], files_of: Callable[[str], dict[str, Stamp]]) -> None:
        """`files_of` gives the files that are known of a directory."""
        self.known = known
        """In the end: directories that were known and are not there any more."""
        self.changed: list[Folder] = []
        self.total = 0
        """Files in all."""
        self.unchanged = 0
        """How many of them lie in directories that are as before."""
        self.to_open = 0
        """How many are new or changed."""
        self._files_of = files_of
        self.kept: list[str] = []
        """What was known at places that cannot be seen now."""
        self._unreachable: list[str] = []
        self._reported = 0

    def take(self, folder: Folder) -> bool:
        """Compare one directory; returns whether it is time to report."""
        self._unreachable += folder.unreachable
        if folder.digest:
            before = self.known.pop(folder.path, None)
            if before is not None and before.digest == folder.digest:
                self.total += before.files
                self.unchanged += before.files
            else:
                self._take_changed(folder, before)
            folder.drop()
        due = self.total - self._reported >= _LISTED
        self._reported = self.total if due else self._reported
        return due

    def _take_changed(self, folder: Folder, before: Place | None) -> None:
        folder.sort_out()
        if folder.files or folder.odd or before is not None:
            self.changed.append(folder)
        self.total += len(folder.files) + len(folder.odd)
        known = self._files_of(folder.path) if before is not None else {}
        self.to_open += sum(known.get(name) != stamp for name, stamp in folder.files)
        self.to_open += sum(known.get(name) != _ODD for name, _ in folder.odd)

    def keep_unreachable(self) -> list[tuple[str, int]]:
        """Do not miss what cannot be seen now. Returns such places and how many files are known there."""
        kept: list[tuple[str, int]] = []
        for place in self._unreachable if self.known else ():
            inside = [path for path in self.known if path == place or path.startswith(place + os.sep)]
            self.kept += inside
            count = sum(self.known.pop(path).files for path in inside)
            if count:
                kept.append((printable(place), count))
        return kept


def _finish(catalogue: Catalogue, survey: _Survey) -> int:
    """Take out directories that are gone, and group near-duplicates. Returns how many files were taken out."""
    removed = catalogue.forget_places(survey.known) if survey.known else 0
    if survey.kept:
        removed += catalogue.forget_copies(survey.kept)  # moved out of a folder that is empty now
    if catalogue.unsettled():
        catalogue.drop_orphans()
        duplicates.group(catalogue)
    return removed


class _Intake:
    """Takes changed directories into the catalogue: examines on several threads, keeps the results in batches."""

    def __init__(self, catalogue: Catalogue, cancel: Cancel, pace: Pace) -> None:
        self.removed = 0
        """Files taken out that are not there any more."""
        self.seen = 0
        """Files found in the directories, new or not."""
        self._catalogue, self._cancel, self._pace = catalogue, cancel, pace
        self._begun = 0
        self._taken = 0
        self._open: deque[tuple[int, Folder, set[str]]] = deque()
        """Directories whose files were begun, up to which file, and names to take out then."""
        self._batch: list[Entry] = []

    def examined(self, folders: Iterable[Folder]) -> Generator[Entry, None, None]:
        """Every new or changed file of the directories, in their order."""
        since = monotonic()
        try:
            work = in_order(self._examine, self._changed(folders), self._cancel, WORKERS, 4 * WORKERS)
            with closing(work) as entries:
                for entry in entries:
                    self._batch.append(entry)
                    if len(self._batch) >= BATCH or monotonic() - since >= BATCH_SECONDS:
                        self._keep()
                        since = monotonic()
                    yield entry
                    self._pace.step(self._cancel)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise LibraryError(
                f"A preview could not be saved: {reason}.", "Make room on the disk, then scan again."
            ) from error
        finally:
            self._keep()

    def _examine(self, file: File | Entry) -> Entry:
        return file if isinstance(file, Entry) else examine(self._catalogue, file)

    def _changed(self, folders: Iterable[Folder]) -> Generator[File | Entry, None, None]:
        for folder in folders:
            folder.list()
            folder.sort_out()
            known = self._catalogue.known(folder.path)
            self.seen += len(folder.files) + len(folder.odd)
            for name, stamp in folder.files:
                if known.pop(name, None) != stamp:
                    self._begun += 1
                    yield File(folder.start + name, stamp, folder.names, *folder.beside(name))
            for name, reason in folder.odd:
                if known.pop(name, None) != _ODD:
                    self._begun += 1
                    yield Entry(path=folder.start + name, size=0, mtime_ns=0, reason=reason)
            folder.drop()
            self._open.append((self._begun, folder, set(known)))

    def _keep(self) -> None:
        """Write what was found, then close the directories of which all is written."""
        batch, self._batch = self._batch, []
        if batch:
            self._catalogue.record(batch)
            self._taken += len(batch)  # not when it could not be written: its directory must stay open
        while self._open and self._open[0][0] <= self._taken:
            _, folder, gone = self._open.popleft()
            if not folder.digest:
                continue  # it went away between the two looks: what is known of it stays
            if gone:
                self._catalogue.forget(folder.path, gone)
                self.removed += len(gone)
            self._catalogue.close_place(folder.path, folder.digest)
