"""What re-rankers ask of a picture. The picture comes first, then HEAD, the same for every slot, then what differs.

A model's keys and values for the picture and HEAD are therefore good for every slot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from composer.errors import ModelNotReady
from composer.prose import content_words, sentences

YES = ("Yes", "yes", "YES", " Yes", " yes", "是")
NO = ("No", "no", "NO", " No", " no", "否")
HEAD = (
    "Does this picture show what the caption of an article says, and does it suit the text around it? "
    "Answer yes or no.\nCaption:"
)
REST = " {caption}\nText: {context}\nYes or no?"
CAPTION, CONTEXT = 200, 260
"""How much of the caption and of the paragraph is shown, in letters; a Chinese character counts as three. Every token
here is computed anew for every picture: 80 tokens for eight pictures take about as long as seeing half a picture."""
UNREADABLE = -100.0
"""Score of a picture whose file cannot be read: as sure a no as there is, and still a number."""
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


def question(caption: str, context: str) -> str:
    """The whole question for one slot. The prior is asked for with an empty caption and an empty context."""
    caption = shortened(caption, CAPTION)
    return HEAD + REST.format(caption=caption, context=telling(context, caption, CONTEXT))


def telling(context: str, caption: str, most: int) -> str:
    """The sentences of the paragraph that share most words with the caption, in their order, up to a length."""
    context = one_line(context)
    if width(context) <= most:
        return context
    said, asked = sentences(context), content_words(caption)
    by_words = sorted(range(len(said)), key=lambda at: (-len(asked & content_words(said[at])), at))
    kept: list[int] = []
    for at in by_words:
        if sum(width(said[each]) + 1 for each in kept) + width(said[at]) <= most:
            kept.append(at)
    return " ".join(said[at] for at in sorted(kept)) if kept else shortened(said[by_words[0]], most)


def shortened(text: str, most: int) -> str:
    """The beginning of the text in one line, ended at a word."""
    text = one_line(text)
    if width(text) <= most:
        return text
    end = next(at for at in range(1, len(text) + 1) if width(text[:at]) > most) - 1
    return (re.sub(r"\s\S*$", "", text[:end]) or text[:end]) + " …"


def one_line(text: str) -> str:
    return " ".join(text.split())


def width(text: str) -> int:
    """Letters, a Chinese one counted as three: about proportional to tokens."""
    return len(text) + 2 * len(_WIDE.findall(text))


def answers(tokenizer: Any) -> tuple[list[int], list[int]]:  # noqa: ANN401 - transformers is untyped
    """The tokens that an answer of yes and of no can begin with. Raises ModelNotReady if they cannot be told apart."""
    yes, no = _first_tokens(tokenizer, YES), _first_tokens(tokenizer, NO)
    yes, no = yes - no, no - yes
    if not yes or not no:
        raise ModelNotReady("The model's vocabulary cannot tell yes from no.", "Choose another model for re-ranking.")
    return sorted(yes), sorted(no)


def _first_tokens(tokenizer: Any, words: Iterable[str]) -> set[int]:  # noqa: ANN401 - as above
    """Tokens of the words that are one token; if none is, the tokens that the words begin with."""
    spelled = [tokenizer.encode(word, add_special_tokens=False) for word in words]
    unknown = tokenizer.unk_token_id
    spelled = [ids for ids in spelled if ids and unknown not in ids]
    return {ids[0] for ids in spelled if len(ids) == 1} or {ids[0] for ids in spelled}
