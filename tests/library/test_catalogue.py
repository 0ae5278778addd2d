from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from composer.errors import LibraryError
from composer.library.catalogue import GONE, Catalogue, Entry
from composer.library.finding.search import by_words
from composer.library.words.metadata import Words


def entry(number: int, folder: str = "/pictures", **more: object) -> Entry:
    fields = {"path": f"{folder}/{number}.jpg", "size": 10, "mtime_ns": 5, "id": f"{number:032x}", "width": 90}
    told = Words(**{name: str(more.pop(name)) for name in Words.__struct_fields__ if name in more})
    return Entry(
        **{**fields, "told": told, "height": 60, "look": bytes(192), "preview": f"00/{number:032x}.jpg", **more}
    )  # type: ignore[arg-type]


@pytest.fixture
def filled(catalogue: Catalogue) -> Catalogue:
    catalogue.record(entry(number) for number in range(1, 6))
    return catalogue


def test_vectors_come_back_for_the_asked_rows(filled: Catalogue) -> None:
    vectors = np.eye(5, 8, dtype=np.float32)
    filled.embeddings.store("one", np.array([1, 2, 3, 4, 5]), vectors)
    filled.embeddings.store("two", np.array([2]), vectors[:1, :4])
    rows, found = filled.embeddings.of("one", np.array([4, 2, 99]))
    assert rows.tolist() == [2, 4]
    assert np.array_equal(found, vectors[[1, 3]])
    assert filled.embeddings.of("two")[1].shape == (1, 4)
    assert filled.embeddings.of("three")[1].shape == (0, 0)
    assert filled.embeddings.of("one", np.empty(0, np.int64))[0].tolist() == []
    assert filled.embeddings.missing("two", []).tolist() == [1, 3, 4, 5]
    assert filled.stats().vectors == {"one": 5, "two": 1}


def test_vectors_of_rows_that_are_gone_are_passed_over(filled: Catalogue) -> None:
    filled.embeddings.store("one", np.array([3, 77]), np.ones((2, 4), np.float32))
    assert filled.embeddings.of("one")[0].tolist() == [3]


@pytest.mark.parametrize("vectors", [np.full((1, 4), np.nan), np.ones((2, 4)), np.full((1, 4), np.inf)])
def test_vectors_that_are_none_are_refused(vectors: np.ndarray, filled: Catalogue) -> None:
    with pytest.raises(LibraryError, match="encoder"):
        filled.embeddings.store("one", np.array([1]), vectors.astype(np.float32))


def test_the_version_grows_with_every_change(filled: Catalogue) -> None:
    seen = [filled.version()]
    filled.embeddings.store("one", np.array([1]), np.ones((1, 4), np.float32))
    seen.append(filled.version())
    filled.forget("/pictures", ["1.jpg"])
    seen.append(filled.version())
    filled.drop_orphans()
    seen.append(filled.version())
    filled.rows([])
    filled.stats()
    assert seen == sorted(set(seen))
    assert filled.version() == seen[-1]
    assert filled.embeddings.of("one")[0].tolist() == []


def test_row_numbers_are_never_used_twice(filled: Catalogue) -> None:
    filled.forget("/pictures", ["5.jpg"])
    filled.drop_orphans()
    filled.record([entry(9)])
    assert filled.rows([]).tolist() == [1, 2, 3, 4, 6]


def test_the_totals_of_words_keep_up(filled: Catalogue) -> None:
    def counted() -> tuple[int, float]:
        [[texts, average]] = filled.database.all("SELECT count(*), avg(length) FROM pictures")
        return texts, average

    filled.record([entry(7, caption="A mill by a lake", words="mill water"), entry(8, words="one two three")])
    assert filled.corpus() == counted()
    filled.record([entry(7, caption="A mill", words="much shorter")])
    filled.forget("/pictures", ["8.jpg", "1.jpg"])
    filled.drop_orphans()
    assert filled.corpus() == counted()
    assert filled.corpus()[0] == 5


def test_many_rows_in_one_question(filled: Catalogue) -> None:
    assert len(filled.pictures(range(100_000))) == 5


def test_copies_add_their_words(filled: Catalogue) -> None:
    filled.record([entry(7, caption="", words="old name"), entry(7, "/other", caption="A mill", words="mill")])
    row = int(filled.rows(["/other"])[0])
    picture = filled.pictures([row])[row]
    assert (picture.caption, picture.words) == ("A mill", "old name mill")
    filled.forget("/other", ["7.jpg"])
    filled.record([entry(7, caption="", words="new")])
    assert filled.pictures([row])[row].words == "new"


def test_a_batch_is_all_or_nothing(filled: Catalogue) -> None:
    def interrupted() -> Iterator[Entry]:
        yield entry(8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.record(interrupted())
    assert filled.stats().pictures == 5


def test_a_picture_that_another_scan_dropped_is_looked_at_again(filled: Catalogue) -> None:
    filled.record([entry(50, width=0, height=0)])  # known when it was examined, gone when it is recorded
    assert filled.known("/pictures")["50.jpg"][1] == GONE
    assert len(filled.rows([])) == 5


def test_threads_may_share_it(filled: Catalogue) -> None:
    errors = list[BaseException]()

    def work(model: str) -> None:
        try:
            for number in range(30):
                filled.embeddings.store(model, np.array([1, 2]), np.full((2, 4), number + 1, np.float32))
                filled.embeddings.of(model)
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"model {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert set(filled.stats().vectors.values()) == {2}


def test_it_is_there_when_opened_again(filled: Catalogue) -> None:
    with Catalogue(filled.file, filled.previews) as again:
        assert again.rows([]).tolist() == [1, 2, 3, 4, 5]


def refused(file: Path) -> LibraryError:
    with pytest.raises(LibraryError) as error:
        Catalogue(file, file.parent / "previews")
    assert error.value.hint
    return error.value


def test_a_file_that_is_no_database_is_said_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.db"
    file.write_text("This is a letter, not a database. " * 99)
    assert "damaged" in refused(file).message
    assert file.read_text().startswith("This is a letter")


def test_a_newer_catalogue_is_left_alone(filled: Catalogue) -> None:
    filled.database.all("PRAGMA user_version = 99")
    assert "newer version" in refused(filled.file).message
    assert filled.rows([]).tolist() == [1, 2, 3, 4, 5]


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    for version in (0, 1):
        file = tmp_path / f"{version}.db"
        link = sqlite3.connect(file)
        link.execute("CREATE TABLE theirs (a)")
        link.execute(f"PRAGMA user_version = {version}")
        link.close()
        assert "another program" in refused(file).message


def test_a_damaged_page_is_said(filled: Catalogue) -> None:
    filled.record(entry(number) for number in range(100, 3000))
    filled.database.all("PRAGMA wal_checkpoint(TRUNCATE)")
    filled.close()
    whole = bytearray(filled.file.read_bytes())
    whole[8192:] = b"\xa5" * (len(whole) - 8192)
    filled.file.write_bytes(whole)
    with pytest.raises(LibraryError, match="damaged"), Catalogue(filled.file, filled.previews) as damaged:
        damaged.rows([])


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").mkdir()
    assert "catalogue.db" in refused(tmp_path / "catalogue.db").message
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "catalogue.db")


def test_a_failed_change_of_version_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from composer.library import schema

    file = tmp_path / "catalogue.db"
    Catalogue(file, tmp_path).close()

    def half(link: sqlite3.Connection) -> None:
        link.execute("ALTER TABLE pictures ADD COLUMN labels TEXT")
        if broken:
            raise sqlite3.OperationalError("disk full")

    after = schema.VERSION + 1
    monkeypatch.setitem(schema.MIGRATIONS, schema.VERSION, half)
    monkeypatch.setattr(schema, "VERSION", after)
    broken = True
    refused(file)
    broken = False
    with Catalogue(file, tmp_path) as migrated:
        assert migrated.database.all("PRAGMA user_version") == [(after,)]
        assert migrated.database.all("SELECT labels FROM pictures") == []


_FIRST = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('version', 7), ('unsettled', 0);
CREATE TABLE folders (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE pictures (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, width INTEGER NOT NULL, height INTEGER NOT NULL,
    caption TEXT NOT NULL, words TEXT NOT NULL, licence TEXT NOT NULL, credit TEXT NOT NULL, phash INTEGER NOT NULL,
    look BLOB NOT NULL, grp TEXT NOT NULL DEFAULT '', preview TEXT NOT NULL, length INTEGER NOT NULL
);
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, beside INTEGER NOT NULL,
    picture INTEGER REFERENCES pictures (row) ON DELETE SET NULL, reason TEXT
) WITHOUT ROWID;
CREATE INDEX files_by_picture ON files (picture);
CREATE TABLE vectors (
    picture INTEGER NOT NULL REFERENCES pictures (row) ON DELETE CASCADE, model TEXT NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (model, picture)
) WITHOUT ROWID;
CREATE INDEX vectors_by_picture ON vectors (picture);
CREATE VIRTUAL TABLE words USING fts5 (caption, rest, tokenize = 'porter unicode61 remove_diacritics 2');
INSERT INTO folders VALUES ('/pictures');
INSERT INTO pictures VALUES (3, 'abc', 90, 60, 'A mill', 'A mill by a lake', 'CC0', 'A. Writer', 1, x'00', '', 'ab', 4);
INSERT INTO files VALUES ('/pictures/old/mill.jpg', 10, 5, 0, 3, NULL), ('/pictures/no.jpg', 1, 5, 0, NULL, 'broken');
INSERT INTO vectors VALUES (3, 'one', x'003c0000'), (3, 'two', x'0000003c');
INSERT INTO words (rowid, caption, rest) VALUES (3, 'a mill', 'by a lake');
PRAGMA user_version = 1;
PRAGMA application_id = 1346978644;
"""
"""A catalogue as the first version made it."""


def test_a_catalogue_of_the_first_version_keeps_everything(tmp_path: Path) -> None:
    link = sqlite3.connect(tmp_path / "catalogue.db")
    link.executescript(_FIRST)
    link.close()
    with Catalogue(tmp_path / "catalogue.db", tmp_path) as catalogue:
        picture = catalogue.pictures([3])[3]
        assert (picture.path, picture.caption, picture.licence) == ("/pictures/old/mill.jpg", "A mill", "CC0")
        assert catalogue.embeddings.of("one")[1].tolist() == [[1, 0]]
        assert catalogue.embeddings.of("two")[0].tolist() == [3]
        assert [each.path for each in catalogue.skipped("/pictures")] == ["/pictures/no.jpg"]
        assert [row for row, _ in by_words(catalogue, "mill", (), 10)] == [3]
        assert [folder.path for folder in catalogue.folders.all()] == ["/pictures"]
        assert catalogue.known("/pictures/old") == {"mill.jpg": (10, GONE, 0)}, "its words are read anew"
        assert catalogue.places("/pictures")["/pictures/old"].digest is None
        assert catalogue.version() > 7
        catalogue.record([entry(8)])
        assert catalogue.rows([]).tolist() == [3, 4]
        assert catalogue.database.all("PRAGMA integrity_check") == [("ok",)]
        assert catalogue.database.all("PRAGMA foreign_key_check") == []
    with Catalogue(tmp_path / "new.db", tmp_path) as new:
        shape = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'words%' ORDER BY type, name"
        with Catalogue(tmp_path / "catalogue.db", tmp_path) as catalogue:
            assert catalogue.database.all(shape) == new.database.all(shape)


def test_a_catalogue_of_the_second_version_is_looked_at_for_faces(tmp_path: Path) -> None:
    """The second version knew faces and the unsafe as columns, but not what had looked for them."""
    from composer.library import schema

    before, after = "separated by spaces\n);", "separated by spaces\n    content_by INTEGER"
    assert after in schema._TABLES
    tables = re.sub(r",( +-- names of the main.*)\n    content_by .*\n\);", r"\1\n);", schema._TABLES)
    assert before in tables
    link = sqlite3.connect(tmp_path / "catalogue.db")
    link.executescript(f"{tables} PRAGMA user_version = 2; PRAGMA application_id = {schema.APPLICATION};")
    link.execute(
        "INSERT INTO pictures"
        " (id, width, height, caption, words, licence, credit, phash, look, preview, length, colours)"
        " VALUES ('abc', 90, 60, 'A mill', 'A mill', '', '', 1, x'00', 'ab', 2, 'red')"
    )
    link.commit()
    link.close()
    with Catalogue(tmp_path / "new.db", tmp_path) as new, Catalogue(tmp_path / "catalogue.db", tmp_path) as old:
        assert old.database.all("SELECT id, colours, content_by, faces FROM pictures") == [("abc", "red", 0, None)]
        columns = "PRAGMA table_info(pictures)"
        assert old.database.all(columns) == new.database.all(columns)
        assert old.database.all("PRAGMA integrity_check") == [("ok",)]


def test_a_catalogue_of_the_third_version_tells_of_changes(tmp_path: Path) -> None:
    from composer.library import schema

    link = sqlite3.connect(tmp_path / "catalogue.db")
    link.executescript(f"{schema._TABLES} PRAGMA user_version = 3; PRAGMA application_id = {schema.APPLICATION};")
    link.execute(
        "INSERT INTO pictures (id, width, height, caption, words, licence, credit, phash, look, preview, length, place)"
        " VALUES ('abc', 90, 60, 'A mill', 'A mill', '', '', 1, x'00', 'ab', 2, 'Bergen')"
    )
    link.execute("INSERT INTO directories (number, path) VALUES (4, '/old')")
    link.execute("INSERT INTO files VALUES (4, 'mill.jpg', 10, 5, 0, 1, NULL)")
    link.execute("INSERT INTO marks (id, rating, tags) VALUES ('abc', 3, 'cover')")
    link.commit()
    link.close()
    shape = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'words%' ORDER BY type, name"
    with Catalogue(tmp_path / "new.db", tmp_path) as new, Catalogue(tmp_path / "catalogue.db", tmp_path) as old:
        assert old.database.all(shape) == new.database.all(shape)
        assert old.rows(["/old"]).tolist() == [1]
        old.record([entry(8)])
        old.marks.put(["abc"], hidden=True)
        assert old.rows([]).tolist() == [2]
        assert old.database.all("PRAGMA integrity_check") == [("ok",)]
