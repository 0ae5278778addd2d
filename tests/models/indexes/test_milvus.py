"""The index on Milvus against brute force, on Milvus Lite; and what is said when a server is away or refuses."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import psutil
import pytest

from composer.errors import ModelFailed, ModelNotReady
from models.indexes import milvus
from models.indexes.milvus import MilvusIndex, _conditions, _runs
from models.isolation import Host
from tests.models.contracts import brute_force, check_index, unit

grpc = pytest.importorskip("grpc", reason="needs the extra milvus")
pytest.importorskip("pymilvus", reason="needs the extra milvus")
pytest.importorskip("milvus_lite", reason="needs the extra milvus")

# Milvus Lite leaves some of its own files to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

Make = Callable[..., MilvusIndex]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[MilvusIndex] = []

    def index(dimensions: int = 8, name: str = "a") -> MilvusIndex:
        made.append(MilvusIndex(f"milvus:{tmp_path / 'own' / 'index.db'}", dimensions, name))
        return made[-1]

    yield index
    for each in made:
        each.close()


def test_contract(make: Make) -> None:
    numbers = count()
    check_index(lambda dimensions: make(dimensions, f"n{next(numbers)}"))


def test_contract_in_a_process_of_its_own(tmp_path: Path) -> None:
    host = Host("search", threads=1)
    check_index(lambda dimensions: host.build(MilvusIndex, f"milvus:{tmp_path / 'index.db'}", dimensions, "a"))
    host.close()


def test_what_was_saved_is_there_after_the_process_was_killed(tmp_path: Path) -> None:
    setting, vectors = f"milvus:{tmp_path / 'index.db'}", unit(50, 8)
    host = Host("search", threads=1)
    index = host.build(MilvusIndex, setting, 8, "a")
    index.add(np.arange(50), vectors)
    index.save("7:50:0")
    assert host.pid is not None
    os.kill(host.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(host.pid)] if psutil.pid_exists(host.pid) else [], timeout=5)
    again = MilvusIndex(setting, 8, "a")
    assert again.stamp() == "7:50:0"
    assert len(again) == 50
    assert again.search(vectors[:3], 1)[0][:, 0].tolist() == [0, 1, 2]
    again.clear()
    assert (again.stamp(), len(again)) == ("", 0)
    again.close()


def test_two_indexes_of_one_place_are_told_apart(make: Make) -> None:
    one, other = make(8, "pictures"), make(8, "captions")
    one.add(np.array([1]), unit(1, 8))
    one.save("x")
    assert (len(one), len(other), other.stamp()) == (1, 0, "")
    one.close()
    other.add(np.array([2]), unit(1, 8))
    assert len(other) == 1, "the file stays open for the other"


def test_one_of_another_size_is_made_anew(make: Make) -> None:
    index = make(8)
    index.add(np.array([1]), unit(1, 8))
    index.save("x")
    wider = make(12)
    assert (len(wider), wider.stamp(), wider.dimensions) == (0, "", 12)


def test_a_collection_of_somebody_else_is_left_alone(make: Make) -> None:
    index = make(8)
    index.add(np.array([1]), unit(1, 8))
    index._link._client.create_collection("pictorial_theirs", dimension=8)
    with pytest.raises(ModelNotReady, match="was not made by Pictorial"):
        make(8, "theirs")
    assert index._link._client.has_collection("pictorial_theirs")


@pytest.mark.parametrize("few", [0.0, 4.0])
def test_large_sets_are_searched_in_parts_or_among_the_nearest(
    make: Make, monkeypatch: pytest.MonkeyPatch, few: float
) -> None:
    """With FEW 0 nothing is found among the nearest of all, so that the parts are searched."""
    monkeypatch.setattr(milvus, "LISTED", 20)
    monkeypatch.setattr(milvus, "RANGES", 2)
    monkeypatch.setattr(milvus, "FEW", few)
    monkeypatch.setattr(milvus, "LEAST", 1)
    index, vectors = make(8), unit(400, 8)
    index.add(np.arange(400), vectors)
    among = np.concatenate([np.arange(0, 120, 2), np.arange(150, 170), np.arange(200, 210), np.arange(300, 350)])
    assert len(list(_conditions(_runs(among)))) > 1
    ids, cosines = index.search(unit(4, 8, seed=9), 6, np.append(among, 9999))
    expected = brute_force(among, vectors[among], unit(4, 8, seed=9), 6)
    assert np.array_equal(ids, expected[0])
    assert np.allclose(cosines, expected[1], atol=1e-5)
    few_of_them = index.search(unit(1, 8, seed=9), 100, among[::2])[0]
    assert set(few_of_them[0][few_of_them[0] >= 0].tolist()) == set(among[::2].tolist())


def test_conditions_let_exactly_those_ids_through() -> None:
    ids = np.unique(np.random.default_rng(3).integers(0, 500, 200))
    conditions = list(_conditions(_runs(ids)))
    allowed = {id_ for id_ in range(500) for each in conditions if eval(each, {"id": id_})}  # noqa: S307 - our own
    assert allowed == set(ids.tolist())
    assert list(_conditions(_runs(np.arange(5, 1_000_000)))) == ["(id >= 5 and id <= 999999)"]
    gaps = np.concatenate([np.arange(start, start + 5) for start in range(0, 9000, 9)])
    assert max(map(_depth, _conditions(_runs(gaps)))) < 20, "Milvus refuses conditions that are too deep"


def _depth(condition: str) -> int:
    open_, most = 0, 0
    for each in condition:
        open_ += {"(": 1, ")": -1}.get(each, 0)
        most = max(most, open_)
    return most


@pytest.mark.parametrize(
    ("ids", "vectors", "words"),
    [
        ([9], np.ones((1, 7), np.float32), "vectors of 8 numbers"),
        ([9], np.full((1, 8), np.nan, np.float32), "not finite"),
        ([9], np.ones((1, 8), np.float32), "not of length 1"),
        ([8, 9], unit(1, 8), "2 ids came with 1 vectors"),
        ([-1], unit(1, 8), "negative"),
    ],
)
def test_bad_input_is_told_and_changes_nothing(make: Make, ids: list[int], vectors: np.ndarray, words: str) -> None:
    index = make()
    with pytest.raises(ModelFailed, match=words):
        index.add(np.array(ids), vectors)
    assert len(index) == 0
    with pytest.raises(ValueError, match="at least one neighbour"):
        index.search(unit(1, 8), 0)


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_text("not a folder")
    with pytest.raises(ModelNotReady, match="cannot be opened") as failed:
        MilvusIndex(f"milvus:{tmp_path / 'index.db'}", 8, "a")
    assert "filled anew" in failed.value.hint


def test_a_server_that_is_away_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelNotReady, match=f"127.0.0.1:{port} does not answer"):
        MilvusIndex(f"milvus://127.0.0.1:{port}/a", 8, "a")


def test_a_token_that_is_refused_is_told() -> None:
    with _refusing() as port, pytest.raises(ModelNotReady, match="does not let Pictorial in") as failed:
        MilvusIndex(f"milvus://127.0.0.1:{port}/a", 8, "a", token="root:wrong")  # noqa: S106 - no secret
    assert "PICTORIAL_MILVUS_TOKEN" in failed.value.hint


class _refusing:  # noqa: N801 - used as a function
    """A server that answers every call as Milvus answers one whose token is wrong."""

    def __enter__(self) -> int:
        def refuse(_: bytes, context: object) -> bytes:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check token is correct")  # type: ignore[attr-defined]
            return b""

        class Handler(grpc.GenericRpcHandler):
            def service(self, handler_call_details: object) -> object:  # noqa: ARG002 - grpc's name
                return grpc.unary_unary_rpc_method_handler(refuse)

        self._server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()])
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return port

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()
