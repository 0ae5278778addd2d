"""A writer on llama.cpp, in this process, from a GGUF file (through xllamacpp)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Capabilities, Piece, Prompt
from models import gguf
from models.checkpoints import fingerprint
from models.gguf import Gguf, token_bytes
from models.llama_server import Chunk, LlamaServer, held, too_long, uses_card
from models.writers.gbnf import grammar
from models.writers.thoughts import spoken, unthinking

CONTEXT = 4096
"""Tokens that a writer starts with, for prompt and answer. A section's prompt with the outline of a long article stays
under 2,500; long notes make it more, and then the model is loaded again with room for twice as much."""
MOST = 32_768
"""Tokens beyond which no article goes; reading as many takes minutes on a processor."""
STEP = 256
SPARE_BYTES = 1 << 30
"""Memory left to other programs when the context grows."""
READERS = {
    "bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "eurobert",
    "gemma-embedding", "t5encoder",
}  # fmt: skip
"""Architectures that turn texts into vectors and write none."""


class LlamaWriter:
    """Streams text from a GGUF model with its own chat template, JSON schema grammar and seed.

    What a request finds in memory is the request before it, nothing else, so a run that starts fresh is repeatable.
    """

    def __init__(self, file: Path, *, model_id: str = "", threads: int = 0, context: int = 0) -> None:
        """Load the model; takes seconds and about the file's size in memory.

        `file`: any part of a model in several. `model_id`: made of the file's name and contents if empty. `context`:
        the most tokens it may hold, 0 for as many as the model was made for and the memory allows. Raises
        ModelNotReady when the file is missing, damaged, or no writer.
        """
        self._model, size = _writer(file)
        self.id = model_id or f"gguf:{file.stem}@{fingerprint((file,))}"
        self._threads = threads
        limit = min(context or MOST, most_tokens(self._model, size))
        self._server = self._load(min(CONTEXT, limit))
        self._lock = Lock()
        self._level = self._server.context
        self.capabilities = Capabilities(
            context=max(limit, self._server.context),
            languages=self._server.languages,
            grammar=True,
            instructed=bool(self._model.template),
        )

    @property
    def address(self) -> str:
        """Where llama.cpp listens; of no use without the key."""
        return self._server.address

    @property
    def key(self) -> str:
        return self._server.key

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        """Stream the answer token by token. Raises Cancelled, and ModelFailed when the context cannot hold it."""
        cancel.check()
        said: list[dict[str, Any]] = [{"role": each.role, "content": each.content} for each in prompt.messages]
        text = self._server.prompt(said, enable_thinking=False, thinking=False)
        text = unthinking(text, self._model.template)
        request = _request(prompt, text, fresh=self._make_room(text, prompt, cancel))
        pieces = _pieces(self._server.stream(request, cancel))
        yield from pieces if prompt.schema is not None else spoken(pieces)

    def count_tokens(self, text: str) -> int:
        """Exact, without the marks of a chat; waits while a generation is under way."""
        return self._server.count(text) if text else 0

    def close(self) -> None:
        """Free the model's memory, stopping a generation that is under way. Harmless when closed already."""
        self._server.close()

    def _load(self, context: int) -> LlamaServer:
        return LlamaServer(self._model, name="writer", context=context, threads=self._threads)

    def _make_room(self, text: str, prompt: Prompt, cancel: Cancel) -> bool:
        """Load the model with a larger context if the request needs one; tells whether to compute it fresh.

        A request that needs more than those of its run so far is computed fresh even if the room is there already, from
        an earlier run: what is written then depends on the run alone.
        """
        with held(self._lock, cancel):
            needed = len(text.encode()) + prompt.max_tokens + STEP  # no token is shorter than a byte
            if needed > self._level or prompt.fresh:
                tokens = self._server.count(text, cancel) + 1
                needed = tokens + prompt.max_tokens
                if needed > self.capabilities.context:
                    raise too_long("writer", tokens, prompt.max_tokens, self.capabilities.context)
            before = 0 if prompt.fresh else self._level
            self._level = max(before, _level(needed, self.capabilities.context))
            if self._level > self._server.context:
                self._grow(self._level)
            return prompt.fresh or self._level > before

    def _grow(self, context: int) -> None:
        smaller = self._server.context
        self._server.close()
        try:
            self._server = self._load(context)
        except ModelNotReady:
            self._server = self._load(smaller)  # so that it goes on with shorter requests
            raise


def most_tokens(model: Gguf, size: int) -> int:
    """How many tokens the model was made for, no more than the memory that is free can hold beside its weights.

    `size` in bytes, of all its files. On a graphics card llama.cpp itself finds out what fits.
    """
    import psutil

    made = min(model.number("context_length") or CONTEXT, MOST)
    if uses_card():
        return made
    free = psutil.virtual_memory().available - size - SPARE_BYTES
    fits = free // max(token_bytes(model), 1) // STEP * STEP
    return min(made, max(fits, CONTEXT))


def _writer(file: Path) -> tuple[Gguf, int]:
    """The header of a model that can write, and the bytes of all its files. Raises ModelNotReady."""
    if not file.is_file():
        raise ModelNotReady(
            f"The writer's file {file} is missing or cannot be read.", "Run `python main.py models pull` to fetch it."
        )
    headers = [gguf.read(part) for part in gguf.parts(file)]
    model = headers[0]
    if (count := model.fields.get("split.count", 1)) != len(headers):
        raise ModelNotReady(
            f"{file.name} is one of {count} files of a model, under another name.",
            "Give the files the names that they were published with.",
        )
    if (what := _other_use(model)) is not None:
        raise ModelNotReady(f"{file.name} {what}.", "Choose a chat model's GGUF file.")
    return model, sum(header.path.stat().st_size for header in headers)


def _other_use(model: Gguf) -> str | None:
    """What a file is for that is no writer."""
    if model.kind == "clip" or model.text("general.type") == "mmproj":
        return "only turns pictures into what another model reads (mmproj), so it cannot write"
    if model.text("general.type") in {"adapter", "imatrix"}:
        return "only changes another model, so it cannot write alone"
    pooled = f"{model.kind}.pooling_type" in model.fields or model.fields.get(f"{model.kind}.attention.causal") is False
    if model.kind in READERS or pooled:
        return "turns texts into vectors (an embedding model), so it cannot write"
    return None if model.tensors and model.words else "holds no language model"


def _level(needed: int, most: int) -> int:
    """CONTEXT, or the first doubling of it that is enough."""
    level = CONTEXT
    while level < needed:
        level *= 2
    return min(level, most)


def _request(prompt: Prompt, text: str, *, fresh: bool) -> dict[str, Any]:
    request: dict[str, Any] = {
        "prompt": text,
        "n_predict": prompt.max_tokens,
        "temperature": prompt.temperature,
        "seed": prompt.seed,
        "timings_per_token": True,  # says how many tokens a piece took: letters outside ASCII take several
        "cache_prompt": not fresh,
        "top_p": 0.95,
        "min_p": 0.05,
        "repeat_penalty": 1.05,
    }
    if prompt.schema is not None:
        request["grammar"] = _grammar(prompt.schema)
        request["repeat_penalty"] = 1.0  # JSON repeats its punctuation by nature
    return request


def _grammar(schema: dict[str, Any]) -> str:
    try:
        return grammar(schema)
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelFailed(
            f"The writer stopped: a form that it should follow is none ({error}).", "Try again."
        ) from error


def _pieces(chunks: Iterator[Chunk]) -> Iterator[Piece]:
    counted = 0
    for chunk in chunks:
        if text := "".join(choice.get("text") or "" for choice in chunk.get("choices", ())):
            tokens = chunk.get("timings", {}).get("predicted_n", counted + 1)
            yield Piece(text, tokens - counted)
            counted = tokens
