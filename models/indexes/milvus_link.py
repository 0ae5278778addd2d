"""One connection to Milvus: made to the address that was checked, and every failure told in one sentence."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from composer.errors import ComposerError, ModelFailed, ModelNotReady
from models.indexes.milvus_place import MilvusPlace, check_installed, reachable

TOKEN = "PICTORIAL_MILVUS_TOKEN"  # noqa: S105 - the variable's name
"""The environment variable that holds "user:password" or the key of a Milvus server."""
CONNECT_SECONDS = 5.0
SECONDS = 120.0
"""For one call: the longest is making a condition's first search after a collection was loaded from disk."""

_opened: dict[str, int] = {}
_opening = Lock()


class Link:
    """A client of one place. Several of them may have the same file of this machine open, in one process only."""

    def __init__(self, place: MilvusPlace, token: str, allowed: Sequence[str]) -> None:
        """Connects at once. Raises ModelNotReady."""
        check_installed(place)
        os.environ["PYTHON_DOTENV_DISABLED"] = "1"  # pymilvus would take settings from any .env file
        self._place = place
        self._client: Any = None
        import pymilvus

        self._library: Any = pymilvus
        for name in ("pymilvus", "milvus_lite"):  # they print what we tell in words
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._client = self._on_file(place.file) if place.file is not None else self._on_server(token, allowed)

    def ask(self, method: str, collection: str, **arguments: object) -> Any:  # noqa: ANN401 - whatever pymilvus gives
        """Call a method of the client about a collection. Raises ModelNotReady or ModelFailed."""
        if self._client is None:
            raise ModelFailed("The index on Milvus was closed.", "Start the search again.")
        with self._telling():
            return getattr(self._client, method)(collection, timeout=SECONDS, **arguments)

    def schema(self, dimensions: int, kind: str, building: dict[str, int]) -> tuple[Any, Any]:
        """What `create_collection` needs: fields `id` and `vector`, and how the vectors are indexed."""
        types = self._library.DataType
        schema = self._library.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", types.INT64, is_primary=True)
        schema.add_field("vector", types.FLOAT_VECTOR, dim=dimensions)
        index = self._library.MilvusClient.prepare_index_params()
        index.add_index("vector", index_type=kind, metric_type="IP", params=building)  # of unit vectors: the cosine
        return schema, index

    def close(self) -> None:
        if self._client is None:
            return
        client, self._client = self._client, None
        with contextlib.suppress(Exception):  # closing what is broken already
            client.close()
        if self._place.file is not None:
            _let_go(str(self._place.file))

    def _on_file(self, file: Path) -> Any:  # noqa: ANN401 - pymilvus.MilvusClient
        with _opening, self._telling():
            file.parent.mkdir(parents=True, exist_ok=True)
            client = self._library.MilvusClient(str(file), dedicated=True, grpc_options=_PLAIN)
            _opened[str(file)] = _opened.get(str(file), 0) + 1
            return client

    def _on_server(self, token: str, allowed: Sequence[str]) -> Any:  # noqa: ANN401 - as above
        server = self._place.server
        if server is None:
            raise ValueError("neither server nor file")
        failure: ComposerError | None = None
        for ip in reachable(self._place, allowed):
            try:
                with self._telling():
                    return self._library.MilvusClient(
                        f"{server.scheme}://{ip}:{server.port}", token=token, timeout=CONNECT_SECONDS, dedicated=True,
                        grpc_options=_PLAIN, **({"server_name": server.host} if server.scheme == "https" else {}),
                    )  # fmt: skip
            except ComposerError as error:
                failure = error
        raise failure or ModelNotReady(f"The Milvus server {self._place.title} has no address.", _START)

    @contextlib.contextmanager
    def _telling(self) -> Generator[None, None, None]:
        """Turn what pymilvus and grpc raise into sentences."""
        import grpc

        try:
            yield
        except (self._library.MilvusException, grpc.RpcError, grpc.FutureTimeoutError, OSError) as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> ComposerError:
        text = str(getattr(error, "message", "") or error)
        low = "\n".join(_all_said(error)).lower()
        first = text.splitlines()[0][:200] if text else type(error).__name__
        if any(sign in low for sign in _REFUSED):
            return ModelNotReady(
                f"The Milvus server {self._place.title} does not let Pictorial in.",
                f"Put user:password, or its key, into the environment variable {TOKEN}.",
            )
        if self._place.file is not None and ("open local milvus failed" in low or isinstance(error, OSError)):
            return ModelNotReady(
                f"The index {self._place.file} cannot be opened: another Pictorial uses it, or it is damaged.",
                "Close the other one, or move the file away: the index is filled anew from the catalogue.",
            )
        if any(sign in low for sign in _AWAY):
            return ModelNotReady(f"The Milvus server {self._place.title} does not answer.", _START)
        if "rate limit" in low or "quota" in low:
            return ModelFailed(f"The Milvus server {self._place.title} takes no more at the moment ({first}).", _LATER)
        return ModelFailed(f"Milvus at {self._place.title} could not do it ({first}).", _LATER)


_START = "Start it, or correct the setting `index`; with an empty `index` this machine searches itself."
_LATER = "Try again; what was taken in by then is kept."
_AWAY = (
    "fail connecting",
    "unavailable",
    "deadline",
    "timeout",
    "timed out",
    "connection refused",
    "failed to connect",
)
_REFUSED = ("unauthenticated", "auth check", "permission_denied", "permissiondenied", "permission deny", "privilege")
_PLAIN = {"grpc.enable_http_proxy": 0}
"""Proxies of the environment are not used."""


def _all_said(error: BaseException | None) -> Iterator[str]:
    """The words of an error and of those behind it: pymilvus says "cannot connect" of a token that is refused."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield str(error)
        error = error.__cause__ or error.__context__


def _let_go(file: str) -> None:
    """Stop Milvus Lite when nobody has the file open any more: it would keep the file locked until the end."""
    with _opening:
        _opened[file] = _opened.get(file, 1) - 1
        if _opened[file] > 0:
            return
        del _opened[file]
        from milvus_lite.server_manager import server_manager_instance

        server_manager_instance.release_server(file)
