"""What a vocabulary tells of a model: the languages it was made for, and how it spells bytes."""

from __future__ import annotations

from collections.abc import Callable

from composer.types import Language

CHINESE = "港口的渔船在黎明前出发，老城的屋顶还在雾里。"
READS = 1.5
"""A vocabulary was made for Chinese when CHINESE takes fewer tokens a character."""


def languages_by(count: Callable[[str], int]) -> tuple[Language, ...]:
    """English, and Chinese if the vocabulary knows it. `count` tells how many tokens a text takes."""
    return ("en", "zh") if count(CHINESE) < READS * len(CHINESE) else ("en",)


def _byte_letters() -> dict[int, str]:
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + at) for at, byte in enumerate(others)}


BYTE_LETTERS = _byte_letters()
"""GPT-2's letters for bytes: printable ones for themselves, the others from 256 on."""
LETTER_BYTES = {letter: byte for byte, letter in BYTE_LETTERS.items()}


def letters_of(text: str) -> str:
    """A text as a byte-level vocabulary spells it."""
    return "".join(BYTE_LETTERS[byte] for byte in text.encode())


def bytes_of(word: bytes) -> bytes:
    """The bytes that a word of a byte-level vocabulary stands for; "?" for letters that stand for none."""
    return bytes(LETTER_BYTES.get(letter, 63) for letter in word.decode("utf-8", "replace"))
