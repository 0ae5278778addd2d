"""Giving pictures vectors on other machines: what is asked of them, and keeping what they give."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Protocol

from msgspec import Struct

from composer.errors import ModelFailed
from composer.library.catalogue import Catalogue
from composer.library.database import LISTED, joined
from composer.library.filling.scan import ScanProgress
from composer.ports import Cancel, Ids, Vectors

SHARE = 100_000
"""Pictures handed over at a time: their paths are some 10 MB, and workers load the encoder once for each share."""
_ASKED = 5_000
"""Rows whose paths are read from the catalogue at once."""


class Task(Struct, frozen=True):
    """A picture to look at."""

    row: int
    paths: tuple[str, ...]
    """Where it lies; the first that can be read is taken. Workers see the same files under the same names."""
    width: int
    height: int


class Seen(Struct, frozen=True):
    """What came of some pictures."""

    encoder: str
    """Id of the encoder that made the vectors."""
    rows: Ids
    """Of those that could be read."""
    vectors: Vectors
    """Shape (len(rows), dimensions), rows of length 1."""
    taken: int
    """All pictures of the batch, unreadable ones too."""
    broken: tuple[tuple[str, str], ...] = ()
    """Files that could not be read, and why."""


class Workers(Protocol):
    """Encoders on any number of machines."""

    def encode(self, tasks: Sequence[Task], cancel: Cancel) -> Iterator[Seen]:
        """Look at the pictures, in any order; closing the iterator stops the work.

        Raises ModelNotReady when the workers cannot be reached or have no such encoder, ModelFailed when they give up,
        Cancelled.
        """
        ...

    def close(self) -> None: ...


def embed_with(
    catalogue: Catalogue, folders: Sequence[str], encoder: str, workers: Workers, cancel: Cancel
) -> Generator[ScanProgress, None, None]:
    """Have the pictures of the folders encoded that have no vector of that encoder; each batch is kept as it comes.

    Only this process writes to the catalogue. What is kept stays when the work is stopped or a machine fails; the next
    run goes on with what is missing. Files that no worker could read are taken out of use with a reason until the next
    scan looks at them. Raises as Workers.encode does, and ModelFailed when the workers hold another encoder.
    """
    rows = catalogue.embeddings.missing(encoder, folders)
    done = 0
    for start in range(0, len(rows), SHARE):
        cancel.check()
        tasks = _tasks(catalogue, rows[start : start + SHARE])
        with closing(_closable(workers.encode(tasks, cancel))) as batches:
            for seen in batches:
                _keep(catalogue, encoder, seen)
                done += seen.taken
                yield ScanProgress(done, len(rows), "")
                cancel.check()


def _closable(batches: Iterator[Seen]) -> Generator[Seen, None, None]:
    try:
        yield from batches
    finally:
        if (close := getattr(batches, "close", None)) is not None:
            close()


def _keep(catalogue: Catalogue, encoder: str, seen: Seen) -> None:
    for path, reason in seen.broken:
        catalogue.distrust(path, reason)
    if not len(seen.rows):
        return
    if seen.encoder != encoder:
        raise ModelFailed(
            f"A worker looked at pictures with {seen.encoder}, not with {encoder}.",
            "Put the same model files on every machine.",
        )
    catalogue.embeddings.store(encoder, seen.rows, seen.vectors)


def _tasks(catalogue: Catalogue, rows: Ids) -> list[Task]:
    """The pictures with every usable file that they lie in."""
    found: list[Task] = []
    for start in range(0, len(rows), _ASKED):
        asked = json.dumps(rows[start : start + _ASKED].tolist())
        lines = catalogue.database.all(
            "SELECT row, width, height, path, name FROM pictures JOIN files ON picture = row AND reason IS NULL"  # noqa: S608 - a constant
            f" JOIN directories ON number = directory WHERE row IN {LISTED} ORDER BY row, path, name",
            [asked],
        )
        paths: dict[tuple[int, int, int], list[str]] = {}
        for row, width, height, place, name in lines:
            paths.setdefault((row, width, height), []).append(joined(place, name))
        found += [Task(row, tuple(files), width, height) for (row, width, height), files in paths.items()]
    return found
