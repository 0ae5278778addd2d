"""A writer on transformers: any causal language model in a local folder of safetensors, or one GGUF file.

The token loop is our own, so that every token can be cancelled, seeds are this writer's alone, and the keys and values
of the last prompt are kept: a prompt that begins like it computes only what differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from composer.errors import ModelFailed
from composer.ports import Cancel, Capabilities, Message, Piece, Prompt
from models.checkpoints import (
    SMALLER,
    Precision,
    Stop,
    choose_device,
    choose_dtype,
    fingerprint,
    go_offline,
    is_out_of_memory,
    languages,
    load,
    quietly,
    telling,
    weight_files,
)
from models.writers.schema import fits, parse

CHUNK = 512
"""Prompt tokens computed at once: bounds the memory for scores and lets a cancel in between."""
TRIES = 3
"""How often a JSON answer is asked for before giving up."""


class CausalWriter:
    """A Writer on transformers. `path`: a model's folder, or a .gguf file.

    Raises ModelNotReady when the files cannot be used, ModelFailed when they do not fit into memory.
    """

    def __init__(self, path: str | Path, precision: Precision = "auto", device: str = "auto") -> None:
        go_offline()
        path = Path(path).expanduser()
        gguf = {"gguf_file": path.name} if path.suffix == ".gguf" and path.is_file() else {}
        folder = path.parent if gguf else path
        files = (path,) if gguf else weight_files(folder)
        self.id = f"transformers:{path.name}@{fingerprint(files)}"
        self._device = choose_device() if device == "auto" else device
        quietly(lambda: self._load(folder, choose_dtype(precision, self._device), gguf))
        self._held: tuple[Any, list[int]] | None = None
        self._eos = self._stop_tokens()

    def _load(self, folder: Path, dtype: Any, gguf: dict[str, str]) -> None:  # noqa: ANN401 - torch.dtype
        from transformers import AutoModelForCausalLM, AutoTokenizer

        with telling(folder, "a writer"):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **gguf
            )
        self._model: Any = load(AutoModelForCausalLM, folder, "a writer", dtype=dtype, **gguf)
        with telling(folder, "a writer"):
            self._model.to(self._device)
        self._stop = Stop(self._model)

    def _stop_tokens(self) -> frozenset[int]:
        configured = getattr(self._model.generation_config, "eos_token_id", None)
        several = configured if isinstance(configured, list) else [configured]
        return frozenset(token for token in (*several, self._tokenizer.eos_token_id) if token is not None)

    @property
    def capabilities(self) -> Capabilities:
        positions = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        return Capabilities(context=int(positions or 2048), languages=languages(self._tokenizer))

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) if text else 0

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        """Stream the answer. One seed gives one answer if the prompt is `fresh`.

        Raises Cancelled, and ModelFailed when prompt and answer do not fit the context, the memory is too small, or
        no answer satisfies the prompt's schema.
        """
        cancel.check()
        try:
            if prompt.schema is None:
                yield from self._prose(prompt, cancel)
            else:
                yield self._json(prompt, cancel)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._held = None
            raise ModelFailed("The memory ran out while writing.", SMALLER) from error

    def close(self) -> None:
        self._model = self._held = None

    # --- prose and JSON ---

    def _prose(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        spelling = _Spelling(self._tokenizer)
        for token in self._tokens(prompt, cancel):
            if (piece := spelling.add(token)) is not None:
                yield piece
        if (piece := spelling.rest()) is not None:
            yield piece

    def _json(self, prompt: Prompt, cancel: Cancel) -> Piece:
        """The first of a few answers that satisfies the schema. Without a grammar nothing forces the model to."""
        schema, tokens = prompt.schema or {}, 0
        asked = _with_schema(prompt)
        for attempt in range(TRIES):
            text = ""
            again = Prompt(
                messages=asked,
                max_tokens=prompt.max_tokens,
                temperature=prompt.temperature if attempt == 0 else max(prompt.temperature, 0.5),
                seed=prompt.seed + attempt,
                fresh=prompt.fresh and attempt == 0,
            )
            for piece in self._prose(again, cancel):
                text, tokens = text + piece.text, tokens + piece.tokens
                value = parse(text) if "}" in piece.text or "]" in piece.text else None
                if value is not None and fits(value, schema):
                    return Piece(json.dumps(value, ensure_ascii=False), tokens)
                if value is not None:  # whole, but wrong: the rest of this answer cannot mend it
                    break
        raise ModelFailed(
            "The writer model gave no answer in the form asked for.", "Try again, or choose another model."
        )

    # --- tokens ---

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        said = [{"role": message.role, "content": message.content} for message in messages]
        if not self._tokenizer.chat_template:  # a model that only continues texts
            text = "\n\n".join(message["content"] for message in said) + "\n\n"
            return self._tokenizer(text, verbose=False)["input_ids"]
        text = self._in_template(said)
        return self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    def _in_template(self, said: list[dict[str, str]]) -> str:
        from jinja2 import TemplateError

        try:
            return self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        except TemplateError:  # templates without a system role (Gemma's) refuse one
            if len(said) < 2 or said[0]["role"] != "system":
                raise
            first = {"role": "user", "content": f"{said[0]['content']}\n\n{said[1]['content']}"}
            return self._in_template([first, *said[2:]])

    def _tokens(self, prompt: Prompt, cancel: Cancel) -> Iterator[int]:
        import torch

        ids = self._encode(prompt.messages)
        if len(ids) + prompt.max_tokens > self.capabilities.context:
            raise ModelFailed(
                f"The request takes {len(ids)} tokens and the answer {prompt.max_tokens}; the writer model holds "
                f"only {self.capabilities.context}.",
                "Shorten the notes, or choose a model with a longer context.",
            )
        chance = torch.Generator(self._device).manual_seed(prompt.seed)
        shape = self._shaping(prompt.temperature)
        cache, known = self._remembered(ids, prompt.fresh)
        for _ in range(prompt.max_tokens):
            self._held = None  # until the cache is whole again: a pass that is stopped leaves its layers uneven
            logits = self._forward(ids[known:], cache, cancel)
            known = len(ids)
            token = self._choose(shape(torch.tensor([ids], device=self._device), logits), prompt.temperature, chance)
            self._held = cache, ids.copy()
            if token in self._eos:
                return
            yield token
            ids.append(token)

    def _forward(self, ids: list[int], cache: Any, cancel: Cancel) -> Any:  # noqa: ANN401 - tensors
        """Logits of shape (1, vocabulary) after `ids`, which the cache then holds too."""
        import torch

        logits = torch.empty(0)
        with torch.inference_mode(), self._stop.on(cancel):
            for start in range(0, len(ids), CHUNK):
                chunk = torch.tensor([ids[start : start + CHUNK]], device=self._device)
                logits = self._model(input_ids=chunk, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
                cancel.check()
        return logits[:, -1].float()

    def _remembered(self, ids: list[int], fresh: bool) -> tuple[Any, int]:
        """A cache and how many of `ids` it holds already; always fewer than all, as the last gives the next token."""
        from transformers import DynamicCache

        if self._held is not None and not fresh:
            cache, before = self._held
            same = _shared(before, ids[:-1])
            surplus = len(before) - same
            if surplus == 0 or getattr(cache, "is_croppable", True):
                try:
                    if surplus:
                        cache.crop(-surplus)
                except (ValueError, RuntimeError):  # a sliding window that has already forgotten what would be needed
                    return DynamicCache(config=self._model.config), 0
                return cache, same
        return DynamicCache(config=self._model.config), 0

    def _shaping(self, temperature: float) -> Any:  # noqa: ANN401 - transformers' LogitsProcessorList
        """What the model's own generation settings do to the logits, in the library's order."""
        from transformers import (
            LogitsProcessorList,
            RepetitionPenaltyLogitsProcessor,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        own, shaping = self._model.generation_config, LogitsProcessorList()
        penalty = getattr(own, "repetition_penalty", None) or 1.0
        if penalty != 1.0:
            shaping.append(RepetitionPenaltyLogitsProcessor(penalty))
        if temperature > 0:
            shaping.append(TemperatureLogitsWarper(float(temperature)))
            shaping.append(TopKLogitsWarper(getattr(own, "top_k", None) or 50))
            shaping.append(TopPLogitsWarper(getattr(own, "top_p", None) or 0.95))
        return shaping

    @staticmethod
    def _choose(logits: Any, temperature: float, chance: Any) -> int:  # noqa: ANN401 - tensors
        import torch

        if temperature <= 0:
            return int(logits.argmax())
        return int(torch.multinomial(logits.softmax(dim=-1), 1, generator=chance))


class _Spelling:
    """Turns tokens into text piece by piece; waits while a character is not whole yet."""

    PATIENCE = 8
    """Tokens to wait for the rest of a character; no character takes more, so it will not come."""

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - transformers is untyped
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._read = 0
        self._start = 0

    def add(self, token: int) -> Piece | None:
        self._ids.append(token)
        text = self._new()
        if not text or (text.endswith("\ufffd") and len(self._ids) - self._read < self.PATIENCE):
            return None
        return self._give(text)

    def rest(self) -> Piece | None:
        text = self._new()
        return self._give(text) if text else None

    def _new(self) -> str:
        # Decoded with some text before it, because tokenizers drop the space at the very beginning.
        return self._decode(self._ids[self._start :])[len(self._decode(self._ids[self._start : self._read])) :]

    def _give(self, text: str) -> Piece:
        piece = Piece(text, len(self._ids) - self._read)
        self._start, self._read = self._read, len(self._ids)
        return piece

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _with_schema(prompt: Prompt) -> tuple[Message, ...]:
    words = "Answer only with JSON that satisfies this JSON schema, without any other words:"
    last = prompt.messages[-1]
    schema = json.dumps(prompt.schema, ensure_ascii=False)
    return (*prompt.messages[:-1], Message(last.role, f"{last.content}\n\n{words}\n{schema}"))
