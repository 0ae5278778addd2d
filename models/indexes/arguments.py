"""What callers hand to an index, looked at before anything is changed."""

from __future__ import annotations

import numpy as np

from composer.errors import ModelFailed
from composer.ports import Ids, Vectors

UNIT = 1e-2
"""How far from 1 a vector's length may lie; bf16 models round that much."""


def checked_vectors(vectors: Vectors, dimensions: int) -> Vectors:
    """The vectors, shape (n, dimensions), contiguous and float32. Raises ModelFailed when they cannot be that."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dimensions:
        raise ModelFailed(
            f"The index holds vectors of {dimensions} numbers, but got the shape {vectors.shape}.",
            "Index the pictures again with the encoder in use.",
        )
    if not np.isfinite(vectors).all():
        raise ModelFailed("The encoder gave numbers that are not finite.", "Choose full precision for it.")
    return vectors


def checked_ids(ids: Ids) -> Ids:
    """The ids, shape (n,), contiguous and int64. Raises ModelFailed for anything but a row of whole numbers from 0."""
    array = np.asarray(ids)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise ModelFailed(f"Ids must be a row of whole numbers, not {array.dtype} of shape {array.shape}.")
    array = np.ascontiguousarray(array, dtype=np.int64)
    if array.size and array.min() < 0:
        raise ModelFailed("Ids must not be negative.")
    return array


def checked_pairs(ids: Ids, vectors: Vectors, dimensions: int) -> tuple[Ids, Vectors]:
    """Ids and unit vectors that belong together; of equal ids only the last stays. Raises ModelFailed."""
    ids, vectors = checked_ids(ids), checked_vectors(vectors, dimensions)
    if len(ids) != len(vectors):
        raise ModelFailed(f"{len(ids)} ids came with {len(vectors)} vectors.", "Index the pictures again.")
    if np.any(np.abs(np.linalg.norm(vectors, axis=1) - 1) > UNIT):
        raise ModelFailed("The encoder gave vectors that are not of length 1.", "Index the pictures again.")
    last = np.sort(len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1])
    return (ids, vectors) if len(last) == len(ids) else (ids[last], vectors[last])
