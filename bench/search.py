"""Search in a large library: the library's index against faiss's exact index, in one run.

`python bench/search.py [--n N] [--quick] [--json] [--dimensions D] [--beside] [--keep FOLDER]`. `--quick` takes
200,000 vectors; the default is 1,000,000. `--keep` leaves the index where another run finds it. `--beside` measures the
searches once more while a torch model computes in another process.

The vectors are made in seeded chunks and look like CLIP's: topics of very different size, each with parts, in a space
whose spectrum decays, all within a cone (two at random have a cosine of about 0.45, the nearest of a million about 0.7
to 0.9). Two kinds of query are reported apart: "picture" lies in one of the parts as pictures do; "text" shares its
content with them, but most of it points elsewhere (the modality gap), so that the best cosines are about 0.3. Vectors
made so are a likeness: they are neither as easy as tight clusters nor as hard as uniform noise, which has no neighbours
worth the name.

A search is what the program does (composer/library/finding/vectors.py): the index is asked for 16, and their vectors in
the catalogue, as they were stored, put them in order; the first 8 count.

Searches are timed with the side store in the system's cache, where the program brings it when it opens an index.

- p50_ms: median of the index's searches for 16, one query at a time, both kinds, and `order_ms`: the median time in
  which a catalogue of 50,000 pictures gives 16 vectors and they are put in order; `host_p50_ms` the index through the
  process that the engine searches in, `beside_p50_ms` the same beside torch.
- recall_at_8: share of the true 8 nearest that are found, the mean of both kinds; the truth is from all vectors.
  `recall_of_index` is without the last ordering.
- ratio_to_exact: the exact index's median over ours. It is measured on up to 1,000,000 vectors in memory; for more it
  is scaled by their number (`exact_scaled`), as it looks at each.
- resident_mb: what the process holds after the searches, `mapped_mb` of it pages of files that the system takes back
  when memory is short.
- build_s: adding everything, with every rebuild that this needs, to the last one's end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil

from composer.errors import Cancelled
from composer.library.catalogue import Catalogue, Entry
from composer.library.finding.vectors import LEAST, SPARE
from composer.ports import Cancel, Ids, VectorIndex, Vectors
from models.indexes.library import LibraryIndex
from models.indexes.native import faiss
from models.indexes.warming import Warming
from models.isolation import Host

QUICK, FULL = 200_000, 1_000_000
CHUNK = 20_000
QUERIES = 200
K, ASKED = 8, max(LEAST, 8 * SPARE)
SEED = 11
TOPICS, PARTS = 3000, 16
CONE, TOPIC, PART, OWN = 0.9, 0.7, 0.5, 0.5
"""How much of a picture's vector is of each kind."""
EXACT = 1_000_000
EXACT_SEARCHES = 15


class World:
    """Where vectors come from. A chunk is the same whenever it is asked for."""

    def __init__(self, dimensions: int) -> None:
        random = np.random.default_rng(SEED)
        self.dimensions = dimensions
        spectrum = np.arange(1, dimensions + 1) ** -0.5
        self._spread = (spectrum / np.linalg.norm(spectrum)).astype(np.float32)
        self._basis = np.linalg.qr(random.standard_normal((dimensions, dimensions)))[0].astype(np.float32)
        self._topics, self._parts = self._points(random, TOPICS), self._points(random, TOPICS * PARTS)
        cone, gap = self._points(random, 1)[0], random.standard_normal(dimensions, dtype=np.float32)
        self._cone: Vectors = (cone / np.linalg.norm(cone)).astype(np.float32)
        gap -= (gap @ self._cone) * self._cone
        self._gap: Vectors = (gap / np.linalg.norm(gap)).astype(np.float32)
        weight = 1 / np.arange(1, TOPICS + 1) ** 0.7
        self._reach = np.cumsum(weight / weight.sum())

    def pictures(self, chunk: int, count: int = CHUNK) -> Vectors:
        return self._unit(CONE * self._cone + self._contents(np.random.default_rng((SEED, chunk)), count))

    def texts(self, chunk: int, count: int) -> Vectors:
        random = np.random.default_rng((SEED, chunk))
        content = 0.45 * self._contents(random, count) + 0.4 * self._points(random, count)
        return self._unit((content + 0.8 * self._gap).astype(np.float32))

    def _contents(self, random: np.random.Generator, count: int) -> Vectors:
        topics = np.minimum(np.searchsorted(self._reach, random.random(count)), TOPICS - 1)
        parts = topics * PARTS + random.integers(0, PARTS, count)
        content = TOPIC * self._topics[topics] + PART * self._parts[parts] + OWN * self._points(random, count)
        return content.astype(np.float32)

    def _points(self, random: np.random.Generator, count: int) -> Vectors:
        points: Vectors = random.standard_normal((count, self.dimensions), dtype=np.float32)
        return np.asarray(points * self._spread, np.float32)

    def _unit(self, points: Vectors) -> Vectors:
        """Turned so that no axis is special, of length 1, and as the catalogue keeps them."""
        turned = points @ self._basis
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        return turned.astype(np.float16).astype(np.float32)


class Truth:
    """The exact neighbours of the queries among all that was shown."""

    def __init__(self, queries: Vectors) -> None:
        self._queries = queries
        self.ids, self.cosines = np.full((len(queries), K), -1), np.full((len(queries), K), -np.inf, np.float32)

    def look(self, ids: Ids, vectors: Vectors) -> None:
        cosines, places = faiss().knn(self._queries, vectors, K, metric=faiss().METRIC_INNER_PRODUCT)
        cosines, ids = np.hstack([self.cosines, cosines]), np.hstack([self.ids, ids[places]])
        order = np.argsort(-cosines, axis=1)[:, :K]
        self.cosines, self.ids = np.take_along_axis(cosines, order, 1), np.take_along_axis(ids, order, 1)

    def recall(self, found: Ids, some: slice) -> float:
        pairs = zip(self.ids[some], found[some], strict=True)
        return float(np.mean([np.isin(expected, got).mean() for expected, got in pairs]))


def fill(index: LibraryIndex, world: World, truth: Truth, count: int) -> float:
    """Add so many vectors; returns the seconds that the index took, rebuilds included."""
    taken = 0.0
    for chunk, start in enumerate(range(0, count, CHUNK)):
        ids, vectors = np.arange(start, min(start + CHUNK, count)), world.pictures(chunk, min(CHUNK, count - start))
        truth.look(ids, vectors)
        taken += seconds(lambda ids=ids, vectors=vectors: index.add(ids, vectors))
        print(f"\r{start + len(ids):,} vectors, {taken:.0f} s", end="", file=sys.stderr)
    taken += seconds(lambda: index.save("filled"))
    start = time.monotonic()
    while index.rebuilding():
        time.sleep(0.5)
        index.search(truth._queries[:1], K)  # noqa: SLF001 - any search takes a finished rebuild over
    print(file=sys.stderr)
    return taken + time.monotonic() - start


def seconds(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def median_ms(index: VectorIndex, queries: Vectors) -> float:
    """One query at a time, those of both kinds in turn."""
    index.search(queries[:1], ASKED)
    order = np.arange(len(queries)).reshape(2, -1).T.ravel()
    return 1000 * statistics.median(seconds(lambda query=queries[[n]]: index.search(query, ASKED)) for n in order)


def exact_order(world: World, queries: Vectors, found: Ids, count: int) -> Ids:
    """The first K of each row of ids by their vectors as they were made."""
    cosines = np.full(found.shape, -np.inf, np.float32)
    for chunk in np.unique(found[found >= 0] // CHUNK).tolist():
        start = chunk * CHUNK
        vectors = world.pictures(chunk, min(CHUNK, count - start))
        rows, places = np.nonzero((found >= start) & (found < start + CHUNK))
        cosines[rows, places] = np.einsum("nd,nd->n", vectors[found[rows, places] - start], queries[rows])
    return np.take_along_axis(found, np.argsort(-cosines, axis=1), 1)[:, :K]


def order_ms(place: Path, world: World, queries: Vectors, count: int = 50_000) -> float:
    """How long a catalogue takes to give ASKED vectors of pictures anywhere in it, and they to be put in order."""
    rows = np.random.default_rng(SEED).integers(1, count + 1, (len(queries), ASKED))
    with Catalogue(place / "catalogue.sqlite", place / "previews") as catalogue:
        if not catalogue.stats().pictures:
            catalogue.record(
                Entry(path=f"/p/{n}.jpg", size=1, mtime_ns=1, id=f"{n:032x}", width=90, height=60, look=bytes(192))
                for n in range(count)
            )
            for chunk, start in enumerate(range(0, count, CHUNK)):
                some = np.arange(start, min(start + CHUNK, count)) + 1
                catalogue.embeddings.store("bench", some, world.pictures(chunk, len(some)))

        def order(some: Ids, query: Vectors) -> object:
            return np.argsort(-(catalogue.embeddings.of("bench", some)[1] @ query))

        times = [
            seconds(lambda some=some, query=query: order(some, query))
            for some, query in zip(rows, queries, strict=True)
        ]
    return 1000 * statistics.median(times)


def warm(folder: Path) -> None:
    """Wait for what the program does at its start: the side store comes into the system's cache, where it has room."""
    for path in folder.glob("g*/vectors"):
        Warming(path).wait()


def exact_ms(world: World, queries: Vectors, count: int) -> float:
    """faiss's IndexFlatIP, float32, all in memory."""
    exact: Any = faiss().IndexFlatIP(world.dimensions)
    for chunk, start in enumerate(range(0, count, CHUNK)):
        exact.add(world.pictures(chunk, min(CHUNK, count - start)))
    exact.search(queries[:1], K)
    picked = queries[:: len(queries) // EXACT_SEARCHES]
    return 1000 * statistics.median(seconds(lambda query=query: exact.search(query[None], K)) for query in picked)


def memory() -> dict[str, int]:
    """Resident and mapped megabytes of this process. Mapped ones are the files' pages, which the system takes back."""
    told = psutil.Process().memory_info()
    return {"resident_mb": told.rss >> 20, "mapped_mb": getattr(told, "shared", 0) >> 20}


class Busy:
    """What an encoder does all day: large products of matrices, on torch's own threads."""

    def compute(self, cancel: Cancel) -> Iterator[int]:
        import torch

        left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
        for step in count():
            left = torch.tanh(left @ right / 32)
            cancel.check()
            yield step


@contextlib.contextmanager
def torch_at_work() -> Iterator[None]:
    """A model that computes without a pause, in a process as the engine starts it for models."""
    host, cancel = Host("model", yielding=True), Cancel()
    steps = host.build(Busy).compute(cancel)
    next(steps)

    def go() -> None:
        with contextlib.suppress(Cancelled):
            for _ in steps:
                pass

    thread = Thread(target=go)
    thread.start()
    yield
    cancel.cancel()
    thread.join()
    host.close()


def through_host(folder: Path, queries: Vectors, dimensions: int, beside: bool) -> dict[str, float]:
    """Searches as the engine does them: in the search process, asked over the pipe."""
    host = Host("search")
    index = host.build(LibraryIndex, folder, dimensions)
    told = {"open_s": round(seconds(lambda: len(index)), 2), "host_p50_ms": round(median_ms(index, queries), 2)}
    if beside:
        with torch_at_work():
            told["beside_p50_ms"] = round(median_ms(index, queries), 2)
    host.close()
    return told


def filled(place: Path, world: World, truth: Truth, count: int) -> tuple[LibraryIndex, float]:
    """The index and the seconds that it took, from an earlier run if `place` has one of the same kind."""
    known = place / f"truth-{count}-{world.dimensions}.npz"
    index = LibraryIndex(place / "index", world.dimensions)
    if known.exists() and len(index) == count:
        with np.load(known) as kept:
            truth.ids, truth.cosines = kept["ids"], kept["cosines"]
            return index, float(kept["seconds"])
    index.clear()
    took = fill(index, world, truth, count)
    index.save("measured")
    np.savez(known, ids=truth.ids, cosines=truth.cosines, seconds=took)
    return index, took


def measure(place: Path, count: int, dimensions: int, beside: bool) -> dict[str, float | int | bool]:
    world = World(dimensions)
    queries = np.vstack([world.pictures(10**6, QUERIES), world.texts(10**6 + 1, QUERIES)])
    truth, kinds = Truth(queries), {"picture": slice(0, QUERIES), "text": slice(QUERIES, None)}
    index, build = filled(place, world, truth, count)
    warm(place / "index")
    ours = median_ms(index, queries)
    found = np.vstack([index.search(query[None], ASKED)[0] for query in queries])
    ordered, order = exact_order(world, queries, found, count), order_ms(place, world, queries)
    recalls = {name: truth.recall(ordered, some) for name, some in kinds.items()}
    ours += order
    told: dict[str, float | int | bool] = {"n": count, "dimensions": dimensions, "p50_ms": round(ours, 2)}
    told |= {"order_ms": round(order, 2), "recall_at_8": round(statistics.mean(recalls.values()), 4)}
    told |= {"recall_of_index": round(truth.recall(found[:, :K], slice(None)), 4)}
    told |= {f"recall_{name}": round(value, 4) for name, value in recalls.items()}
    told |= memory() | {"build_s": round(build, 1), "compressed": index.compressed()}
    files = (file for file in (place / "index").rglob("*") if file.is_file())
    told["disk_mb"] = sum(file.stat().st_size for file in files) >> 20
    index.close()
    told |= through_host(place / "index", queries, dimensions, beside)
    exact = exact_ms(world, queries, min(count, EXACT)) * max(1.0, count / EXACT)
    return told | {"exact_ms": round(exact, 1), "exact_scaled": count > EXACT, "ratio_to_exact": round(exact / ours, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Search in a large library, against an exact search.")
    parser.add_argument("--n", type=int, help="vectors; 1,000,000 if nothing is said")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--quick", action="store_true", help="200,000 vectors")
    parser.add_argument("--beside", action="store_true", help="also beside a torch model at work")
    parser.add_argument("--keep", type=Path, help="folder for the index: a second run searches it without filling it")
    parser.add_argument("--json", action="store_true", help="one JSON line and nothing else on stdout")
    args = parser.parse_args()
    count = args.n or (QUICK if args.quick else FULL)
    with contextlib.ExitStack() as stack:
        place = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place.mkdir(parents=True, exist_ok=True)
        told = measure(place, count, args.dimensions, args.beside)
    print(json.dumps(told) if args.json else "\n".join(f"{name:16} {value}" for name, value in told.items()))


if __name__ == "__main__":
    main()
