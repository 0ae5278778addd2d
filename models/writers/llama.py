"""A writer on llama.cpp, in this process, from one GGUF file (through xllamacpp)."""

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

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Capabilities, Piece, Prompt
from composer.types import Language

CONTEXT = 4096
"""Tokens for prompt and answer. A section's prompt with the outline of a long article stays under 2,500."""
BATCH = 64
"""Prompt tokens read between two looks at a stop. Reading 440 tokens was no slower than with llama.cpp's 2,048."""
POLL_SECONDS = 0.05
LONGEST_SOCKET = 100
"""Bytes that the path of a Unix socket may have everywhere."""
_GGUF_MAGIC = b"GGUF"

_Chunks = SimpleQueue["dict[str, Any] | BaseException | None"]
"""What llama.cpp says, in order; None at the end."""


class LlamaWriter:
    """Streams text from a GGUF model with its own chat template, JSON schema grammar and seed.

    llama.cpp's server engine is used in-process. It insists on listening somewhere: on a Unix socket whose file is
    removed as soon as it listens, so that nothing can connect; where there are none, on a loopback port that a random
    key, told to nobody, keeps shut.
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
        # Threads that spin long while they wait stall each other as soon as another program wants the processor: on two
        # busy cores 0.7 to 1.0 tokens/s became 4.0 to 4.6 with a short spin, for 2 % of the speed of an idle machine.
        # Sleeping at once would cost 24 % of it. OpenMP reads this once, when the extension is loaded.
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
        try:
            import xllamacpp as native
        except ImportError as error:
            raise ModelNotReady(
                f"The llama.cpp runtime cannot be loaded ({error}).", "Run `make setup` to install it again."
            ) from error
        self.id = model_id
        self.key = secrets.token_urlsafe(32)
        self._padding = [0] * (context + 1)
        params = _params(native, file, threads or physical_cores(), context)
        params.api_keys = [self.key]
        with _listening(params):
            try:
                self._server: Any = native.Server(params)  # type: ignore[attr-defined] - the extension has no stubs
            except Exception as error:
                raise ModelNotReady(
                    f"{file.name} could not be loaded by llama.cpp: it is damaged, of a kind that this version does not"
                    " know, or there is not enough memory.",
                    "Run `python main.py models verify`, close other programs, or choose another model file.",
                ) from error
        self._turn = threading.Lock()
        self._stop = threading.Event()
        context = int(self._measure("")["n_ctx"])  # less than asked for where the model was made for less
        self.capabilities = Capabilities(context=context, languages=languages, grammar=True)

    @property
    def address(self) -> str:
        """Where llama.cpp listens; of no use without the key."""
        return str(self._server.listening_address)

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        """Stream the answer token by token.

        The generation runs on a thread of its own so that cancelling, or closing this generator, is noticed at once
        even while the prompt is still being read. What is under way then stops after the token, or after the BATCH of
        the prompt, that it is at; the next call waits for that.
        """
        self._take_turn(cancel)
        stop, out = threading.Event(), _Chunks()
        self._stop = stop
        work = (self._server, _request(prompt), stop, out, self._turn)
        threading.Thread(target=_run, args=work, name="llama-generate", daemon=True).start()
        try:
            yield from _pieces(out, cancel)
        finally:
            stop.set()

    def count_tokens(self, text: str) -> int:
        """Exact, without the marks of a chat; waits while a generation is under way."""
        if not text:
            return 0
        with self._turn:
            return int(self._measure(text)["n_prompt_tokens"]) - len(self._padding)

    def close(self) -> None:
        """Free the model's memory, stopping a generation that is under way. Harmless when closed already."""
        self._stop.set()
        with self._turn:
            self._server = None
        _give_back()

    def _take_turn(self, cancel: Cancel) -> None:
        """Wait until nothing is under way. The turn is given back by the thread that does the work."""
        cancel.check()
        while not self._turn.acquire(timeout=POLL_SECONDS):
            cancel.check()
        if cancel.cancelled or self._server is None:
            self._turn.release()
            cancel.check()
            raise ModelFailed("The writer was closed.", "Start again.")

    def _measure(self, text: str) -> dict[str, Any]:
        """n_prompt_tokens and n_ctx, out of llama.cpp's refusal of a prompt that is padded beyond the context.

        The engine has no other call that counts in-process; this one takes a millisecond and leaves what earlier
        prompts left in memory alone.
        """
        if self._server is None:
            raise ModelFailed("The writer was closed.", "Start again.")
        said: list[dict[str, Any]] = []
        self._server.handle_completions({"prompt": [text, *self._padding], "n_predict": 1, "stream": True}, said.append)
        return said[0]["error"]


def _run(server: Any, request: dict[str, Any], stop: threading.Event, out: _Chunks, turn: threading.Lock) -> None:  # noqa: ANN401
    def on_chunk(chunk: dict[str, Any]) -> bool:
        out.put(chunk)
        return stop.is_set()

    try:
        server.handle_chat_completions(request, on_chunk)
        out.put(None)
    except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
        out.put(error)
    finally:
        del server  # close() frees the model, which must not wait for this frame
        turn.release()


def _params(native: Any, file: Path, threads: int, context: int) -> Any:  # noqa: ANN401 - the extension has no stubs
    params = native.CommonParams()
    params.model.path = str(file)
    params.n_ctx = context
    params.n_batch = BATCH
    params.n_parallel = 1
    params.warmup = False
    params.verbosity = -1
    params.use_jinja = True
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    # One slot and no store of older prompts: what a prompt finds in memory is the prompt before it, nothing else, so a
    # run that starts fresh is repeatable.
    params.cache_ram_mib = 0
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


def physical_cores() -> int:
    """Hyper-threads do not help llama.cpp; physical cores do."""
    import psutil

    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1


def _give_back() -> None:
    """glibc keeps freed blocks for later; the vocabulary's are tens of megabytes."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)


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
        "return_progress": True,  # a call back for each batch of the prompt, so that a stop is heard there too
        "timings_per_token": True,  # says how many tokens a piece took: letters outside ASCII take several
        "cache_prompt": not prompt.fresh,
        "top_p": 0.95,
        "min_p": 0.05,
        "repeat_penalty": 1.05,
    }
    if prompt.schema is not None:
        request["response_format"] = {"type": "json_schema", "json_schema": {"schema": prompt.schema}}
        request["repeat_penalty"] = 1.0  # JSON repeats its punctuation by nature
    return request


def _pieces(out: _Chunks, cancel: Cancel) -> Iterator[Piece]:
    counted = 0
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
            raise ModelFailed(
                f"The writer stopped: {_sentence(str(item))}", "Try again, or choose another model."
            ) from item
        if "error" in item:
            raise _refusal(item["error"])
        if text := _text_of(item):
            tokens = item.get("timings", {}).get("predicted_n", counted + 1)
            yield Piece(text, tokens - counted)
            counted = tokens


def _refusal(error: Any) -> ModelFailed:  # noqa: ANN401 - whatever llama.cpp says
    if isinstance(error, dict) and error.get("type") == "exceed_context_size_error":
        return ModelFailed(
            f"The prompt has {error.get('n_prompt_tokens')} tokens; this writer holds {error.get('n_ctx')}.",
            "Shorten the notes, or choose a model with more context.",
        )
    message = error.get("message", "") if isinstance(error, dict) else str(error)
    return ModelFailed(f"The writer stopped: {_sentence(message)}", "Try again, or choose another model.")


def _sentence(words: str) -> str:
    """An engine's message as the end of ours."""
    return (words.strip().splitlines() or ["no reason was given"])[0][:200].rstrip(". ") + "."


def _text_of(chunk: dict[str, Any]) -> str:
    return "".join(choice.get("delta", {}).get("content") or "" for choice in chunk.get("choices", ()))
