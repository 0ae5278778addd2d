"""The library's index: exact while small, compressed when grown, kept on the disk through whatever happens."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Never

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.errors import LibraryError, ModelFailed
from composer.ports import Ids, Vectors
from models.indexes import compressed as compressed_module
from models.indexes import problems, rebuilding
from models.indexes.generation import Generation
from models.indexes.library import LibraryIndex
from models.isolation import Host
from tests.models.contracts import brute_force, check_index, check_kept_index, unit

DIMENSIONS = 16
LIMIT = 1500
IDS = np.arange(3000, dtype=np.int64) * 2 + 5
PATIENCE = 60.0
"""Seconds."""


def clustered(number: int, seed: int = 1) -> Vectors:
    middles = unit(40, DIMENSIONS, seed=99)
    random = np.random.default_rng(seed)
    vectors = middles[random.integers(0, 40, number)] + 0.6 * unit(number, DIMENSIONS, seed=seed + 1)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def opened(folder: Path, dimensions: int = DIMENSIONS) -> LibraryIndex:
    return LibraryIndex(folder, dimensions, threads=1, limit=LIMIT)


def settled(index: LibraryIndex) -> LibraryIndex:
    """Search until the rebuild has been taken over; searches are answered all the while."""
    end = time.monotonic() + PATIENCE
    while index.rebuilding():
        assert time.monotonic() < end, "the rebuild did not end"
        assert index.search(clustered(1), 1)[0][0, 0] >= 0
        time.sleep(0.02)
    return index


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LibraryIndex]:
    index = LibraryIndex(tmp_path / "index", 8, threads=1)
    index.add(np.arange(5, dtype=np.int64), unit(5, 8))
    yield index
    index.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compressed index of 3000 vectors, saved with the stamp "built"."""
    folder = tmp_path_factory.mktemp("built") / "index"
    index = opened(folder)
    index.add(IDS, clustered(3000))
    assert index.rebuilding()
    settled(index)
    assert not index.problem()
    assert index.compressed()
    index.save("built")
    index.close()
    return folder


@pytest.fixture
def grown(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "grown"))


# --- as an index ------------------------------------------------------------------------------------------------------


def test_contract(tmp_path: Path) -> None:
    numbers = count()
    check_index(lambda dimensions: LibraryIndex(tmp_path / str(next(numbers)), dimensions))
    check_kept_index(lambda: LibraryIndex(tmp_path / "kept", 16))


def test_contract_in_a_process_of_its_own(tmp_path: Path) -> None:
    host = Host("search", threads=1)
    check_index(lambda dimensions: host.build(LibraryIndex, tmp_path / "index", dimensions))
    host.close()


def test_the_engine_can_name_it_without_loading_faiss() -> None:
    code = "import sys, models.indexes.library; sys.exit('faiss' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(0, 30), min_size=1, max_size=12)), min_size=1, max_size=8
    ),
    among=st.none() | st.lists(st.integers(0, 40), max_size=20),
    k=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_agrees_with_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[bool, list[int]]],
    among: list[int] | None,
    k: int,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("index")
    index, held = LibraryIndex(folder, 6), dict[int, np.ndarray]()
    for number, (adding, chosen) in enumerate(steps):
        ids = np.array(chosen, dtype=np.int64)
        if adding:
            vectors = unit(len(ids), 6, seed=seed + number)
            index.add(ids, vectors)
            held.update(zip(chosen, vectors, strict=True))
        else:
            index.remove(ids)
            held = {key: vector for key, vector in held.items() if key not in chosen}
    index.save("done")
    check_held(index, held, among, k, seed)
    index.close()
    again = LibraryIndex(folder, 6)
    assert again.stamp() == "done"
    check_held(again, held, among, k, seed)
    again.close()


def check_held(index: LibraryIndex, held: dict[int, np.ndarray], among: list[int] | None, k: int, seed: int) -> None:
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
    index: LibraryIndex, ids: list[int], vectors: np.ndarray, words: str
) -> None:
    with pytest.raises(ModelFailed, match=words):
        index.add(np.array(ids), vectors)
    assert len(index) == 5


def test_bad_searches(index: LibraryIndex, tmp_path: Path) -> None:
    with pytest.raises(ModelFailed, match="vectors of 8 numbers"):
        index.search(unit(1, 9), 3)
    with pytest.raises(ValueError, match="at least one neighbour"):
        index.search(unit(1, 8), 0)
    with pytest.raises(ValueError, match="at least one dimension"):
        LibraryIndex(tmp_path / "none", 0)


def test_other_dtypes_layouts_and_far_ids_are_taken(index: LibraryIndex) -> None:
    vectors = np.asfortranarray(unit(5, 8).astype(np.float64))
    index.add(np.arange(5, dtype=np.int32), vectors)  # pyright: ignore[reportArgumentType]
    index.add(np.array([2**60, 70_000]), unit(2, 8, seed=5))
    ids, cosines = index.search(vectors, 1)  # pyright: ignore[reportArgumentType]
    assert ids[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(cosines[:, 0], 1.0, atol=1e-3)
    assert index.search(unit(2, 8, seed=5), 1)[0][:, 0].tolist() == [2**60, 70_000]


# --- grown ------------------------------------------------------------------------------------------------------------


def overlap(index: LibraryIndex, ids: Ids, vectors: Vectors, among: Ids | None = None) -> float:
    """Share of the true 8 nearest that are found; what is found must be as near as it says."""
    queries = clustered(50, seed=77)
    kept = np.ones(len(ids), bool) if among is None else np.isin(ids, among)
    found, cosines = index.search(queries, 8, among)
    expected, _ = brute_force(ids[kept], vectors[kept], queries, 8)
    assert np.array_equal(found < 0, expected < 0)
    places = {int(id_): place for place, id_ in enumerate(ids)}
    for row, query in enumerate(queries):
        told = [vectors[places[int(id_)]] @ query for id_ in found[row] if id_ >= 0]
        assert np.allclose(told, cosines[row, : len(told)], atol=0.02)
        assert (np.diff(cosines[row, : len(told)]) <= 0).all()
    return float(np.mean([np.isin(expected[row], found[row]).mean() for row in range(len(queries))]))


def test_a_grown_index_adds_replaces_and_removes_without_a_rebuild(grown: Path) -> None:
    index = opened(grown)
    assert index.stamp() == "built"
    assert index.compressed()
    vectors = clustered(3000)
    assert overlap(index, IDS, vectors) > 0.9
    vectors[:500] = clustered(500, seed=5)
    index.add(IDS[:500], vectors[:500])
    index.remove(IDS[2900:])
    assert len(index) == 2900
    assert overlap(index, IDS[:2900], vectors[:2900]) > 0.9
    assert not index.rebuilding()
    index.save("more")
    index.close()
    index = opened(grown)
    assert index.stamp() == "more"
    assert overlap(index, IDS[:2900], vectors[:2900]) > 0.9
    index.close()


@pytest.mark.parametrize("few", [0, 8192], ids=["through the cells", "one by one"])
def test_among_never_gives_others_nor_fewer(grown: Path, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(compressed_module, "FEW", few)
    monkeypatch.setattr(compressed_module, "SHORT", 40)
    monkeypatch.setattr(compressed_module, "FEWEST", 1)
    monkeypatch.setattr(compressed_module, "MOST", 2)
    index = opened(grown)
    vectors, random = clustered(3000), np.random.default_rng(3)
    for size in (1, 7, 30, 300, 2000):
        among = random.choice(IDS, size, replace=False)
        assert overlap(index, IDS, vectors, np.append(among, [1, 2**40])) > 0.8
    found, _ = index.search(vectors[:2], 3500, among=IDS[:1000])
    assert (np.sort(found[:, :1000], axis=1) == IDS[:1000]).all()
    assert (found[:, 1000:] == -1).all()
    index.close()


def test_when_all_near_ones_are_dead_the_others_are_found(grown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed_module, "SHORT", 40)
    monkeypatch.setattr(compressed_module, "FEWEST", 1)
    monkeypatch.setattr(compressed_module, "MOST", 2)
    index, vectors = opened(grown), clustered(3000)
    query = vectors[:1]
    gone = np.argsort(-(vectors @ query[0]))[:800]
    index.remove(IDS[gone])
    found, _ = index.search(query, 8)
    assert (found >= 0).all()
    assert not np.isin(found, IDS[gone]).any()
    index.close()


def test_what_changes_during_a_rebuild_is_in_the_new_generation(tmp_path: Path) -> None:
    index, vectors = opened(tmp_path / "index"), clustered(3000)
    index.add(IDS[:2000], vectors[:2000])
    index.save("begun")
    assert index.rebuilding()
    index.add(IDS[2000:], vectors[2000:])
    vectors[:100] = clustered(100, seed=6)
    index.add(IDS[:100], vectors[:100])
    index.remove(IDS[100:200])
    settled(index)
    assert index.compressed()
    left = np.r_[0:100, 200:3000]
    assert len(index) == len(left)
    assert overlap(index, IDS[left], vectors[left]) > 0.9
    assert index.stamp() == "begun"
    index.close()
    index = opened(tmp_path / "index")  # the changes were not saved, and the old generation was not deleted
    assert index.stamp() == "begun"
    assert len(index) == 2000
    index.close()


def test_dead_rows_are_left_out_of_a_new_generation(grown: Path) -> None:
    index, vectors = opened(grown), clustered(3000)
    index.remove(IDS[700:])
    index.save("fewer")
    settled(index)
    assert not index.compressed(), "what has become small is exact again"
    assert overlap(index, IDS[:700], vectors[:700]) > 0.9
    index.close()
    index = opened(grown)
    assert (index.stamp(), len(index)) == ("fewer", 700)
    assert sum(file.stat().st_size for file in grown.glob("g*/*")) < 60_000
    index.close()


def test_a_rebuild_that_fails_is_told_and_the_old_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "ROOT", tmp_path)  # the child finds no program there
    index, vectors = opened(tmp_path / "index"), clustered(3000)
    index.add(IDS, vectors)
    settled(index)
    assert "ended unexpectedly" in index.problem()
    (told,) = problems.told(tmp_path)
    assert "could not be rebuilt (the process that rebuilds it ended unexpectedly)" in told
    assert overlap(index, IDS, vectors) == 1.0
    index.add(np.array([1]), vectors[:1])
    assert not index.rebuilding(), "it is tried again only when the index has grown"
    index.save("whole")
    index.close()
    assert problems.told(tmp_path), "whoever looks later is told as well"
    monkeypatch.undo()
    index = opened(tmp_path / "index")
    settled(index)
    assert (index.problem(), problems.told(tmp_path)) == ("", [])
    index.close()


def test_a_disk_that_is_full_when_a_rebuild_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    index = opened(tmp_path / "index")
    index.add(IDS, clustered(3000))
    monkeypatch.setattr(Generation, "take", full)
    settled(index)
    assert "No space left on device" in index.problem()
    assert len(problems.told(tmp_path)) == 1
    index.clear()
    assert problems.told(tmp_path) == []
    index.close()


def test_problems_of_indexes_that_are_not_used_are_forgotten(tmp_path: Path) -> None:
    for name in ("mine", "other", "mine/beside-1"):
        (tmp_path / name).mkdir()
        problems.keep(tmp_path / name, "" if name == "other" else "the disk is full")
    (tmp_path / "other" / problems.NAME).touch()
    (told,) = problems.told(tmp_path)
    assert "(the disk is full)" in told, "the same said twice is told once"
    problems.forget_others(tmp_path, {"mine"})
    assert not (tmp_path / "other" / problems.NAME).exists()
    assert len(problems.told(tmp_path)) == 1


# --- whatever happens -------------------------------------------------------------------------------------------------

WRITING = """
import sys
from pathlib import Path
import numpy as np
from models.indexes.library import LibraryIndex
from tests.models.indexes.test_library import DIMENSIONS, clustered
index = LibraryIndex(Path(sys.argv[1]), DIMENSIONS, threads=1, limit=600)
number = int(index.stamp() or 0)
while True:
    index.remove(np.arange(number * 20, number * 20 + 5))
    index.add(np.arange(number * 20, number * 20 + 25), clustered(25, seed=number))
    number += 1
    index.save(str(number))
    print(number, flush=True)
"""


def test_killed_at_any_moment_it_holds_what_was_saved(tmp_path: Path) -> None:
    """Each round goes on where the last one was killed; 20 new ids and 5 replaced ones a step."""
    random, last = np.random.default_rng(4), 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(int(random.integers(5, 30))):
            last = int(process.stdout.readline())
        time.sleep(random.uniform(0, 0.05))
        process.kill()
        process.communicate()
        index = LibraryIndex(tmp_path, DIMENSIONS, threads=1, limit=600)
        number = int(index.stamp())
        assert number >= last
        assert len(index) == number * 20 + 5
        found, cosines = index.search(clustered(25, seed=number - 1), 1)
        assert (found[:, 0] // 20 >= number - 1).mean() > 0.9
        assert (cosines[:, 0] > 0.98).all()
        index.close()


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [cut, flip, Path.unlink])
@pytest.mark.parametrize("name", ["index.json", "ids", "dead", "vectors", "lists-*"])
def test_damage_leaves_it_empty_and_of_use(grown: Path, harm: Callable[[Path], None], name: str) -> None:
    if (name, harm) == ("vectors", flip):
        pytest.skip("one number of one vector is another: not looked for")
    index = opened(grown)
    index.remove(IDS[:3])
    index.save("removed")
    index.close()
    (path,) = grown.rglob(name)
    harm(path)
    index = opened(grown)
    assert (index.stamp(), len(index)) == ("", 0)
    index.add(IDS[:10], clustered(10))
    index.save("anew")
    index.close()
    index = opened(grown)
    assert (index.stamp(), len(index)) == ("anew", 10)
    index.close()


def test_another_size_leaves_it_empty(grown: Path) -> None:
    index = opened(grown, dimensions=24)
    assert (index.stamp(), len(index)) == ("", 0)
    index.close()


def full(*_: object) -> Never:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_costs_only_what_was_not_saved(grown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(grown)
    index.add(np.array([1]), clustered(1, seed=8))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(LibraryError, match="no space left"):
            index.save("lost")
    assert index.stamp() == "built"
    assert index.search(clustered(1, seed=8), 1)[0].tolist() == [[1]]
    saved = Path(shutil.copytree(grown, grown.with_name("copy")))
    index.save("kept")
    index.close()
    index = opened(saved)
    assert (index.stamp(), len(index)) == ("built", 3000)
    index.close()
    index = opened(grown)
    assert (index.stamp(), len(index)) == ("kept", 3001)
    index.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_adding_to_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    index = LibraryIndex(tmp_path / "index", 8)
    index.add(np.arange(5), unit(5, 8))
    kept = index._generation.rows._ids._file
    with Path("/dev/full").open("r+b", 0) as file:
        index._generation.rows._ids._file = file
        with pytest.raises(LibraryError, match="no space left"):
            index.add(np.arange(9), unit(9, 8, seed=2))
    index._generation.rows._ids._file = kept
    assert len(index) == 5
    index.add(np.arange(9), unit(9, 8, seed=2))
    assert index.search(unit(9, 8, seed=2), 1)[0][:, 0].tolist() == list(range(9))
    index.close()


def test_a_second_process_has_its_own(grown: Path) -> None:
    first = opened(grown)
    second = opened(grown)
    assert first.folder == grown
    assert second.folder == grown / "beside-1"
    assert (second.stamp(), len(second)) == ("built", 3000)
    second.remove(IDS[:100])
    second.save("second")
    first.add(np.array([1]), clustered(1))
    first.save("first")
    assert (len(first), len(second)) == (3001, 2900)
    first.close()
    second.close()
    first, second = opened(grown), opened(grown)
    assert (first.stamp(), second.stamp()) == ("first", "second")
    first.close()
    second.close()
