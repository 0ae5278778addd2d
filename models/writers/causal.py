"""A writer on transformers: any causal language model in a local folder of safetensors, or one GGUF file.

The token loop is our own, so that every token can be cancelled, seeds are this writer's alone, and the keys and values
of the last prompt are kept: a prompt that begins like it computes only what differs.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Capabilities, Message, Piece, Prompt
from models.checkpoints import (
    OTHER,
    SMALLER,
    Checkpoint,
    Precision,
    Stop,
    give_back,
    is_out_of_memory,
    languages,
    load,
    open_checkpoint,
    quietly,
    telling,
    words_of,
)
from models.writers.conversation import Conversation
from models.writers.grammar import Rule, grammar_for
from models.writers.schema import fits, parse
from models.writers.spelling import Spelling
from models.writers.thoughts import THOUGHTS, spoken

CHUNK = 512
"""Prompt tokens computed at once: bounds the memory for scores and lets a cancel in between."""
TRIES = 3
"""How often a JSON answer is asked for before giving up, where no grammar can enforce it."""
WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForImageTextToText", "ForVision2Seq")
"""What the names of classes that write end with."""
FORM = "The writer model gave no answer in the form asked for."


class CausalWriter:
    """A Writer on transformers.

    `name`: a model's folder, a .gguf file, or the hub's "owner/name" of a model that lies on this machine.
    Raises ModelNotReady when the files cannot be used, ModelFailed when they do not fit into memory.
    """

    def __init__(self, name: str | Path, precision: Precision = "auto", device: str = "auto") -> None:
        checkpoint = open_checkpoint(name, precision, device)
        self.id = checkpoint.id
        self._held: tuple[Any, list[int]] | None = None
        self._model: Any
        self._tokenizer: Any
        quietly(lambda: self._load(checkpoint))
        self._stop = Stop(self._model)
        self._eos = self._stop_tokens()
        self._openings = _openings(self._tokenizer)
        self._conversation = Conversation(checkpoint.folder, self._tokenizer)
        config = self._model.config.get_text_config()
        self._context = int(getattr(config, "max_position_embeddings", None) or 2048)
        self._grammar = grammar_for(self._tokenizer, int(config.vocab_size), self._eos)

    def _load(self, checkpoint: Checkpoint) -> None:
        auto_class = _class_of(checkpoint)
        self._tokenizer = words_of(checkpoint)
        self._model = load(
            auto_class, checkpoint.folder, "a writer", dtype=checkpoint.dtype, **checkpoint.gguf, **checkpoint.placed
        )
        self._device = self._model.device
        self._cache_name, self._recurrent = _cache_of(self._model)

    def _stop_tokens(self) -> frozenset[int]:
        configured = getattr(self._model.generation_config, "eos_token_id", None)
        several = configured if isinstance(configured, list) else [configured]
        return frozenset(token for token in (*several, self._tokenizer.eos_token_id) if token is not None)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            context=self._context,
            languages=languages(self._tokenizer),
            grammar=self._grammar is not None,
            vision=getattr(self._model.config, "vision_config", None) is not None,
            instructed=bool(self._conversation.template),
        )

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) if text else 0

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        """Stream the answer. One seed gives one answer if the prompt is `fresh`.

        Raises Cancelled, and ModelFailed when prompt and answer do not fit the context, the memory is too small, or
        no answer satisfies the prompt's schema.
        """
        cancel.check()
        if self._model is None:
            raise ModelFailed("The writer was closed.", "Start again.")
        rule = self._grammar.rule(prompt.schema) if self._grammar is not None and prompt.schema else None
        try:
            if prompt.schema is None:
                yield from self._prose(prompt, cancel)
            elif rule is not None:
                yield from self._under(rule, prompt, cancel)
            else:
                yield self._json(prompt, cancel)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._held = None
            raise ModelFailed("The memory ran out while writing.", SMALLER) from error

    def close(self) -> None:
        self._model = self._tokenizer = self._held = self._grammar = None
        del self._stop, self._conversation
        give_back()

    # --- prose and JSON ---

    def _prose(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        return spoken(self._spelled(self._tokens(prompt, cancel)))

    def _spelled(self, tokens: Iterator[int]) -> Iterator[Piece]:
        spelling = Spelling(self._tokenizer)
        for token in tokens:
            if (piece := spelling.add(token)) is not None:
                yield piece
        if (piece := spelling.rest()) is not None:
            yield piece

    def _under(self, rule: Rule, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        """An answer that the rule lets through, streamed; cut short where its tokens are spent, as llama.cpp does."""
        text = ""
        for piece in self._spelled(self._tokens(prompt, cancel, rule)):
            text += piece.text
            yield piece
        value = parse(text)
        if value is not None and not fits(value, prompt.schema or {}):
            raise ModelFailed(FORM, "Try again, or choose another model.")

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
        raise ModelFailed(FORM, "Try again, or choose another model.")

    # --- tokens ---

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        text = self._conversation.text(messages)
        own = not self._conversation.template  # a template writes the special tokens itself
        return self._tokenizer(text, add_special_tokens=own, verbose=False)["input_ids"]

    def _tokens(self, prompt: Prompt, cancel: Cancel, rule: Rule | None = None) -> Iterator[int]:
        import torch

        ids = self._encode(prompt.messages)
        if len(ids) + prompt.max_tokens > self._context:
            raise ModelFailed(
                f"The request takes {len(ids)} tokens and the answer {prompt.max_tokens}; the writer model holds "
                f"only {self._context}.",
                "Shorten the notes, or choose a model with a longer context.",
            )
        chance = torch.Generator(self._device).manual_seed(prompt.seed)
        shape = self._shaping(prompt.temperature, rule)
        cache, known = self._remembered(ids, prompt.fresh)
        for _ in range(prompt.max_tokens):
            self._held = None  # until the cache is whole again: a pass that is stopped leaves its layers uneven
            logits = self._forward(ids[known:], cache, cancel)
            known = len(ids)
            if rule is not None:
                logits = rule.allow(logits)
            token = self._choose(shape(torch.tensor([ids], device=self._device), logits), prompt.temperature, chance)
            self._held = cache, ids.copy()
            if token in self._eos:
                return
            if rule is not None and not rule.take(token):
                raise ModelFailed(FORM, "Try again, or choose another model.")
            yield token
            if rule is not None and rule.done:
                return
            ids.append(token)

    def _forward(self, ids: list[int], cache: Any, cancel: Cancel) -> Any:  # noqa: ANN401 - tensors
        """Logits of shape (1, vocabulary) after `ids`, which the cache then holds too."""
        import torch

        logits = torch.empty(0)
        size = len(ids) if self._recurrent else CHUNK
        with torch.inference_mode(), self._stop.on(cancel):
            for start in range(0, len(ids), size):
                chunk = torch.tensor([ids[start : start + size]], device=self._device)
                kept = {self._cache_name: cache, "use_cache": True}
                logits = self._model(input_ids=chunk, logits_to_keep=1, **kept).logits
                cancel.check()
        return logits[:, -1].float()

    def _remembered(self, ids: list[int], fresh: bool) -> tuple[Any, int]:
        """A cache and how many of `ids` it holds already; always fewer than all, as the last gives the next token."""
        from transformers import DynamicCache

        if self._held is not None and not fresh and not self._recurrent:
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

    def _shaping(self, temperature: float, rule: Rule | None) -> Any:  # noqa: ANN401 - a LogitsProcessorList
        """What the model's own generation settings do to the logits, in the library's order."""
        from transformers import (
            LogitsProcessorList,
            RepetitionPenaltyLogitsProcessor,
            SuppressTokensLogitsProcessor,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        own, shaping = self._model.generation_config, LogitsProcessorList()
        penalty = getattr(own, "repetition_penalty", None) or 1.0
        if penalty != 1.0 and rule is None:  # JSON repeats its punctuation by nature
            shaping.append(RepetitionPenaltyLogitsProcessor(penalty))
        if self._openings and rule is None:
            shaping.append(SuppressTokensLogitsProcessor(self._openings, device=self._device))
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


def _class_of(checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - one of transformers' auto classes
    """The auto class for the model: words only, or pictures and words, of which a writer uses the words.

    Raises ModelNotReady for models that do not write: encoders, judges, towers, translators.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    folder = checkpoint.folder
    if checkpoint.gguf:
        return AutoModelForCausalLM
    with telling(folder, "a writer"):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    known: dict[Any, Any] = {
        auto: auto._model_mapping[type(config)]  # noqa: SLF001 - the library has no question for it
        for auto in (AutoModelForCausalLM, AutoModelForImageTextToText)
        if type(config) in auto._model_mapping  # noqa: SLF001 - as above
    }
    made = list(getattr(config, "architectures", None) or [])
    writes = not made or any(name.endswith(WRITERS) for name in made)
    reads_only = getattr(config, "is_encoder_decoder", False) or getattr(config, "is_decoder", True) is False
    if not known or not writes or reads_only:
        name = made[0] if made else config.model_type
        raise ModelNotReady(f"The model in {folder} is not a writer: a {name} cannot go on with a text.", OTHER)
    return next((auto for auto, kind in known.items() if kind.__name__ in made), next(iter(known)))


def _cache_of(model: Any) -> tuple[str, bool]:  # noqa: ANN401 - transformers is untyped
    """How the model calls its memory of what it read, and whether that runs on like a river.

    What a recurrent layer has read cannot be taken back, and a prompt cannot be read in parts.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import LinearAttentionCacheLayerMixin

    names = inspect.signature(model.forward).parameters
    layers = DynamicCache(config=model.config).layers
    recurrent = any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers)
    return ("past_key_values" if "past_key_values" in names else "cache_params"), recurrent


def _openings(tokenizer: Any) -> list[int]:  # noqa: ANN401 - as above
    """Tokens that begin a thought all by themselves: never chosen, as an article has no use for them."""
    words = tokenizer.get_vocab()
    return sorted(words[opening] for opening, _ in THOUGHTS if opening in words)


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
