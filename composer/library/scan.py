"""Bringing the catalogue up to date with a folder, and giving its pictures vectors."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from PIL.Image import Image as Picture

from composer.errors import LibraryError
from composer.library import duplicates, quality
from composer.library.ahead import in_order
from composer.library.catalogue import CAPTIONS, Catalogue, Entry, Stamp, absolute
from composer.library.intake import File, examine
from composer.library.quality import UnusablePicture
from composer.library.walk import Folder, check_folder, printable, walk
from composer.ports import Cancel, ImageEncoder, TextEncoder

BATCH, BATCH_SECONDS = 64, 2.0
"""Files or seconds after which what was found is kept: no more than that is lost when the program is killed."""
WORKERS = min(4, os.cpu_count() or 1)
"""Threads that read pictures; Pillow lets go of Python's lock while it decodes."""
_LISTED = 5_000
"""Files after which listing a folder is reported."""
_EMPTY = "This folder holds no pictures now; those known from it are kept, because its drive may be unplugged."


class ScanProgress(Struct, frozen=True):
    """`done` of `total` files (or pictures, while vectors are made), and which was the last.

    While the folder is still being listed `done` is 0 and `total` grows.
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


def scan(catalogue: Catalogue, folder: Path, cancel: Cancel) -> Generator[ScanProgress, None, None]:
    """Make the catalogue agree with what lies below the folder. The last report says how much changed.

    Files whose size and times are as before are not opened. What was found is kept in batches: a scan that was
    cancelled or killed goes on where it stopped. Files that vanished are taken out; not so when the folder suddenly
    holds no picture at all, or a part of it cannot be listed: a drive may be unplugged, and a notice says so.
    Raises LibraryError when the folder cannot be scanned, Cancelled when the writer gave up.
    """
    root = absolute(folder)
    check_folder(root)
    catalogue.remember_folder(root)
    survey = _Survey(catalogue.known(root))
    for each in walk(root, cancel):
        if survey.take(each):
            yield ScanProgress(0, survey.total, printable(each.path))
    if not survey.total and survey.known:
        yield ScanProgress(0, 0, root, _EMPTY)
        return
    for place, count in survey.keep_unreachable():
        yield ScanProgress(0, survey.total, place, f"{place} cannot be listed; the {count} files known there are kept.")
    done, added = survey.total - len(survey.changed) - len(survey.odd), 0
    if survey.odd:
        catalogue.record(survey.odd)
    for entry in _examined(catalogue, survey.changed, cancel):
        done, added = done + 1, added + (entry.reason is None)
        yield ScanProgress(done, survey.total, entry.path, added=added)
    removed = _finish(catalogue, survey)
    yield ScanProgress(survey.total, survey.total, root, added=added, removed=removed)


class _Survey:
    """What a folder holds beside what is known of it."""

    def __init__(self, known: dict[str, Stamp]) -> None:
        self.known = known
        """In the end: what was known and is not there any more."""
        self.changed: list[File] = []
        self.odd: list[Entry] = []
        self.total = 0
        self.kept: list[str] = []
        """What was known at places that cannot be seen now."""
        self._unreachable: list[str] = []
        self._reported = 0

    def take(self, folder: Folder) -> bool:
        """Compare one folder; returns whether it is time to report."""
        forget = self.known.pop
        for path, stamp in folder.files:
            if forget(path, None) != stamp:
                self.changed.append(File(path, stamp, folder.names, *folder.beside(path)))
        for path, reason in folder.odd:
            if forget(path, None) != (0, 0, 0):
                self.odd.append(Entry(path=path, size=0, mtime_ns=0, reason=reason))
        self._unreachable += folder.unreachable
        self.total += len(folder.files) + len(folder.odd)
        due = self.total - self._reported >= _LISTED
        self._reported = self.total if due else self._reported
        return due

    def keep_unreachable(self) -> list[tuple[str, int]]:
        """Do not miss what cannot be seen now. Returns such places and how many files are known there."""
        kept: list[tuple[str, int]] = []
        for place in self._unreachable if self.known else ():
            inside = [path for path in self.known if path == place or path.startswith(place + os.sep)]
            self.kept += inside
            for path in inside:
                del self.known[path]
            if inside:
                kept.append((printable(place), len(inside)))
        return kept


def _finish(catalogue: Catalogue, survey: _Survey) -> int:
    """Take out what is gone, and group near-duplicates. Returns how many files were taken out."""
    removed = len(survey.known)
    if survey.known:
        catalogue.forget(survey.known)
    if survey.kept:
        removed += catalogue.forget_copies(survey.kept)  # moved out of a folder that is empty now
    if catalogue.unsettled():
        catalogue.drop_orphans()
        duplicates.group(catalogue)
    return removed


def _examined(catalogue: Catalogue, files: Iterable[File], cancel: Cancel) -> Generator[Entry, None, None]:
    """Examine files on several threads and keep the results in batches, in the order given."""
    batch, since = list[Entry](), monotonic()
    try:
        for entry in in_order(lambda file: examine(catalogue, file), files, cancel, WORKERS, 4 * WORKERS):
            batch.append(entry)
            if len(batch) >= BATCH or monotonic() - since >= BATCH_SECONDS:
                catalogue.record(batch)
                batch, since = [], monotonic()
            yield entry
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LibraryError(
            f"A preview could not be saved: {reason}.", "Make room on the disk, then scan again."
        ) from error
    finally:
        if batch:
            catalogue.record(batch)


def embed(
    catalogue: Catalogue, folders: Sequence[str], encoder: ImageEncoder, cancel: Cancel, batch: int = 32
) -> Generator[ScanProgress, None, None]:
    """Encode the pictures of the folders that have no vector of the encoder yet; each batch is kept when it is done.

    Pictures are decoded ahead on a thread of their own. One that vanished or broke since the scan is taken out of use
    with a reason until the next scan looks at it. Raises Cancelled when the writer gave up.
    """
    rows = catalogue.missing(encoder.id, folders).tolist()
    done = 0
    for ready in _batches(catalogue, rows, encoder.image_size, batch, cancel):
        images = [each.image for each in ready if each.image is not None]
        if images:
            used = np.array([each.row for each in ready if each.image is not None], np.int64)
            catalogue.store_vectors(encoder.id, used, encoder.encode_images(images))
        done += len(ready)
        yield ScanProgress(done, len(rows), ready[-1].path)


def embed_captions(
    catalogue: Catalogue, folders: Sequence[str], encoder: TextEncoder, cancel: Cancel, batch: int = 64
) -> Generator[ScanProgress, None, None]:
    """Encode what is said of each picture (its caption, else all its words) where that was not done yet.

    A query finds a caption that means the same in other words this way, which neither the picture's vector nor the
    words themselves do. Raises Cancelled when the writer gave up.
    """
    rows = catalogue.missing(encoder.id + CAPTIONS, folders).tolist()
    for start in range(0, len(rows), batch):
        cancel.check()
        pictures = catalogue.pictures(rows[start : start + batch])
        texts = [picture.caption or picture.words for picture in pictures.values()]
        if texts:
            vectors = encoder.encode_texts(texts)
            catalogue.store_vectors(encoder.id + CAPTIONS, np.array(list(pictures), np.int64), vectors)
        yield ScanProgress(min(start + batch, len(rows)), len(rows), "")


class _Ready(NamedTuple):
    row: int
    path: str
    image: Picture | None


def _batches(
    catalogue: Catalogue, rows: Sequence[int], side: int, size: int, cancel: Cancel
) -> Generator[list[_Ready], None, None]:
    """Decoded pictures, `size` at a time; the next batch is decoded while the caller computes on this one."""
    batch: list[_Ready] = []
    for ready in in_order(lambda row: _ready(catalogue, row, side), rows, cancel, workers=1, ahead=2 * size):
        batch.append(ready)
        if len(batch) == size:
            yield batch
            batch = []
            cancel.check()
    if batch:
        yield batch


def _ready(catalogue: Catalogue, row: int, side: int) -> _Ready:
    """The picture from the first of its files that still can be read; the others are taken out of use."""
    path = ""
    for path in catalogue.paths(row):
        try:
            return _Ready(row, path, quality.open_upright(path, side))
        except UnusablePicture as error:
            catalogue.distrust(path, error.reason)
    return _Ready(row, path, None)
