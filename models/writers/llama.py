"""A writer on llama.cpp, in this process, from one GGUF file (through xllamacpp)."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.ports import Cancel, Piece, Prompt
from composer.types import Language

CONTEXT = 4096
"""Tokens for prompt and answer. A section's prompt with the outline of a long article stays under 2,500."""
POLL_SECONDS = 0.05
_GGUF_MAGIC = b"GGUF"


class LlamaWriter:
    """Streams text from a GGUF model with its own chat template, JSON schema grammar and seed.

    llama.cpp's server engine is used in-process. It also opens a loopback port of its own; a random key that nobody
    is told keeps that port shut.
    """

    def __init__(
        self,
        file: Path,
        *,
        model_id: str,
        languages: tuple[Language, ...],
        threads: int = 0,
        context: int = CONTEXT,
    ) -> None:
        """Load the model; takes seconds and about the file's size in memory.

        Raises ModelNotReady when the file is missing or is not a model that llama.cpp can run.
        """
        _check_file(file)
        try:
            import xllamacpp as native
        except ImportError as error:
            raise ModelNotReady(
                f"The llama.cpp runtime cannot be loaded ({error}).", "Run `make setup` to install it again."
            ) from error
        self.id = model_id
        self.context = context
        self.languages = languages
        xllamacpp: Any = native  # the extension has no type stubs
        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.n_ctx = context
        params.n_parallel = 1
        params.warmup = False
        params.verbosity = -1
        params.use_jinja = True
        params.cpuparams.n_threads = threads or physical_cores()
        params.cpuparams_batch.n_threads = threads or physical_cores()
        # One slot and no store of older prompts: what a prompt finds in memory is the prompt before it, nothing else,
        # so a run that starts fresh is repeatable.
        params.cache_ram_mib = 0
        self.key = secrets.token_urlsafe(32)
        params.api_keys = [self.key]
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.ui = False
        params.endpoint_slots = False
        params.endpoint_props = False
        params.endpoint_metrics = False
        try:
            self._server: Any = xllamacpp.Server(params)
        except Exception as error:
            raise ModelNotReady(
                f"{file.name} could not be loaded by llama.cpp ({error}).",
                "Check that the file is a chat model in GGUF form and that memory is free.",
            ) from error
        self._one_at_a_time = threading.Lock()

    @property
    def address(self) -> str:
        """Where llama.cpp listens; of no use without the key."""
        return str(self._server.listening_address)

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        """Stream the answer token by token.

        The generation runs on a thread of its own so that cancelling, or closing this generator, is noticed at once
        even while the prompt is still being read.
        """
        cancel.check()
        stop = threading.Event()
        out: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()

        def on_chunk(chunk: dict[str, Any]) -> bool:
            out.put(chunk)
            return stop.is_set()

        def run() -> None:
            try:
                self._server.handle_chat_completions(_request(prompt), on_chunk)
                out.put(None)
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                out.put(error)

        with self._one_at_a_time:
            worker = threading.Thread(target=run, name="llama-generate", daemon=True)
            worker.start()
            try:
                yield from _pieces(out, cancel)
            finally:
                stop.set()
                # While a prompt is being read llama.cpp calls nothing back; it ends soon after by itself.
                worker.join(timeout=30)

    def count_tokens(self, text: str) -> int:
        """Estimated: the in-process server has no call for it. 4.2 letters a token in English, 1.4 Han characters."""
        han = sum("\u4e00" <= sign <= "\u9fff" for sign in text)
        return round(han / 1.4 + (len(text) - han) / 4.2)

    def close(self) -> None:
        """Free the model's memory."""
        del self._server


def physical_cores() -> int:
    """Hyper-threads do not help llama.cpp; physical cores do."""
    import psutil

    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1


def _check_file(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise ModelNotReady(
            f"The writer's file {file} is missing or cannot be read.", "Run `python main.py models pull` to fetch it."
        ) from error
    if magic != _GGUF_MAGIC:
        raise ModelNotReady(
            f"{file.name} is not a GGUF file.", "Run `python main.py models verify`, or choose another model file."
        )


def _request(prompt: Prompt) -> dict[str, Any]:
    request: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "max_tokens": prompt.max_tokens,
        "temperature": prompt.temperature,
        "seed": prompt.seed,
        "stream": True,
        "cache_prompt": not prompt.fresh,
        "top_p": 0.95,
        "min_p": 0.05,
        "repeat_penalty": 1.05,
    }
    if prompt.schema is not None:
        request["response_format"] = {"type": "json_schema", "json_schema": {"schema": prompt.schema}}
        request["repeat_penalty"] = 1.0  # JSON repeats its punctuation by nature
    return request


def _pieces(out: queue.Queue[dict[str, Any] | BaseException | None], cancel: Cancel) -> Iterator[Piece]:
    while True:
        try:
            item = out.get(timeout=POLL_SECONDS)
        except queue.Empty:
            cancel.check()
            continue
        cancel.check()
        if item is None:
            return
        if isinstance(item, Cancelled):
            raise item
        if isinstance(item, BaseException):
            raise ModelFailed(f"The writer stopped: {item}.", "Try again, or choose another model.") from item
        yield from _text_of(item)


def _text_of(chunk: dict[str, Any]) -> Iterator[Piece]:
    if "error" in chunk or chunk.get("code"):
        error = chunk.get("error", chunk)
        message = error.get("message", "unknown error") if isinstance(error, dict) else error
        raise ModelFailed(f"The writer stopped: {message}.", "Shorten the notes, or choose a model with more context.")
    for choice in chunk.get("choices", ()):
        text = choice.get("delta", {}).get("content")
        if text:
            yield Piece(text, 1)
