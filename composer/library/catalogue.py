# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""What is known of every picture: one SQLite file. One picture is one content, at however many paths it lies."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer.library.columns import HERE, HIDDEN, Columns
from composer.library.database import LISTED, Database, absolute, below, joined, listed
from composer.library.decoding import thumbnails
from composer.library.embeddings import CAPTIONS, Embeddings
from composer.library.filling.folders import Folders
from composer.library.marks import Marks
from composer.library.words.metadata import Words
from composer.library.words.tokens import tokens
from composer.ports import Ids
from composer.types import Picture
from composer.wire import Skipped

GONE = -1
"""As a modification time: look at this file again at the next scan, whatever its stamp."""
_LATEST = (1 << 63) - 1
"""The largest number SQLite keeps, in 2262; a file dated later is looked at in every scan."""
_USABLE = "picture IS NOT NULL AND reason IS NULL"
_FILES = "files JOIN directories ON number = directory"
_SKIPPED = "directories CROSS JOIN files INDEXED BY files_unusable ON directory = number"
"""Left to itself, SQLite goes through all files of a directory."""
_SHOWN = "NOT EXISTS (SELECT 1 FROM pictures JOIN marks USING (id) WHERE row = picture AND hidden = 1)"
_TEXTS = Words.__struct_fields__
"""Columns of what a picture says of itself; the table has them under the same names."""
_PICTURE = (
    "id", "width", "height", "caption", "words", "licence", "credit", "group", "title", "people", "place", "taken",
    "creator", "copyright", "terms", "source",
)  # fmt: skip


class Stats(Struct, frozen=True, kw_only=True):
    """How much the catalogue holds."""

    pictures: int
    files: int
    """Usable ones; one picture may lie at several paths."""
    skipped: int
    folders: tuple[str, ...]
    vectors: dict[str, int]
    """By model."""
    bytes: int
    """Size of the usable files together."""


Stamp = tuple[int, int, int]
"""Size in bytes, modification time in ns, and `beside`: the files of a scan that need no second look."""


class Entry(Struct, frozen=True, kw_only=True):
    """What a scan found out about one file: a picture, or the reason why it is none."""

    path: str
    size: int
    mtime_ns: int
    beside: int = 0
    reason: str | None = None
    id: str = ""
    width: int = 0
    """0: the picture is in the catalogue already and was not decoded again."""
    height: int = 0
    told: Words = Words()
    rating: int = 0
    """Stars that another program gave it; they count until the writer marks the picture here."""
    phash: int = 0
    look: bytes = b""
    preview: str = ""


class Place(NamedTuple):
    """A directory as the last scan left it."""

    digest: bytes | None
    """Of its listing; None when not all of it was taken in."""
    files: int
    """Files known in it, usable or not."""


class Hashes(Struct, frozen=True):
    """What duplicates are found by, in the order of `rows`."""

    rows: Ids
    ids: list[str]
    phash: NDArray[np.uint64]
    looks: list[bytes]
    """The pictures at 8 x 8 pixels, RGB."""
    aspect: NDArray[np.float64]
    groups: list[str]


class Catalogue:
    """All pictures of all folders. May be shared between threads.

    Every method raises LibraryError when the file is damaged, full or locked by another process for too long.
    """

    def __init__(self, file: Path, previews: Path) -> None:
        """Open or make the catalogue in `file`; `previews` is the folder of the preview pictures."""
        self.file, self.previews = file, previews
        self.database = Database(file)
        self.embeddings = Embeddings(self.database)
        self.folders = Folders(self.database)
        self.marks = Marks(self.database)
        self.columns = Columns(self.database)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def version(self) -> int:
        """A number that grows whenever anything changes."""
        return self.database.version()

    # --- pictures --------------------------------------------------------------------------------------------------

    def rows(self, folders: Sequence[str]) -> Ids:
        """Rows of the pictures with a usable file below any of the folders (anywhere if none), ascending.

        Pictures that the writer hid are left out.
        """
        with self.columns.reading() as columns:
            lies = np.zeros(len(columns), np.bool_)
            lies[columns.places.below(folders)] = True
            return np.flatnonzero(lies & (columns["flags"] & (HERE | HIDDEN) == HERE))

    def among(self, rows: Iterable[int], folders: Sequence[str]) -> set[int]:
        """Those of the rows that `rows(folders)` would give; cheap for a few rows of a large catalogue."""
        where, values = below(folders)
        sql = f"SELECT DISTINCT picture FROM {_FILES} WHERE picture IN {LISTED} AND {_USABLE} AND {where} AND {_SHOWN}"
        return {row for (row,) in self.database.all(sql, [listed(rows), *values])}

    def covers(self, folders: Sequence[str]) -> bool:
        """Whether every known file lies below one of the folders."""
        where, values = below(folders)
        sql = f"SELECT 1 FROM directories WHERE NOT {where} AND EXISTS (SELECT 1 FROM files WHERE directory = number)"
        return not self.database.all(f"{sql} LIMIT 1", values)

    def pictures(self, rows: Sequence[int], folders: Sequence[str] = ()) -> dict[int, Picture]:
        """The pictures by row; rows that are not there or not usable are left out.

        The path is the first usable one below the folders, or the first anywhere.
        """
        where, values = below(folders)
        columns = ", ".join(f"pictures.{'grp' if name == 'group' else name}" for name in _PICTURE)
        sql = (
            f"SELECT row, path, name, preview, {columns} FROM pictures JOIN files ON picture = row AND {_USABLE}"
            f" JOIN directories ON number = directory WHERE row IN {LISTED} ORDER BY row, NOT ({where}), path, name"
        )
        found: dict[int, Picture] = {}
        for row, path, name, preview, *rest in self.database.all(sql, [listed(rows), *values]):
            if row not in found:
                found[row] = self._picture(joined(path, name), preview, rest)
        return found

    def _picture(self, path: str, preview: str, values: Sequence[Any]) -> Picture:
        fields: dict[str, Any] = dict(zip(_PICTURE, values, strict=True))
        return Picture(path=path, preview=str(self.previews.absolute() / preview) if preview else "", **fields)

    def row_of(self, picture: str) -> int | None:
        """The row of a picture id."""
        found = self.database.all("SELECT row FROM pictures WHERE id = ?", [picture])
        return int(found[0][0]) if found else None

    def paths(self, row: int) -> list[str]:
        """Where the picture lies, usable files only."""
        found = self.database.all(f"SELECT path, name FROM {_FILES} WHERE picture = ? AND {_USABLE}", [row])
        return sorted(joined(path, name) for path, name in found)

    def skipped(self, folder: str, after: str = "", count: int = -1) -> tuple[Skipped, ...]:
        """Files below the folder that are not in the library, and why, by directory and name.

        Of those that follow the file `after`, the first `count`; all, if it is negative.
        """
        where, values = below([folder])
        found = self.database.all(
            f"SELECT path, name, reason FROM {_SKIPPED} WHERE reason IS NOT NULL AND {where} AND (path, name) > (?, ?)"
            " ORDER BY path, name LIMIT ?",
            [*values, *os.path.split(after), count],
        )
        return tuple(Skipped(joined(path, name), reason) for path, name, reason in found)

    def count_skipped(self, folder: str) -> int:
        """How many files below the folder are not in the library."""
        where, values = below([folder])
        return self.database.number(f"SELECT count(*) FROM {_SKIPPED} WHERE reason IS NOT NULL AND {where}", values)

    def stats(self) -> Stats:
        """Counts over everything."""
        (pictures, files, size) = self.database.all(
            f"SELECT count(DISTINCT picture), count(*), coalesce(sum(size), 0) FROM files WHERE {_USABLE}"
        )[0]
        skipped = self.database.number("SELECT count(*) FROM files WHERE reason IS NOT NULL")
        folders = tuple(path for (path,) in self.database.all("SELECT path FROM folders ORDER BY path"))
        vectors = self.embeddings.counts()
        return Stats(pictures=pictures, files=files, skipped=skipped, folders=folders, vectors=vectors, bytes=size)

    def corpus(self) -> tuple[int, float]:
        """How many pictures have words indexed, and how many tokens one has on average."""
        found = dict(self.database.all("SELECT name, value FROM meta WHERE name IN ('texts', 'tokens')"))
        return found["texts"], found["tokens"] / max(1, found["texts"])

    def has(self, picture: str) -> bool:
        """Whether the picture of that id is in the catalogue, with a preview on the disk."""
        found = self.database.all("SELECT preview FROM pictures WHERE id = ?", [picture])
        return bool(found) and (self.previews / found[0][0]).is_file()

    def hashes(self) -> Hashes:
        """What near-duplicates are found by, of all pictures, ascending by row."""
        found = self.database.all("SELECT row, id, phash, look, width, height, grp FROM pictures ORDER BY row")
        rows, ids, phash, looks, width, height, groups = map(list, zip(*found, strict=True)) if found else [[]] * 7
        return Hashes(
            rows=np.array(rows, np.int64),
            ids=ids,
            phash=np.array(phash, np.int64).view(np.uint64),
            looks=looks,
            aspect=np.array(width, np.float64) / np.array(height, np.float64),
            groups=groups,
        )

    # --- folders and files -----------------------------------------------------------------------------------------

    def places(self, folder: str) -> dict[str, Place]:
        """Every directory from the folder down that has files, by path."""
        where, values = below([folder])
        found = self.database.all(f"SELECT path, digest, count FROM directories WHERE {where}", values)
        return {path: Place(digest, count) for path, digest, count in found}

    def known(self, directory: str) -> dict[str, Stamp]:
        """The files of one directory by name, as the last scan left them."""
        sql = f"SELECT name, size, mtime_ns, beside FROM {_FILES} WHERE path = ?"
        found = self.database.all(sql, [directory])
        return {name: (size, mtime, beside) for name, size, mtime, beside in found}

    def record(self, entries: Iterable[Entry]) -> None:
        """Put what a scan found into the catalogue, all of it or nothing."""
        with self.database.writing() as link:
            numbers: dict[str, int] = {}
            for entry in entries:
                row = _put_picture(link, entry) if entry.id else None
                lost = bool(entry.id) and row is None  # another scan dropped the picture just now
                if entry.rating and row is not None:
                    link.execute("INSERT OR IGNORE INTO marks (id, rating) VALUES (?, ?)", [entry.id, entry.rating])
                changed = GONE if lost else min(entry.mtime_ns, _LATEST)
                place, name = os.path.split(entry.path)
                if place not in numbers:
                    numbers[place] = _directory(link, place)
                link.execute(
                    "INSERT OR REPLACE INTO files (directory, name, size, mtime_ns, beside, picture, reason)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [numbers[place], name, entry.size, changed, entry.beside, row, entry.reason],
                )
            _unsettle(link)

    def close_place(self, directory: str, digest: bytes | None) -> None:
        """A scan has taken in a whole directory whose listing has that digest.

        With None, or when one of its files is to be looked at again, the next scan sorts the directory out once more.
        """
        with self.database.writing() as link:
            link.execute(
                "UPDATE directories SET count = (SELECT count(*) FROM files WHERE directory = number), digest = CASE"
                " WHEN EXISTS (SELECT 1 FROM files WHERE directory = number AND mtime_ns = ?) THEN NULL ELSE ? END"
                " WHERE path = ?",
                [GONE, digest, directory],
            )

    def retell(self, row: int, told: Sequence[Words]) -> None:
        """Set what a picture says of itself, given what each of its files says now, the most telling first."""
        columns = ", ".join(_TEXTS)
        with self.database.writing() as link:
            found = link.execute(f"SELECT said, {columns} FROM pictures WHERE row = ?", [row]).fetchone()
            if found is not None and told:
                whole = reduce(lambda joined, new: _merged(new, joined), told)
                _tell(link, row, whole, Words(*found[1:]), found[0])

    def put_said(self, texts: Mapping[int, str], version: int) -> None:
        """Keep the text that was read in pictures, by row, and what version of a reader read it."""
        columns = ", ".join(_TEXTS)
        with self.database.writing() as link:
            for row, said in texts.items():
                found = link.execute(f"SELECT said, {columns} FROM pictures WHERE row = ?", [row]).fetchone()
                if found is None:
                    continue
                link.execute("UPDATE pictures SET said = ?, said_by = ? WHERE row = ?", [said, version, row])
                if found[0] != said:
                    _index(link, row, Words(*found[1:]), said)

    def distrust(self, path: str, reason: str) -> None:
        """Take a file out of use until a scan has looked at it again; its picture and vectors stay."""
        place, name = os.path.split(path)
        with self.database.writing() as link:
            link.execute("UPDATE directories SET digest = NULL WHERE path = ?", [place])
            link.execute(
                "UPDATE files SET reason = ?, mtime_ns = ?"
                " WHERE name = ? AND directory = (SELECT number FROM directories WHERE path = ?)",
                [reason, GONE, name, place],
            )

    def forget(self, directory: str, names: Iterable[str]) -> None:
        """Take files out. Their pictures stay until `drop_orphans`, so that a moved file finds its own again."""
        with self.database.writing() as link:
            sql = "DELETE FROM files WHERE name = ?2 AND directory = (SELECT number FROM directories WHERE path = ?1)"
            link.executemany(sql, ((directory, name) for name in names))
            _unsettle(link)

    def forget_places(self, directories: Iterable[str]) -> int:
        """Take whole directories out, not what lies below them. Returns how many files they had."""
        gone = list(directories)
        wanted = f"path IN {LISTED}"
        with self.database.writing() as link:
            sql = f"SELECT count(*) FROM {_FILES} WHERE {wanted}"
            files = int(link.execute(sql, [json.dumps(gone)]).fetchone()[0])
            link.execute(f"DELETE FROM directories WHERE {wanted}", [json.dumps(gone)])
            _unsettle(link)
        return files

    def forget_copies(self, directories: Iterable[str]) -> int:
        """Take those files of the directories out whose picture also lies, usable, elsewhere. Returns how many."""
        with self.database.writing() as link:
            sql = (
                f"DELETE FROM files WHERE directory IN (SELECT number FROM directories WHERE path IN {LISTED})"
                " AND EXISTS (SELECT 1 FROM files AS two WHERE two.picture = files.picture AND two.reason IS NULL"
                f" AND two.directory NOT IN (SELECT number FROM directories WHERE path IN {LISTED}))"
            )
            among = json.dumps(list(directories))
            removed = link.execute(sql, [among, among]).rowcount
            if removed:
                _unsettle(link)
        return removed

    def drop_orphans(self) -> int:
        """Remove pictures that lie nowhere any more, with their words, vectors and previews. Returns how many."""
        sql = "SELECT row, preview FROM pictures WHERE NOT EXISTS (SELECT 1 FROM files WHERE picture = row)"
        with self.database.writing() as link:
            found = link.execute(sql).fetchall()
            rows = [(row,) for row, _ in found]
            link.executemany("DELETE FROM words WHERE rowid = ?", rows)
            link.executemany("DELETE FROM pictures WHERE row = ?", rows)
        for _, preview in found:
            thumbnails.remove(self.previews, preview)
        return len(found)

    def unsettled(self) -> bool:
        """Whether files came or went since `settle`, perhaps in a scan that was cut short."""
        return bool(self.database.number("SELECT value FROM meta WHERE name = 'unsettled'"))

    def settle(self, groups: Iterable[tuple[int, str]]) -> None:
        """Set the group of some rows; with this a scan is complete."""
        with self.database.writing() as link:
            link.executemany("UPDATE pictures SET grp = ?2 WHERE row = ?1", groups)
            link.execute("DELETE FROM directories WHERE NOT EXISTS (SELECT 1 FROM files WHERE directory = number)")
            link.execute("UPDATE meta SET value = 0 WHERE name = 'unsettled'")


def _directory(link: sqlite3.Connection, path: str) -> int:
    link.execute("INSERT OR IGNORE INTO directories (path) VALUES (?)", [path])
    link.execute("UPDATE directories SET digest = NULL WHERE path = ?", [path])
    return int(link.execute("SELECT number FROM directories WHERE path = ?", [path]).fetchone()[0])


def _put_picture(link: sqlite3.Connection, entry: Entry) -> int | None:
    """Insert or update the entry's picture with its words; returns its row, None if it was just dropped."""
    columns = ", ".join(_TEXTS)
    found = link.execute(f"SELECT row, said, {columns} FROM pictures WHERE id = ?", [entry.id]).fetchone()
    if found is None and not entry.width:
        return None
    row, said, before = (int(found[0]), found[1], Words(*found[2:])) if found else (None, "", None)
    told = entry.told
    if row is not None and before is not None and not _speaks_alone(link, row, entry.path):
        told = _merged(told, before)
    if row is None or before is None:
        row = _insert(link, entry, told)
        _index(link, row, told, said)
    else:
        _tell(link, row, told, before, said)
    return row


def _tell(link: sqlite3.Connection, row: int, told: Words, before: Words, said: str) -> None:
    """Set what a picture says of itself."""
    changes = ", ".join(f"{name} = ?" for name in _TEXTS)
    link.execute(f"UPDATE pictures SET {changes} WHERE row = ?", [*_values(told), row])
    if (told.caption, told.words) != (before.caption, before.words):
        mine = f"(SELECT number FROM models WHERE name LIKE '%{CAPTIONS}')"
        link.execute(f"DELETE FROM vectors WHERE picture = ? AND model IN {mine}", [row])
    _index(link, row, told, said)


def _index(link: sqlite3.Connection, row: int, told: Words, said: str) -> None:
    """Put a picture's words into the words table, in place of those it had there."""
    indexed = _indexed(told, said)
    link.execute("UPDATE pictures SET length = ? WHERE row = ?", [sum(len(text.split()) for text in indexed), row])
    link.execute("DELETE FROM words WHERE rowid = ?", [row])
    link.execute("INSERT INTO words (rowid, caption, rest) VALUES (?, ?, ?)", [row, *indexed])


def _indexed(told: Words, said: str) -> tuple[str, str]:
    """Tokens for the two columns of the words table. `said` is what was read in the picture."""
    rest = told.words.replace(told.caption, " ") if told.caption else told.words
    return tokens(told.caption), tokens(f"{rest} {said}")


def _values(told: Words) -> list[str]:
    return [getattr(told, name) for name in _TEXTS]


def _insert(link: sqlite3.Connection, entry: Entry, told: Words) -> int:
    values: Mapping[str, object] = {
        "id": entry.id, "width": entry.width, "height": entry.height, "phash": _signed(entry.phash),
        "look": entry.look, "preview": entry.preview, "length": 0,
        **dict(zip(_TEXTS, _values(told), strict=True)),
    }  # fmt: skip
    sql = f"INSERT INTO pictures ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
    row = link.execute(sql, list(values.values())).lastrowid  # pyright: ignore[reportArgumentType]
    if row is None:  # pragma: no cover - an INSERT always has a row
        raise sqlite3.DatabaseError("no row")
    return row


def _speaks_alone(link: sqlite3.Connection, row: int, path: str) -> bool:
    """Whether no other usable file holds this picture, so that its words can be replaced, not only added to."""
    sql = f"SELECT 1 FROM {_FILES} WHERE picture = ? AND {_USABLE} AND NOT (path = ? AND name = ?) LIMIT 1"
    return link.execute(sql, [row, *os.path.split(path)]).fetchone() is None


def _merged(new: Words, old: Words) -> Words:
    """What copies at several paths say together: what was told first stays, field by field, and words add up."""
    fields = {name: getattr(old, name) or getattr(new, name) for name in _TEXTS}
    if new.words not in fields["words"]:
        more = " ".join(word for word in new.words.split() if word not in fields["words"])
        fields["words"] = f"{fields['words']} {more}".strip()[:8000]
    return Words(**fields)


def _unsettle(link: sqlite3.Connection) -> None:
    link.execute("UPDATE meta SET value = 1 WHERE name = 'unsettled'")


def _signed(value: int) -> int:
    """SQLite's integers are signed."""
    return value - (1 << 64) if value >= 1 << 63 else value


__all__ = ["CAPTIONS", "GONE", "Catalogue", "Entry", "Hashes", "Place", "Stamp", "Stats", "absolute"]
