"""Nearest neighbours on Milvus: for libraries past one machine's memory.

A server is spoken to through pymilvus; a file of this machine is kept by Milvus Lite, which runs in this process and
is meant for trying out, not for millions. The collection is derived from the catalogue, like every index: one of
another size is made anew. One that Pictorial did not make is never touched.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Ids, Vectors
from models.indexes.arguments import checked_ids, checked_pairs, checked_vectors
from models.indexes.milvus_link import Link
from models.indexes.milvus_place import parse, permit

STAMP = "pictorial.stamp"
"""The collection's property that holds the stamp; a collection without it is not ours."""
BATCH_BYTES = 8 << 20
"""Of vectors in one message; servers take 64 MB."""
MOST = 16_384
"""Neighbours that Milvus gives in one search; `search` never finds more."""
LEAST = 200
"""Neighbours asked for at least: a graph searched for 8 finds fewer of the right 8 than one searched for 200."""
LISTED, RANGES = 10_000, 256
"""Single ids and ranges of ids in one condition. More makes the server's parser the slowest part of a search."""
SHORTEST = 4
"""Ids in a row from which they are written as a range."""
FEW = 4
"""How many times more than wished is looked through for each one that is expected to be allowed."""
SEALED = 10_000
"""Vectors taken in from which `save` has the server close their segment: it indexes whole segments only, and searches
open ones coarsely (8 of 10 right neighbours instead of all, seen on Milvus 2.3)."""
FRESH_SECONDS = 10.0
"""After a change, searches wait until the server has it; later they need not: it holds back at most 5 s."""

Run = tuple[int, int]
"""First and last id of a row of ids without a gap."""


class MilvusIndex:
    """A VectorIndex on Milvus. `search` never gives more than MOST neighbours.

    How exact it is depends on the index that the setting names: AUTOINDEX, HNSW and DISKANN are approximate, FLAT and
    Milvus Lite exact. A search among scattered ids is one search when a condition can hold them (LISTED ids and RANGES
    ranges); for more it looks through the nearest of all, and where too few of those are allowed, it searches once for
    every LISTED ids.
    Raises ModelNotReady when the place cannot be reached or is not ours, ModelFailed when it gives up under way.
    """

    def __init__(self, uri: str, dimensions: int, name: str, token: str = "", allowed: Sequence[str] = ()) -> None:
        """`uri` as in the setting `index`; `name` tells this index from others of the same place.

        `token` is "user:password" or a key. Connects at once.
        """
        if dimensions < 1:
            raise ValueError(f"An index needs at least one dimension, not {dimensions}.")
        self._place = parse(uri)
        permit(self._place, allowed)
        self._dimensions = dimensions
        self._name = f"{self._place.collection}_{name}"
        self._count: int | None = None
        self._open_vectors = 0
        self._changed = time.monotonic()
        self._link = Link(self._place, token, allowed)
        try:
            self._open()
        except BaseException:
            self._link.close()
            raise

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def stamp(self) -> str:
        return str(self._told()["properties"].get(STAMP, ""))

    def save(self, stamp: str) -> None:
        """Remember the stamp beside the vectors. A server has every vector on its disk before it answers `add`."""
        if self._place.file is not None:
            self._ask("flush")
        elif self._open_vectors >= SEALED:
            with suppress(ModelFailed):  # servers allow it once in 10 s, and do it by themselves later
                self._ask("flush")
                self._open_vectors = 0
        self._ask("alter_collection_properties", properties={STAMP: stamp})

    def clear(self) -> None:
        self._ask("drop_collection")
        self._make()

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add unit vectors of shape (n, dimensions). Ids already present are replaced; the last of equal ids counts.

        Raises ModelFailed when ids and vectors do not fit each other or the index.
        """
        ids, vectors = checked_pairs(ids, vectors, self._dimensions)
        step = max(1, BATCH_BYTES // (4 * self._dimensions))
        for start in range(0, len(ids), step):
            pairs = zip(ids[start : start + step].tolist(), vectors[start : start + step], strict=True)
            self._touch()
            self._ask("upsert", data=[{"id": id_, "vector": vector} for id_, vector in pairs])
        self._open_vectors += len(ids)

    def remove(self, ids: Ids) -> None:
        """Take ids out; those that are not present are passed over."""
        runs = _runs(checked_ids(ids))
        for condition in _conditions(runs):
            self._touch()
            self._ask("delete", filter=condition)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """The k nearest of each query, best first: ids and cosines, both of shape (len(queries), k).

        Rows with fewer than k neighbours are filled with id -1 and -inf. `among` restricts the search to those ids.
        Raises ModelFailed when the queries' shape or values cannot be used.
        """
        if k < 1:
            raise ValueError(f"A search must ask for at least one neighbour, not {k}.")
        queries = checked_vectors(queries, self._dimensions)
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
        if not len(queries) or not len(self) or (among is not None and not len(among)):
            return ids, cosines
        found = self._nearest(queries, k) if among is None else self._among(queries, k, among)
        for row, hits in enumerate(found):
            ids[row, : len(hits)] = [id_ for id_, _ in hits]
            cosines[row, : len(hits)] = [cosine for _, cosine in hits]
        return ids, cosines

    def __len__(self) -> int:
        if self._count is None:
            counted = self._ask("query", filter="", output_fields=["count(*)"], consistency_level="Strong")
            self._count = int(counted[0]["count(*)"])
        return self._count

    def close(self) -> None:
        self._link.close()

    # --- searching --------------------------------------------------------------------------------------------------

    def _nearest(self, queries: Vectors, k: int, condition: str = "") -> list[list[tuple[int, float]]]:
        """One search: ids and cosines of each query, best first."""
        fresh = time.monotonic() - self._changed < FRESH_SECONDS
        limit = min(max(k, LEAST), MOST)
        found = self._ask(
            "search", data=list(queries), limit=limit, filter=condition, output_fields=["id"],
            search_params={"metric_type": "IP", "params": _effort(self._place.kind, limit)},
            consistency_level="Strong" if fresh else "Bounded",
        )  # fmt: skip
        return [[(int(hit["id"]), float(hit["distance"])) for hit in hits[:k]] for hits in found]

    def _among(self, queries: Vectors, k: int, among: Ids) -> list[list[tuple[int, float]]]:
        allowed = np.unique(checked_ids(among))
        conditions = list(_conditions(_runs(allowed)))
        if len(conditions) == 1:
            return self._nearest(queries, k, conditions[0])
        found: list[list[tuple[int, float]]] = [[] for _ in queries]
        wide = math.ceil(FEW * k * max(1.0, len(self) / len(allowed)))
        if wide <= MOST:
            near = self._nearest(queries, wide)
            found = [_of(hits, allowed)[:k] for hits in near]
        short = [row for row, hits in enumerate(found) if len(hits) < min(k, len(allowed))]
        if short:
            pieces = [self._nearest(queries[short], k, condition) for condition in conditions]
            for place, row in enumerate(short):
                hits = [hit for piece in pieces for hit in piece[place]]
                found[row] = sorted(hits, key=lambda hit: -hit[1])[:k]
        return found

    # --- the collection ---------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if not self._ask("has_collection"):
            self._make()
            return
        told = self._told()
        if STAMP not in told["properties"]:
            raise ModelNotReady(
                f"The collection {self._name} at {self._place.title} was not made by Pictorial.",
                "Name another collection in the setting `index`.",
            )
        if _dimensions(told) != self._dimensions:
            self.clear()
        else:
            self._ask("load_collection")

    def _make(self) -> None:
        self._touch()
        schema, index = self._link.schema(self._dimensions, self._place.kind, _building(self._place.kind))
        self._ask(
            "create_collection", schema=schema, index_params=index, properties={STAMP: ""},
            consistency_level="Bounded",
        )  # fmt: skip
        self._count = 0

    def _touch(self) -> None:
        self._count = None
        self._changed = time.monotonic()

    def _told(self) -> dict[str, Any]:
        return self._ask("describe_collection")

    def _ask(self, method: str, **arguments: object) -> Any:  # noqa: ANN401 - whatever pymilvus gives
        return self._link.ask(method, self._name, **arguments)


def _of(hits: list[tuple[int, float]], allowed: Ids) -> list[tuple[int, float]]:
    """The hits that are among the allowed ids, which are sorted."""
    found = np.isin(np.array([id_ for id_, _ in hits], np.int64), allowed, assume_unique=True)
    return [hit for hit, good in zip(hits, found, strict=True) if good]


def _runs(ids: Ids) -> list[Run]:
    """The ids as rows without a gap, ascending: pictures of one folder mostly have one number after the other."""
    ids = np.unique(ids)
    breaks = np.flatnonzero(np.diff(ids) != 1) + 1
    return [(int(part[0]), int(part[-1])) for part in np.split(ids, breaks) if len(part)]


def _conditions(runs: Sequence[Run]) -> Iterator[str]:
    """Milvus conditions that together let exactly those ids through, each small enough to be read fast."""
    ranges = [run for run in runs if run[1] - run[0] + 1 >= SHORTEST]
    single = [id_ for first, last in runs if last - first + 1 < SHORTEST for id_ in range(first, last + 1)]
    for part in range(max(math.ceil(len(ranges) / RANGES), math.ceil(len(single) / LISTED))):
        terms = [f"(id >= {first} and id <= {last})" for first, last in ranges[part * RANGES : (part + 1) * RANGES]]
        if listed := single[part * LISTED : (part + 1) * LISTED]:
            terms.append(f"id in {listed}")
        yield _either(terms)


def _either(terms: Sequence[str]) -> str:
    """Joined by "or" as a balanced tree: Milvus reads a long row as a deep one, and refuses a depth of 100."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({_either(terms[:middle])} or {_either(terms[middle:])})"


def _building(kind: str) -> dict[str, int]:
    return {"M": 16, "efConstruction": 200} if kind == "HNSW" else {}


def _effort(kind: str, limit: int) -> dict[str, int]:
    """How far a search looks, in the index's own words: at least as far as what it is asked for."""
    return {"HNSW": {"ef": limit}, "DISKANN": {"search_list": limit}}.get(kind, {})


def _dimensions(told: dict[str, Any]) -> int:
    """How long the collection's vectors are; 0 when it has none of ours."""
    for field in told["fields"]:
        if field["name"] == "vector":
            return int(field["params"].get("dim", 0))
    return 0
