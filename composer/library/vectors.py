"""Nearest pictures by vector: the catalogue's vectors in an index that follows the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from composer.library.catalogue import Catalogue
from composer.ports import Ids, TextEncoder, VectorIndex, Vectors


class VectorSearch:
    """Search over one model's vectors. The index is filled on first use and again whenever the catalogue changed.

    The encoder is only asked for its name, and not before the first use: asking may load it.
    """

    def __init__(self, catalogue: Catalogue, index: VectorIndex, encoder: TextEncoder, suffix: str = "") -> None:
        """`suffix` is CAPTIONS to search what is said of the pictures instead of what is seen in them."""
        self._catalogue = catalogue
        self._index = index
        self._encoder = encoder
        self._suffix = suffix
        self._version = -1
        self._held: Ids = np.zeros(0, np.int64)

    @property
    def _model(self) -> str:
        return self._encoder.id + self._suffix

    def refresh(self) -> None:
        """Bring the index up to date; does nothing while the catalogue is unchanged."""
        version = self._catalogue.version()
        if version == self._version:
            return
        ids, vectors = self._catalogue.vectors(self._model)
        gone = np.setdiff1d(self._held, ids)
        if len(gone):
            self._index.remove(gone)
        if len(ids):
            self._index.add(ids, vectors)
        self._held, self._version = ids, version

    def nearest(self, queries: Vectors, count: int, rows: Ids) -> list[list[tuple[int, float]]]:
        """For each query the `count` nearest of `rows` with their cosines, best first."""
        self.refresh()
        if not len(rows) or not len(self._held):
            return [[] for _ in queries]
        everything = bool(np.isin(self._held, rows).all())
        ids, scores = self._index.search(queries, count, None if everything else rows)
        return [
            [(int(row), float(score)) for row, score in zip(found, given, strict=True) if row >= 0]
            for found, given in zip(ids, scores, strict=True)
        ]

    def cosines(self, query: Vectors, rows: Sequence[int]) -> Mapping[int, float]:
        """Similarity of one query, shape (dimensions,), with given rows."""
        if not rows:
            return {}
        ids, vectors = self._catalogue.vectors(self._model, np.asarray(sorted(rows), np.int64))
        return dict(zip(ids.tolist(), (vectors @ query).tolist(), strict=True))
