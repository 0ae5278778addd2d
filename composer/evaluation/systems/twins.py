"""English twins of texts in a language that the encoder does not read: the same for every system, made once."""

from __future__ import annotations

import time
from collections.abc import Callable

from composer import twins
from composer.evaluation.systems.clock import Clock, Once
from composer.ports import Cancel
from composer.tools import Tools
from composer.types import Language


class Twins:
    """Texts as the encoder reads them. The request is the one that the program makes for its own queries."""

    def __init__(self, tools: Tools, seed: int = 1, now: Callable[[], float] = time.monotonic) -> None:
        self._tools = tools
        self._seed = seed
        self._made: Once[str] = Once(now)

    def of(self, text: str, language: Language, clock: Clock, cancel: Cancel) -> str:
        """The text itself if the encoder reads its language, else its English twin. The clock learns what it took."""
        if language in self._tools.encoder.languages or text.isascii():
            return text
        made = twins.Twins(self._tools.writer, self._tools.encoder.languages, self._seed, cancel)
        return self._made.of(("twin", text, language), lambda: made.of(text, language), clock)
