"""English twins of texts in a language that the encoder does not read: the same for every system, made once."""

from __future__ import annotations

import time
from collections.abc import Callable

from composer import prose
from composer.evaluation.systems.clock import Clock, Once
from composer.pipeline import Tools
from composer.ports import Cancel, Message, Prompt
from composer.prompts import prompts
from composer.types import Language

LONGEST = 80
"""Words (characters) of a text that are translated, and tokens of the answer: as many as the program itself gives."""


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
        return self._made.of(("twin", text, language), lambda: self._translated(text, language, cancel), clock)

    def _translated(self, text: str, language: Language, cancel: Cancel) -> str:
        words = prompts(language).translate
        prompt = Prompt(
            messages=(
                Message("system", words.system),
                Message("user", words.request.format(text=prose.cut_words(text, LONGEST, language))),
            ),
            max_tokens=LONGEST,
            temperature=0.0,
            seed=self._seed,
            fresh=True,
        )
        pieces = self._tools.writer().generate(prompt, cancel)
        return " ".join("".join(piece.text for piece in pieces).split())
