"""Takes what a model thinks before it answers out of what it says."""

from __future__ import annotations

from collections.abc import Iterator

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


class Thoughts:
    """Hears an answer piece by piece and gives back what is meant for the reader."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"
        self._closing = ""
        self.stray = False
        """A closing mark came without an opening one: all that was given back until then had been thought."""
        self.heard = False
        """Something was thought."""

    @property
    def thinking(self) -> bool:
        """Nothing of the answer has come since a thought."""
        return self._state == "think" or (self._state == "start" and self.heard)

    def hear(self, text: str) -> str:
        """The part of the text so far that can be told to be no thought; the rest is held until more is known."""
        self._held += text
        before = ""
        while before != self._state:
            before = self._state
            if before == "start":
                self._begin()
            elif before == "think":
                self._think()
        return self._speak() if self._state == "speak" else ""

    def rest(self) -> str:
        """What is still held at the end of the answer, unless it was thought."""
        held, self._held = self._held, ""
        if self._state == "think":
            return ""
        return held.lstrip() if self._state == "start" and self.heard else held

    def _begin(self) -> None:
        text = self._held.lstrip()
        pair = next((pair for pair in THOUGHTS if text.startswith(pair[0])), None)
        if pair is not None:
            self._held, self._closing = text[len(pair[0]) :], pair[1]
            self._state, self.heard = "think", True
        elif not any(opening.startswith(text) for opening, _ in THOUGHTS):
            self._state = "speak"
        if self.heard and self._state != "think":  # what follows a thought begins with empty lines
            self._held = text

    def _think(self) -> None:
        thought, mark, said = self._held.partition(self._closing)
        if mark:
            self._held, self._state = said, "start"
        else:
            self._held = thought[-len(self._closing) :]

    def _speak(self) -> str:
        found = [(at, closing) for _, closing in THOUGHTS if (at := self._held.find(closing)) >= 0]
        if found:
            at, closing = min(found)
            self.stray = self.heard = True
            self._held, self._state = self._held[at + len(closing) :], "start"
            return ""
        kept = max(_begun(self._held, closing) for _, closing in THOUGHTS)
        said, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return said
