# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""What lists and filters go by, of all pictures at once: arrays in memory that follow the catalogue.

A line of the pictures table is a kilobyte, and SQLite looks at a few million lines a second at best. Here a picture
takes 25 bytes, besides 4 for each file and 12 for orders (listing.py): 0.4 GB for ten million. Places, names and
licences are numbers of different texts; a column with more than MOST_TEXTS of them is left to the catalogue's indexes.

The arrays are read once, are kept in a file beside the catalogue when they are large, and afterwards only blocks of
rows that changed are read again (schema.py: changed, refiled). The catalogue is the truth: a file that is damaged or
does not fit is passed over, and everything is read anew.
"""

from __future__ import annotations

import json
import os
import threading
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from composer.library.database import Database
from composer.library.grouped import SHIFT, Groups
from composer.library.looks.colours import NAMES
from composer.library.places import Places
from composer.rights import rights_of

FORMAT = 3
KEPT = 100_000
"""Pictures from which the arrays are kept in a file; reading fewer takes less than half a second."""
SAVED = 0.1
"""Part of the blocks that may have been read again before the file is written anew."""
MOST_TEXTS = 65_534
"""Different texts that a column of them may have."""
BLOCKS = 64
"""Blocks read at a time: what is in memory besides the arrays."""

HERE, HIDDEN, NAMED, FACED, PASSES, FREE, LICENSED = (1 << n for n in range(7))
LANDSCAPE, PORTRAIT, SQUARE, PHOTOGRAPH, DRAWING, TEXT = (1 << n for n in range(7, 13))
"""Flags of a picture. PASSES: the screens find nothing wrong with it."""
SQUARE_SIDES = 10
"""Sides that differ by less than one part of so many make a square."""
SHARP, SAFE, UNMARKED = 0.5, 0.5, 0.5
"""Sharpness from which a picture passes the screens, and what it must stay below of the unsafe and of watermarks. Of
photographs 0.2 % lie below that sharpness, of those blurred by 2.5 pixels 98 % (composer/library/looks/screens.py); one
of 722 harmless pictures is held to be unsafe (models/readers/content.py)."""

TEXTS = ("place", "people", "licence")
_NUMBERS = {
    "width": np.int32, "height": np.int32, "taken": np.int32, "flags": np.uint16, "colours": np.uint16,
    "rating": np.uint8, "length": np.uint16,
    **dict.fromkeys(TEXTS, np.uint16),
}  # fmt: skip
_OTHER = MOST_TEXTS + 1
_FLAGS = (
    f"{HERE} | {HIDDEN} * coalesce(hidden, 0) | {NAMED} * (people <> '') | {FACED} * (coalesce(faces, 0) > 0)"
    f" | {PASSES} * (coalesce(sharpness, 1) >= {SHARP} AND coalesce(unsafe, 0) < {SAFE}"
    f" AND coalesce(mark, 0) < {UNMARKED} AND kind <> 'text')"
    f" | {LANDSCAPE} * ((width - height) * {SQUARE_SIDES} >= width)"
    f" | {PORTRAIT} * ((height - width) * {SQUARE_SIDES} >= height)"
    f" | {SQUARE} * (abs(width - height) * {SQUARE_SIDES} < max(width, height))"
    f" | {PHOTOGRAPH} * (kind = 'photograph') | {DRAWING} * (kind = 'drawing') | {TEXT} * (kind = 'text')"
)
_TAKEN = "CAST(substr(replace(taken, '-', '') || '0000', 1, 8) AS INTEGER) * (taken <> '')"
_READ = (
    f"SELECT row, width, height, {_TAKEN}, {_FLAGS}, coalesce(rating, 0), colours, place, people, licence, terms,"
    " copyright, grp, length FROM pictures LEFT JOIN marks USING (id) WHERE row >= ? AND row < ? ORDER BY row"
)


class Columns:
    """The arrays of one catalogue. May be shared between threads, of which one at a time reads them.

    Raises LibraryError as the database does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.file = database.file.with_suffix(".columns")
        self._turn = threading.RLock()
        self._version = -1
        self._unsaved = 0
        self._empty()

    def _empty(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {name: np.zeros(0, kind) for name, kind in _NUMBERS.items()}
        self._texts: dict[str, dict[str, int]] = {name: {"": 0} for name in TEXTS}
        self.groups, self.places = Groups(), Places(self._database)
        self.occurrences: dict[str, int] = {}
        """How many pictures have a term (search.py); emptied when words may have changed."""
        self.orders: dict[str, NDArray[np.int32]] = {}
        """Whatever is made of the arrays and kept; emptied when days, sizes or pictures change."""

    @contextmanager
    def reading(self) -> Generator[Columns, None, None]:
        """The arrays as the catalogue is now; nobody else reads or changes them meanwhile."""
        with self._turn:
            self._follow()
            yield self

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column, by row: width, height, rating and length; taken as 20190504, with 00 for what is not known; flags;
        colours as bits in the order of their names; place, people and licence as numbers of their texts."""
        return self._arrays[name]

    def __len__(self) -> int:
        """One more than the largest row there was."""
        return len(self._arrays["flags"])

    def texts(self, name: str) -> list[str] | None:
        """The different texts of a column, by number; None when there are too many to be told apart here."""
        known = self._texts[name]
        return list(known) if len(known) <= MOST_TEXTS else None

    # --- following -------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        version = self._database.version()
        if version == self._version:
            return
        try:
            if self._version < 0:
                self._load()
            since = self._version
            blocks = self._changed(since)
            self._read(blocks)
            self.places.follow(since)
        except BaseException:
            self._version = -1  # half of it may have been taken in
            self._empty()
            raise
        self._version, self._unsaved = version, self._unsaved + len(blocks)
        if len(self) >= KEPT and self._unsaved > max(SAVED * (len(self) >> SHIFT), 1):
            self.save()

    def _changed(self, since: int) -> list[int]:
        if since < 0:
            return list(range((self._database.number("SELECT max(row) FROM pictures") >> SHIFT) + 1))
        found = self._database.all("SELECT block FROM changed WHERE version > ? ORDER BY block", [since])
        return [block for (block,) in found]

    def _read(self, blocks: Sequence[int]) -> None:
        if blocks:
            self._reach((blocks[-1] + 1) << SHIFT)
        for first, last in _runs(blocks):
            start, end = first << SHIFT, (last + 1) << SHIFT
            self._take(start, end, self._database.all(_READ, [start, end]))

    def _reach(self, rows: int) -> None:
        """Room for more rows; a sixteenth more than needed, so that growing by a few does not copy everything."""
        if rows > len(self):
            whole = rows + (len(self) >> 4 >> SHIFT << SHIFT)
            for name, old in self._arrays.items():
                new = np.zeros(whole, old.dtype)
                new[: len(old)] = old
                self._arrays[name] = new

    def _take(self, start: int, end: int, found: list[Any]) -> None:
        columns = list(zip(*found, strict=True)) or [()] * 14
        rows, width, height, taken, flags, rating, colours, place, people, licence, terms, rights, grp, length = columns
        free = map(_rights_flag, licence, terms, rights)
        values = {
            "width": width, "height": height, "taken": taken, "rating": rating,
            "length": [min(each, 65_535) for each in length],
            "flags": [one | two for one, two in zip(flags, free, strict=True)],
            "colours": list(map(_colour_bits, colours)),
            **{name: self._numbered(name, texts) for name, texts in zip(TEXTS, (place, people, licence), strict=True)},
        }  # fmt: skip
        at = np.array(rows, np.int64) - start
        changed: set[str] = set()
        for name, some in values.items():
            new = np.zeros(end - start, _NUMBERS[name])
            new[at] = some
            old = self._arrays[name][start:end]
            if name in _ORDERING and not np.array_equal(new & _ORDERING[name], old & _ORDERING[name]):
                self.orders.clear()
            if not np.array_equal(new, old):
                changed.add(name)
            old[:] = new
        if not changed or changed - {"rating", "flags"}:  # words can change without anything that is kept here
            self.occurrences.clear()
        area = np.array(width, np.int64) * np.array(height, np.int64)
        for first in range(start, end, 1 << SHIFT):
            low, high = np.searchsorted(at, (first - start, first - start + (1 << SHIFT))).tolist()
            those = slice(low, high)
            self.groups.put(first >> SHIFT, rows[those], grp[those], area[those], length[those])

    def _numbered(self, name: str, texts: Sequence[str]) -> list[int]:
        known = self._texts[name]
        for text in texts:
            if text not in known and len(known) <= MOST_TEXTS:
                known[text] = len(known)
        return [known.get(text, _OTHER) for text in texts]

    # --- the file beside the catalogue -----------------------------------------------------------------------------

    def save(self) -> None:
        """Write the arrays to their file. A full disk is no trouble: they are read anew next time."""
        told = {"format": FORMAT, "identity": self._database.identity(), "version": self._version, "texts": self._texts}
        numbers, pictures, sizes = self.places.arrays()
        part = self.file.with_name(f".{self.file.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as stream:
                np.savez(
                    stream, told=np.frombuffer(msgspec.json.encode(told), np.uint8), directories=numbers,
                    filed=pictures, sizes=sizes, groups=self.groups.array(), **self._arrays,  # pyright: ignore[reportArgumentType]
                )  # fmt: skip
            part.replace(self.file)  # one that a power cut leaves half written does not fit its own checksums
        except OSError:
            part.unlink(missing_ok=True)
        self._unsaved = 0

    def _load(self) -> None:
        """Take over what an earlier process left, if it is of this catalogue and whole."""
        try:
            with self.file.open("rb") as file, np.load(file) as kept:
                told = json.loads(bytes(kept["told"]))
                if (told["format"], told["identity"]) != (FORMAT, self._database.identity()):
                    return
                arrays = {name: kept[name] for name in _NUMBERS}
                places, groups = [kept[name] for name in ("directories", "filed", "sizes")], kept["groups"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return
        if told["version"] > self._database.version():  # the catalogue was put back to an earlier day
            return
        self._arrays, self._texts, self._version = arrays, told["texts"], told["version"]
        self.groups.take(groups)
        self.places.take(*places)


_ORDERING = {"width": -1, "height": -1, "taken": -1, "flags": HERE}
"""Columns, and bits of them, that orders are made of."""


def _runs(blocks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of blocks that follow each other, at most BLOCKS at a time."""
    first = 0
    for at in range(1, len(blocks) + 1):
        if at == len(blocks) or blocks[at] != blocks[at - 1] + 1 or at - first == BLOCKS:
            yield blocks[first], blocks[at - 1]
            first = at


@lru_cache(1 << 14)
def _rights_flag(licence: str, terms: str, copyright: str) -> int:  # noqa: A002 - the column's name
    if not (licence or terms or copyright):
        return 0
    return {"free": FREE, "licensed": LICENSED}.get(rights_of(licence, terms, copyright), 0)


@lru_cache(1 << 14)
def _colour_bits(colours: str) -> int:
    return sum(1 << NAMES.index(name) for name in set(colours.split()) if name in NAMES)
