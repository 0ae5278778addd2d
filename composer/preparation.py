"""What the re-ranker can do ahead while nobody waits: the pictures of a finished article, then those of its folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from composer.pipeline import Tools
from composer.ports import Cancel, Ids, Reranker
from composer.types import Composition, Picture

BATCH = 8
MOST = 4000
"""Pictures prepared after one article: more than an hour of an idle machine, and no more than caches are made for."""


class Preparation:
    """Goes on where it was cut short. Scores never depend on it, so its failures are nobody's concern."""

    def __init__(self, tools: Tools, reranker: Reranker, composition: Composition) -> None:
        self._reranker = reranker
        self._batches = _batches(tools, composition)
        self._batch: Sequence[Picture] = ()

    def go_on(self, cancel: Cancel) -> None:
        """Prepare until there is nothing left. Raises Cancelled as soon as the machine is wanted for something else."""
        while batch := self._batch or next(self._batches, ()):
            self._batch = batch
            for _ in self._reranker.prepare(batch, cancel):
                cancel.check()
            cancel.check()
            self._batch = ()


def prepare_all(tools: Tools, folders: Sequence[str], cancel: Cancel) -> Iterator[tuple[int, int]]:
    """Prepare every picture of the folders; yields how many are done, of how many.

    Ends early where the re-ranker has nothing to prepare or no room to keep more. Raises Cancelled on request.
    """
    rows = tools.catalogue.rows(folders)
    done = 0
    for batch in _in_folders(tools, folders, rows):
        reached = 0
        if tools.reranker is not None:
            for reached in tools.reranker.prepare(batch, cancel):
                yield done + reached, len(rows)
        if reached < len(batch):
            return
        done += reached


def _batches(tools: Tools, composition: Composition) -> Iterator[Sequence[Picture]]:
    known: set[str] = set()
    for batch in _found(tools, composition):
        fresh = [picture for picture in batch if picture.id not in known]
        known.update(picture.id for picture in fresh)
        if fresh:
            yield fresh
        if len(known) >= MOST:
            return


def _found(tools: Tools, composition: Composition) -> Iterator[Sequence[Picture]]:
    """The candidates slot by slot, then everything in the folders. The folders are read as it goes."""
    for slot in composition.slots or ():
        yield [candidate.picture for candidate in composition.candidates.get(slot.id, ())]
    folders = composition.brief.libraries
    if folders:
        yield from _in_folders(tools, folders, tools.catalogue.rows(folders))


def _in_folders(tools: Tools, folders: Sequence[str], rows: Ids) -> Iterator[Sequence[Picture]]:
    for at in range(0, len(rows), BATCH):
        yield list(tools.catalogue.pictures(rows[at : at + BATCH].tolist(), folders).values())
