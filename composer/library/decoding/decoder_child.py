"""The child's side of decoders.py: opens one file after another, and says what is in them."""

from __future__ import annotations

import faulthandler
import hashlib
import os
import signal
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from composer.library.decoding import quality, thumbnails
from composer.library.decoding.decoders import Answer, Ask, Go, Sight, receive, send
from composer.library.decoding.quality import Begun, UnusablePicture
from composer.library.filling.intake import File, told
from composer.library.looks import duplicates

MEMORY = 2 << 30
"""Bytes of address space above what the child starts with: the dearest picture that is let in takes 1 GB."""
IDLE = 60.0
"""Seconds after which a child that is asked nothing ends and gives its memory back."""
TURN = 3600.0
"""Seconds to wait for one's turn with a large picture."""
S = TypeVar("S", bound=Struct)


def serve() -> None:
    """Answer until the parent closes the line. Never returns."""
    line = _Line()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent, whose end is seen as the end of the line
    with suppress(ImportError, OSError, ValueError):
        _bound_memory()
    try:
        line.say(Sight())
        while True:
            _serve(line)
    except _Gone:
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the parent counts it as a crash over this file
        os._exit(3)


class _Gone(BaseException):
    """The parent ended."""


class _Line:
    """To the parent and from it."""

    def __init__(self) -> None:
        self._asked, self._said = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):  # what C libraries print must not come between the frames
            os.dup2(nothing, stream)

    def hear(self, kind: type[S], patience: float = IDLE) -> S:
        _limit(patience)
        try:
            return receive(self._asked, kind)
        except (EOFError, OSError) as error:
            raise _Gone from error

    def say(self, message: Struct) -> None:
        faulthandler.cancel_dump_traceback_later()
        try:
            send(self._said, message)
        except OSError as error:
            raise _Gone from error


def _bound_memory() -> None:
    """Only where the system keeps such a bound: Linux. Elsewhere the limits of quality.py are all there is."""
    import resource

    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit(seconds: float) -> None:
    """End the process by then, whatever it is doing: the clock is a thread that needs no interpreter."""
    faulthandler.dump_traceback_later(seconds, exit=True)


def _serve(line: _Line) -> None:
    """One file: what is in sight, and what the parent then wants of it."""
    ask = line.hear(Ask)
    _limit(ask.seconds)
    try:
        with quality.open_file(ask.path) as file:
            id_ = "" if ask.pixels else _id(file)
            begun = quality.begin(file, ask.at_least)
            line.say(Sight(id_, begun.large))
            go = line.hear(Go, TURN)
            _limit(ask.seconds)
            line.say(_answer(ask, begun, go, id_))
    except UnusablePicture as error:
        line.say(Sight(reason=error.reason))


def _id(file: BufferedReader) -> str:
    with quality.told_apart():
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        file.seek(0)
    return digest


def _answer(ask: Ask, begun: Begun, go: Go, id_: str) -> Answer:
    try:
        if not go.decode:
            words, rating = told(begun.source, _file(ask), id_)
            return Answer(told=words, rating=rating)
        decoded = quality.finish(begun, ask.at_least)
    except UnusablePicture as error:
        return Answer(error.reason)
    if ask.pixels:
        return Answer(width=decoded.image.width, height=decoded.image.height, preview=decoded.image.tobytes())
    preview = thumbnails.small(decoded.image)
    phash, look = duplicates.fingerprint(preview)
    words, rating = told(decoded.source, _file(ask), id_)
    return Answer("", decoded.width, decoded.height, phash, look, thumbnails.encoded(preview), words, rating)


def _file(ask: Ask) -> File:
    return File(ask.path, (0, 0, 0), ask.folders, ask.row, ask.sidecar, ask.kept)
