"""Nearest pictures by vector: an index outside the catalogue that follows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from threading import RLock

import numpy as np

from composer.library.catalogue import Catalogue
from composer.library.embeddings import Mark
from composer.ports import Cancel, Ids, TextEncoder, VectorIndex, Vectors

CHUNK = 20_000
"""Vectors handed to the index at a time: 40 MB at 512 numbers each."""
SAVED = 50 * CHUNK
"""Vectors after which the index saves itself while it is filled."""
SPARE, LEAST = 2, 16
"""How many times the wished number the index is asked for, and how many at least: some may lie outside the folders, and
a compressed index knows the best but not quite their order."""


class VectorSearch:
    """Search over one model's vectors.

    The encoder is only asked for its name, and not before the first use: asking may load it.
    """

    def __init__(self, catalogue: Catalogue, index: VectorIndex, encoder: TextEncoder, suffix: str = "") -> None:
        """`suffix` is CAPTIONS to search what is said of the pictures instead of what is seen in them."""
        self._catalogue = catalogue
        self._index = index
        self._encoder = encoder
        self._suffix = suffix
        self._turn = RLock()
        self._version = -1
        self._covered: tuple[Mark | None, float] | None = None
        self._at: Mark | None = None
        self._unsaved = 0
        self._rows: tuple[tuple[int, tuple[str, ...]], Ids] | None = None
        self._whole: tuple[tuple[int, tuple[str, ...]], bool] | None = None

    @property
    def _model(self) -> str:
        return self._encoder.id + self._suffix

    def follow(self, cancel: Cancel) -> Iterator[tuple[int, int]]:
        """Bring the index up to date with the catalogue; yields vectors done and in all. Nothing while it is.

        An index of another catalogue, or one ahead of it, is emptied and filled anew. Raises Cancelled; what was done
        by then is kept. Threads that follow at the same time take turns: none does what another has done.
        """
        done, total = 0, -1
        while True:
            cancel.check()
            with self._turn:
                version = self._catalogue.version()
                if version == self._version:
                    return
                try:
                    if total < 0:
                        total = self._left()
                    taken = self._step(version)
                except BaseException:
                    self._at = None  # how far the index came is asked of the index itself
                    raise
            if taken:
                done += taken
                yield min(done, total), total

    def _left(self) -> int:
        """How many vectors are to be taken in."""
        latest = self._catalogue.embeddings.latest(self._model)
        self._at = self._at or self._saved(latest)
        return self._catalogue.embeddings.count(self._model, self._at.added)

    def _step(self, version: int) -> int:
        """Take out what is gone and take in the next vectors; returns how many. The last step finds none and saves."""
        embeddings = self._catalogue.embeddings
        latest = embeddings.latest(self._model)
        at = self._at or self._saved(latest)
        gone = embeddings.removed(self._model, at.gone) if at.gone != latest.gone else np.empty(0, np.int64)
        for start in range(0, len(gone), CHUNK):
            self._index.remove(gone[start : start + CHUNK])
            self._add(*embeddings.of(self._model, gone[start : start + CHUNK]))  # those that have a new one
        last, ids, vectors = embeddings.added(self._model, at.added, CHUNK)
        self._add(ids, vectors)
        self._at, self._unsaved = Mark(last, latest.gone), self._unsaved + len(ids) + len(gone)
        if self._unsaved >= SAVED or (self._unsaved and not len(ids)):
            self._index.save(self._stamp(self._at))
            self._unsaved = 0
        if not len(ids):
            self._version = version
        return len(ids)

    def _add(self, ids: Ids, vectors: Vectors) -> None:
        if len(ids):
            self._index.add(ids, vectors)

    def refresh(self) -> None:
        """`follow` to the end, also where the index was lost with its process."""
        with self._turn:
            if self._at is not None and not self._unsaved and self._index.stamp() != self._stamp(self._at):
                self._at, self._version = None, -1
        for _ in self.follow(Cancel()):
            pass

    def nearest(
        self, queries: Vectors, count: int, folders: Sequence[str] = (), among: Ids | None = None
    ) -> list[list[tuple[int, float]]]:
        """For each query the `count` nearest with their cosines, best first.

        Only pictures with a usable file below the folders (anywhere if none), not hidden; of those only `among` if it
        is given.
        """
        self.refresh()
        if self._at is None or not self._at.added or (among is not None and not len(among)):
            return [[] for _ in queries]
        if among is None and not self._everything(folders):
            among = self._below(folders)
        ids, _ = self._index.search(queries, max(LEAST, count * SPARE), among)
        found = np.unique(ids[ids >= 0])
        if not len(found):
            return [[] for _ in queries]
        usable = self._catalogue.among(found.tolist(), folders)
        known, vectors = self._catalogue.embeddings.of(self._model, found)
        return [
            _ordered(known, vectors @ query, set(some.tolist()) & usable, count)
            for query, some in zip(queries, ids, strict=True)
        ]

    def coverage(self) -> float:
        """Share of the library's pictures that have a vector of this kind, 0 to 1; known from the last `follow`."""
        if self._covered is None or self._covered[0] != self._at:  # not the version, which every star given changes
            texts, _ = self._catalogue.corpus()
            share = self._catalogue.embeddings.count(self._model) / texts if texts else 0.0
            self._covered = (self._at, min(1.0, share))
        return self._covered[1]

    def cosines(self, query: Vectors, rows: Sequence[int]) -> Mapping[int, float]:
        """Similarity of one query, shape (dimensions,), with given rows."""
        if not rows:
            return {}
        ids, vectors = self._catalogue.embeddings.of(self._model, np.asarray(sorted(rows), np.int64))
        return dict(zip(ids.tolist(), (vectors @ query).tolist(), strict=True)) if len(ids) else {}

    def _saved(self, latest: Mark) -> Mark:
        """How far the index had come when it was last saved; an index that does not fit is emptied."""
        identity, _, rest = self._index.stamp().partition(":")
        added, _, gone = rest.partition(":")
        if identity == str(self._catalogue.database.identity()) and added.isdecimal() and gone.isdecimal():
            found = Mark(int(added), int(gone))
            if found.added <= latest.added and found.gone <= latest.gone:
                return found
        self._index.clear()
        return Mark()

    def _stamp(self, mark: Mark) -> str:
        return f"{self._catalogue.database.identity()}:{mark.added}:{mark.gone}"

    def _everything(self, folders: Sequence[str]) -> bool:
        """Whether the folders hold all there is, so that the search need not be restricted."""
        key = (self._version, tuple(folders))
        if self._whole is None or self._whole[0] != key:
            self._whole = (key, not folders or self._catalogue.covers(folders))
        return self._whole[1]

    def _below(self, folders: Sequence[str]) -> Ids:
        key = (self._version, tuple(folders))
        if self._rows is None or self._rows[0] != key:
            self._rows = (key, self._catalogue.rows(folders))
        return self._rows[1]


def _ordered(rows: Ids, cosines: Vectors, wanted: set[int], count: int) -> list[tuple[int, float]]:
    """The best of the wanted rows by their exact cosines, best first."""
    order = np.argsort(-cosines, kind="stable")
    best = ((int(rows[at]), float(cosines[at])) for at in order.tolist() if int(rows[at]) in wanted)
    return list(islice(best, count))
