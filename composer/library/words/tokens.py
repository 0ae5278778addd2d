"""Text as SQLite's full-text index should see it: words as they are, Chinese as overlapping pairs of characters.

FTS5's own tokenizers take a run of Chinese for one word, and its trigram tokenizer cannot find words of two characters,
which most Chinese words are.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from composer.types import Language

_HAN = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Chinese characters; Japanese kana are written without spaces too and take the same way."""
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")

_ENGLISH_WORDS = """
    a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each few for from further had has have having he her here hers him his how i
    if in into is it its itself just me more most my no nor not now of off on once only or other our out over own same
    she should so some such than that the their them then there these they this those through to too under until up upon
    very was we were what when where which while who whom why will with would you your
    image photo photograph picture showing shows
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_CHINESE = frozenset("的了着在是和与及或把被对从很都也就还吗呢吧这那之其")
"""Characters that mostly join words: a pair that holds one is seldom a word, so queries leave it out."""


def tokens(text: str) -> str:
    """Space-separated tokens for the index.

    A run of Chinese "沙发上" becomes "沙发 发上 上": its pairs and its last character, so that a prefix search finds
    any single character. Everything is compatibility-normalised (NFKC) and lower case.
    """
    return " ".join(token for run in _runs(text) for token in (_pairs(run, last=True) if _is_han(run) else [run]))


def terms(text: str, language: Language | None = None) -> list[str]:
    """The distinct terms of a query, in order, without stop words; all of them when nothing else is left.

    A single Chinese character comes with "*" behind it: it is to be searched as a prefix. `language` names whose stop
    words to drop; None drops both languages'.
    """
    found = [term for run in _runs(text) for term in (_han_terms(run) if _is_han(run) else [run])]
    kept = [term for term in found if not _is_stop(term, language)]
    return list(dict.fromkeys(kept or found))


def _runs(text: str) -> list[str]:
    return _RUN.findall(unicodedata.normalize("NFKC", text).lower())


def _is_han(run: str) -> bool:
    return re.match(f"[{_HAN}]", run) is not None


def _pairs(run: str, *, last: bool) -> list[str]:
    return [first + second for first, second in pairwise(run)] + ([run[-1]] if last else [])


def _han_terms(run: str) -> list[str]:
    return _pairs(run, last=False) or [f"{run}*"]


def _is_stop(term: str, language: Language | None) -> bool:
    if _is_han(term):
        return language != "en" and any(char in _CHINESE for char in term)
    return language != "zh" and term in _ENGLISH
