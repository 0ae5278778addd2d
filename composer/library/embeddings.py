"""The vectors of pictures, side by side for any number of models, in the order they were made.

Indexes outside follow that order: what was added and removed since a number, nothing else, brings one up to date.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from msgspec import Struct

from composer.errors import LibraryError
from composer.library.database import LISTED, Database, below, listed
from composer.ports import Ids, Vectors

HALF = np.dtype("<f2")
CAPTIONS = "#captions"
"""Ends the model id of vectors made from a picture's words instead of from the picture."""


class Mark(Struct, frozen=True):
    """How far an index has followed: the last vector taken in, and the last removal."""

    added: int = 0
    gone: int = 0


class Embeddings:
    """Vectors by model and picture. Every method raises LibraryError as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(self, model: str, rows: Ids, vectors: Vectors) -> None:
        """Keep the vectors, shape (len(rows), dimensions). Rows that are not in the catalogue any more are passed over.

        Raises LibraryError when a vector holds something that is not a number: it would poison every search.
        """
        if len(rows) != len(vectors) or not np.isfinite(vectors).all():
            raise LibraryError(f"The encoder {model} gave vectors that cannot be used.", "Choose another encoder.")
        blobs = zip(rows.tolist(), map(bytes, np.ascontiguousarray(vectors, HALF)), strict=True)
        with self._database.writing() as link:
            link.execute("INSERT OR IGNORE INTO models (name) VALUES (?)", [model])
            number = int(link.execute("SELECT number FROM models WHERE name = ?", [model]).fetchone()[0])
            values = [(number, row, blob) for row, blob in blobs]
            link.executemany(
                "DELETE FROM vectors WHERE picture = ? AND model = ?", [(row, number) for _, row, _ in values]
            )
            link.executemany(
                "INSERT INTO vectors (model, picture, vector) SELECT ?1, row, ?3 FROM pictures WHERE row = ?2", values
            )

    def of(self, model: str, rows: Ids | None = None) -> tuple[Ids, Vectors]:
        """Rows that have a vector of the model, ascending, and the vectors, shape (len(rows), dimensions), float32.

        `rows` restricts the answer; without it everything comes at once. Without any vector the shape is (0, 0).
        """
        number = self._number(model)
        if rows is None:
            found = self._database.all("SELECT picture, vector FROM vectors WHERE model = ? ORDER BY picture", [number])
        else:
            sql = f"SELECT picture, vector FROM vectors WHERE picture IN {LISTED} AND model = ? ORDER BY picture"  # noqa: S608 - a constant
            found = self._database.all(sql, [listed(rows.tolist()), number])
        return _arrays(found)

    def missing(self, model: str, folders: Sequence[str]) -> Ids:
        """Rows of usable pictures of the folders that have no vector of the model, ascending."""
        where, values = below(folders)
        sql = (
            "SELECT DISTINCT picture FROM files JOIN directories ON number = directory"  # noqa: S608 - a constant
            f" WHERE picture IS NOT NULL AND reason IS NULL AND {where} AND NOT EXISTS"
            " (SELECT 1 FROM vectors WHERE vectors.picture = files.picture AND model = ?) ORDER BY picture"
        )
        return np.fromiter(chain.from_iterable(self._database.all(sql, [*values, self._number(model)])), np.int64)

    def counts(self) -> dict[str, int]:
        """How many vectors there are, by model."""
        sql = "SELECT name, count(*) FROM vectors JOIN models ON models.number = model GROUP BY name ORDER BY name"
        return dict(self._database.all(sql))

    def forget(self, model: str) -> None:
        """Take out every vector of a model."""
        with self._database.writing() as link:
            link.execute("DELETE FROM vectors WHERE model = (SELECT number FROM models WHERE name = ?)", [model])

    # --- for indexes ------------------------------------------------------------------------------------------------

    def latest(self, model: str) -> Mark:
        """Where an index that holds everything would stand."""
        number = self._number(model)
        added = self._database.number("SELECT max(number) FROM vectors WHERE model = ?", [number])
        return Mark(added, self._database.number("SELECT max(number) FROM vectors_gone WHERE model = ?", [number]))

    def count(self, model: str, after: int = 0) -> int:
        """How many vectors were made after that number."""
        sql = "SELECT count(*) FROM vectors WHERE model = ? AND number > ?"
        return self._database.number(sql, [self._number(model), after])

    def added(self, model: str, after: int, most: int) -> tuple[int, Ids, Vectors]:
        """The next `most` vectors made after that number: the number of the last of them, rows and vectors."""
        sql = "SELECT number, picture, vector FROM vectors WHERE model = ? AND number > ? ORDER BY number LIMIT ?"
        found = self._database.all(sql, [self._number(model), after, most])
        return (found[-1][0] if found else after, *_arrays([line[1:] for line in found]))

    def removed(self, model: str, after: int) -> Ids:
        """Rows whose vector was taken out after that number; some may have a new one since."""
        sql = "SELECT DISTINCT picture FROM vectors_gone WHERE model = ? AND number > ?"
        return np.fromiter(chain.from_iterable(self._database.all(sql, [self._number(model), after])), np.int64)

    def _number(self, model: str) -> int:
        return self._database.number("SELECT number FROM models WHERE name = ?", [model])


def _arrays(found: list[tuple[int, bytes]]) -> tuple[Ids, Vectors]:
    if not found:
        return np.empty(0, np.int64), np.empty((0, 0), np.float32)
    ids = np.fromiter((row for row, _ in found), np.int64, len(found))
    flat = np.frombuffer(b"".join(blob for _, blob in found), HALF)
    return ids, flat.reshape(len(found), -1).astype(np.float32)
