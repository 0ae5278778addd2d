"""Cells that a library falls into: unit centroids of its vectors, by k-means with cosines.

With thousands of cells, looking at every centroid for every vector would take most of a rebuild's time; a graph over
the centroids (HNSW, Malkov & Yashunin 2016) finds the nearest one for 98 vectors of 100 in a fraction of it. Finding
cells in two steps, parts first, was quicker still, but searches then lost 0.03 of recall.
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
MANY = 1024
"""Cells from which the graph is quicker than looking at every one."""
MOST = 16_384
SEED = 1234
NEIGHBOURS = 32
"""Of a centroid in the graph."""
CARE = 64
"""Centroids that the graph looks at to put a vector into its cell."""


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
    way = graph(dimensions) if cells >= MANY else faiss().IndexFlatIP(dimensions)
    means.train(np.ascontiguousarray(sample), way)
    return faiss().vector_to_array(means.centroids).reshape(cells, dimensions)


def graph(dimensions: int) -> Any:  # noqa: ANN401 - faiss's stubs know only the C++ signatures
    """An empty graph for centroids."""
    made: Any = faiss().IndexHNSWFlat(dimensions, NEIGHBOURS, faiss().METRIC_INNER_PRODUCT)
    made.hnsw.efConstruction = made.hnsw.efSearch = CARE
    return made
