"""How a vector lies in the side store: as half floats, or as one byte a number with a scale for each vector.

Half floats are what the catalogue keeps, so nothing is lost. Bytes take half as much. They hold a vector that was
turned by a random rotation: its numbers are then alike in size, and one scale fits them all; without the rotation a few
large numbers, as CLIP's vectors have them, would set the scale for the rest. At 512 numbers a cosine is off by 0.0003
(standard deviation), and by 0.0015 at most, over the vectors of bench/search.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.ports import Vectors

Records = NDArray[Any]
LARGEST = 127


def half_form(dimensions: int) -> np.dtype[Any]:
    return np.dtype([("numbers", "<f2", (dimensions,))])


def byte_form(dimensions: int) -> np.dtype[Any]:
    return np.dtype([("scale", "<f4"), ("numbers", "i1", (dimensions,))])


def halves(vectors: Vectors) -> Records:
    """Records of half_form, shape (n,)."""
    records = np.empty(len(vectors), half_form(vectors.shape[1]))
    records["numbers"] = vectors
    return records


def as_bytes(rotated: Vectors) -> Records:
    """Records of byte_form, shape (n,)."""
    records = np.empty(len(rotated), byte_form(rotated.shape[1]))
    scale = np.maximum(np.abs(rotated).max(axis=1, initial=0.0), np.finfo(np.float32).tiny) / LARGEST
    records["scale"] = scale
    records["numbers"] = np.rint(rotated / scale[:, None])
    return records


def numbers(records: Records) -> Vectors:
    """The vectors of records of either form, shape (n, dimensions), float32; bytes stay rotated."""
    vectors = records["numbers"].astype(np.float32)
    if "scale" in (records.dtype.names or ()):
        vectors *= records["scale"][:, None]
    return vectors


def cosines(records: Records, query: Vectors) -> Vectors:
    """The inner product of each record with one query, shape (n,); -inf where a record is damaged."""
    found = records["numbers"].astype(np.float32) @ query
    if "scale" in (records.dtype.names or ()):
        found *= records["scale"]
    return np.where(np.isfinite(found), found, -np.inf).astype(np.float32)
