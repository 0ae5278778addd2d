"""Vectors made on several machines: a Ray Data job of encoders that decode and encode.

Paths go out, vectors come back; pictures are read where the workers are, so that every machine must see them under
the same names, and the encoder's files as well. Runs in a process of its own (see `models/isolation.py`): Ray reads
its environment once, and a stop ends that process and with it the job.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image

from composer.errors import Cancelled, ComposerError, ModelFailed, ModelNotReady
from composer.library.decoding import quality
from composer.library.decoding.quality import UnusablePicture
from composer.library.filling.ahead import in_order
from composer.library.filling.embed import bounded
from composer.library.filling.workers import Seen, Task
from composer.ports import WHOLE, Cancel, ImageEncoder
from models import address as addresses

HERE = "ray"
"""The setting of a Ray of this machine alone, started for the job and ended with it."""
PORT = 10001
BLOCK = 256
"""Pictures that a worker takes at a time."""
BATCH = 32
"""Pictures handed to its encoder at once: meanwhile the next are decoded."""
PROCESSORS = 4
"""Of a worker, where its machine has as many: the encoder's threads hardly gain from more."""
STORE_BYTES = 256 << 20
"""For what lies between the processes of a Ray of this machine: paths and vectors, never pictures."""
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""On every system: a Ray that is not for several machines listens on this machine's own address only."""
INSTALL = "Install it with: pip install 'pictorial[ray]', in the same version on every machine."


class RayWorkers:
    """Encoders on a Ray cluster, or on this machine's processors."""

    def __init__(
        self,
        where: str,
        factory: Callable[..., ImageEncoder],
        args: Sequence[object] = (),
        allowed: Sequence[str] = (),
        processors: int = 0,
    ) -> None:
        """`where`: "ray" or "ray://HOST:PORT". Workers build `factory(*args)`, importable there by its name.

        `processors` bounds a Ray of this machine; 0 takes all. Connects when first used.
        Raises ModelNotReady when Ray is not installed or that address must not be spoken to.
        """
        self._address = checked(where, allowed)
        self._factory, self._args = factory, tuple(args)
        self._processors = processors
        self._ray: Any = None

    def encode(self, tasks: Sequence[Task], cancel: Cancel) -> Iterator[Seen]:
        """Look at the pictures, in any order, as `composer.library.workers.Workers` has it."""
        cancel.check()
        with _telling(self._address):
            self._connect()
            blocks = self._dataset(tasks).iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=2)
            for block in blocks:
                cancel.check()
                yield _seen(block)

    def close(self) -> None:
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None

    def _connect(self) -> None:
        if self._ray is not None:
            return
        os.environ.update(ENVIRONMENT)
        if self._address == HERE:
            os.environ.update(LOOPBACK)
        import ray
        import ray.data

        root = str(Path(__file__).parents[2])
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "ignore_reinit_error": True}
        if self._address == HERE:
            ray.init(
                address="local", num_cpus=self._processors or None, include_dashboard=False,
                object_store_memory=STORE_BYTES, runtime_env={"env_vars": {"PYTHONPATH": root}}, **quiet,
            )  # fmt: skip
        else:
            parts = [f"{root}/composer", f"{root}/models"]
            ray.init(self._address, runtime_env={"py_modules": parts, "env_vars": ENVIRONMENT}, **quiet)
        self._ray = ray

    def _dataset(self, tasks: Sequence[Task]) -> Any:  # noqa: ANN401 - a ray.data.Dataset
        data = self._ray.data
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        items = [{"row": each.row, "task": json.dumps([each.paths, each.width, each.height])} for each in tasks]
        count, needs = self._pool()
        return data.from_items(items).map_batches(
            Looker, fn_constructor_args=(self._factory, self._args, int(needs["num_cpus"])), batch_size=BLOCK,
            batch_format="numpy", compute=data.ActorPoolStrategy(size=count), **needs,
        )  # fmt: skip

    def _pool(self) -> tuple[int, dict[str, int]]:
        """How many workers there are, and what each takes: one for each graphics card, else by processors."""
        found = self._ray.cluster_resources()
        processors, cards = int(found.get("CPU", 1)), int(found.get("GPU", 0))
        if cards:
            return cards, {"num_cpus": max(1, min(PROCESSORS, processors // cards)), "num_gpus": 1}
        each = max(1, min(PROCESSORS, processors))
        return max(1, processors // each), {"num_cpus": each}


class Looker:
    """What runs in a worker: an encoder, and threads that decode ahead of it."""

    def __init__(self, factory: Callable[..., ImageEncoder], args: Sequence[object], threads: int) -> None:
        self._threads = max(1, threads)
        self._failure = ""
        try:
            self._encoder = factory(*args)
        except ComposerError as error:  # raised here, Ray would try it again and again
            self._failure = _packed(error)

    def __call__(self, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Rows in, rows with vectors out, BATCH at a time. A picture that cannot be read has a vector of zeros."""
        if self._failure:
            yield _failed(self._failure)
            return
        items = zip(block["row"].tolist(), block["task"].tolist(), strict=True)
        try:
            with closing(in_order(self._looked_at, items, Cancel(), self._threads, 2 * BATCH)) as looked:
                while batch := list(islice(looked, BATCH)):
                    yield self._encoded(batch)
        except ComposerError as error:
            yield _failed(_packed(error))

    def _looked_at(self, item: tuple[int, str]) -> tuple[int, Image | None, list[tuple[str, str]]]:
        paths, width, height = json.loads(item[1])
        broken: list[tuple[str, str]] = []
        for path in paths:
            try:
                image = bounded(quality.open_upright(path, self._encoder.image_size), self._encoder.image_size)
            except UnusablePicture as error:
                broken.append((path, error.reason))
                continue
            image.info[WHOLE] = (width, height)
            return item[0], image, broken
        return item[0], None, broken

    def _encoded(self, batch: list[tuple[int, Image | None, list[tuple[str, str]]]]) -> dict[str, Any]:
        images = [image for _, image, _ in batch if image is not None]
        good = np.array([image is not None for _, image, _ in batch])
        vectors = np.zeros((len(batch), self._encoder.dimensions), np.float32)
        if images:
            vectors[good] = self._encoder.encode_images(images)
        return {
            "row": np.array([row for row, _, _ in batch], np.int64), "vector": vectors, "good": good,
            "broken": [json.dumps(broken) for _, _, broken in batch], "encoder": [self._encoder.id] * len(batch),
            "failure": [""] * len(batch),
        }  # fmt: skip


def checked(where: str, allowed: Sequence[str]) -> str:
    """The address as Ray takes it. Raises ModelNotReady when it is none, or one that the writer has not said yes to."""
    if importlib.util.find_spec("ray") is None:
        raise ModelNotReady("Making vectors on several machines needs Ray, which is not installed.", INSTALL)
    if where == HERE:
        return HERE
    server = _server(where)
    if not addresses.is_here(server) and server.place not in {each.strip().lower() for each in allowed}:
        raise ModelNotReady(
            f"The Ray cluster {server.place} is not on this machine: paths of your pictures would be sent there.",
            f"If you want that, run `python main.py models allow {server.place}`.",
        )
    return f"ray://{server.place}"


def _server(where: str) -> addresses.Address:
    kind, _, host = where.partition("://")
    port = "" if ":" in host.rpartition("]")[2] else f":{PORT}"
    try:
        server = addresses.parse(f"http://{host}{port}")
    except ModelNotReady:
        server = None
    if kind != "ray" or server is None or server.path != "/v1":
        raise ModelNotReady(
            f"{where[:200]!r} is not the address of a Ray cluster.", "Write ray://HOST:10001, or ray for this machine."
        )
    return server


def _packed(error: ComposerError) -> str:
    return json.dumps([isinstance(error, ModelNotReady), error.message, error.hint])


def _failed(failure: str) -> dict[str, Any]:
    """A row that says why there are none."""
    return {
        "row": np.array([-1], np.int64), "vector": np.zeros((1, 1), np.float32), "good": np.array([False]),
        "broken": ["[]"], "encoder": [""], "failure": [failure],
    }  # fmt: skip


def _seen(block: dict[str, Any]) -> Seen:
    """A block of rows as the catalogue's side knows it. Raises what a worker could not do."""
    for failure in filter(None, block["failure"]):
        not_ready, message, hint = json.loads(str(failure))
        raise (ModelNotReady if not_ready else ModelFailed)(message, hint)
    good = np.asarray(block["good"], bool)
    broken = [(path, reason) for text in block["broken"] for path, reason in json.loads(text)]
    return Seen(
        encoder=str(block["encoder"][0]),
        rows=np.asarray(block["row"], np.int64)[good],
        vectors=np.asarray(block["vector"], np.float32)[good],
        taken=len(good),
        broken=tuple(broken),
    )


@contextmanager
def _telling(where: str) -> Generator[None, None, None]:
    """Turn what Ray raises into a sentence."""
    try:
        yield
    except (ComposerError, Cancelled, GeneratorExit):
        raise
    except Exception as error:
        words = (str(error).strip() or type(error).__name__).splitlines()[-1][:200]
        if isinstance(error, ConnectionError):
            raise ModelNotReady(
                f"The Ray cluster {where} does not answer ({words}).", "Start it with ray start."
            ) from error
        raise ModelFailed(
            f"The job on {where} ended ({words}).", "Run it again: it goes on with what is missing."
        ) from error
