"""The compressed finder by itself: any number of dimensions, with and without a graph over its cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.indexes.cells import cells_for
from models.indexes.compressed import Compressed, rotation_of
from models.indexes.exact import Exact
from models.indexes.native import faiss
from models.indexes.records import as_bytes, cosines, halves, numbers
from models.indexes.rows import Damaged, Rows, Written
from tests.models.contracts import brute_force, unit


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    faiss().omp_set_num_threads(1)


def filled(folder: Path, dimensions: int, count: int = 1200) -> tuple[Compressed, Rows, np.ndarray]:
    vectors, rotation = unit(count, dimensions), rotation_of(dimensions)
    finder = Compressed.trained(rotation.apply(vectors), count, rotation)
    rows = Rows(folder, finder.form, Written())
    records = finder.encode(vectors)
    rows.append(np.arange(count) + 7, records)
    finder.add(records)
    return finder, rows, vectors


@pytest.mark.parametrize("dimensions", [6, 20, 31])
def test_any_number_of_dimensions(tmp_path: Path, dimensions: int) -> None:
    finder, rows, vectors = filled(tmp_path, dimensions)
    assert np.allclose(finder.decode(finder.encode(vectors)), vectors, atol=0.02)
    finder.save(tmp_path / "lists")
    queries = unit(20, dimensions, seed=5)
    expected, best = brute_force(np.arange(1200), vectors, queries, 8)
    for each in (finder, Compressed.load(tmp_path / "lists", dimensions)):
        found = list(each.search(queries, 8, rows, None))
        assert np.mean([np.isin(row, some[0]).mean() for row, some in zip(expected, found, strict=True)]) > 0.9
        assert np.allclose([some[1] for some in found], best, atol=0.03)
        each.add(finder.encode(vectors[:10]))
        assert len(each) == 1210
    with pytest.raises(Damaged):
        Compressed.load(tmp_path / "lists", dimensions + 1)
    (tmp_path / "lists").write_bytes(b"IxF2 and no more")
    with pytest.raises(Damaged):
        Compressed.load(tmp_path / "lists", dimensions)
    rows.close()


@pytest.mark.parametrize("dimensions", [384, 512, 768, 1152])
def test_records_of_the_sizes_that_encoders_have(dimensions: int) -> None:
    rotation = rotation_of(dimensions)
    assert rotation.d_out == dimensions, "no room is wasted"
    vectors, query = unit(200, dimensions), unit(1, dimensions, seed=8)
    records, turned = as_bytes(rotation.apply(vectors)), rotation.apply(query)
    assert records.itemsize == dimensions + 4
    assert np.abs(cosines(records, turned[0]) - vectors @ query[0]).max() < 0.002
    assert np.array_equal(numbers(halves(vectors)), vectors), "half floats lose nothing of what the catalogue keeps"
    assert np.array_equal(Exact(dimensions).decode(halves(vectors)), vectors)


def test_a_record_without_sense_is_never_found() -> None:
    records = as_bytes(unit(3, 8))
    records["scale"][1] = np.nan
    assert np.isneginf(cosines(records, unit(1, 8)[0])).tolist() == [False, True, False]


def test_cells_grow_with_the_root_of_the_library() -> None:
    assert [cells_for(count) for count in (0, 100, 100_000, 1_000_000, 10_000_000)] == [1, 2, 1024, 4096, 8192]
