"""From tokens to text: characters that are spelled in several tokens, and what a model thinks before it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from composer.ports import Piece

THOUGHTS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
"""How models mark the beginning and the end of what is not for the reader."""
ANSWERING = ("<|start|>assistant", "<|channel|>final<|message|>")
"""Where a model of several channels begins to speak, and the mark that puts it into the one for the reader."""


def unthinking(text: str, template: str) -> str:
    """The prompt with every thought that its template opened closed again, so that the answer begins at once."""
    start, channel = ANSWERING
    if channel in template and text.endswith(start):
        return text + channel
    for opening, closing in THOUGHTS:
        if text.rstrip().endswith(opening):
            return f"{text.rstrip()}\n\n{closing}\n\n"
    return text


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


def spoken(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces without what stands between a thought's marks; text that may be the beginning of a mark waits.

    The tokens of what was left out are counted to the next piece. An answer that never leaves its thoughts is empty.
    """
    held, tokens, closing = "", 0, ""
    begun = thought = False
    for piece in pieces:
        text, tokens = held + piece.text, tokens + piece.tokens
        given, held, closing = _outside(text, closing)
        thought = thought or len(given) + len(held) < len(text)
        if thought and not begun:  # the empty lines between a thought and the answer
            given = given.lstrip()
        if given:
            yield Piece(given, tokens)
            tokens, begun = 0, True
    if held and not closing:
        yield Piece(held, tokens)


def _outside(text: str, closing: str) -> tuple[str, str, str]:
    """What of the text can be given now, what must wait, and the mark that ends the thought it is in, if any."""
    given = ""
    while text:
        marks = [(text.find(mark), mark) for mark in ([closing] if closing else _marks())]
        place, mark = min(((at, mark) for at, mark in marks if at >= 0), default=(-1, ""))
        if place < 0:
            kept = max(_begun(text, mark) for _, mark in marks)
            ready, text = text[: len(text) - kept], text[len(text) - kept :]
            return given if closing else given + ready, text, closing
        given += "" if closing else text[:place]
        text = text[place + len(mark) :]
        closing = "" if closing else dict(THOUGHTS).get(mark, "")
    return given, text, closing


def _marks() -> list[str]:
    """Outside of thoughts: each one's beginning, and ends without a beginning, which are dropped."""
    return [mark for pair in THOUGHTS for mark in pair]


def _begun(text: str, mark: str) -> int:
    """How many letters at the end of the text may be the beginning of the mark."""
    return next((size for size in range(min(len(text), len(mark) - 1), 0, -1) if mark.startswith(text[-size:])), 0)
