"""A model server's stand-in that says what a test tells it to, nonsense and silence included. On loopback only."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

LONGEST_HANG = 20.0
"""Seconds after which even a silent answer ends: no test waits that long."""

Answer = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._reply({})

    def do_POST(self) -> None:
        self._reply(json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or "{}"))

    def _reply(self, body: dict[str, Any]) -> None:
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.close_connection = True
        answer = self.server.places.get(self.path.partition("?")[0])
        try:
            if answer is None:
                self.say(404, {"error": {"message": "nothing here"}})
            elif callable(answer):
                answer(self, body)
            else:
                self.say(200, answer)
        except (BrokenPipeError, ConnectionResetError):
            self.server.broken_off.set()

    def say(self, status: int, said: object, kind: str = "application/json", **headers: str) -> None:
        """A whole answer: bytes as they are, anything else as JSON."""
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def begin(self, kind: str = "text/event-stream") -> None:
        """An answer whose end is the end of the connection."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()

    def event(self, event: object) -> None:
        self.raw(b"data: " + (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n\n")

    def raw(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def hang(self) -> None:
        """Say nothing until the other side gives up, the test ends, or LONGEST_HANG."""
        self.connection.settimeout(LONGEST_HANG)
        if self.connection.recv(1) == b"":
            self.server.broken_off.set()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


class StandIn(ThreadingHTTPServer):
    """Use as a context. `places`: what lies at a path, as JSON or as a function that answers."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *models: str, owner: str = "somebody", **row: object) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.places: dict[str, Any] = {
            "/v1/models": {"data": [{"id": name, "owned_by": owner, **row} for name in models]}
        }
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.broken_off = threading.Event()
        """Set when the other side left before an answer's end."""
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.place}/v1"

    def chats(self, answer: Answer) -> None:
        """How questions to the model are answered."""
        self.places["/v1/chat/completions"] = answer

    def asked(self) -> list[dict[str, Any]]:
        """The questions to the model so far."""
        return [body for path, _, body in self.seen if path == "/v1/chat/completions"]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join(5)
        self.server_close()


def delta(content: str | None = None, finish: str | None = None, **more: object) -> dict[str, Any]:
    """An event of a stream."""
    return {"choices": [{"index": 0, "delta": {"content": content, **more}, "finish_reason": finish}]}


def speaking(*words: str, finish: str = "stop", **more: object) -> Answer:
    """An answer word by word, with a server's usual end."""

    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.begin()
        for word in words:
            handler.event({**delta(word), **more})
        handler.event(delta(finish=finish))
        handler.event(b"[DONE]")

    return answer


def refusing(status: int, words: str, **more: object) -> Answer:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.say(status, {"error": {"message": words, **more}})

    return answer
