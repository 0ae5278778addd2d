"""Exact nearest neighbours: every vector is looked at. The right choice up to about a million pictures.

faiss's flat inner-product index under an id map; with unit vectors the inner product is the cosine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.errors import ModelFailed
from composer.ports import Ids, Vectors

UNIT = 1e-2
"""How far from 1 a vector's length may lie; bf16 models round that much."""


class FlatIndex:
    """A VectorIndex that is exact. `threads` bounds faiss's own pool; 0 leaves it alone."""

    def __init__(self, dimensions: int, threads: int = 0) -> None:
        import faiss

        if dimensions < 1:
            raise ValueError(f"An index needs at least one dimension, not {dimensions}.")
        if threads > 0:
            faiss.omp_set_num_threads(threads)
        self._faiss: Any = faiss
        self._dimensions = dimensions
        self._stamp = ""
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimensions))  # its stubs know only the C++ signatures

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def stamp(self) -> str:
        return self._stamp

    def save(self, stamp: str) -> None:
        """It lives in memory: only the stamp is remembered."""
        self._stamp = stamp

    def clear(self) -> None:
        self._index.reset()
        self._stamp = ""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add unit vectors of shape (n, dimensions). Ids already present are replaced; the last of equal ids counts.

        Raises ModelFailed when ids and vectors do not fit each other or the index.
        """
        ids, vectors = _checked_ids(ids), self._checked(vectors)
        if len(ids) != len(vectors):
            raise ModelFailed(f"{len(ids)} ids came with {len(vectors)} vectors.", "Index the pictures again.")
        if np.any(np.abs(np.linalg.norm(vectors, axis=1) - 1) > UNIT):
            raise ModelFailed("The encoder gave vectors that are not of length 1.", "Index the pictures again.")
        last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        self.remove(ids[last])
        self._index.add_with_ids(vectors[last], ids[last])

    def remove(self, ids: Ids) -> None:
        """Take ids out; those that are not present are passed over."""
        if len(ids) and len(self):
            self._index.remove_ids(_checked_ids(ids))

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """The k nearest of each query, best first: ids and cosines, both of shape (len(queries), k).

        Rows with fewer than k neighbours are filled with id -1 and -inf. `among` restricts the search to those ids.
        Raises ModelFailed when the queries' shape or values cannot be used.
        """
        if k < 1:
            raise ValueError(f"A search must ask for at least one neighbour, not {k}.")
        queries = self._checked(queries)
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
        most = min(k, len(self))
        if most and len(queries) and (among is None or len(among)):
            found, ids[:, :most] = self._index.search(queries, most, params=self._within(among))
            cosines[:, :most] = found
        cosines[ids < 0] = -np.inf  # faiss fills with the lowest finite number
        return ids, cosines

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def close(self) -> None:
        self._index.reset()

    def _within(self, among: Ids | None) -> Any:  # noqa: ANN401 - as above
        if among is None:
            return None
        return self._faiss.SearchParameters(sel=self._faiss.IDSelectorBatch(_checked_ids(among)))

    def _checked(self, vectors: Vectors) -> Vectors:
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self._dimensions:
            raise ModelFailed(
                f"The index holds vectors of {self._dimensions} numbers, but got the shape {vectors.shape}.",
                "Index the pictures again with the encoder in use.",
            )
        if not np.isfinite(vectors).all():
            raise ModelFailed("The encoder gave numbers that are not finite.", "Choose full precision for it.")
        return vectors


def _checked_ids(ids: NDArray[np.int64]) -> Ids:
    array = np.asarray(ids)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise ModelFailed(f"Ids must be a row of whole numbers, not {array.dtype} of shape {array.shape}.")
    array = np.ascontiguousarray(array, dtype=np.int64)
    if array.size and array.min() < 0:
        raise ModelFailed("Ids must not be negative.")
    return array
