"""Cells that a library falls into: unit centroids of its vectors, by k-means with cosines.

Every vector of the sample is compared with every centroid, as a product of matrices. Cells found in two steps, parts
first, took half the time, but cost searches 0.03 of recall (400,000 vectors, 2,048 cells).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from composer.ports import Vectors
from models.indexes.native import faiss

PER_CELL = 40
"""Vectors of the sample for each cell; faiss warns below 39."""
ROUNDS = 6
"""Of k-means; more move the centroids by less than what the search's breadth makes up for."""
MOST = 8192
"""Cells: with twice as many, putting ten million vectors into theirs would take twice as long."""
SEED = 1234


def cells_for(count: int) -> int:
    """How many cells so many vectors fall into: the power of two next to four times the root of the count."""
    wished = 2 ** round(np.log2(4 * np.sqrt(max(count, 1))))
    return int(max(1, min(wished, MOST, count // PER_CELL)))


def centroids(sample: Vectors, cells: int) -> Vectors:
    """Unit centroids, shape (cells, dimensions), of unit vectors, at least one a cell."""
    dimensions = sample.shape[1]
    means: Any = faiss().Clustering(dimensions, cells)
    means.niter, means.spherical, means.seed, means.min_points_per_centroid = ROUNDS, True, SEED, 1
    means.max_points_per_centroid = 2 * PER_CELL
    means.train(np.ascontiguousarray(sample), faiss().IndexFlatIP(dimensions))
    return faiss().vector_to_array(means.centroids).reshape(cells, dimensions)
