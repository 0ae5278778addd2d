"""How long a text is, as writers count: words in English, characters in Chinese."""

from __future__ import annotations

from composer.types import Composition
from ui.texts import plural


def length_of(composition: Composition) -> int:
    """Words or characters of the article's blocks, without the title."""
    if composition.article is None:
        return 0
    blocks = composition.article.blocks
    if composition.brief.language == "zh":
        return sum(not letter.isspace() for block in blocks for letter in block.text)
    return sum(len(block.text.split()) for block in blocks)


def summary_of(composition: Composition) -> str:
    """Length and pictures in a few words."""
    count = length_of(composition)
    if composition.brief.language == "zh":
        parts = [plural("{count} character", "{count} characters", count)]
    else:
        parts = [plural("{count} word", "{count} words", count)]
    pictures = sum(pick.picture is not None for pick in composition.picks.values())
    if composition.slots is not None:
        parts.append(plural("{count} picture", "{count} pictures", pictures))
    return " · ".join(parts)
