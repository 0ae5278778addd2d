"""The exact index against brute force in numpy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.errors import ModelFailed
from models.indexes.flat import FlatIndex
from models.isolation import Host
from tests.models.contracts import brute_force, check_index, unit


@pytest.fixture
def index() -> Iterator[FlatIndex]:
    index = FlatIndex(8, threads=1)
    index.add(np.arange(5, dtype=np.int64), unit(5, 8))
    yield index
    index.close()


def test_contract() -> None:
    check_index(FlatIndex)


def test_contract_in_a_process_of_its_own() -> None:
    host = Host("search", threads=1)
    check_index(lambda dimensions: host.build(FlatIndex, dimensions))
    host.close()


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(0, 30), min_size=1, max_size=12)), min_size=1, max_size=8
    ),
    among=st.none() | st.lists(st.integers(0, 40), max_size=20),
    k=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_agrees_with_brute_force(
    steps: list[tuple[bool, list[int]]], among: list[int] | None, k: int, seed: int
) -> None:
    index, held = FlatIndex(6), dict[int, np.ndarray]()
    for number, (adding, chosen) in enumerate(steps):
        ids = np.array(chosen, dtype=np.int64)
        if adding:
            vectors = unit(len(ids), 6, seed=seed + number)
            index.add(ids, vectors)
            held.update(zip(chosen, vectors, strict=True))
        else:
            index.remove(ids)
            held = {key: vector for key, vector in held.items() if key not in chosen}
    assert len(index) == len(held)
    kept = [key for key in held if among is None or key in among]
    vectors = np.array([held[key] for key in kept], dtype=np.float32).reshape(len(kept), 6)
    queries = unit(2, 6, seed=seed + 99)
    ids, cosines = index.search(queries, k, None if among is None else np.array(among, dtype=np.int64))
    expected_ids, expected = brute_force(np.array(kept, dtype=np.int64), vectors, queries, k)
    assert np.allclose(cosines, expected, atol=1e-5)
    assert np.array_equal(ids < 0, expected_ids < 0)
    for row, query in enumerate(queries):  # by value, as equal cosines may come in any order
        found = [int(id_) for id_ in ids[row] if id_ >= 0]
        assert len(set(found)) == len(found)
        assert set(found) <= set(kept)
        assert np.allclose([held[id_] @ query for id_ in found], cosines[row, : len(found)], atol=1e-5)


@pytest.mark.parametrize(
    ("ids", "vectors", "words"),
    [
        ([9], np.ones((1, 7), dtype=np.float32), "vectors of 8 numbers"),
        ([9], np.ones(8, dtype=np.float32), "vectors of 8 numbers"),
        ([9], np.full((1, 8), np.nan, dtype=np.float32), "not finite"),
        ([9], np.ones((1, 8), dtype=np.float32), "not of length 1"),
        ([8, 9], unit(1, 8), "2 ids came with 1 vectors"),
        ([[9]], unit(1, 8), "row of whole numbers"),
        ([0.5], unit(1, 8), "row of whole numbers"),
        ([-1], unit(1, 8), "negative"),
    ],
)
def test_bad_input_is_told_and_changes_nothing(
    index: FlatIndex, ids: list[int], vectors: np.ndarray, words: str
) -> None:
    with pytest.raises(ModelFailed, match=words):
        index.add(np.array(ids), vectors)
    assert len(index) == 5


def test_bad_searches(index: FlatIndex) -> None:
    with pytest.raises(ModelFailed, match="vectors of 8 numbers"):
        index.search(unit(1, 9), 3)
    with pytest.raises(ValueError, match="at least one neighbour"):
        index.search(unit(1, 8), 0)
    with pytest.raises(ValueError, match="at least one dimension"):
        FlatIndex(0)


def test_other_dtypes_and_layouts_are_taken(index: FlatIndex) -> None:
    vectors = np.asfortranarray(unit(5, 8).astype(np.float64))
    index.add(np.arange(5, dtype=np.int32), vectors)  # pyright: ignore[reportArgumentType]
    ids, cosines = index.search(vectors, 1)  # pyright: ignore[reportArgumentType]
    assert ids[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(cosines[:, 0], 1.0, atol=1e-5)
