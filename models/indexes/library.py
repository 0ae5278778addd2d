"""The index of a library of any size, kept in a folder: exact while it is small, compressed when it has grown.

    folder/index.json       what was saved last: the stamp, and how far each file went (replaced as a whole)
    folder/lock             held by the process that writes here
    folder/gN/              a generation: vectors, ids, dead (all only grow), and lists-M when it is compressed
    folder/problem          why the last rebuild failed, while that stands
    folder/beside-N/        the index of a process that came while another held the folder

Adding and removing append to files and hold when `save` has replaced index.json: a process that is killed leaves what
was saved last, or an index that comes up empty. When the library has outgrown what the index was trained on, or much
of it is dead, a process of low priority makes a new generation of it. Searches go on in the old one, and a later call
takes the new one over.

Two processes never share files that one of them writes: the one that comes second works in a folder of its own, which
begins as a copy of what the first had saved, and finds it again the next time.
"""

from __future__ import annotations

import contextlib
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from filelock import FileLock, Timeout
from msgspec import Struct

from composer.errors import ComposerError, LibraryError
from composer.files import write_safely
from composer.ports import Ids, Vectors
from models.indexes import problems
from models.indexes.arguments import checked_ids, checked_pairs, checked_vectors
from models.indexes.generation import Generation, Saved, copy
from models.indexes.native import faiss
from models.indexes.rebuilding import Order, Outcome, Rebuilding
from models.indexes.rows import Damaged, Written

FORMAT = 1
LIMIT = 100_000
"""Vectors up to which the index is exact, and nothing needs to be learned."""
GROWTH = 4
"""So many times what it was trained on, and the index is trained anew: its cells are then half as many as is best."""
DEAD = 0.3
"""Share of dead rows at which they are left out of a new generation."""
LEAST_DEAD = 0.2
"""... and at least this share of LIMIT: a small library is not worth it."""
AHEAD = 0.05
"""Share of the index that may be added while it is rebuilt; who adds more waits, as the new one must take it in."""
BESIDE = 8
"""Processes at one index."""


class State(Struct, frozen=True, kw_only=True):
    """What index.json says."""

    format: int
    stamp: str
    saved: Saved


class LibraryIndex:
    """A VectorIndex for ten million vectors and more. `threads` bounds faiss's own pool; 0 leaves it alone.

    Above the limit cosines are within about 0.002 of the exact ones, and of the nearest some may lack.
    """

    def __init__(self, folder: Path, dimensions: int, threads: int = 0, limit: int = LIMIT) -> None:
        """Open what was saved there. Raises LibraryError when the folder cannot be used; damage leaves it empty."""
        if dimensions < 1:
            raise ValueError(f"An index needs at least one dimension, not {dimensions}.")
        if threads > 0:
            faiss().omp_set_num_threads(threads)
        self._dimensions, self._threads, self._limit = dimensions, threads, limit
        self._rebuilding: Rebuilding | None = None
        self._problem = ""
        self._patience = 0
        self._stamp, self._changed = "", False
        self._folder, self._lock = _claimed(folder)
        self._generation = self._opened()
        self._rebuild_if_needed()  # the last one may have been cut short
        if self._rebuilding is None:
            self._remember("")  # what went wrong once is of no matter any more

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def folder(self) -> Path:
        """Where it is kept: the folder that was given, or one in it when another process has that."""
        return self._folder

    def stamp(self) -> str:
        return self._stamp

    def save(self, stamp: str) -> None:
        """Raises LibraryError when the disk is full; what was saved before still holds, and the index works on."""
        self._take_over()
        self._commit(stamp)
        self._rebuild_if_needed()

    def clear(self) -> None:
        """Take everything out, on the disk as well."""
        self._stop()
        self._generation.close()
        self._generation = self._begun()
        self._remember("")

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add unit vectors of shape (n, dimensions). Ids already present are replaced; the last of equal ids counts.

        Raises ModelFailed when ids and vectors do not fit each other or the index, LibraryError when the disk is full;
        nothing has changed then.
        """
        ids, vectors = checked_pairs(ids, vectors, self._dimensions)
        self._wait_if_far_ahead()
        self._take_over()
        self._changed = True
        self._generation.add(ids, vectors)
        self._rebuild_if_needed()

    def remove(self, ids: Ids) -> None:
        """Take ids out; those that are not present are passed over. Raises as `add` does."""
        ids = checked_ids(ids)
        self._take_over()
        self._changed = True
        self._generation.rows.kill(ids)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """The k nearest of each query, best first: ids and cosines, both of shape (len(queries), k).

        Rows with fewer than k neighbours are filled with id -1 and -inf. `among` restricts the search to those ids; as
        many of them as there are come, however few. Raises ModelFailed when the queries' shape or values cannot be
        used.
        """
        if k < 1:
            raise ValueError(f"A search must ask for at least one neighbour, not {k}.")
        queries = checked_vectors(queries, self._dimensions)
        self._take_over()
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
        found = self._generation.search(queries, k, None if among is None else checked_ids(among))
        for row, (some, scores) in enumerate(found):
            ids[row, : len(some)], cosines[row, : len(some)] = some, scores
        return ids, cosines

    def rebuilding(self) -> bool:
        """Whether a new generation is being made."""
        return self._rebuilding is not None

    def compressed(self) -> bool:
        """False while every search looks at every vector."""
        return self._generation.compressed

    def problem(self) -> str:
        """Why the last rebuild failed, in a few words; empty when it did not. Also kept in a file of the folder."""
        return self._problem

    def __len__(self) -> int:
        return len(self._generation)

    def close(self) -> None:
        """Let go of the folder. What was not saved is gone."""
        self._stop()
        self._generation.close()
        self._lock.release()

    # --- on the disk -------------------------------------------------------------------------------------------------

    def _opened(self) -> Generation:
        state = _state(self._folder)
        if state is None or state.saved.dimensions != self._dimensions:
            return self._begun()
        try:
            with _worded():
                generation = Generation(self._folder, state.saved)
        except Damaged:
            return self._begun()
        self._stamp, self._changed = state.stamp, False
        self._tidy(state.saved.name)
        return generation

    def _begun(self) -> Generation:
        """An empty one. What was saved goes first, so that no crash finds half of it."""
        with _worded():
            (self._folder / "index.json").unlink(missing_ok=True)
            self._tidy("")
        self._stamp, self._changed = "", True
        width = self._dimensions
        saved = Saved(name=self._free(), kind="exact", dimensions=width, width=width, rows=Written())
        return Generation(self._folder, saved)

    def _commit(self, stamp: str) -> None:
        state = State(format=FORMAT, stamp=stamp, saved=self._generation.save())
        body = msgspec.json.encode(state)
        try:
            write_safely(self._folder / "index.json", b"%08x\n%b" % (zlib.crc32(body), body))
        except LibraryError:
            raise
        except ComposerError as error:
            raise LibraryError(f"The index of pictures could not be saved. {error.message}", error.hint) from error
        self._stamp, self._changed = stamp, False
        self._generation.tidy()
        self._tidy(state.saved.name)

    def _tidy(self, kept: str) -> None:
        """Delete all generations but the one that was saved, the one in use and the one in the making."""
        making = {self._rebuilding.order.name} if self._rebuilding is not None else set[str]()
        for path in self._folder.glob("g*"):
            if path.name not in {kept, *making}:
                shutil.rmtree(path, ignore_errors=True)

    def _free(self) -> str:
        taken = [int(path.name[1:]) for path in self._folder.glob("g*") if path.name[1:].isdecimal()]
        return f"g{max(taken, default=0) + 1}"

    # --- rebuilding --------------------------------------------------------------------------------------------------

    def _rebuild_if_needed(self) -> None:
        generation, alive = self._generation, len(self._generation)
        if self._rebuilding is not None or alive < self._patience:
            return
        grown = alive > (generation.trained * GROWTH if generation.compressed else self._limit)
        rotten = generation.rows.dead > max(DEAD * len(generation.rows), LEAST_DEAD * self._limit)
        if not grown and not rotten:
            return
        old = generation.save()
        compress = alive > (self._limit // 2 if generation.compressed else self._limit)
        name = self._free()
        order = Order(folder=str(self._folder), old=old, name=name, compress=compress, threads=self._threads)
        with _worded():
            self._rebuilding = Rebuilding(order, generation.rows.live)

    def _wait_if_far_ahead(self) -> None:
        if self._rebuilding is not None:
            start = len(self._rebuilding.live)
            if len(self._generation.rows) - start > max(AHEAD * start, self._limit):
                self._rebuilding.wait()

    def _take_over(self) -> None:
        """Go over to the new generation if it is ready, with what was added and removed since its start."""
        if self._rebuilding is None or self._rebuilding.running:
            return
        rebuilding, self._rebuilding = self._rebuilding, None
        try:
            outcome = rebuilding.wait()
            made, problem = self._caught_up(rebuilding, outcome), outcome.problem
        except (Damaged, OSError, LibraryError) as error:
            made, problem = None, str(error) or type(error).__name__
        if made is None:
            self._patience = int(len(self._generation) * 1.25)
            shutil.rmtree(self._folder / rebuilding.order.name, ignore_errors=True)
            self._remember(problem)
            return
        self._remember("")
        self._generation.close()
        self._generation, self._patience = made, 0
        if not self._changed:
            with contextlib.suppress(LibraryError):  # the old one then stays on the disk until the next save
                self._commit(self._stamp)

    def _remember(self, problem: str) -> None:
        self._problem = problem
        problems.keep(self._folder, problem)

    def _caught_up(self, rebuilding: Rebuilding, outcome: Outcome) -> Generation | None:
        if outcome.made is None:
            return None
        old, made = self._generation, Generation(self._folder, outcome.made)
        kept = np.flatnonzero(rebuilding.live)
        start = len(rebuilding.live)
        try:
            made.rows.kill(old.rows.ids[kept[~old.rows.live[kept]]])
            made.take(old, start + np.flatnonzero(old.rows.live[start:]))
        except BaseException:
            made.close()
            raise
        return made

    def _stop(self) -> None:
        if self._rebuilding is not None:
            self._rebuilding.stop()
            self._rebuilding = None


def _state(folder: Path) -> State | None:
    """What index.json says; None when there is none, it is damaged, or of another form."""
    with contextlib.suppress(OSError, ValueError, msgspec.DecodeError):
        told, _, body = (folder / "index.json").read_bytes().partition(b"\n")
        if int(told, 16) == zlib.crc32(body):
            state = msgspec.json.decode(body, type=State)
            return state if state.format == FORMAT else None
    return None


def _claimed(folder: Path) -> tuple[Path, FileLock]:
    """The folder and its lock, or those of a folder in it when another process has it. Raises LibraryError."""
    for number in range(BESIDE):
        place = folder if number == 0 else folder / f"beside-{number}"
        with _worded():
            place.mkdir(parents=True, exist_ok=True)
            lock = FileLock(place / "lock", timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                continue
        if number:
            _begin_as_copy(folder, place)
        return place, lock
    raise LibraryError("Too many programs use the index of pictures at once.", "Close one of them.")


def _begin_as_copy(folder: Path, place: Path) -> None:
    """Spare the second process the work that the first has done. What goes wrong only costs that work."""
    state = _state(folder)
    if state is None or _state(place) is not None:
        return
    try:
        copy(folder, place, state.saved)
        shutil.copyfile(folder / "index.json", place / "index.json")
    except (OSError, Damaged):
        shutil.rmtree(place / state.saved.name, ignore_errors=True)


@contextlib.contextmanager
def _worded() -> Iterator[None]:
    """What the system says of the folder, as a sentence."""
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        raise LibraryError(
            f"The index of pictures cannot be used: {(error.strerror or str(error)).lower()}.",
            "Make room, or let this program write to its folder, then try again.",
        ) from error
