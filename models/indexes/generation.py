"""One generation of an index: a side store and what finds neighbours in it, in a folder of its own.

A rebuilt index is a new generation in a new folder; the old one stays as it is until the new one has taken over.
"""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer.errors import LibraryError
from composer.ports import Ids, Vectors
from models.indexes.compressed import Compressed
from models.indexes.exact import Exact, Found
from models.indexes.native import faiss
from models.indexes.records import byte_form, half_form
from models.indexes.rows import Damaged, Rows, Written, written
from models.indexes.warming import Warming

TAIL = 0.02
"""Share of the rows that may lack in the saved lists; opening puts them there anew, 10,000 to 40,000 a second on two
cores."""
SHORTEST_TAIL = 20_000
CHUNK = 16_384
READ = 1 << 22


class Lists(Struct, frozen=True, kw_only=True):
    """A file of faiss's: its name, the rows that it holds, its size and its CRC-32 sum."""

    name: str
    count: int
    size: int
    sum: int


class Saved(Struct, frozen=True, kw_only=True):
    """What is in a generation's folder."""

    name: str
    kind: Literal["exact", "compressed"]
    dimensions: int
    width: int
    """Numbers of a record: `dimensions`, or a little more where records are rotated."""
    rows: Written
    lists: Lists | None = None
    trained: int = 0
    """Vectors that there were when it was trained."""

    @property
    def form(self) -> np.dtype[Any]:
        return half_form(self.width) if self.kind == "exact" else byte_form(self.width)


class Generation:
    """Rows and their finder. Changes are on the disk at once, but hold only as far as the last `save` says."""

    def __init__(self, folder: Path, saved: Saved) -> None:
        """Open what was saved, or begin. Raises Damaged, LibraryError."""
        self.folder = folder / saved.name
        self._saved = saved
        self._finder = self._opened()
        try:
            self.rows = Rows(self.folder, saved.form, saved.rows)
        except ValueError as error:  # numbers that no file of ours holds
            raise Damaged from error
        self._follow()
        self._warming = Warming(self.folder / "vectors") if self.compressed else None

    @property
    def trained(self) -> int:
        return self._saved.trained

    @property
    def compressed(self) -> bool:
        return self._saved.kind == "compressed"

    def __len__(self) -> int:
        return len(self.rows) - self.rows.dead

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Raises LibraryError; nothing has changed then."""
        self.rows.append(ids, self._finder.encode(vectors))
        self._follow()

    def take(self, old: Generation, numbers: Ids) -> None:
        """Add rows of another generation. Raises as `add` does."""
        for start in range(0, len(numbers), CHUNK):
            some = numbers[start : start + CHUNK]
            records = old.rows.records[some]
            if old.rows.form != self.rows.form:
                records = self._finder.encode(old._finder.decode(records))
            self.rows.append(old.rows.ids[some], records)
            self._follow()

    def search(self, queries: Vectors, k: int, among: Ids | None) -> list[Found]:
        """For each query at most k rows' ids and cosines, best first. Raises LibraryError while nothing can be read."""
        places = None
        if among is not None:
            found = self.rows.places.find(among)
            places = np.unique(found[found >= 0])
        if not len(self) or (places is not None and not len(places)):
            return [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries]
        self._follow()
        found = self._finder.search(queries, k, self.rows, places)
        return [(self.rows.ids[numbers], cosines) for numbers, cosines in found]

    def save(self) -> Saved:
        """Make everything last; returns what is to be remembered of it. Raises LibraryError."""
        rows, lists = self.rows.flush(), self._saved.lists
        if isinstance(self._finder, Compressed):
            late = len(self.rows) - (lists.count if lists else 0)
            if lists is None or late > max(SHORTEST_TAIL, TAIL * len(self.rows)):
                lists = keep_lists(self._finder, self.folder)
        saved = self._saved
        self._saved = Saved(
            name=saved.name,
            kind=saved.kind,
            dimensions=saved.dimensions,
            width=saved.width,
            rows=rows,
            lists=lists,
            trained=saved.trained,
        )
        return self._saved

    def tidy(self) -> None:
        """Take away lists of before the last save."""
        for path in self.folder.glob("lists-*"):
            if self._saved.lists is None or path.name != self._saved.lists.name:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._warming is not None:
            self._warming.close()
        self.rows.close()

    def _opened(self) -> Exact | Compressed:
        saved = self._saved
        if not self.compressed:
            return Exact(saved.dimensions)
        if saved.lists is None:
            raise Damaged
        path = self.folder / saved.lists.name
        if not path.is_file() or path.stat().st_size != saved.lists.size or _sum(path) != saved.lists.sum:
            raise Damaged
        finder = Compressed.load(path, saved.dimensions)
        if finder.form != saved.form or len(finder) != saved.lists.count or len(finder) > saved.rows.count:
            raise Damaged
        return finder

    def _follow(self) -> None:
        """Show the finder the rows that it has not seen."""
        for start in range(len(self._finder), len(self.rows), CHUNK):
            self._finder.add(self.rows.records[start : start + CHUNK])


def keep_lists(finder: Compressed, folder: Path) -> Lists:
    """Write faiss's file, flushed to the disk. Raises LibraryError; nothing is left of it then."""
    path = folder / f"lists-{len(finder)}"
    try:
        finder.save(path)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        return Lists(name=path.name, count=len(finder), size=path.stat().st_size, sum=_sum(path))
    except (OSError, RuntimeError) as error:
        path.unlink(missing_ok=True)
        words = "the disk is full or cannot be written"
        raise LibraryError(
            f"The index of pictures could not be saved: {words}.", "Make room, then try again."
        ) from error


def copy(source: Path, target: Path, saved: Saved) -> None:
    """Copy a generation as it was saved, while its owner may go on. Raises OSError, Damaged."""
    (target / saved.name).mkdir(parents=True, exist_ok=True)
    written(source / saved.name, saved.form, saved.rows)
    sizes = {
        "vectors": saved.rows.count * saved.form.itemsize,
        "ids": 8 * saved.rows.count,
        "dead": 8 * saved.rows.dead,
    }
    if saved.lists is not None:
        sizes |= {saved.lists.name: saved.lists.size, "rotation": (source / saved.name / "rotation").stat().st_size}
    for name, size in sizes.items():
        with (source / saved.name / name).open("rb") as here, (target / saved.name / name).open("wb") as there:
            shutil.copyfileobj(here, there, READ)
            there.truncate(size)


def _sum(path: Path) -> int:
    found = 0
    with path.open("rb") as file:
        while piece := file.read(READ):
            found = zlib.crc32(piece, found)
    return found


def rotation_at(folder: Path) -> Any:  # noqa: ANN401 - faiss's stubs know only the C++ signatures
    """The rotation that a compressed generation's records are in. Raises Damaged."""
    try:
        rotation: Any = faiss().read_VectorTransform(str(folder / "rotation"))
    except RuntimeError as error:
        raise Damaged from error
    turned: NDArray[np.float32] = faiss().vector_to_array(rotation.A).reshape(rotation.d_out, rotation.d_in)
    if not np.allclose(turned.T @ turned, np.eye(rotation.d_in), atol=1e-3):
        raise Damaged
    return rotation
