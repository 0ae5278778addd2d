"""The words that a picture and its place in the text have in common, as a reader would name them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from composer import prose
from composer.types import Picture, Slot

MOST = 8
SHORTEST = 4
"""Letters of a word that only the paragraph shares: shorter ones are mostly "over", "when" and the like."""
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def shared_words(picture: Picture, slot: Slot, paragraph: str) -> tuple[str, ...]:
    """At most MOST, those of the slot's own words first, then those of the paragraph, each in the picture's order.

    Latin words as the picture has them, in lower case; in Chinese runs of two characters or more, since single ones
    are no words.
    """
    known = f"{picture.caption} {picture.words}"
    own = f"{slot.caption} {slot.query} {slot.sentence}"
    near = [*_han(known, own), *_latin(known, own, 2), *_han(known, paragraph), *_latin(known, paragraph, SHORTEST)]
    found: list[str] = []
    for word in near:
        if not any(prose.content_words(word) <= prose.content_words(other) for other in found):
            found.append(word)
    return tuple(found[:MOST])


def _latin(known: str, text: str, shortest: int) -> Iterable[str]:
    wanted = prose.content_words(text)
    for token in dict.fromkeys(prose.tokens(known)):
        if len(token) >= shortest and token.isalpha() and not _HAN.match(token) and prose.content_words(token) & wanted:
            yield token


def _han(known: str, text: str) -> Iterable[str]:
    """The longest runs of characters of `known` whose every two neighbours stand side by side in `text` too."""
    pairs = {run[at : at + 2] for run in _HAN.findall(text) for at in range(len(run) - 1)}
    for run in _HAN.findall(known):
        start = 0
        for at in range(1, len(run) + 1):
            if at == len(run) or run[at - 1 : at + 1] not in pairs:
                if at - start >= 2:
                    yield run[start:at]
                start = at
