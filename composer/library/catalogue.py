# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""What is known of every picture: one SQLite file. One picture is one content, at however many paths it lies."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer.errors import LibraryError
from composer.library import schema, thumbnails
from composer.library.tokens import tokens
from composer.ports import Ids, Vectors
from composer.types import Picture
from composer.wire import Skipped

GONE = -1
"""As a modification time: look at this file again at the next scan, whatever its stamp."""
_LATEST = (1 << 63) - 1
"""The largest number SQLite keeps, in 2262; a file dated later is looked at in every scan."""
_USABLE = "picture IS NOT NULL AND reason IS NULL"
_HALF = np.dtype("<f2")


CAPTIONS = "#captions"
"""Ends the model id of vectors made from a picture's words instead of from the picture."""


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
    caption: str = ""
    words: str = ""
    licence: str = ""
    credit: str = ""
    phash: int = 0
    look: bytes = b""
    preview: str = ""


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
    """All pictures of all folders. May be shared between threads: one lock guards the one connection.

    Every method raises LibraryError when the file is damaged, full or locked by another process for too long.
    """

    def __init__(self, file: Path, previews: Path) -> None:
        """Open or make the catalogue in `file`; `previews` is the folder of the preview pictures."""
        self.file, self.previews = file, previews
        self._link = schema.connect(file)
        self._lock = threading.RLock()
        self._corpus = (-1, 0, 0.0)

    def close(self) -> None:
        with self._lock:
            self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- reading ---------------------------------------------------------------------------------------------------

    def rows(self, folders: Sequence[str]) -> Ids:
        """Row numbers of the pictures with a usable file below any of the folders (anywhere if none), ascending."""
        where, values = _below(folders)
        found = self._all(f"SELECT DISTINCT picture FROM files WHERE {_USABLE} AND {where} ORDER BY picture", values)
        return np.fromiter(chain.from_iterable(found), np.int64)

    def among(self, rows: Iterable[int], folders: Sequence[str]) -> set[int]:
        """Those of the rows that `rows(folders)` would give; cheap for a few rows of a large catalogue."""
        where, values = _below(folders)
        sql = f"SELECT DISTINCT picture FROM files WHERE {_USABLE} AND picture IN {_LISTED} AND {where}"
        return {row for (row,) in self._all(sql, [_listed(rows), *values])}

    def pictures(self, rows: Sequence[int], folders: Sequence[str] = ()) -> dict[int, Picture]:
        """The pictures by row; rows that are not there or not usable are left out.

        The path is the first usable one below the folders, or the first anywhere.
        """
        where, values = _below(folders)
        sql = (
            "SELECT row, id, path, width, height, caption, words, licence, credit, grp, preview FROM pictures"
            f" JOIN files ON picture = row AND {_USABLE} WHERE row IN {_LISTED} ORDER BY row, NOT ({where}), path"
        )
        found: dict[int, Picture] = {}
        for row, *values_ in self._all(sql, [_listed(rows), *values]):
            if row not in found:
                found[row] = self._picture(*values_)
        return found

    def _picture(self, id_: str, path: str, width: int, height: int, *texts: str) -> Picture:
        caption, words, licence, credit, group, preview = texts
        return Picture(
            id=id_,
            path=path,
            width=width,
            height=height,
            caption=caption,
            words=words,
            licence=licence,
            credit=credit,
            group=group,
            preview=str(self.previews.absolute() / preview) if preview else "",
        )

    def paths(self, row: int) -> list[str]:
        """Where the picture lies, usable files only."""
        sql = f"SELECT path FROM files WHERE picture = ? AND {_USABLE} ORDER BY path"
        return [path for (path,) in self._all(sql, [row])]

    def vectors(self, model: str, rows: Ids | None = None) -> tuple[Ids, Vectors]:
        """Rows that have a vector of the model, ascending, and the vectors, shape (len(rows), dimensions), float32.

        `rows` restricts the answer. Without any vector the shape is (0, 0).
        """
        sql, values = "SELECT picture, vector FROM vectors WHERE model = ?", [model]
        if rows is not None:
            sql, values = f"{sql} AND picture IN {_LISTED}", [model, _listed(rows.tolist())]
        found = self._all(f"{sql} ORDER BY picture", values)
        if not found:
            return np.empty(0, np.int64), np.empty((0, 0), np.float32)
        ids = np.fromiter((row for row, _ in found), np.int64, len(found))
        flat = np.frombuffer(b"".join(blob for _, blob in found), _HALF)
        return ids, flat.reshape(len(found), -1).astype(np.float32)

    def missing(self, model: str, folders: Sequence[str]) -> Ids:
        """Rows of the folders that have no vector of the model, ascending."""
        have = self._all("SELECT picture FROM vectors WHERE model = ?", [model])
        return np.setdiff1d(self.rows(folders), np.fromiter(chain.from_iterable(have), np.int64))

    def skipped(self, folder: str) -> tuple[Skipped, ...]:
        """Files below the folder that are not in the library, and why, by path."""
        where, values = _below([folder])
        sql = f"SELECT path, reason FROM files WHERE reason IS NOT NULL AND {where} ORDER BY path"
        return tuple(Skipped(path, reason) for path, reason in self._all(sql, values))

    def stats(self) -> Stats:
        """Counts over everything."""
        (pictures, files, size) = self._all(
            f"SELECT count(DISTINCT picture), count(*), coalesce(sum(size), 0) FROM files WHERE {_USABLE}"
        )[0]
        skipped = self._all("SELECT count(*) FROM files WHERE reason IS NOT NULL")[0][0]
        folders = tuple(path for (path,) in self._all("SELECT path FROM folders ORDER BY path"))
        vectors = dict(self._all("SELECT model, count(*) FROM vectors GROUP BY model ORDER BY model"))
        return Stats(pictures=pictures, files=files, skipped=skipped, folders=folders, vectors=vectors, bytes=size)

    def version(self) -> int:
        """A number that grows whenever pictures, files or vectors change."""
        return int(self._all("SELECT value FROM meta WHERE name = 'version'")[0][0])

    def matches(self, expression: str, caption: float, rest: float) -> tuple[Ids, NDArray[np.float64]]:
        """Rows whose words match an FTS5 expression, and FTS5's BM25 with those column weights, higher is better."""
        sql = "SELECT rowid, -bm25(words, ?, ?) FROM words WHERE words MATCH ?"
        found = self._all(sql, [caption, rest, expression])
        flat = np.fromiter(chain.from_iterable(found), np.float64).reshape(-1, 2)
        return flat[:, 0].astype(np.int64), flat[:, 1]

    def corpus(self) -> tuple[int, float]:
        """How many pictures have words indexed, and how many tokens one has on average."""
        version = self.version()
        if self._corpus[0] != version:  # counting reads every picture: too slow to do for every search
            count, average = self._all("SELECT count(*), coalesce(avg(length), 0) FROM pictures")[0]
            self._corpus = (version, int(count), float(average))
        return self._corpus[1:]

    def known(self, folder: str) -> dict[str, Stamp]:
        """Every file below the folder by path, as the last scan left it."""
        where, values = _below([folder])
        found = self._all(f"SELECT path, size, mtime_ns, beside FROM files WHERE {where}", values)
        return {path: (size, mtime, beside) for path, size, mtime, beside in found}

    def unsettled(self) -> bool:
        """Whether files came or went since `settle`, perhaps in a scan that was cut short."""
        return bool(self._all("SELECT value FROM meta WHERE name = 'unsettled'")[0][0])

    def has(self, picture: str) -> bool:
        """Whether the picture of that id is in the catalogue, with a preview on the disk."""
        found = self._all("SELECT preview FROM pictures WHERE id = ?", [picture])
        return bool(found) and (self.previews / found[0][0]).is_file()

    def hashes(self) -> Hashes:
        """What near-duplicates are found by, of all pictures, ascending by row."""
        found = self._all("SELECT row, id, phash, look, width, height, grp FROM pictures ORDER BY row")
        rows, ids, phash, looks, width, height, groups = map(list, zip(*found, strict=True)) if found else [[]] * 7
        return Hashes(
            rows=np.array(rows, np.int64),
            ids=ids,
            phash=np.array(phash, np.int64).view(np.uint64),
            looks=looks,
            aspect=np.array(width, np.float64) / np.array(height, np.float64),
            groups=groups,
        )

    # --- writing ---------------------------------------------------------------------------------------------------

    def store_vectors(self, model: str, rows: Ids, vectors: Vectors) -> None:
        """Keep the vectors, shape (len(rows), dimensions). Rows that are not in the catalogue any more are passed over.

        Raises LibraryError when a vector holds something that is not a number: it would poison every search.
        """
        if len(rows) != len(vectors) or not np.isfinite(vectors).all():
            raise LibraryError(f"The encoder {model} gave vectors that cannot be used.", "Choose another encoder.")
        blobs = (
            (model, vector.tobytes(), row) for row, vector in zip(rows.tolist(), vectors.astype(_HALF), strict=True)
        )
        sql = "INSERT OR REPLACE INTO vectors (model, vector, picture) SELECT ?1, ?2, row FROM pictures WHERE row = ?3"
        with self._writing() as link:
            link.executemany(sql, blobs)

    def remember_folder(self, folder: str) -> None:
        if not self._all("SELECT 1 FROM folders WHERE path = ?", [folder]):
            with self._writing() as link:
                link.execute("INSERT OR IGNORE INTO folders VALUES (?)", [folder])

    def record(self, entries: Iterable[Entry]) -> None:
        """Put what a scan found into the catalogue, all of it or nothing."""
        with self._writing() as link:
            for entry in entries:
                row = _put_picture(link, entry) if entry.id else None
                lost = bool(entry.id) and row is None  # another scan dropped the picture just now
                changed = GONE if lost else min(entry.mtime_ns, _LATEST)
                link.execute(
                    "INSERT OR REPLACE INTO files (path, size, mtime_ns, beside, picture, reason) VALUES (?,?,?,?,?,?)",
                    [entry.path, entry.size, changed, entry.beside, row, entry.reason],
                )
            _unsettle(link)

    def distrust(self, path: str, reason: str) -> None:
        """Take a file out of use until a scan has looked at it again; its picture and vectors stay."""
        with self._writing() as link:
            link.execute("UPDATE files SET reason = ?, mtime_ns = ? WHERE path = ?", [reason, GONE, path])

    def forget(self, paths: Iterable[str]) -> None:
        """Take files out. Their pictures stay until `drop_orphans`, so that a moved file finds its own again."""
        with self._writing() as link:
            link.executemany("DELETE FROM files WHERE path = ?", ((path,) for path in paths))
            _unsettle(link)

    def forget_copies(self, paths: Iterable[str]) -> int:
        """Take those files out whose picture also lies, usable, at a path that is not among them. Returns how many."""
        among = json.dumps(list(paths))
        sql = (
            f"SELECT path FROM files AS one WHERE path IN {_LISTED} AND EXISTS (SELECT 1 FROM files AS two"
            f" WHERE two.picture = one.picture AND two.reason IS NULL AND two.path NOT IN {_LISTED})"
        )
        found = [path for (path,) in self._all(sql, [among, among])]
        if found:
            self.forget(found)
        return len(found)

    def drop_orphans(self) -> int:
        """Remove pictures that lie nowhere any more, with their words, vectors and previews. Returns how many."""
        sql = "SELECT row, preview FROM pictures WHERE NOT EXISTS (SELECT 1 FROM files WHERE picture = row)"
        with self._writing() as link:
            found = link.execute(sql).fetchall()
            rows = [(row,) for row, _ in found]
            link.executemany("DELETE FROM words WHERE rowid = ?", rows)
            link.executemany("DELETE FROM pictures WHERE row = ?", rows)
        for _, preview in found:
            thumbnails.remove(self.previews, preview)
        return len(found)

    def settle(self, groups: Iterable[tuple[int, str]]) -> None:
        """Set the group of some rows; with this a scan is complete."""
        with self._writing() as link:
            link.executemany("UPDATE pictures SET grp = ?2 WHERE row = ?1", groups)
            link.execute("UPDATE meta SET value = 0 WHERE name = 'unsettled'")

    # --- the connection --------------------------------------------------------------------------------------------

    def _all(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock, schema.told(self.file):
            return self._link.execute(sql, values).fetchall()  # pyright: ignore[reportArgumentType]

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        with self._lock, schema.told(self.file), schema.transaction(self._link):
            yield self._link
            self._link.execute("UPDATE meta SET value = value + 1 WHERE name = 'version'")


def absolute(folder: str | os.PathLike[str]) -> str:
    """The folder's name as the catalogue writes it: absolute, "~" and ".." resolved, links left as they are."""
    return os.path.abspath(Path(folder).expanduser())  # noqa: PTH100 - Path.resolve would follow links


def _below(folders: Sequence[str]) -> tuple[str, list[str]]:
    """An SQL condition for files below any of the folders, as ranges that the index on paths can answer."""
    ranges: list[str] = []
    for folder in map(absolute, folders):
        start = folder if folder.endswith(os.sep) else folder + os.sep
        ranges += [start, start[:-1] + chr(ord(os.sep) + 1)]
    if not ranges:
        return "1", []
    return "(" + " OR ".join(["(path >= ? AND path < ?)"] * (len(ranges) // 2)) + ")", ranges


_LISTED = "(SELECT value FROM json_each(?))"
"""Any number of row numbers in one parameter; SQLite limits how many parameters a statement may have."""


def _listed(rows: Iterable[int]) -> str:
    return json.dumps([int(row) for row in rows])


def _put_picture(link: sqlite3.Connection, entry: Entry) -> int | None:
    """Insert or update the entry's picture with its words; returns its row, None if it was just dropped."""
    found = link.execute(
        "SELECT row, caption, words, licence, credit FROM pictures WHERE id = ?", [entry.id]
    ).fetchone()
    if found is None and not entry.width:
        return None
    texts = (entry.caption, entry.words, entry.licence, entry.credit)
    if found is not None and not _speaks_alone(link, found[0], entry.path):
        texts = _merged(texts, found[1:])
    indexed = (tokens(texts[0]), tokens(texts[1].replace(texts[0], " ") if texts[0] else texts[1]))
    length = sum(len(text.split()) for text in indexed)
    if found is None:
        row = _insert(link, entry, texts, length)
    else:
        row = int(found[0])
        sql = "UPDATE pictures SET caption = ?, words = ?, licence = ?, credit = ?, length = ? WHERE row = ?"
        link.execute(sql, [*texts, length, row])
        link.execute("DELETE FROM words WHERE rowid = ?", [row])
        if texts[:2] != tuple(found[1:3]):
            link.execute("DELETE FROM vectors WHERE picture = ? AND model LIKE ?", [row, f"%{CAPTIONS}"])
    link.execute("INSERT INTO words (rowid, caption, rest) VALUES (?, ?, ?)", [row, *indexed])
    return row


def _insert(link: sqlite3.Connection, entry: Entry, texts: Sequence[str], length: int) -> int:
    sql = (
        "INSERT INTO pictures (id, width, height, caption, words, licence, credit, phash, look, preview, length)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    values = [entry.id, entry.width, entry.height, *texts, _signed(entry.phash), entry.look, entry.preview]
    row = link.execute(sql, [*values, length]).lastrowid
    if row is None:  # pragma: no cover - an INSERT always has a row
        raise sqlite3.DatabaseError("no row")
    return row


def _speaks_alone(link: sqlite3.Connection, row: int, path: str) -> bool:
    """Whether no other usable file holds this picture, so that its words can be replaced, not only added to."""
    sql = f"SELECT path FROM files WHERE picture = ? AND {_USABLE} AND path <> ? LIMIT 1"
    return link.execute(sql, [row, path]).fetchone() is None


def _merged(new: Sequence[str], old: Sequence[str]) -> tuple[str, str, str, str]:
    """What copies at several paths say together: the first caption and rights told stay, words add up."""
    caption, words, licence, credit = (before or now for now, before in zip(new, old, strict=True))
    if new[1] not in words:
        words = f"{words} {' '.join(word for word in new[1].split() if word not in words)}".strip()[:8000]
    return caption, words, licence, credit


def _unsettle(link: sqlite3.Connection) -> None:
    link.execute("UPDATE meta SET value = 1 WHERE name = 'unsettled'")


def _signed(value: int) -> int:
    """SQLite's integers are signed."""
    return value - (1 << 64) if value >= 1 << 63 else value
