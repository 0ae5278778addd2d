"""An article as numbered lines for a model that reads it whole, and what it answers: numbers, words, a letter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from composer import prose
from composer.evaluation.nouns import GoldArticle
from composer.ports import PLACE, Writer
from composer.types import Language

WORDS_A_LINE = 400
LEAST = 4
_MARK = re.compile(r"<\s*Seg\s*(\d+)\s*>?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_QUOTES = (('"', '"'), ("“", "”"), ("「", "」"), ("《", "》"))


def lines_of(gold: GoldArticle) -> list[str]:
    """Headings and text blocks in reading order, each in one line, without what would mark a picture's place."""
    return [" ".join(block.text.replace(PLACE, " ").split()) for block in gold.article.blocks]


def after_of(gold: GoldArticle) -> list[int]:
    """For each line where a picture behind it stands, counted as `Placed.after`."""
    after, found = -1, list[int]()
    for block in gold.article.blocks:
        after += block.kind == "paragraph"
        found.append(after)
    return found


def numbered(lines: Sequence[str], pictures: Mapping[int, str] = {}) -> str:
    """The lines with their numbers from 0 in front; `pictures` stand behind the lines of these numbers."""
    shown: list[str] = []
    for number, line in enumerate(lines):
        shown.append(f"<Seg{number}> {line}")
        if number in pictures:
            shown.append(pictures[number])
    return "\n".join(shown)


def fitted(lines: Sequence[str], room: int, writer: Writer, language: Language) -> list[str]:
    """The lines, each cut to the same number of words, so that they take at most `room` tokens.

    Where even short ones are too many they stay short: the writer then says that the article is too long.
    """
    limit = WORDS_A_LINE
    shown = list(lines)
    while writer.count_tokens(numbered(shown)) > room and limit > LEAST:
        limit = limit * 3 // 4
        shown = [prose.cut_words(line, limit, language) for line in lines]
    return shown


def numbers(answer: str, count: int) -> list[int]:
    """The lines that an answer names, in its order, each once, of those from 0 to `count` - 1.

    Marks like <Seg3> count; bare numbers only in an answer without any mark.
    """
    answer = unicodedata.normalize("NFKC", answer)
    named = _MARK.findall(answer) or _NUMBER.findall(answer)
    return [line for line in dict.fromkeys(int(each) for each in named if len(each) < 6) if line < count]


def caption_in(answer: str, language: Language, limit: int) -> str:
    """What stands in the answer's first quotation marks, else its first line; at most `limit` words (characters)."""
    text = next((line.strip() for line in answer.strip().splitlines() if line.strip()), "")
    for opening, closing in _QUOTES:
        _, begun, rest = text.partition(opening)
        if begun and rest.strip(closing + " "):
            text = rest.partition(closing)[0]
            break
    return prose.cut_words(text.strip(" \"'“”"), limit, language)


def letter(answer: str, count: int) -> int | None:
    """Which of `count` lettered candidates an answer means, from 0: the first letter that stands alone.

    None where there is none. "B", "b)", "The best is C." and "选B" are answers, "Because" is none.
    """
    text = unicodedata.normalize("NFKC", answer).strip()
    known = ascii_uppercase[:count]
    alone = re.match(rf"[\s\"'(\[<*]*([{known}{known.lower()}])(?![A-Za-z'])", text)
    alone = alone or re.search(rf"(?<![A-Za-z'])([{known}])(?![A-Za-z'])", text)
    return known.index(alone[1].upper()) if alone else None
