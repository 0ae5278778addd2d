"""Nearest neighbours in millions: a compressed index finds a short list, the side store puts it in order.

Vectors are turned by a random rotation and fall into cells (inverted lists); what they differ by from their cell's
centroid is kept as four bits for every four numbers and scanned in registers (product quantisation, Jegou et al. 2011;
fast scan, Andre et al. 2015). The short list is then scored with one byte a number. Measured against RaBitQ of the same
size, which found as much in about ten times the time, and against product quantisation of whole vectors, which found
less of what texts are nearest to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from composer.ports import Ids, Vectors
from models.indexes.cells import PER_CELL, cells_for, centroids
from models.indexes.exact import Found, exactly, listed
from models.indexes.native import faiss, one_thread
from models.indexes.records import Records, as_bytes, byte_form, numbers
from models.indexes.rows import Damaged, Mask, Rows

NUMBERS = 4
"""Numbers of a vector that one code of four bits stands for."""
SHORT = 512
"""Length of the short list. Of 10 M, the 8 nearest were found in 0.959 of the cases; with 640 in 0.963, for 0.2 ms."""
CODES = 120_000
"""Codes that a search looks at, about: 1.3 ms on one core at 10 M. With 140,000 there 0.002 more were found, with
98,000 0.004 less. Sharing them between two threads gained nothing."""
FEWEST, MOST = 64, 96
"""Cells that are looked into: so few at least, however long they are, and so many at most."""
FEW = 8_192
"""So many allowed rows are looked at one by one, which is exact."""
ROTATION_SEED = 20_111
CODEBOOK = 65_536
"""Vectors that the codes are learned from."""


class Compressed:
    """A trained index of faiss. Rows are its ids: records are added in their order, the dead ones too."""

    def __init__(self, index: Any) -> None:  # noqa: ANN401 - its stubs know only the C++ signatures
        self._index = index
        self.rotation: Any = faiss().downcast_VectorTransform(index.chain.at(0))
        self._lists: Any = faiss().downcast_index(index.index)
        self._centroids = _centroids(faiss().downcast_index(self._lists.quantizer))
        self.form = byte_form(int(self.rotation.d_out))

    @classmethod
    def trained(cls, sample: Vectors, count: int, rotation: Any) -> Compressed:  # noqa: ANN401 - as above
        """Learn from rotated vectors of the library, which will hold so many."""
        width = int(rotation.d_out)
        cells = min(cells_for(count), max(1, len(sample) // 2))
        way: Any = faiss().IndexFlatIP(width)
        way.add(centroids(sample, cells))
        lists: Any = faiss().IndexIVFPQFastScan(way, width, cells, width // NUMBERS, 4, faiss().METRIC_INNER_PRODUCT)
        lists.by_residual = True
        lists.train(np.ascontiguousarray(sample[:: -(-len(sample) // CODEBOOK)]))
        return cls(faiss().IndexPreTransform(rotation, lists))

    @classmethod
    def load(cls, path: Path, dimensions: int) -> Compressed:
        """Read what `save` wrote. Raises Damaged."""
        try:
            found = cls(faiss().read_index(str(path)))
        except (RuntimeError, AttributeError) as error:
            raise Damaged from error
        if int(found.rotation.d_in) != dimensions:
            raise Damaged
        return found

    @staticmethod
    def sample_size(count: int) -> int:
        return min(count, max(cells_for(count) * PER_CELL, CODEBOOK))

    def __len__(self) -> int:
        return int(self._lists.ntotal)

    def save(self, path: Path) -> None:
        """Raises RuntimeError of faiss when the disk is full."""
        faiss().write_index(self._index, str(path))

    def encode(self, vectors: Vectors) -> Records:
        return as_bytes(self.rotation.apply(np.ascontiguousarray(vectors)))

    def decode(self, records: Records) -> Vectors:
        """The vectors nearly as they were given, not rotated any more."""
        return self.rotation.reverse_transform(np.ascontiguousarray(numbers(records)))

    def add(self, records: Records) -> None:
        """Take in the records of the next rows."""
        self._lists.add(np.ascontiguousarray(numbers(records)))

    def search(self, queries: Vectors, k: int, rows: Rows, among: Ids | None) -> Iterator[Found]:
        """For each query at most k of the live rows, of `among` if it is given (live, ascending)."""
        allowed = None if among is None or len(among) <= FEW else listed(among, len(rows))
        with one_thread():
            turned = self.rotation.apply(queries)
        for query in turned:
            if among is not None and allowed is None:
                yield exactly(rows.records, among, query, k)
            else:
                yield self._nearest(query, k, rows, allowed)

    def _nearest(self, query: Vectors, k: int, rows: Rows, allowed: Mask | None) -> Found:
        short = max(SHORT, 2 * k)
        if allowed is None:
            found = self._listed(query, short)
            found = found[rows.live[found]]
            if len(found) >= short // 2:
                return exactly(rows.records, found, query, k)
            allowed = rows.live
        return exactly(rows.records, self._among(query, short, allowed), query, k)

    def _among(self, query: Vectors, short: int, allowed: Mask) -> Ids:
        """A short list of allowed rows: more cells are looked into until it is well filled, or all are taken."""
        wanted = int(np.count_nonzero(allowed))
        probes, cells = int(self.probes / np.sqrt(max(wanted / len(allowed), 1e-6))), len(self._centroids)
        selector = faiss().IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        while wanted > short and probes < cells // 2:
            found = self._selected(query, short, probes, selector)
            if len(found) >= short // 2:
                return found
            probes *= 4
        return np.flatnonzero(allowed)

    def _listed(self, query: Vectors, short: int) -> Ids:
        """The short list. Cells are compared as one product, which is exact and sooner done than a graph's way."""
        near = self._centroids @ query
        probes = self.probes
        cells = np.argpartition(-near, probes - 1)[:probes]
        cells = cells[np.argsort(-near[cells])]
        self._lists.nprobe = probes
        with one_thread():
            found = self._lists.search_preassigned(query[None], short, cells[None], near[cells][None])[1][0]
        return found[found >= 0]

    @property
    def probes(self) -> int:
        """How many cells a search looks into."""
        wished = CODES * len(self._centroids) // max(1, len(self))
        return min(len(self._centroids), max(FEWEST, min(wished, MOST)))

    def _selected(self, query: Vectors, short: int, probes: int, selector: Any) -> Ids:  # noqa: ANN401 - as above
        parameters = faiss().SearchParametersIVF(nprobe=min(probes, len(self._centroids)), sel=selector)
        found = self._lists.search(query[None], short, params=parameters)[1][0]
        return found[found >= 0]


def _centroids(way: Any) -> Vectors:  # noqa: ANN401 - as above
    """A copy, shape (cells, width)."""
    return faiss().rev_swig_ptr(way.get_xb(), way.ntotal * way.d).reshape(way.ntotal, way.d).copy()


def rotation_of(dimensions: int) -> Any:  # noqa: ANN401 - as above
    """Turns vectors into a space whose size the codes divide; lengths and angles stay."""
    rotation: Any = faiss().RandomRotationMatrix(dimensions, -(-dimensions // (2 * NUMBERS)) * 2 * NUMBERS)
    rotation.init(ROTATION_SEED)
    return rotation
