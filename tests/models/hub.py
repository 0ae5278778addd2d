"""A stand-in for the Hugging Face hub on loopback: the few endpoints that a pull uses, and every way they go wrong."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" * 6 + "abcd"
PIECE = 1 << 14


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Hub:
    """Holds one repository. What it does wrong is set by its attributes."""

    def __init__(self, repository: str = "someone/model") -> None:
        self.repository = repository
        self.files: dict[str, bytes] = {}
        self.large: set[str] = set()
        """Files stored as large ones, of which the record has a sha256."""
        self.card: dict[str, object] = {"license": "apache-2.0", "language": ["en", "zh"]}
        self.asked: list[str] = []
        """Every path asked for; with " from N" where only the rest was wanted."""
        self.drop_after = 0
        """Bytes of a file after which the connection breaks, while `drops` is not used up."""
        self.drops = 0
        self.spoiled: set[str] = set()
        """Files that are given with wrong bytes."""
        self.status: dict[str, tuple[int, str]] = {}
        """HTTP status and the hub's error code for a path's end."""
        self.silent_after: int | None = None
        """Bytes of a file after which nothing comes any more."""
        self.whole_only = False
        """Wishes for the rest of a file are ignored."""
        self.released = threading.Event()
        self.url = ""

    def add(self, name: str, data: bytes, *, large: bool = True) -> bytes:
        self.files[name] = data
        if large:
            self.large.add(name)
        return data

    def record(self) -> dict[str, object]:
        siblings = [
            {
                "rfilename": name, "size": len(data), "blobId": git(data),
                **({"lfs": {"sha256": sha(data), "size": len(data), "pointerSize": 134}} if name in self.large else {}),
            }
            for name, data in self.files.items()
        ]  # fmt: skip
        return {"id": self.repository, "sha": COMMIT, "siblings": siblings, "cardData": self.card, "tags": []}

    @contextmanager
    def served(self) -> Iterator[Hub]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            self.released.set()
            server.shutdown()
            thread.join(5)
            server.server_close()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one class of small methods
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            hub.asked.append(path + (f" from {start}" if start else ""))
            for ending, (status, code) in hub.status.items():
                if path.endswith(ending):
                    self._answer(status, b"{}", {"X-Error-Code": code})
                    return
            if path == f"/api/models/{hub.repository}/revision/main" or path.endswith(f"/revision/{COMMIT}"):
                self._answer(200, json.dumps(hub.record()).encode(), {})
            elif path.startswith(f"/{hub.repository}/resolve/{COMMIT}/"):
                self._answer(
                    302, b"", {"Location": path.replace("/resolve/", "/cdn/")}
                )  # as the hub sends to its stores
            elif path.startswith(f"/{hub.repository}/cdn/{COMMIT}/"):
                self._file(path.rpartition(f"/{COMMIT}/")[2], start)
            else:
                self._answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            with contextlib.suppress(OSError):  # the client may have gone
                self.end_headers()
                self.wfile.write(body)

        def _file(self, name: str, start: int) -> None:
            data = hub.files[name]
            if name in hub.spoiled:
                data = bytes([data[0] ^ 1]) + data[1:]
            start = 0 if hub.whole_only else start
            if start >= len(data) > 0:
                self._answer(416, b"", {})
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            self._pieces(data[start:])

        def _pieces(self, data: bytes) -> None:
            sent = 0
            while sent < len(data):
                if hub.silent_after is not None and sent >= hub.silent_after:
                    hub.released.wait(20)
                    self.close_connection = True
                    return
                if hub.drops and sent >= hub.drop_after:
                    hub.drops -= 1
                    self.close_connection = True
                    return
                try:
                    self.wfile.write(data[sent : sent + PIECE])
                except OSError:
                    self.close_connection = True
                    return
                sent += PIECE

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
