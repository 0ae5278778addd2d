"""A program to be killed: scans a folder, gives its pictures vectors, screens them and has an index follow.

    python -m tests.library.killed work OWN FOLDER      once, to the end; files are opened by processes of their own
    python -m tests.library.killed serve FOLDER         for each line "OWN SECONDS" on stdin a copy of this process
                                                        works in OWN and is killed after so many seconds

Copies are forked from one that has imported everything, so that a hundred kills take seconds; they open files
themselves. Says "ended" or "killed" for each.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from composer.errors import ComposerError
from composer.library.catalogue import Catalogue
from composer.library.decoding import decoder_child, quality
from composer.library.decoding.decoders import Answer, Ask, Go
from composer.library.filling import intake
from composer.library.filling.embed import embed
from composer.library.filling.scan import scan
from composer.library.finding.vectors import VectorSearch
from composer.library.looks.screens import screen
from composer.ports import Cancel, Ids, Vectors
from tests.library.conftest import MeanColours


class Here:
    """Opens files in this process, in place of the pool of readers."""

    def run(self, ask: Ask, known: Callable[[str], bool]) -> tuple[str, Answer]:
        with quality.open_file(ask.path) as file:
            id_ = decoder_child._id(file)
            answer = decoder_child._answer(ask, quality.begin(file, ask.at_least), Go(not known(id_)), id_)
        if answer.reason:
            raise quality.UnusablePicture(answer.reason)
        return id_, answer


class KeptIndex:
    """Vectors by id in one file, written beside it and renamed."""

    def __init__(self, file: Path) -> None:
        self._file, self._stamp = file, ""
        self.held: dict[int, Vectors] = {}
        if file.is_file():
            with np.load(file) as kept:
                self._stamp = str(kept["stamp"])
                self.held = dict(zip(kept["ids"].tolist(), kept["vectors"], strict=True))

    def stamp(self) -> str:
        return self._stamp

    def save(self, stamp: str) -> None:
        part = self._file.with_suffix(f".{os.getpid()}.npz")  # two programs may save at once
        ids = np.array(sorted(self.held), np.int64)
        np.savez(part, stamp=stamp, ids=ids, vectors=np.array([self.held[row] for row in ids.tolist()]))
        part.replace(self._file)
        self._stamp = stamp

    def clear(self) -> None:
        self.held, self._stamp = {}, ""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self.held.update(zip(ids.tolist(), vectors, strict=True))

    def remove(self, ids: Ids) -> None:
        for row in ids.tolist():
            self.held.pop(row, None)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.held)

    def close(self) -> None:
        pass


def work(own: Path, folder: Path) -> None:
    encoder = MeanColours()
    with Catalogue(own / "catalogue.db", own / "previews") as catalogue:
        for _ in scan(catalogue, folder, Cancel()):
            pass
        search = VectorSearch(catalogue, KeptIndex(own / "index.npz"), encoder)
        for _ in embed(catalogue, [], encoder, Cancel(), batch=4):
            search.refresh()
        search.refresh()
        for _ in screen(catalogue, [], Cancel()):
            pass


def serve(folder: Path) -> None:
    intake.POOL = Here()  # pyright: ignore[reportAttributeAccessIssue]
    for line in sys.stdin:
        own, _, seconds = line.rstrip("\n").rpartition(" ")
        child = os.fork()
        if not child:
            try:
                work(Path(own), folder)
                os._exit(0)
            except BaseException:  # noqa: BLE001 - nothing may come out of the copy but its status
                traceback.print_exc()
                os._exit(1)
        print(_ended(child, float(seconds)), flush=True)


def _ended(child: int, seconds: float) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return "ended" if status == 0 else f"failed {status}"
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else "ended" if status == 0 else f"failed {status}"


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    else:
        try:
            work(Path(sys.argv[2]), Path(sys.argv[3]))
        except ComposerError as error:
            sys.exit(f"{type(error).__name__}: {error}")
