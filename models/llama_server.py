"""llama.cpp's server engine in this process (through xllamacpp), as the writer and the re-ranker use it.

The engine insists on listening somewhere: on a Unix socket whose file is removed as soon as it listens, so that nothing
can connect; where there are none, on a loopback port that a random key, told to nobody, keeps shut.

A model's chat template never runs in the engine: prompts are rendered in `models.templates`, under limits.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.ports import Cancel
from composer.types import Language
from models.checkpoints import SMALLER
from models.gguf import Gguf
from models.templates import Messages, judged, render
from models.vocabulary import languages_by

BATCH = 128
"""Prompt tokens read between two looks at a stop. On two cores a model of 1.5 billion weights read 53 tokens/s in
batches of 64, 66 in batches of 128, and 64 to 66 in larger ones."""
POLL_SECONDS = 0.05
LONGEST_SOCKET = 100
"""Bytes that the path of a Unix socket may have everywhere."""
PASSED_ON = "{% for part in messages[0].content %}{{ part.text }}{% endfor %}"
"""Stands in for the chat template of a model that sees: pictures can be handed over in a chat only, and this one hands
on a prompt that is rendered already, a text before the picture and one after it."""
SPINS = "2000"
"""Threads that spin long while they wait stall each other as soon as another program wants the processor: on two busy
cores 0.7 to 1.0 tokens/s became 4.0 to 4.6 with a short spin, for 2 % of the speed of an idle machine. Sleeping at once
would cost 24 % of it."""

Chunk = dict[str, Any]
_Chunks = SimpleQueue["Chunk | BaseException | None"]
"""What llama.cpp says, in order; None at the end."""


class LlamaServer:
    """One loaded model. One request at a time; others wait their turn."""

    def __init__(
        self,
        model: Gguf,
        *,
        name: str,
        context: int,
        threads: int = 0,
        eyes: Gguf | None = None,
        store_mb: int = 0,
        batch: int = BATCH,
    ) -> None:
        """Load the model; takes seconds and about the files' size in memory.

        `name` is for sentences ("writer"); `eyes` the mmproj that lets it see; `store_mb` memory for prompts other than
        the last; `batch` prompt tokens computed between two looks at a stop. With a graphics card that the build of
        llama.cpp can use, as many layers as fit go there. Raises ModelNotReady when llama.cpp cannot run the model.
        """
        native = library()
        self.model, self.name, self.key = model, name, secrets.token_urlsafe(32)
        if model.template:
            judged(model.template, model.special)  # so that what is wrong with it is said now, not in an article
        params = _params(native, model.path, threads or physical_cores(), context)
        params.api_keys, params.cache_ram_mib, params.n_batch = [self.key], store_mb, batch
        if eyes is not None:
            params.mmproj.path = str(eyes.path)
            params.use_jinja, params.chat_template = True, PASSED_ON
        with _listening(params):
            try:
                self._native: Any = native.Server(params)
            except Exception as error:
                raise _unloaded(model, eyes) from error
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._padding = _padding(model, context + 1, in_words=eyes is not None)
        told = self._measure("")
        self._empty = int(told["n_prompt_tokens"])
        self._marks = self._empty > context + 1  # llama.cpp begins every prompt with a mark of its own
        self.context = int(told["n_ctx"])  # less than asked for where the model was made for less

    @property
    def address(self) -> str:
        """Where llama.cpp listens; of no use without the key."""
        return str(self._native.listening_address)

    @property
    def languages(self) -> tuple[Language, ...]:
        """What the model's vocabulary was made for."""
        return languages_by(self.count)

    def prompt(self, messages: Messages, **values: Any) -> str:  # noqa: ANN401 - what templates know
        """The conversation in the model's own template, ready for an answer. Raises ModelNotReady."""
        template, special = self.model.template, self.model.special
        if not template:  # a model that only continues texts
            return "\n\n".join(_words(message["content"]) for message in messages) + "\n\n"
        text = render(template, messages, special=special, **values)
        start = special.get("bos_token", "")
        return text.removeprefix(start) if self._marks and start else text  # llama.cpp sets it itself

    def stream(self, request: dict[str, Any], cancel: Cancel) -> Iterator[Chunk]:
        """What the engine says to a request, piece by piece: a completion, or a chat if it has messages.

        It runs on a thread of its own so that cancelling, or closing this generator, is noticed at once even while the
        prompt is still being read. What is under way then stops after the token, or after the BATCH of the prompt, that
        it is at; the next call waits for that. Raises Cancelled, and ModelFailed when the engine refuses.
        """
        self._take_turn(cancel)
        stop, out = threading.Event(), _Chunks()
        self._stop = stop
        work = (self._native, {**request, "stream": True, "return_progress": True}, stop, out, self._turn)
        threading.Thread(target=_run, args=work, name="llama-generate", daemon=True).start()
        try:
            yield from self._said(out, cancel)
        finally:
            stop.set()

    def count(self, text: str, cancel: Cancel | None = None) -> int:
        """Tokens of a text, without the marks around it; waits while something is under way."""
        with held(self._turn, cancel or Cancel()):
            return int(self._measure(text)["n_prompt_tokens"]) - self._empty

    def close(self) -> None:
        """Free the model's memory, stopping what is under way. Harmless when closed already."""
        self._stop.set()
        with self._turn:
            self._native = None
        _give_back()

    def _take_turn(self, cancel: Cancel) -> None:
        """Wait until nothing is under way. The turn is given back by the thread that does the work."""
        _take(self._turn, cancel)
        if self._native is None:
            self._turn.release()
            raise self._closed()

    def _said(self, out: _Chunks, cancel: Cancel) -> Iterator[Chunk]:
        while True:
            try:
                item = out.get(timeout=POLL_SECONDS)
            except Empty:
                cancel.check()
                continue
            cancel.check()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise self._failed(str(item)) from item
            if "error" in item:
                raise self._refusal(item["error"])
            yield item

    def _measure(self, text: str) -> dict[str, Any]:
        """n_prompt_tokens and n_ctx, out of llama.cpp's refusal of a prompt that is padded beyond the context.

        The engine has no other call that counts in-process; this one takes a millisecond and leaves what earlier
        prompts left in memory alone.
        """
        if self._native is None:
            raise self._closed()
        said: list[dict[str, Any]] = []
        padding = self._padding
        prompt = text + padding if isinstance(padding, str) else [text, *padding]
        self._native.handle_completions({"prompt": prompt, "n_predict": 1, "stream": True}, said.append)
        return said[0]["error"]

    def _refusal(self, error: Any) -> ModelFailed:  # noqa: ANN401 - whatever llama.cpp says
        if isinstance(error, dict) and error.get("type") == "exceed_context_size_error":
            return too_long(self.name, int(error.get("n_prompt_tokens", 0)), 0, int(error.get("n_ctx", self.context)))
        return self._failed(str(error.get("message", "")) if isinstance(error, dict) else str(error))

    def _failed(self, words: str) -> ModelFailed:
        return ModelFailed(f"The {self.name} stopped: {sentence(words)}", "Try again, or choose another model.")

    def _closed(self) -> ModelFailed:
        return ModelFailed(f"The {self.name} was closed.", "Start again.")


@contextlib.contextmanager
def held(lock: threading.Lock, cancel: Cancel) -> Iterator[None]:
    """The lock, waited for no longer than the caller wants to. Raises Cancelled."""
    _take(lock, cancel)
    try:
        yield
    finally:
        lock.release()


def _take(lock: threading.Lock, cancel: Cancel) -> None:
    cancel.check()
    while not lock.acquire(timeout=POLL_SECONDS):
        cancel.check()
    if cancel.cancelled:
        lock.release()
        raise Cancelled


def too_long(name: str, prompt: int, answer: int, holds: int) -> ModelFailed:
    """A request, in tokens, that the model's context does not hold."""
    more = f" and its answer up to {answer}" if answer else ""
    return ModelFailed(
        f"The prompt has {prompt} tokens{more}; this {name} holds {holds}.",
        "Shorten the notes, or choose a model with more context.",
    )


def library() -> Any:  # noqa: ANN401 - the extension has no stubs
    """xllamacpp, loaded on first use. Raises ModelNotReady when it cannot be."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # OpenMP reads this once, when the extension is loaded
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelNotReady(
            f"The llama.cpp runtime cannot be loaded ({error}).", "Run `make setup` to install it again."
        ) from error
    return xllamacpp


def physical_cores() -> int:
    """Hyper-threads do not help llama.cpp; physical cores do."""
    import psutil

    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1


def uses_card() -> bool:
    """Whether this build of llama.cpp computes on a graphics card that is here."""
    native = library()
    kinds = native.ggml_backend_dev_type
    main = {kinds.GGML_BACKEND_DEVICE_TYPE_CPU, getattr(kinds, "GGML_BACKEND_DEVICE_TYPE_ACCEL", None)}
    return any(device["type"] not in main for device in native.get_device_info())


def sentence(words: str) -> str:
    """An engine's message as the end of ours."""
    return (words.strip().splitlines() or ["no reason was given"])[0][:200].rstrip(". ") + "."


def _run(server: Any, request: dict[str, Any], stop: threading.Event, out: _Chunks, turn: threading.Lock) -> None:  # noqa: ANN401
    def on_chunk(chunk: Chunk) -> bool:
        out.put(chunk)
        return stop.is_set()

    handle = server.handle_chat_completions if "messages" in request else server.handle_completions
    try:
        handle(request, on_chunk)
        out.put(None)
    except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
        out.put(error)
    finally:
        del server, handle  # close() frees the model, which must not wait for this frame
        turn.release()


def _params(native: Any, file: Path, threads: int, context: int) -> Any:  # noqa: ANN401 - the extension has no stubs
    params = native.CommonParams()
    params.model.path = str(file)
    params.n_ctx = context
    # Layers on a graphics card are llama.cpp's own choice: it fits as many as the card's free memory holds.
    params.n_parallel = 1
    params.warmup = False
    params.verbosity = -1
    # The file's own template stays unread: this name stands for one that llama.cpp brings along.
    params.use_jinja = False
    params.chat_template = "chatml"
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.ui = False
    params.endpoint_slots = False
    params.endpoint_props = False
    params.endpoint_metrics = False
    params.cors_origins = "http://localhost"
    params.cors_credentials = False
    return params


@contextlib.contextmanager
def _listening(params: Any) -> Iterator[None]:  # noqa: ANN401 - as above
    """Where the server listens while it starts; a socket's file is gone afterwards."""
    folder = tempfile.mkdtemp(prefix="pictorial-") if os.name == "posix" else ""
    socket = os.path.join(folder, "llama.sock")  # noqa: PTH118 - a string for native code
    fits = bool(folder) and len(os.fsencode(socket)) <= LONGEST_SOCKET
    params.hostnames = [socket if fits else "127.0.0.1"]
    params.port = 0
    try:
        yield
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _unloaded(model: Gguf, eyes: Gguf | None) -> ModelNotReady:
    if eyes is None:
        return ModelNotReady(
            f"{model.path.name} could not be loaded by llama.cpp: it is damaged, of a kind ({model.kind}) that this"
            " version does not know, or there is not enough memory.",
            f"Run `python main.py models verify`, or choose another model file. {SMALLER}",
        )
    return ModelNotReady(
        f"{model.path.name} could not be loaded by llama.cpp together with {eyes.path.name}: they do not belong"
        " together, this version does not know one of them, or there is not enough memory.",
        f"Take the mmproj file that came with the model. {SMALLER}",
    )


def _padding(model: Gguf, count: int, *, in_words: bool) -> list[int] | str:
    """That many tokens; as a text for models that see, which take no numbers."""
    return model.special.get("eos_token", " a") * count if in_words else [0] * count


def _words(content: Any) -> str:  # noqa: ANN401 - text, or a list of parts
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def _give_back() -> None:
    """glibc keeps freed blocks for later; the vocabulary's are tens of megabytes."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)
