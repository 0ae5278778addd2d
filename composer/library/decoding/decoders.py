"""Processes that open picture files: what a file does to its reader costs that file, never the engine.

Libraries that decode pictures are large and written in C; files of strangers make them crash, spin or swallow memory
now and then. So files are opened in child processes that are held to seconds and to an amount of memory. What comes
back is small: a preview, hashes and words. For 400 photographs of 1.4 megapixels it took 2 and 6 % more processor time
than decoding in threads, the start of the children included. decoder_child.py is the child's side. The two talk in
frames of MessagePack with the length before it; nothing that a child says is executed.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import IO, Any, TypeVar

import msgspec
from msgspec import Struct
from PIL import Image
from PIL.Image import Image as Picture

from composer.errors import LibraryError
from composer.library.decoding.quality import UnusablePicture
from composer.library.words.metadata import Words

SECONDS = 60.0
"""For one picture, besides the time to read it; the slowest takes three on an old machine."""
SECONDS_PER_BYTE = 1e-6
"""A network drive gives a megabyte a second at the least."""
PICTURES = 5_000
"""After so many a child is replaced: what its libraries leak stays small."""
_ROOT = Path(__file__).parents[3]
_CHILD = "composer.library.decoding.decoder_child"
_START = f"import sys; sys.path.insert(0, sys.argv[1]); from {_CHILD} import serve; serve()"
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_LATE = 1
"""Exit status of a child whose time was up."""
S = TypeVar("S", bound=Struct)


class Ask(Struct, frozen=True, array_like=True):
    """A file to open. With `pixels` the answer is the picture itself, else what the catalogue keeps of it."""

    path: str
    at_least: int | None = None
    pixels: bool = False
    folders: tuple[str, ...] = ()
    row: Words | None = None
    sidecar: str = ""
    seconds: float = SECONDS
    kept: str = ""
    """Folder of XMP files by picture id."""


class Sight(Struct, frozen=True, array_like=True):
    """What a child says before it decodes."""

    id: str = ""
    large: bool = False
    reason: str = ""
    """Why the file cannot be used; no answer follows then."""


class Go(Struct, frozen=True, array_like=True):
    """What to do with the file in sight."""

    decode: bool
    """False: only its words are wanted."""


class Answer(Struct, frozen=True, array_like=True):
    """What a child made of a file."""

    reason: str = ""
    width: int = 0
    height: int = 0
    phash: int = 0
    look: bytes = b""
    preview: bytes = b""
    """JPEG; or all pixels, row by row, when they were asked for."""
    told: Words = Words()
    rating: int = 0


def open_upright(path: str | os.PathLike[str], at_least: int | None = None) -> Picture:
    """As `quality.open_upright`, decoded by a child."""
    _, answer = POOL.run(Ask(os.fspath(path), at_least, pixels=True))
    return Image.frombytes("RGB", (answer.width, answer.height), answer.preview)


def send(pipe: IO[bytes], message: Struct) -> None:
    body = msgspec.msgpack.encode(message)
    pipe.write(len(body).to_bytes(4, "little") + body if len(body) < 1 << 16 else len(body).to_bytes(4, "little"))
    if len(body) >= 1 << 16:
        pipe.write(body)
    pipe.flush()


def receive(pipe: IO[bytes], kind: type[S]) -> S:
    """The next message. Raises EOFError when the other side is gone."""
    head = pipe.read(4)
    body = pipe.read(int.from_bytes(head, "little")) if len(head) == 4 else b""
    if not body:
        raise EOFError
    return msgspec.msgpack.decode(body, type=kind)


class Decoders:
    """Children that are started when needed, one for each thread that asks. Safe between threads."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._lock = Lock()
        self._large = Lock()

    def run(self, ask: Ask, known: Callable[[str], bool] = lambda _: False) -> tuple[str, Answer]:
        """Id and answer for one file; of one whose id is `known` only the words are read.

        Raises UnusablePicture with the reason, LibraryError when no child can be started.
        """
        for _ in range(2):  # a child that was killed for other reasons must not cost a good file
            child = self._borrow()
            try:
                id_, answer = child.run(ask, known, self._large)
            except (EOFError, OSError, msgspec.DecodeError) as error:
                if child.end() == _LATE and child.waited >= 0.9 * ask.seconds:
                    raise UnusablePicture(f"takes too long to read (over {ask.seconds:.0f} seconds)") from error
                continue
            except BaseException:
                child.end()
                raise
            self._give_back(child)
            if answer.reason:
                raise UnusablePicture(answer.reason)
            return id_, answer
        raise UnusablePicture("damaged (its reader crashed)")

    def close(self) -> None:
        """End the children that are at rest."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    @property
    def pids(self) -> list[int]:
        """Of the children at rest."""
        with self._lock:
            return [child.pid for child in self._idle]

    def _borrow(self) -> _Child:
        while True:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is None:
                return _Child()
            if child.alive:
                return child
            child.end()

    def _give_back(self, child: _Child) -> None:
        if child.done >= PICTURES:
            child.end()
            return
        with self._lock:
            self._idle.append(child)


class _Child:
    """One process, used by one thread at a time."""

    def __init__(self) -> None:
        self.done = 0
        self.waited = 0.0
        """Seconds that the last file took."""
        command = [sys.executable, "-P", "-c", _START, str(_ROOT)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD},
            )
            receive(self._from, Sight)
        except (OSError, EOFError, msgspec.DecodeError) as error:
            if hasattr(self, "_process"):
                self.end()
            raise LibraryError(
                "The process that opens pictures did not start.", "Close other programs, then scan again."
            ) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, ask: Ask, known: Callable[[str], bool], large: Lock) -> tuple[str, Answer]:
        """Raises EOFError or OSError when the child ends."""
        self.done += 1
        began = time.monotonic()
        try:
            send(self._to, ask)
            sight = receive(self._from, Sight)
            if sight.reason:
                return sight.id, Answer(sight.reason)
            go = Go(not (sight.id and known(sight.id)))
            if not (sight.large and go.decode):
                return sight.id, self._answer(go)
            with large:
                began = time.monotonic()
                return sight.id, self._answer(go)
        finally:
            self.waited = time.monotonic() - began

    def _answer(self, go: Go) -> Answer:
        send(self._to, go)
        return receive(self._from, Answer)

    def end(self) -> int:
        """Kill it; returns the status that it ended with."""
        self._process.kill()
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not sent yet goes nowhere
                    continue
        return status

    @property
    def _to(self) -> IO[Any]:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for above
        return self._process.stdin

    @property
    def _from(self) -> IO[Any]:
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout


POOL = Decoders()
atexit.register(POOL.close)
