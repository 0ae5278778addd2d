"""An adapter in a child process of its own, used through a stand-in that looks like the adapter.

Vector search and torch must not share a process (their OpenMP pools compete: searches of 1.5 ms became 8 to 32 ms),
only the end of a process surely frees a model's memory, and a crash of native code must not take the engine down.
isolated.py is the child's side and says how the two talk.
"""

from __future__ import annotations

import contextlib
import inspect
import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Lock, RLock, Thread
from typing import Any, TypeVar, cast, get_type_hints

from composer.errors import Cancelled, ModelFailed
from composer.ports import Cancel
from models.isolated import READ, CancelHere, Line, Message, pack, serve

T = TypeVar("T")
Answers = SimpleQueue[Message | None]
"""What came for one call; None when the child ended."""

LOOK = 0.02
"""Seconds between two looks at the caller's Cancel."""
PATIENCE = 0.2
"""Seconds that a cancelled call may take to end by itself; after that the caller goes on and the answer is dropped."""
LEAVE = 0.5
"""Seconds that a child which is asked to end may take. One that ends by itself gives back what only it can give back,
such as named semaphores of its libraries, which otherwise stay until the parent ends and are then complained of."""
ENDING = 2.0
"""Seconds to wait for a killed process."""


class Host:
    """A child process for adapters, started when first needed and started anew after it died or was closed.

    `name` is for people ("writer", "picture encoder"); `threads` bounds the native thread pools, 0 leaves them alone;
    `yielding` lets other processes of the program go first, for work that goes on for long.
    Calls may come from any thread; the child does them one at a time, in the order they came.
    """

    def __init__(self, name: str, threads: int = 0, *, yielding: bool = False) -> None:
        self.name = name
        self.threads = threads
        self.yielding = yielding
        self._process: _Process | None = None
        self._recipes: dict[int, bytes] = {}
        self._modules: set[str] = set()
        self._numbers = count(1)
        self._starting = Lock()

    def build(self, factory: Callable[..., T], *args: object, **kwargs: object) -> T:
        """A stand-in for `factory(*args, **kwargs)`, which the child builds on first use.

        `factory` must be importable by name. Attributes are read once (adapters' are constants); methods run in the
        child; what they return comes back by pickle, iterators piece by piece; a Cancel among the arguments works.
        Raises from a call: ComposerError and Cancelled as the adapter raised them, ModelFailed for anything else and
        when the child ends; the next call then starts a fresh child.
        """
        number = next(self._numbers)
        self._recipes[number] = pack((factory, args, kwargs))
        self._modules.add(factory.__module__)
        return cast("T", Proxy(self, number, _kind(factory)))

    def warm(self, *modules: str) -> None:
        """Start the process and the imports without waiting; `modules` are imported besides the factories' own."""
        process = self._running()
        for module in (*sorted(self._modules), *modules):
            process.tell("import", 0, module.encode())

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    def close(self) -> None:
        """End the process, even in the midst of a call, which then raises ModelFailed. A later call starts another."""
        with self._starting:
            process, self._process = self._process, None
        if process is not None:
            process.end()

    def call(self, adapter: int, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """Do one call of the adapter with that number; READ as `name` reads an attribute."""
        cancel = next((arg for arg in (*args, *kwargs.values()) if isinstance(arg, Cancel)), None)
        if cancel is not None:
            cancel.check()
        args = tuple(CancelHere() if isinstance(arg, Cancel) else arg for arg in args)
        kwargs = {key: CancelHere() if isinstance(arg, Cancel) else arg for key, arg in kwargs.items()}
        call = self._send(adapter, pack((adapter, name, args, kwargs)), cancel)
        kind, body = call.wait()
        if kind == "stream":
            return Stream(call)
        call.done()
        return pickle.loads(body)  # noqa: S301 - only our child holds the other end

    def release(self, adapter: int) -> None:
        """Close one adapter if the child has it; the process ends with its last adapter."""
        process = self._process
        if process is None or adapter not in process.known:
            return
        with contextlib.suppress(ModelFailed):  # it ended first: nothing is left to close
            self.call(adapter, "close", (), {})
        process.known.discard(adapter)
        if not process.known and process is self._process:
            self.close()

    def _running(self) -> _Process:
        with self._starting:
            if self._process is not None and not self._process.alive:
                self._process.end()
                self._process = None
            if self._process is None:
                self._process = _Process(self.name, self.threads, self.yielding)
            return self._process

    def _send(self, adapter: int, body: bytes, cancel: Cancel | None) -> _Call:
        number, recipe = next(self._numbers), self._recipes[adapter]
        process = self._running()
        answers = process.call(number, body, adapter, recipe)
        if answers is None:  # the child died since the last call: a fresh one gets it
            process = self._running()
            answers = process.call(number, body, adapter, recipe)
        if answers is None:
            raise process.ended()
        return _Call(process, number, answers, cancel)


class _Process:
    """A running child, and who waits for which answer."""

    def __init__(self, name: str, threads: int, yielding: bool) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._name = name
        self._process = context.Process(target=serve, args=(there, name, threads, yielding), name=name, daemon=True)
        self._process.start()
        there.close()  # so that the end of the child is the end of the line
        self.pid = self._process.pid
        self.alive = True
        self.known: set[int] = set()
        self._closed = False
        self._line = Line(cast("Connection", here))
        self._waiting: dict[int, Answers] = {}
        self._lock = RLock()  # re-entrant: the garbage collector may forget a stream at any line
        self._listener = Thread(target=self._listen, name=f"{name} answers", daemon=True)
        self._listener.start()

    def call(self, number: int, body: bytes, adapter: int, recipe: bytes) -> Answers | None:
        """Send a call, after the adapter's recipe if the child lacks it; None when the child is gone."""
        answers: Answers = SimpleQueue()
        with self._lock:
            if not self.alive:
                return None
            self._waiting[number] = answers
            try:
                if adapter not in self.known:
                    self._line.send("recipe", adapter, recipe)
                    self.known.add(adapter)
                self._line.send("call", number, body)
            except OSError:
                self.alive = False
                return None
        return answers

    def forget(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)

    def tell(self, kind: str, number: int, body: bytes = b"") -> None:
        with contextlib.suppress(OSError):  # a child that is gone needs no telling; its calls hear of it
            self._line.send(kind, number, body)

    def ended(self) -> ModelFailed:
        if self._closed:
            return ModelFailed(f"The {self._name} was closed while it was at work.", "Try again.")
        hint = "Try again; if it happens again, close other programs or choose a smaller model."
        return ModelFailed(f"The {self._name} process ended unexpectedly.", hint)

    def end(self) -> None:
        """Have the child end, by force if it takes too long, and wait until it is gone: its memory is then free."""
        self._closed = True
        self.tell("end", 0)
        self._process.join(LEAVE)
        self._process.kill()
        self._process.join(ENDING)
        self._listener.join(ENDING)
        self._line.close()

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                message = self._line.receive()
                with self._lock:
                    answers = self._waiting.get(message[1])
                if answers is not None:
                    answers.put(message)
                elif message[0] == "piece":  # nobody listens any more: the child may stop
                    self.tell("cancel", message[1])
        with self._lock:
            self.alive = False
            for answers in self._waiting.values():
                answers.put(None)


class _Call:
    """One call under way, seen from the parent."""

    def __init__(self, process: _Process, number: int, answers: Answers, cancel: Cancel | None) -> None:
        self._process = process
        self._number = number
        self._answers = answers
        self._cancel = cancel
        self._cancelled_at: float | None = None

    def wait(self) -> tuple[str, bytes]:
        """The call's next message. Raises what the child raised, Cancelled, or ModelFailed when the child ended."""
        try:
            kind, _, body = self._next()
        except BaseException:  # a KeyboardInterrupt here must stop the child's work as well
            self.give_up()
            raise
        if kind == "failed":
            self.done()
            error, trace = pickle.loads(body)  # noqa: S301 - only our child holds the other end
            raise error from _InChildError(trace)
        return kind, body

    def _next(self) -> Message:
        while True:
            try:
                message = self._answers.get(timeout=None if self._cancel is None else LOOK)
            except Empty:
                message = ("", 0, b"")
            self._pass_cancel_on()
            if self._cancelled_at is not None:
                late = time.monotonic() - self._cancelled_at > PATIENCE
                if late or message is None or message[0] in {"value", "end", "failed"}:
                    raise Cancelled
            elif message is None:
                raise self._process.ended()
            elif message[0]:
                return message

    def _pass_cancel_on(self) -> None:
        if self._cancel is not None and self._cancel.cancelled and self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            self._process.tell("cancel", self._number)

    def done(self) -> None:
        self._process.forget(self._number)

    def give_up(self) -> None:
        """Nobody waits for the rest: let the child stop too."""
        self._process.tell("cancel", self._number)
        self.done()


class _InChildError(Exception):
    """The child's traceback, as the cause of what the caller sees."""


class Stream(Iterator[Any]):
    """The pieces of an iterator that runs in the child, as they come. Closing it stops the child's work."""

    def __init__(self, call: _Call) -> None:
        self._call: _Call | None = call

    def __next__(self) -> Any:  # noqa: ANN401 - whatever the adapter yields
        if self._call is None:
            raise StopIteration
        try:
            kind, body = self._call.wait()
        except BaseException:
            self._call = None
            raise
        if kind == "end":
            self._call.done()
            self._call = None
            raise StopIteration
        return pickle.loads(body)  # noqa: S301 - only our child holds the other end

    def close(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.give_up()

    def __del__(self) -> None:
        if self._call is not None:
            self._call.done()  # sends nothing, as this may run inside a send; the next piece tells the child


def _kind(factory: Callable[..., object]) -> type | None:
    """What the factory makes, so far as its signature tells."""
    if isinstance(factory, type):
        return factory
    with contextlib.suppress(Exception):  # an annotation that cannot be read only costs a question to the child
        kind = get_type_hints(factory).get("return")
        return kind if isinstance(kind, type) else None
    return None


class Proxy:
    """Looks like the adapter; the adapter itself lives in the host's child."""

    def __init__(self, host: Host, number: int, kind: type | None) -> None:
        self._host = host
        self._number = number
        self._kind = kind
        self._values: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the adapter has
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._values:
            self._values[name] = self._look_up(name)
        return self._values[name]

    def __len__(self) -> int:
        return self._host.call(self._number, "__len__", (), {})

    def __bool__(self) -> bool:
        return True  # asking whether there is an adapter must not count its contents in the child

    def close(self) -> None:
        """Close the adapter if it was built; starts no process for it."""
        self._host.release(self._number)

    def _look_up(self, name: str) -> Any:  # noqa: ANN401 - as above
        method = partial(self._ask, name)
        if inspect.isfunction(inspect.getattr_static(self._kind, name, None)):
            return method  # no question to the child, which may have to load a model to answer it
        there, callable_, value = self._host.call(self._number, READ, (name,), {})
        if not there:
            raise AttributeError(f"The {self._host.name} has no {name}.")
        return method if callable_ else value

    def _ask(self, name: str, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        return self._host.call(self._number, name, args, kwargs)
