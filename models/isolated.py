"""The child's side of isolation.py: builds adapters when they are first used and does the calls one after the other.

Calls of methods marked with `overlapping` are the exception: of these the next begins while the last is at work, so
that the processor does not stand still while an answer travels and the next question is unpacked.

Parent and child talk over one pipe. Each message is a head (kind and number, in plain text) and a pickled body. The
child reads the pipe in a thread of its own, so that a cancel is seen at once and the end of the parent, however it
came, ends the child.

To the child: recipe (an adapter's factory), call, cancel, import, end. To the parent: value, or stream, piece... and
end, or failed.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from composer.errors import Cancelled, ComposerError, ModelFailed
from composer.ports import Cancel

Message = tuple[str, int, bytes]
Method = TypeVar("Method", bound=Callable[..., Any])

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
YIELDING = 5
"""How much nicer than the engine a process is that computes for long: what answers in milliseconds goes first."""
READ = ""
"""In place of a method's name: the call reads the attribute named by its only argument."""


SIDE_BY_SIDE = 2
"""Overlapping calls at work at once: one more would only wait longer."""


def overlapping(method: Method) -> Method:
    """Marks a method of an adapter of which two calls may be at work at once, each on a thread of its own."""
    method.__dict__["overlapping"] = True
    return method


class CancelHere:
    """Stands in a call's arguments where the caller gave its Cancel."""


class Line:
    """One end of the pipe; any thread may send, one thread receives."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sending = Lock()

    def send(self, kind: str, number: int, body: bytes = b"") -> None:
        """Raises OSError when the other side is gone."""
        with self._sending:
            self._pipe.send_bytes(f"{kind} {number}".encode())
            self._pipe.send_bytes(body)

    def receive(self) -> Message:
        """Raises EOFError or OSError when the other side is gone."""
        kind, number = self._pipe.recv_bytes().decode().split()
        return kind, int(number), self._pipe.recv_bytes()

    def close(self) -> None:
        self._pipe.close()


def pack(value: object) -> bytes:
    """Pickle by value. The pipe's own pickler would share torch tensors through files instead."""
    return pickle.dumps(value, protocol=5)


def serve(pipe: Connection, name: str, threads: int, yielding: bool) -> None:
    """What the child process runs; returns when the parent asks it to end."""
    if yielding and hasattr(os, "nice"):
        os.nice(YIELDING)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which ends its children itself
    sys.stdout.flush()
    os.dup2(2, 1)  # the engine's stdin and stdout are the wire: no library may read or print there
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(OFFLINE)
    if threads > 0:
        os.environ.update(dict.fromkeys(THREADS, str(threads)))
    # After what libraries registered to be done at the end: tearing down torch itself would take another half second.
    Finalize(None, os._exit, (0,), exitpriority=-100)
    _Child(Line(pipe), name).run()


class _Child:
    def __init__(self, line: Line, name: str) -> None:
        self._line = line
        self._name = name
        self._jobs: SimpleQueue[Message] = SimpleQueue()
        self._switches: dict[int, Cancel] = {}
        self._recipes: dict[int, bytes] = {}
        self._adapters: dict[int, Any] = {}
        self._beside = ThreadPoolExecutor(SIDE_BY_SIDE, "overlapping")
        self._under_way: set[Future[None]] = set()

    def run(self) -> None:
        Thread(target=self._listen, daemon=True).start()
        while True:
            kind, number, body = self._jobs.get()
            if kind == "end":
                return
            if kind == "recipe":
                self._recipes[number] = body
            elif kind == "import":
                with contextlib.suppress(Exception):  # whoever needs it will say what is wrong with it
                    importlib.import_module(body.decode())
            else:
                self._answer(number, body)

    def _listen(self) -> None:
        try:
            while True:
                kind, number, body = self._line.receive()
                if kind == "cancel":
                    if (switch := self._switches.get(number)) is not None:
                        switch.cancel()
                    continue
                if kind == "call":
                    self._switches[number] = Cancel()
                elif kind == "end":
                    for switch in list(self._switches.values()):
                        switch.cancel()
                self._jobs.put((kind, number, body))
        finally:
            os._exit(0)  # the parent is gone or has hung up; native code at work would not heed anything milder

    def _answer(self, number: int, body: bytes) -> None:
        cancel = self._switches[number]
        try:
            cancel.check()
            adapter, name, args, kwargs = pickle.loads(body)  # noqa: S301 - only our parent holds the other end
            args = tuple(cancel if isinstance(arg, CancelHere) else arg for arg in args)
            kwargs = {key: cancel if isinstance(arg, CancelHere) else arg for key, arg in kwargs.items()}
            work = self._work(adapter, name)
        except BaseException as error:  # noqa: BLE001 - every failure is the caller's to hear, and the child goes on
            self._fail(number, error)
            return
        self._under_way = {future for future in self._under_way if not future.done()}
        if getattr(work, "overlapping", False):
            self._under_way.add(self._beside.submit(self._do, number, cancel, lambda: work(*args, **kwargs)))
        else:
            wait(self._under_way)
            self._do(number, cancel, lambda: work(*args, **kwargs))

    def _do(self, number: int, cancel: Cancel, work: Callable[[], object]) -> None:
        try:
            cancel.check()
            self._say(number, work(), cancel)
        except BaseException as error:  # noqa: BLE001 - as above
            self._fail(number, error)
        else:
            del self._switches[number]

    def _fail(self, number: int, error: BaseException) -> None:
        del self._switches[number]
        self._line.send("failed", number, _told(error, self._name))

    def _work(self, number: int, name: str) -> Callable[..., object]:
        """What a call asks for: a method of the adapter, which is built if this is its first call."""
        if name == "close":
            return lambda: self._close(number)
        if number not in self._adapters:
            factory, given, named = pickle.loads(self._recipes[number])  # noqa: S301 - as above
            self._adapters[number] = factory(*given, **named)
        adapter = self._adapters[number]
        return partial(_read, adapter) if name == READ else getattr(adapter, name)

    def _close(self, number: int) -> object:
        adapter = self._adapters.pop(number, None)
        return None if adapter is None else adapter.close()

    def _say(self, number: int, result: object, cancel: Cancel) -> None:
        if not isinstance(result, Iterator):
            self._line.send("value", number, pack(result))
            return
        self._line.send("stream", number)
        try:
            for piece in result:
                cancel.check()
                self._line.send("piece", number, pack(piece))
        finally:
            if (close := getattr(result, "close", None)) is not None:
                close()
        self._line.send("end", number)


def _read(adapter: object, name: str) -> tuple[bool, bool, object]:
    """Whether there is such an attribute, whether it is a method, and its value if it is none."""
    if not hasattr(adapter, name):
        return False, False, None
    value = getattr(adapter, name)
    return True, callable(value), None if callable(value) else value


def _told(error: BaseException, name: str) -> bytes:
    """The error as the caller shall see it, and the child's traceback."""
    trace = "".join(traceback.format_exception(error))
    if not isinstance(error, (ComposerError, Cancelled)):
        words = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        hint = "Close other programs or choose a smaller model." if isinstance(error, MemoryError) else "Try again."
        error = ModelFailed(f"The {name} failed ({words}).", hint)
    try:
        packed = pack((error, trace))
        pickle.loads(packed)  # noqa: S301 - our own bytes, to see that they can be read
    except Exception:  # noqa: BLE001 - an error that cannot travel is told in words
        return pack((ModelFailed(str(error)), trace))
    return packed
