"""One way to speak with a model server: every request on a connection and a thread of its own, bounded and stoppable.

OpenAI's client reads the API; this module decides where it connects (see `models/address.py`), what it sends along,
how long it waits and how much it takes. Proxies and keys of the environment are not used, redirects are not followed,
and nothing is asked twice once a server has taken it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import httpx2
import msgspec
import openai

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.ports import Cancel
from models import address as addresses
from models.refusals import Refusals

KEY = "PICTORIAL_SERVER_KEY"
"""The environment variable that holds the server's key. It is read when a server is first spoken to, and kept only in
memory."""
CONNECT_SECONDS = 5.0
"""For one address of the server to take the connection. On a local network it takes milliseconds."""
CONNECT_TRIES = 3
CONNECT_PAUSE = 0.2
"""Seconds before the second try; doubled before the third. A server that is just starting is met that way."""
ABOUT_SECONDS = 15.0
"""For questions about the server, which computes nothing for them."""
FIRST_SECONDS = 900.0
"""For the first word. The server may first load 10 GB from a slow disk, and 3,000 tokens at 5 a second are 600 s."""
NEXT_SECONDS = 180.0
"""Between two words. A machine that pages its memory writes a token in 10 s; another program's request may come in
between."""
POLL_SECONDS = 0.05
LONGEST_LINE = 1 << 20
"""Bytes of one event of a stream; a token with its probabilities is under 10 kB."""
LONGEST_ANSWER = 16 << 20
"""Bytes of a whole answer."""
HEADERS = {"host", "accept", "content-type", "content-length", "transfer-encoding", "authorization"}
"""What is sent of a request's headers. The client would add what machine this is, and what its environment says."""

T = TypeVar("T")
_Job = Callable[[openai.OpenAI], Iterator[Any]]


class Server:
    """A model server at "URL#MODEL". Making one connects to nothing; safe to share between threads.

    Raises ModelNotReady when that is no address, or one that the writer has not said yes to.
    """

    def __init__(self, setting: str, allowed: Sequence[str] = ()) -> None:
        self.address = addresses.parse(setting)
        addresses.permit(self.address, allowed)
        self._allowed = tuple(allowed)
        self._key = os.environ.get(KEY, "").strip()
        self.refusals = Refusals(self.address, self._key)
        self._under_way: set[_Exchange] = set()
        self._closed = False

    def get(self, url: str, cancel: Cancel | None = None) -> Any:  # noqa: ANN401 - whatever JSON holds
        """What lies at an absolute address under `address.root`, decoded. Raises ModelNotReady or ModelFailed."""

        def job(client: openai.OpenAI) -> Iterator[Any]:
            yield client.get(url, cast_to=object)

        return self._one(job, cancel or Cancel(), ABOUT_SECONDS)

    def post(self, url: str, body: dict[str, Any], cancel: Cancel | None = None, wait: float = ABOUT_SECONDS) -> Any:  # noqa: ANN401
        """The whole answer, decoded; `wait` in seconds. Raises as `get`, and Cancelled within 0.3 s of a cancel."""

        def job(client: openai.OpenAI) -> Iterator[Any]:
            yield client.post(url, body=body, cast_to=object)

        return self._one(job, cancel or Cancel(), wait)

    def chat(self, body: dict[str, Any], cancel: Cancel, wait: float = FIRST_SECONDS) -> Any:  # noqa: ANN401
        """One whole answer of the model."""
        return self.post(f"{self.address.url}/chat/completions", body, cancel, wait)

    def stream(self, body: dict[str, Any], cancel: Cancel, says: Callable[[Any], bool]) -> Iterator[Any]:
        """The events of an answer, each decoded JSON. `says` tells whether an event holds a word of the model's.

        Waits FIRST_SECONDS for the first such event and NEXT_SECONDS for every other; events that say nothing, such as
        a server's signs of life, do not count. Raises as `post`.
        """
        url = f"{self.address.url}/chat/completions"

        def job(client: openai.OpenAI) -> Iterator[Any]:
            stream = client.post(url, body=body, cast_to=object, stream=True, stream_cls=openai.Stream[object])
            self.refusals.check_stream(stream.response.headers.get("content-type", ""))
            yield from stream

        deadline = _Deadline(FIRST_SECONDS)
        for item in self._items(job, cancel, deadline):
            if says(item):
                deadline.set(NEXT_SECONDS)
            yield item

    def reading(self, value: object, kind: type[T]) -> T:
        """The server's words as a type of ours. Raises ModelFailed when they are something else."""
        try:
            return msgspec.convert(value, kind, strict=False)
        except (msgspec.ValidationError, RecursionError) as error:
            raise self.refusals.nonsense() from error

    def close(self) -> None:
        """Stop whatever is under way, on whatever thread."""
        self._closed = True
        for exchange in list(self._under_way):
            exchange.stop()

    def _one(self, job: _Job, cancel: Cancel, wait: float) -> Any:  # noqa: ANN401 - as above
        for item in self._items(job, cancel, _Deadline(wait)):
            return item
        raise self.refusals.nonsense()

    def _items(self, job: _Job, cancel: Cancel, deadline: _Deadline) -> Iterator[Any]:
        """What a job gives on its own thread. Whoever waits here is free within POLL_SECONDS of a cancel."""
        cancel.check()
        if self._closed:
            raise _closed()
        exchange = _Exchange(self.address, self._allowed, self._key)
        self._under_way.add(exchange)
        threading.Thread(target=exchange.run, args=(job,), name="model-server", daemon=True).start()
        try:
            yield from self._waited_for(exchange, cancel, deadline)
        finally:
            self._under_way.discard(exchange)
            exchange.stop()

    def _waited_for(self, exchange: _Exchange, cancel: Cancel, deadline: _Deadline) -> Iterator[Any]:
        while True:
            try:
                item = exchange.out.get(timeout=POLL_SECONDS)
            except Empty:
                cancel.check()
                if deadline.passed:
                    raise self.refusals.silent() from None
                continue
            cancel.check()
            if isinstance(item, _End):
                if self._closed:
                    raise _closed()
                if item.error is not None:
                    raise self.refusals.told(item.error) from item.error
                return
            yield item


class _Deadline:
    """When waiting for the server ends; `set` moves it."""

    def __init__(self, seconds: float) -> None:
        self.set(seconds)

    def set(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        return time.monotonic() > self._at


class _End(msgspec.Struct, frozen=True):
    error: BaseException | None = None


class _Exchange:
    """One request: its thread, its connection, and the way to break it off from elsewhere."""

    def __init__(self, address: addresses.Address, allowed: tuple[str, ...], key: str) -> None:
        self.out: SimpleQueue[Any] = SimpleQueue()
        self._address, self._allowed, self._key = address, allowed, key
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def run(self, job: _Job) -> None:
        """Do the job and put what it gives into `out`, an _End last. Bound in memory by LONGEST_ANSWER."""
        end = _End()
        try:
            with self._client() as client:
                for item in job(client):
                    if self._stopped.is_set():
                        break
                    self.out.put(item)
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            end = _End(error)
        self.out.put(end)

    def stop(self) -> None:
        """Break the connection off: a thread that waits for the server wakes up, and the server stops computing."""
        self._stopped.set()
        with self._lock, contextlib.suppress(OSError):  # ended already
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def pause(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Told by httpx2 of every step of a connection; keeps its socket."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
            if self.stopped:
                self.stop()

    def _client(self) -> openai.OpenAI:
        times = httpx2.Timeout(FIRST_SECONDS, connect=CONNECT_SECONDS)
        line = _Line(self, self._address, self._allowed, self._key)
        return openai.OpenAI(
            base_url=self._address.url,
            api_key=self._key or "none",  # never the environment's; _Line takes it out when there is none
            max_retries=0,
            timeout=times,
            http_client=httpx2.Client(transport=line, trust_env=False, follow_redirects=False, timeout=times),
        )


class _Line(httpx2.BaseTransport):
    """Connects to the addresses that were checked, sends few headers, and takes no more than a bounded answer."""

    def __init__(self, exchange: _Exchange, address: addresses.Address, allowed: tuple[str, ...], key: str) -> None:
        self._exchange, self._address, self._allowed, self._key = exchange, address, allowed, key
        verify = ssl.create_default_context() if address.scheme == "https" else False  # plain: no certificates to load
        self._inner = httpx2.HTTPTransport(
            verify=verify, trust_env=False, limits=httpx2.Limits(max_connections=1, max_keepalive_connections=0)
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        aim = (request.url.scheme, request.url.host, request.url.port or addresses.PORTS.get(request.url.scheme))
        if aim != (self._address.scheme, self._address.host, self._address.port):
            raise ModelNotReady("A request was aimed at another server than the one chosen.", addresses.FORM)
        places = addresses.reachable(self._address, self._allowed)
        kept = {name: value for name, value in request.headers.items() if name.lower() in HEADERS}
        if not self._key:
            kept.pop("authorization", None)
        request.headers = httpx2.Headers({**kept, "accept-encoding": "identity", "connection": "close"})
        request.extensions = {**request.extensions, "trace": self._exchange.watch}
        return _bounded(self._connected(request, places))

    def _connected(self, request: httpx2.Request, places: Sequence[str]) -> httpx2.Response:
        """Try every address, and all of them again when they refuse: nothing has been sent then."""
        failed: Exception | None = None
        for attempt in range(CONNECT_TRIES):
            for place in places:
                request.url = request.url.copy_with(host=place)
                request.extensions["sni_hostname"] = self._address.host  # the certificate is still the name's
                try:
                    return self._inner.handle_request(request)
                except httpx2.ConnectError as error:  # a timeout is not tried again: nobody is there
                    failed = error
            if self._exchange.stopped or isinstance(_root(failed), ssl.SSLError):
                break
            if attempt + 1 < CONNECT_TRIES:
                self._exchange.pause(CONNECT_PAUSE * 2**attempt)
        raise failed or Cancelled

    def close(self) -> None:
        self._inner.close()


def _closed() -> ModelFailed:
    return ModelFailed("The connection to the model server was closed.", "Start again.")


def _root(error: BaseException | None) -> BaseException | None:
    while error is not None and (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


def _bounded(response: httpx2.Response) -> httpx2.Response:
    if response.headers.get("content-encoding", "identity") != "identity":
        response.close()
        raise httpx2.RemoteProtocolError("compressed, which was not asked for")
    streamed = "event-stream" in response.headers.get("content-type", "")
    stream = response.stream
    if not isinstance(stream, httpx2.SyncByteStream):
        raise TypeError("a synchronous answer was expected")
    return httpx2.Response(
        status_code=response.status_code,
        headers=response.headers,
        stream=_Bounded(stream, LONGEST_LINE if streamed else LONGEST_ANSWER),
        extensions=response.extensions,
    )


class _Bounded(httpx2.SyncByteStream):
    """An answer's bytes, up to LONGEST_ANSWER in all and `line` without a line's end."""

    def __init__(self, stream: httpx2.SyncByteStream, line: int) -> None:
        self._stream = stream
        self._line = line

    def __iter__(self) -> Iterator[bytes]:
        total = line = 0
        for part in self._stream:
            total += len(part)
            end = part.rfind(b"\n")
            line = line + len(part) if end < 0 else len(part) - end - 1
            if total > LONGEST_ANSWER or line > self._line:
                raise httpx2.RemoteProtocolError("an answer without an end")
            yield part

    def close(self) -> None:
        self._stream.close()
