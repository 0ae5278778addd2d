"""English twins: texts in a language that the encoder does not read, as the writer model translates them."""

from __future__ import annotations

from collections.abc import Callable

from composer import prose
from composer.ports import Cancel, Message, Prompt, Writer
from composer.prompts import prompts
from composer.types import Language

LONGEST = 80
"""Words (characters) of a text that are translated, and tokens of the answer."""


class Twins:
    """Texts in a language that the encoder and most captions are in, each translated once."""

    def __init__(self, writer: Callable[[], Writer], reads: tuple[Language, ...], seed: int, cancel: Cancel) -> None:
        self._writer, self._reads, self._seed, self._cancel = writer, reads, seed, cancel
        self._made: dict[str, str] = {}

    def of(self, text: str, language: Language) -> str:
        """The text itself where it can be read as it is. Raises ModelFailed as the writer does."""
        if language == "en" or language in self._reads or text.isascii():
            return text
        if text not in self._made:
            pieces = self._writer().generate(request(text, language, self._seed), self._cancel)
            self._made[text] = " ".join("".join(piece.text for piece in pieces).split())
        return self._made[text]


def request(text: str, language: Language, seed: int) -> Prompt:
    """What the writer is asked for a translation. It stands alone, so that one text has one twin."""
    words = prompts(language).translate
    shown = words.request.format(text=prose.cut_words(text, LONGEST, language))
    return Prompt(
        messages=(Message("system", words.system), Message("user", shown)),
        max_tokens=LONGEST,
        temperature=0.0,
        seed=seed,
        fresh=True,
    )
