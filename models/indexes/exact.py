"""Exact nearest neighbours: every vector is looked at, as half floats. The choice for libraries up to about 100,000."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.ports import Ids, Vectors
from models.indexes.native import faiss
from models.indexes.records import Records, cosines, half_form, halves
from models.indexes.rows import Mask, Rows

CHUNK = 16_384
"""Records taken from the side store at a time: 32 MB as floats of 512 numbers."""
Found = tuple[Ids, Vectors]
"""Rows and their cosines, best first."""


class Exact:
    """All vectors in memory in faiss's scalar quantiser of half floats."""

    def __init__(self, dimensions: int) -> None:
        self.form = half_form(dimensions)
        self._index: Any = faiss().IndexScalarQuantizer(
            dimensions, faiss().ScalarQuantizer.QT_fp16, faiss().METRIC_INNER_PRODUCT
        )

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def encode(self, vectors: Vectors) -> Records:
        return halves(vectors)

    def decode(self, records: Records) -> Vectors:
        """The vectors as they were given, float32."""
        return records["numbers"].astype(np.float32)

    def add(self, records: Records) -> None:
        """Take in the records of the next rows."""
        codes = np.ascontiguousarray(records).view(np.uint8).reshape(len(records), -1)
        self._index.add_sa_codes(codes)

    def search(self, queries: Vectors, k: int, rows: Rows, among: Ids | None) -> Iterator[Found]:
        """For each query at most k of the live rows, of `among` if it is given (live, ascending)."""
        wanted = len(rows) - rows.dead if among is None else len(among)
        most = min(k, wanted)
        if among is not None:
            selector = _selector(listed(among, len(rows)))
        else:
            selector = _selector(rows.live) if rows.dead else None
        parameters = faiss().SearchParameters(sel=selector) if selector is not None else None
        found, numbers = self._index.search(queries, most, params=parameters)
        yield from zip(numbers, found, strict=True)


def listed(rows: Ids, count: int) -> Mask:
    """Which of the first `count` rows are listed."""
    mask = np.zeros(count, np.bool_)
    mask[rows] = True
    return mask


def _selector(mask: Mask) -> Any:  # noqa: ANN401 - its stubs know only the C++ signatures
    return faiss().IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def exactly(records: NDArray[Any], rows: Ids, query: Vectors, k: int) -> Found:
    """The k best of these rows by their records, every one looked at. `query` is in the records' space."""
    best, scores = np.empty(0, np.int64), np.empty(0, np.float32)
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        best = np.concatenate([best, some])
        scores = np.concatenate([scores, cosines(records[some], query)])
        order = np.argsort(-scores, kind="stable")[:k]
        best, scores = best[order], scores[order]
    return best, scores
