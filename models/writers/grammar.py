"""JSON of a given form, enforced token by token: after each token, only such as can still lead to a fitting answer.

llguidance (Microsoft, MIT) does the work; it knows JSON Schema almost whole and needs no time to prepare a schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

SAMPLE = '{"title": "Boats, 7"}'
WHITESPACE = {"whitespace_flexible": True, "whitespace_pattern": " ?"}
"""At most one space at a time: a model that has lost the thread could write empty lines until its tokens are spent."""


class Grammar:
    """What a tokenizer's tokens spell, made once a model."""

    def __init__(self, tokenizer: Any, vocabulary: int, stops: Iterable[int]) -> None:  # noqa: ANN401 - untyped
        """`vocabulary`: how many logits the model gives. Raises ValueError for a tokenizer that cannot be followed."""
        from llguidance.hf import from_tokenizer

        self._tokens = from_tokenizer(tokenizer, n_vocab=max(vocabulary, len(tokenizer)), eos_token=sorted(stops))
        spelled = self._tokens.decode_str(tokenizer(SAMPLE, add_special_tokens=False)["input_ids"])
        if spelled.strip() != SAMPLE:
            raise ValueError(f"the tokenizer spells {SAMPLE} as {spelled}")

    def rule(self, schema: dict[str, Any]) -> Rule | None:
        """What to follow while writing one answer; None for a schema that cannot be enforced."""
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_json_schema(json.dumps(_closed(schema)), overrides=WHITESPACE)  # type: ignore[arg-type]
        matcher = LLMatcher(self._tokens, grammar, log_level=0)
        return None if matcher.is_error() else Rule(matcher)


def grammar_for(tokenizer: Any, vocabulary: int, stops: Iterable[int]) -> Grammar | None:  # noqa: ANN401 - untyped
    """The grammar of a tokenizer, or None for one of a kind that cannot be followed."""
    try:
        return Grammar(tokenizer, vocabulary, stops)
    except (ValueError, TypeError, AttributeError, RuntimeError, OverflowError, ImportError):
        return None


def _closed(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """The schema with no properties but those it names, unless it says otherwise: llama.cpp reads schemas so too."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **closed} if isinstance(schema.get("properties"), dict) else closed


class Rule:
    """One answer under way."""

    def __init__(self, matcher: Any) -> None:  # noqa: ANN401 - native code
        self._matcher = matcher

    def allow(self, logits: Any) -> Any:  # noqa: ANN401 - tensors
        """The logits, shape (1, vocabulary), with minus infinity for every token that cannot come next."""
        import torch

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = torch.from_numpy(np.unpackbits(bits, bitorder="little").astype(bool)).to(logits.device)
        size = logits.shape[-1]
        if allowed.shape[0] < size:
            allowed = torch.nn.functional.pad(allowed, (0, size - allowed.shape[0]))
        return logits.masked_fill(~allowed[:size], float("-inf"))

    def take(self, token: int) -> bool:
        """Go on after this token; False when the answer has left the grammar, which only its own limits can cause."""
        return bool(self._matcher.consume_token(token))

    @property
    def done(self) -> bool:
        """Whether the answer is whole."""
        return bool(self._matcher.is_stopped())
