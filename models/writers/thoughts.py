"""Takes what a model thinks aloud out of what it says: the text between <think> and </think> before an answer."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Thoughts:
    """Hears an answer piece by piece and gives back what is meant for the reader."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"
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
        if text.startswith(OPEN):
            self._held, self._state, self.heard = text[len(OPEN) :], "think", True
        elif not OPEN.startswith(text):
            self._state = "speak"
        if self.heard and self._state != "think":  # what follows a thought begins with empty lines
            self._held = text

    def _think(self) -> None:
        thought, mark, said = self._held.partition(CLOSE)
        if mark:
            self._held, self._state = said, "start"
        else:
            self._held = thought[-len(CLOSE) :]

    def _speak(self) -> str:
        before, mark, after = self._held.partition(CLOSE)
        if mark:
            self.stray = self.heard = True
            self._held, self._state = after, "start"
            return ""
        kept = next((n for n in range(min(len(CLOSE) - 1, len(before)), 0, -1) if CLOSE.startswith(before[-n:])), 0)
        said, self._held = before[: len(before) - kept], before[len(before) - kept :]
        return said
