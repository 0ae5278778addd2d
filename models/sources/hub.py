"""The Hugging Face hub, through its own client: what a repository holds, and its files, gone on with where they broke.

Requests wait on an event loop of their own, so that a caller who gives up is heard within a fifth of a second even
while the hub says nothing. huggingface_hub makes the requests (its endpoint, sign-in and mirrors count) and judges the
answers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from composer.errors import Cancelled, ModelNotReady
from composer.ports import Cancel

POLL_SECONDS = 0.2
SILENCE_SECONDS = 20.0
"""How long the hub may say nothing before the request is made again."""
RETRIES = 5
"""Requests in a row that may bring nothing; one that brought bytes starts the count anew."""
MOST_REQUESTS = 200
RECORD_BYTES = 64 << 20

Answer = TypeVar("Answer")


class HubFile(Struct, frozen=True):
    """A file as the hub's record has it."""

    name: str
    size: int
    sha256: str
    """Of files that the hub stores as large ones; empty for small ones."""
    git: str


class HubRecord(Struct, frozen=True):
    """A repository at one commit."""

    commit: str
    licence: str
    languages: tuple[str, ...]
    task: str
    files: tuple[HubFile, ...]


def record(repository: str, revision: str, cancel: Cancel) -> HubRecord:
    """What the repository holds at the revision. Raises ModelNotReady with what to do, Cancelled within 0.3 s."""
    _say_little()
    with _loop() as loop, _telling(repository):
        asked = _waited(loop, _asked(repository, revision), cancel)
        return _read(asked)


def transfer(repository: str, revision: str, name: str, into: Path, cancel: Cancel) -> Iterator[int]:
    """Fetch one file; yields its bytes so far. What `into` holds already is gone on with.

    Raises ModelNotReady when the hub does not give it, Cancelled within 0.3 s; what came stays in `into`.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    _say_little()
    tries = 0
    with _loop() as loop, _telling(repository), into.open("ab") as out:
        for _ in range(MOST_REQUESTS):
            before = out.tell()
            task = loop.create_task(_brought(repository, revision, name, out))
            try:
                yield from _watched(loop, task, out, cancel)
            except _lost() as error:
                tries = 0 if out.tell() > before else tries + 1
                if tries >= RETRIES and not out.tell():
                    raise  # it was never reached, or never said a word
                if tries >= RETRIES:
                    raise ModelNotReady(f"The hub broke off while it gave {name}.", AGAIN) from error
            else:
                return
            _waited(loop, asyncio.sleep(min(2.0, 0.25 * 2**tries)), cancel)
    raise ModelNotReady(f"The hub broke off too often while it gave {name}.", AGAIN)


AGAIN = "Check the connection and run the same command again; what has come is kept."


# --- requests ---


def _say_little() -> None:
    """Requests name the client and its version, not what else is installed or runs here.

    To find that out the client would make a request of its own first, and wait three seconds for it.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True


async def _asked(repository: str, revision: str) -> dict[str, Any]:
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers, get_async_session, hf_raise_for_status

    url = f"{constants.ENDPOINT}/api/models/{repository}/revision/{revision.replace('/', '%2F')}"
    for tries in range(RETRIES):
        try:
            async with get_async_session() as client:
                answer = await client.get(
                    url, params={"blobs": "true"}, headers=build_hf_headers(), timeout=SILENCE_SECONDS
                )
                hf_raise_for_status(answer)
                if len(answer.content) > RECORD_BYTES:
                    raise ModelNotReady(f"The hub's record of {repository} is too large.", AGAIN)
                return answer.json()
        except _lost():
            if tries == RETRIES - 1:
                raise
        await asyncio.sleep(0.25 * 2**tries)
    raise AssertionError("unreachable")


async def _brought(repository: str, revision: str, name: str, out: Any) -> None:  # noqa: ANN401 - an open file
    """One request for what is missing of the file, written as it comes."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_async_session, hf_raise_for_status

    url = hf_hub_url(repository, name, revision=revision, endpoint=constants.ENDPOINT)
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if at := out.tell():
        headers["Range"] = f"bytes={at}-"
    async with (
        get_async_session() as client,
        client.stream("GET", url, headers=headers, timeout=SILENCE_SECONDS) as answer,
    ):
        if answer.status_code == 416:  # it holds more than there is, or all there is: the checksum will tell
            return
        hf_raise_for_status(answer)
        if at and not _goes_on(answer.headers, answer.status_code, at):
            out.seek(0)
            out.truncate()
        async for chunk in answer.aiter_bytes():  # as it comes: what is held back would be lost
            out.write(chunk)
            out.flush()


def _goes_on(headers: Any, status: int, at: int) -> bool:  # noqa: ANN401 - the client's headers
    """Whether the answer starts where the file ends; a server may ignore the wish and send all of it."""
    return (
        status == 206
        and headers.get("Content-Range", "").startswith(f"bytes {at}-")
        and not headers.get("Content-Encoding")
    )


def _read(record: dict[str, Any]) -> HubRecord:
    from huggingface_hub.hf_api import ModelInfo

    info = ModelInfo(**record)
    card = info.card_data.to_dict() if info.card_data else {}
    languages = card.get("language") or []
    return HubRecord(
        commit=str(info.sha or ""),
        licence=str(card.get("license_name") or card.get("license") or "unknown"),
        languages=tuple(str(each) for each in ([languages] if isinstance(languages, str) else languages)),
        task=str(info.pipeline_tag or ""),
        files=tuple(
            HubFile(each.rfilename, int(each.size or 0), each.lfs.sha256 if each.lfs else "", str(each.blob_id or ""))
            for each in info.siblings or ()
        ),
    )


# --- waiting ---


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that leaves nothing behind: requests still out are given up and their connections closed."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=POLL_SECONDS))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _waited(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Answer], cancel: Cancel) -> Answer:
    """The work's result; Cancelled as soon as the caller gives up."""
    task = loop.create_task(work)
    while not task.done():
        cancel.check()
        loop.run_until_complete(asyncio.wait({task}, timeout=POLL_SECONDS))
    return task.result()


def _watched(
    loop: asyncio.AbstractEventLoop,
    task: asyncio.Task[None],
    out: Any,  # noqa: ANN401 - an open file
    cancel: Cancel,
) -> Iterator[int]:
    """How far the file has come, while it comes."""
    while not task.done():
        cancel.check()
        loop.run_until_complete(asyncio.wait({task}, timeout=POLL_SECONDS))
        yield out.tell()
    task.result()


def _lost() -> tuple[type[Exception], ...]:
    """Errors that another request may mend: silence, a connection that broke or was never made."""
    import httpx2

    return (httpx2.TransportError,)


@contextmanager
def _telling(repository: str) -> Iterator[None]:
    """Turn what the hub's client raises into a sentence with what to do."""
    import httpx2
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{repository}"
    try:
        yield
    except (ModelNotReady, Cancelled, GeneratorExit):
        raise
    except errors.GatedRepoError as error:
        raise ModelNotReady(
            f"{repository} is given only to people who accepted its licence.",
            f"Accept the licence at {page}, run `hf auth login`, then run the same command again.",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelNotReady(
            f"The hub has no repository {repository}, or it is private.",
            "Check the name; for a private one run `hf auth login`, then the same command again.",
        ) from error
    except (errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise ModelNotReady(
            f"The hub's {repository} has no such file or revision.", f"Look at {page}/tree/main and correct the name."
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise ModelNotReady("HF_HUB_OFFLINE keeps the hub's client offline.", "Unset it and try again.") from error
    except errors.HfHubHTTPError as error:
        raise ModelNotReady(f"The hub answered {error.response.status_code}.", AGAIN) from error
    except httpx2.TransportError as error:
        silent = isinstance(error, httpx2.TimeoutException)
        what = f"The hub said nothing for {SILENCE_SECONDS:.0f} seconds." if silent else "The hub cannot be reached."
        raise ModelNotReady(what, AGAIN) from error
    except OSError as error:
        raise ModelNotReady(
            f"The disk did not take the file: {os.strerror(error.errno or 0).lower()}.", ROOM
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelNotReady(f"The hub's answer about {repository} cannot be read.", AGAIN) from error


ROOM = "Make room, or point PICTORIAL_HOME at another disk, then run the same command again; what has come is kept."
