"""The catalogue's tables, and opening the file they are in."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from composer.errors import LibraryError

VERSION = 4
APPLICATION = 0x50494354
"""Tells our files from other SQLite databases ("PICT")."""
WAIT = 30.0
"""Seconds to wait for another process that is writing; a batch of a scan takes well under one."""

TOKENIZED = "tokenize = 'porter unicode61 remove_diacritics 2'"
"""How the words table tells words apart."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('version', 0), ('unsettled', 0), ('identity', abs(random())), ('texts', 0), ('tokens', 0);
CREATE TABLE folders (
    path TEXT PRIMARY KEY,
    include TEXT NOT NULL DEFAULT '',       -- patterns, one a line; empty: everything
    exclude TEXT NOT NULL DEFAULT '',
    watched INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
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
    length INTEGER NOT NULL,                -- tokens in the words table
    title TEXT NOT NULL DEFAULT '',
    people TEXT NOT NULL DEFAULT '',        -- names, separated by "; "
    place TEXT NOT NULL DEFAULT '',
    taken TEXT NOT NULL DEFAULT '',         -- ISO 8601, as far as known: 2019, 2019-05, 2019-05-04
    creator TEXT NOT NULL DEFAULT '',
    copyright TEXT NOT NULL DEFAULT '',
    terms TEXT NOT NULL DEFAULT '',         -- usage terms as the picture words them
    source TEXT NOT NULL DEFAULT '',        -- address it came from
    keywords TEXT NOT NULL DEFAULT '',      -- separated by "; "
    said TEXT NOT NULL DEFAULT '',          -- text read in the picture
    said_by INTEGER NOT NULL DEFAULT 0,     -- version of what read it; 0: not read yet
    screened INTEGER NOT NULL DEFAULT 0,    -- version of the screens below; 0: not looked at yet
    kind TEXT NOT NULL DEFAULT '',          -- photograph, drawing or text
    sharpness REAL,                         -- 0 blurred to 1 sharp
    writing REAL,                           -- share of the picture that is writing
    mark REAL,                              -- how much looks like a watermark, 0 to 1
    unsafe REAL,                            -- 0 to 1; NULL: not looked for
    faces INTEGER,                          -- how many; NULL: not looked for
    colours TEXT NOT NULL DEFAULT '',       -- names of the main colours, separated by spaces
    content_by INTEGER NOT NULL DEFAULT 0   -- version of what looked for faces and the unsafe; 0: not looked yet
);
CREATE INDEX pictures_by_group ON pictures (grp, width, height, length) WHERE grp <> '';
CREATE INDEX pictures_by_facts ON pictures (
    taken, width, height, kind, faces, sharpness, writing, mark, unsafe, colours -- filters read this, not the table
);
CREATE INDEX pictures_by_place ON pictures (place) WHERE place <> '';
CREATE INDEX pictures_by_people ON pictures (people) WHERE people <> '';
CREATE INDEX pictures_by_rights ON pictures (licence, terms, copyright)
    WHERE licence <> '' OR terms <> '' OR copyright <> '';
CREATE TRIGGER pictures_come AFTER INSERT ON pictures BEGIN
    UPDATE meta SET value = value + CASE name WHEN 'texts' THEN 1 ELSE new.length END WHERE name IN ('texts', 'tokens');
END;
CREATE TRIGGER pictures_go AFTER DELETE ON pictures BEGIN
    UPDATE meta SET value = value - CASE name WHEN 'texts' THEN 1 ELSE old.length END WHERE name IN ('texts', 'tokens');
END;
CREATE TRIGGER pictures_change AFTER UPDATE OF length ON pictures BEGIN
    UPDATE meta SET value = value - old.length + new.length WHERE name = 'tokens';
END;
CREATE TABLE directories (
    number INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    digest BLOB,                            -- of its listing when all of it was taken in; NULL: look again
    count INTEGER NOT NULL DEFAULT 0        -- files known in it, usable or not
);
CREATE TABLE files (
    directory INTEGER NOT NULL REFERENCES directories (number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    beside INTEGER NOT NULL,                -- stamp of what lies beside it and speaks of it: captions.tsv, sidecar
    picture INTEGER REFERENCES pictures (row) ON DELETE SET NULL,
    reason TEXT,                            -- why it is not usable; NULL when it is
    PRIMARY KEY (directory, name)
) WITHOUT ROWID;
CREATE INDEX files_by_picture ON files (picture);
CREATE INDEX files_unusable ON files (directory) WHERE reason IS NOT NULL;
CREATE INDEX files_broken ON files (picture) WHERE reason IS NOT NULL AND picture IS NOT NULL;
CREATE TABLE models (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE vectors (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order they were made: indexes outside follow it
    model INTEGER NOT NULL REFERENCES models (number) ON DELETE CASCADE,
    picture INTEGER NOT NULL REFERENCES pictures (row) ON DELETE CASCADE,
    vector BLOB NOT NULL                    -- float16, little endian
);
CREATE UNIQUE INDEX vectors_by_picture ON vectors (picture, model);
CREATE INDEX vectors_by_model ON vectors (model);
CREATE TABLE vectors_gone (number INTEGER PRIMARY KEY AUTOINCREMENT, model INTEGER NOT NULL, picture INTEGER NOT NULL);
CREATE TRIGGER vectors_go AFTER DELETE ON vectors BEGIN
    INSERT INTO vectors_gone (model, picture) VALUES (old.model, old.picture);
END;
CREATE TABLE marks (                        -- what the writer said of a picture; kept when the picture goes
    id TEXT PRIMARY KEY,
    rating INTEGER NOT NULL DEFAULT 0,      -- 1 to 5; 0: none
    hidden INTEGER NOT NULL DEFAULT 0,
    tags TEXT NOT NULL DEFAULT ''           -- separated by "; "
) WITHOUT ROWID;
CREATE TABLE uses (                         -- articles that a picture was used in; kept when the picture goes
    id TEXT NOT NULL,
    article TEXT NOT NULL,                  -- path of its project, or its title where it has none
    title TEXT NOT NULL,
    day TEXT NOT NULL,                      -- ISO 8601
    PRIMARY KEY (id, article)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (caption, rest, tokenize = 'porter unicode61 remove_diacritics 2');
"""

_CHANGES = """
CREATE INDEX marks_hidden ON marks (id) WHERE hidden = 1;
CREATE INDEX marks_tagged ON marks (id, tags) WHERE tags <> '';
CREATE TABLE changed (                      -- which version last changed one of 1024 pictures, or a mark of them
    block INTEGER PRIMARY KEY,              -- row / 1024
    version INTEGER NOT NULL
);
CREATE INDEX changed_by_version ON changed (version);
CREATE TABLE refiled (                      -- which version last changed which pictures lie in a directory
    directory INTEGER PRIMARY KEY,
    version INTEGER NOT NULL
);
CREATE INDEX refiled_by_version ON refiled (version);
CREATE TRIGGER pictures_come_changed AFTER INSERT ON pictures BEGIN
    INSERT INTO changed SELECT new.row >> 10, value + 1 FROM meta WHERE name = 'version'
    ON CONFLICT (block) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER pictures_go_changed AFTER DELETE ON pictures BEGIN
    INSERT INTO changed SELECT old.row >> 10, value + 1 FROM meta WHERE name = 'version'
    ON CONFLICT (block) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER pictures_change_changed AFTER UPDATE OF width, height, licence, terms, copyright, people, place, taken,
    kind, faces, sharpness, mark, unsafe, colours, grp, length ON pictures BEGIN
    INSERT INTO changed SELECT new.row >> 10, value + 1 FROM meta WHERE name = 'version'
    ON CONFLICT (block) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER marks_come_changed AFTER INSERT ON marks BEGIN
    INSERT INTO changed SELECT row >> 10, value + 1 FROM pictures JOIN meta ON name = 'version' WHERE id = new.id
    ON CONFLICT (block) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER marks_change_changed AFTER UPDATE ON marks BEGIN
    INSERT INTO changed SELECT row >> 10, value + 1 FROM pictures JOIN meta ON name = 'version' WHERE id = new.id
    ON CONFLICT (block) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER marks_go_changed AFTER DELETE ON marks BEGIN
    INSERT INTO changed SELECT row >> 10, value + 1 FROM pictures JOIN meta ON name = 'version' WHERE id = old.id
    ON CONFLICT (block) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER files_come_refiled AFTER INSERT ON files BEGIN
    INSERT INTO refiled SELECT new.directory, value + 1 FROM meta WHERE name = 'version'
    ON CONFLICT (directory) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER files_change_refiled AFTER UPDATE OF directory, name, picture, reason ON files BEGIN
    INSERT INTO refiled SELECT new.directory, value + 1 FROM meta WHERE name = 'version'
    ON CONFLICT (directory) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER files_go_refiled AFTER DELETE ON files BEGIN
    INSERT INTO refiled SELECT old.directory, value + 1 FROM meta WHERE name = 'version'
    ON CONFLICT (directory) DO UPDATE SET version = excluded.version;
END;
"""
"""What tells which rows and directories changed since a version, so that arrays of all pictures are brought up to date
by reading these alone (columns.py). Every transaction that changes anything makes the version one higher."""


def _from_first(link: sqlite3.Connection) -> None:
    """Files by directory, vectors in the order they were made, and room for more that pictures say of themselves."""
    for table in ("files", "folders", "pictures", "vectors"):
        link.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    link.execute("DROP INDEX files_by_picture")
    link.execute("DROP INDEX vectors_by_picture")
    version = _first(link, "SELECT value FROM meta WHERE name = 'version'")
    words = "CREATE VIRTUAL TABLE words"
    link.execute("DROP TABLE meta")
    for statement in _statements(_TABLES + _CHANGES):
        if not statement.lstrip().startswith(words):
            link.execute(statement)
    link.execute("UPDATE meta SET value = ? WHERE name IN ('version', 'unsettled')", [version + 1])
    link.execute("INSERT INTO folders (path) SELECT path FROM old_folders")
    same = "row, id, width, height, caption, words, licence, credit, phash, look, grp, preview, length"
    link.execute(f"INSERT INTO pictures ({same}) SELECT {same} FROM old_pictures")  # noqa: S608 - constants
    link.create_function("head", 1, os.path.dirname, deterministic=True)
    link.create_function("tail", 1, os.path.basename, deterministic=True)
    link.execute("INSERT INTO directories (path) SELECT DISTINCT head(path) FROM old_files ORDER BY 1")
    link.execute(
        "INSERT INTO files SELECT number, tail(f.path), size, -1, beside, picture, reason"  # -1: read their words anew
        " FROM old_files AS f JOIN directories AS d ON d.path = head(f.path)"
    )
    link.execute("UPDATE directories SET count = (SELECT count(*) FROM files WHERE directory = number)")
    link.execute("INSERT INTO models (name) SELECT DISTINCT model FROM old_vectors")
    link.execute(
        "INSERT INTO vectors (model, picture, vector) SELECT number, picture, vector FROM old_vectors"
        " JOIN models ON name = model"
    )
    for table in ("vectors", "files", "pictures", "folders"):
        link.execute(f"DROP TABLE old_{table}")


def _from_second(link: sqlite3.Connection) -> None:
    """Room for the version of what looked for faces and the unsafe; a catalogue that came from the first has it."""
    known = {name for _, name, *_ in link.execute("PRAGMA table_info(pictures)")}
    if "content_by" not in known:
        link.execute("ALTER TABLE pictures ADD COLUMN content_by INTEGER NOT NULL DEFAULT 0")


def _from_third(link: sqlite3.Connection) -> None:
    """What tells of changes since a version, and what finds marks; a catalogue that came from the first has them."""
    known = {name for (name,) in link.execute("SELECT name FROM sqlite_master")}
    for statement in _statements(_CHANGES):
        if statement.split()[2] not in known:
            link.execute(statement)


MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _from_first, 2: _from_second, 3: _from_third}
"""What turns version n into n + 1. Runs inside one transaction with the change of the version, foreign keys off."""


def connect(file: Path) -> sqlite3.Connection:
    """Open the catalogue, making or updating its tables. Raises LibraryError."""
    with told(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        link = sqlite3.connect(file, timeout=WAIT, isolation_level=None, check_same_thread=False)
        try:
            link.execute("PRAGMA page_size = 8192")  # vectors of 1 kB fit better; no effect on a file that is there
            link.execute("PRAGMA journal_mode = WAL")
            link.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last batch, never the file
            link.execute("PRAGMA cache_size = -65536")
            _bring_up_to_date(link, file)
            link.execute("PRAGMA foreign_keys = ON")  # not before: tables are renamed and dropped on the way
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
    for statement in _statements(_TABLES + _CHANGES):
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
    return _first(link, f"PRAGMA {pragma}")


def _first(link: sqlite3.Connection, sql: str) -> int:
    return int(link.execute(sql).fetchone()[0])


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
