"""The catalogue's tables, and opening the file they are in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from composer.errors import LibraryError

VERSION = 1
APPLICATION = 0x50494354
"""Tells our files from other SQLite databases ("PICT")."""
WAIT = 30.0
"""Seconds to wait for another process that is writing; a batch of a scan takes well under one."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('version', 0), ('unsettled', 0);
CREATE TABLE folders (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE pictures (
    row INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: indexes outside refer to it
    id TEXT NOT NULL UNIQUE,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    caption TEXT NOT NULL,
    words TEXT NOT NULL,
    licence TEXT NOT NULL,
    credit TEXT NOT NULL,
    phash INTEGER NOT NULL,
    look BLOB NOT NULL,                     -- 8 x 8 pixels, RGB
    grp TEXT NOT NULL DEFAULT '',
    preview TEXT NOT NULL,
    length INTEGER NOT NULL                 -- tokens in the words table
);
CREATE TABLE files (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    beside INTEGER NOT NULL,                -- stamp of what lies beside it and speaks of it: captions.tsv, sidecar
    picture INTEGER REFERENCES pictures (row) ON DELETE SET NULL,
    reason TEXT                             -- why it is not usable; NULL when it is
) WITHOUT ROWID;
CREATE INDEX files_by_picture ON files (picture);
CREATE TABLE vectors (
    picture INTEGER NOT NULL REFERENCES pictures (row) ON DELETE CASCADE,
    model TEXT NOT NULL,
    vector BLOB NOT NULL,                   -- float16, little endian
    PRIMARY KEY (model, picture)
) WITHOUT ROWID;
CREATE INDEX vectors_by_picture ON vectors (picture);
CREATE VIRTUAL TABLE words USING fts5 (caption, rest, tokenize = 'porter unicode61 remove_diacritics 2');
"""

MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {}
"""What turns version n into n + 1. Runs inside one transaction with the change of the version."""


def connect(file: Path) -> sqlite3.Connection:
    """Open the catalogue, making or updating its tables. Raises LibraryError."""
    with told(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        link = sqlite3.connect(file, timeout=WAIT, isolation_level=None, check_same_thread=False)
        try:
            link.execute("PRAGMA foreign_keys = ON")
            link.execute("PRAGMA journal_mode = WAL")
            link.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last batch, never the file
            link.execute("PRAGMA cache_size = -65536")
            _bring_up_to_date(link, file)
        except BaseException:
            link.close()
            raise
    return link


def _bring_up_to_date(link: sqlite3.Connection, file: Path) -> None:
    with transaction(link):
        found = _number(link, "user_version")
        if found > VERSION:
            raise LibraryError(
                f"The picture catalogue {file} was made by a newer version of Pictorial.",
                "Update Pictorial, or move that file away to have a new catalogue made.",
            )
        if found == 0:
            _make(link, file)
        elif _number(link, "application_id") != APPLICATION:
            raise LibraryError(f"{file} is another program's database.", "Choose another place for the catalogue.")
        for version in range(found or VERSION, VERSION):
            MIGRATIONS[version](link)
        link.execute(f"PRAGMA user_version = {VERSION}")


def _make(link: sqlite3.Connection, file: Path) -> None:
    if link.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise LibraryError(f"{file} is another program's database.", "Choose another place for the catalogue.")
    for statement in _statements(_TABLES):
        link.execute(statement)
    link.execute(f"PRAGMA application_id = {APPLICATION}")


def _statements(script: str) -> Iterator[str]:
    """One by one: executescript would commit the transaction that it should be part of."""
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""


def _number(link: sqlite3.Connection, pragma: str) -> int:
    return int(link.execute(f"PRAGMA {pragma}").fetchone()[0])


@contextmanager
def transaction(link: sqlite3.Connection) -> Generator[None, None, None]:
    """All or nothing; takes the write lock at once, so that two writers wait instead of failing half way."""
    link.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if link.in_transaction:
            link.execute("ROLLBACK")
        raise
    link.execute("COMMIT")


@contextmanager
def told(file: Path) -> Generator[None, None, None]:
    """Turn SQLite's errors into sentences for the writer."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _error(file, error) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LibraryError(f"The picture catalogue {file} cannot be opened: {reason}.", _ROOM) from error


_ROOM = "Make room or allow writing there, then try again."


def _error(file: Path, error: sqlite3.DatabaseError) -> LibraryError:
    text = str(error)
    if isinstance(error, sqlite3.OperationalError):
        if "locked" in text:
            return LibraryError("Another Pictorial is busy with the picture catalogue.", "Try again when it is done.")
        return LibraryError(f"The picture catalogue {file} cannot be used: {text}.", _ROOM)
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
        return LibraryError(f"The picture catalogue {file} refused a change: {text}.", "Scan the folder again.")
    return LibraryError(
        f"The picture catalogue {file} is damaged.",
        "Move that file away and scan your folders again; your pictures are not touched.",
    )
