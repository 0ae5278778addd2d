"""From tokens to text: a character may be spelled in several tokens."""

from __future__ import annotations

from typing import Any

from composer.ports import Piece
from models.writers.thoughts import THOUGHTS


class Spelling:
    """Turns tokens into text piece by piece; waits while a character is not whole yet."""

    PATIENCE = 8
    """Tokens to wait for the rest of a character; no character takes more, so it will not come."""

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - transformers is untyped
        self._tokenizer = tokenizer
        marks = "".join(mark for pair in THOUGHTS for mark in pair)
        self._silent = {
            token
            for token, word in zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
            if word not in marks
        }
        self._ids: list[int] = []
        self._read = 0
        self._start = 0
        self._tokens = 0

    def add(self, token: int) -> Piece | None:
        self._tokens += 1
        if token in self._silent:
            return None
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
        piece = Piece(text, self._tokens)
        self._start, self._read, self._tokens = self._read, len(self._ids), 0
        return piece

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
