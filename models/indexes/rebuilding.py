"""Makes an index anew from what an old generation held, in a process of its own that gives way to all others.

The parent starts it with an order on the command line and goes on with the old generation; the child writes the new
one into its own folder and says what it wrote. It ends when the parent does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import numpy as np
import psutil
from msgspec import Struct
from numpy.typing import NDArray

from composer.errors import ComposerError
from composer.ports import Ids, Vectors
from models.indexes.compressed import Compressed, rotation_of
from models.indexes.generation import CHUNK, Saved, keep_lists, rotation_at
from models.indexes.native import faiss
from models.indexes.records import as_bytes, half_form, halves, numbers
from models.indexes.rows import Mask, Rows, Written, written

ROOT = Path(__file__).resolve().parents[2]
NICE = 15
"""On Unix: far behind what somebody waits for, before what waits for an idle machine."""
SEED = 7


class Order(Struct, frozen=True, kw_only=True):
    """What is to be made of what."""

    folder: str
    old: Saved
    name: str
    compress: bool
    threads: int = 0


class Outcome(Struct, frozen=True, kw_only=True):
    made: Saved | None = None
    problem: str = ""


class Rebuilding:
    """A rebuild under way. `live` are the rows of the old generation that it takes, as they were at its start."""

    def __init__(self, order: Order, live: Mask) -> None:
        self.order = order
        self.live = live.copy()
        self._outcome: Outcome | None = None
        command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, msgspec.json.encode(order).decode()]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> Outcome:
        """What came of it, when it has ended. Its stdin stays open till then: that it closes tells it to end."""
        if self._outcome is None:
            said = self._process.stdout.read() if self._process.stdout is not None else b""
            self._process.communicate()
            try:
                self._outcome = msgspec.json.decode(said, type=Outcome)
            except msgspec.DecodeError:
                self._outcome = Outcome(problem="the process that rebuilds it ended unexpectedly")
        return self._outcome

    def stop(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self._process.communicate()


def rebuild(order: Order) -> Saved:
    """Write a new generation of the living rows of the old one. Raises Damaged, LibraryError, OSError."""
    old = order.old
    ids, live, records = written(Path(order.folder) / old.name, old.form, old.rows)
    kept = np.flatnonzero(live)
    source, target = Path(order.folder, old.name), Path(order.folder, order.name)
    rotation = rotation_at(source) if old.kind == "compressed" else None
    if order.compress:
        return _compressed(order, target, ids, kept, records, rotation)
    return _exact(order, target, ids, kept, records, rotation)


def _exact(order: Order, target: Path, ids: Ids, kept: Ids, records: NDArray[Any], rotation: Any) -> Saved:  # noqa: ANN401
    dimensions = order.old.dimensions
    rows = Rows(target, half_form(dimensions), Written())
    for some in _chunks(kept):
        found = records[some]
        rows.append(ids[some], found if rotation is None else halves(rotation.reverse_transform(numbers(found))))
    return _told(order, dimensions, rows.flush())


def _compressed(order: Order, target: Path, ids: Ids, kept: Ids, records: NDArray[Any], rotation: Any) -> Saved:  # noqa: ANN401
    turned = rotation is not None
    rotation = rotation if turned else rotation_of(order.old.dimensions)

    def vectors(some: Ids) -> Vectors:
        found = np.ascontiguousarray(numbers(records[some]))
        return found if turned else rotation.apply(found)

    size = Compressed.sample_size(len(kept))
    sample = np.sort(np.random.default_rng(SEED).choice(kept, size, replace=False))
    finder = Compressed.trained(np.vstack([vectors(some) for some in _chunks(sample)]), len(kept), rotation)
    rows = Rows(target, finder.form, Written())
    for some in _chunks(kept):
        found = records[some] if turned else as_bytes(vectors(some))
        rows.append(ids[some], found)
        finder.add(found)
    faiss().write_VectorTransform(rotation, str(target / "rotation"))
    lists = keep_lists(finder, target)
    saved = _told(order, int(rotation.d_out), rows.flush())
    return msgspec.structs.replace(saved, kind="compressed", lists=lists, trained=len(kept))


def _told(order: Order, width: int, rows: Written) -> Saved:
    return Saved(name=order.name, kind="exact", dimensions=order.old.dimensions, width=width, rows=rows)


def _chunks(rows: Ids) -> list[Ids]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    """The child: its order is the only argument."""
    Thread(target=_end_with_parent, daemon=True).start()
    psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else NICE)
    order = msgspec.json.decode(sys.argv[1], type=Order)
    try:
        if order.threads > 0:
            faiss().omp_set_num_threads(order.threads)
        outcome = Outcome(made=rebuild(order))
    except ComposerError as error:
        outcome = Outcome(problem=error.message)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent shall hear of it
        outcome = Outcome(problem=f"{type(error).__name__}: {error}")
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
