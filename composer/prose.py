"""Counting, cutting and comparing prose, English and Chinese."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from composer.types import Article, Language

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_COUNTED_ZH = re.compile(rf"[{_HAN}]|[A-Za-z0-9]+")
_ANY_HAN = re.compile(f"[{_HAN}]")
_WORD = re.compile(r"[A-Za-z0-9À-ɏ]+(?:['’\-][A-Za-z0-9À-ɏ]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)[\"”’)\]]*\s+|(?<=[。！？…])[”’」』）]*\s*")
_ENDS = (".", "!", "?", "。", "！", "？", "…")
_CLOSERS = '"”’)]」』）'
_PICTOGRAPH = re.compile("[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]")
_BRACKETS = re.compile(r"^([^()]{2,40}?) \((.+)\)(?:,.*)?$")
_COUNTER = re.compile(r"\b\w*\d\w*\b")
_NAME = re.compile(r"(?<=[a-zà-ɏ,;:'’)] )[A-ZÀ-Þ][\w-]+")
_TOKEN = re.compile(rf"[{_HAN}]|[A-Za-z0-9À-ɏ]+")
_RUN = re.compile(rf"[{_HAN}]+|[A-Za-z0-9À-ɏ]+")
_STOP = frozenset(
    """
    a an and are as at be been but by for from had has have in into is it its of on or our that the their
    there these they this to was we were which who will with you your
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)


def length(text: str, language: Language) -> int:
    """Words in English; in Chinese, characters, a Latin word or a number counting as one, as word processors do."""
    return len((_WORD if language == "en" else _COUNTED_ZH).findall(text))


def is_chinese(text: str) -> bool:
    """Whether there is any Chinese character in it."""
    return _ANY_HAN.search(text) is not None


def article_length(article: Article, language: Language) -> int:
    """Length of the paragraphs; title and headings do not count."""
    return sum(length(block.text, language) for block in article.blocks if block.kind == "paragraph")


def sentences(text: str) -> list[str]:
    """The sentences in order, an unfinished last one included."""
    found: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        found.append(text[start : match.end()].strip())
        start = match.end()
    rest = text[start:].strip()
    return [sentence for sentence in [*found, rest] if sentence]


def is_finished(sentence: str) -> bool:
    return sentence.rstrip(_CLOSERS + " ").endswith(_ENDS)


def join(parts: Iterable[str], language: Language) -> str:
    return (" " if language == "en" else "").join(parts)


def tokens(text: str) -> list[str]:
    """Lower-case Latin words and single Han characters: the unit in which texts are compared."""
    return [token.lower() for token in _TOKEN.findall(text)]


def content_words(text: str) -> set[str]:
    """Tokens that carry meaning, English plurals folded."""
    return {_singular(token) for token in tokens(text)} - _STOP


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def names(text: str) -> set[str]:
    """Capitalised words that do not begin the text: what a sentence names. Latin script only."""
    return {match.group().lower() for match in _NAME.finditer(text)}


def shingles(text: str, size: int = 5) -> set[tuple[str, ...]]:
    """All runs of `size` tokens (Broder 1997, resemblance of documents)."""
    found = tokens(text)
    return {tuple(found[at : at + size]) for at in range(len(found) - size + 1)}


def repeated_share(text: str, earlier: set[tuple[str, ...]], size: int = 5) -> float:
    """Share of the text's runs that were there before, 0 to 1."""
    own = shingles(text, size)
    return len(own & earlier) / len(own) if own else 0.0


def sentence_of(text: str, wanted: Sequence[str], language: Language) -> str:
    """The sentence of a paragraph that shares most with the wanted words, word for word; "" when none shares any.

    A word counts by its inverse document frequency, the sentences being the documents (Sparck Jones 1972): what every
    sentence says tells none from the others. Of equals the first.
    """
    said = sentences(text)
    asked = set[str]().union(*(_terms(each, language) for each in wanted))
    parts = [
        _terms(each, language) | {term for term in asked if len(term) == 1 and not term.isascii() and term in each}
        for each in said
    ]
    weight = {
        term: math.log(1 + len(parts) / sum(term in part for part in parts))
        for term in asked & set[str]().union(*parts)
    }
    shared = [sum(weight[term] for term in sorted(part & asked)) for part in parts]
    best = max(shared, default=0.0)
    return said[shared.index(best)] if best > 0 else ""


def share_said(words: str, text: str) -> float:
    """How much of the words a text says too, 0 to 1; Chinese goes by pairs of characters."""
    own = _terms(words, "zh" if is_chinese(words) else "en")
    said = _terms(text, "zh" if is_chinese(text) else "en")
    return len(own & said) / len(own) if own else 0.0


def _terms(text: str, language: Language) -> set[str]:
    """What meaning hangs on: content words; in Chinese pairs of characters that stand together, as words mostly are."""
    if language == "en":
        return content_words(text)
    found: set[str] = set()
    for run in _RUN.findall(text.lower()):
        found |= {run} if run.isascii() else {run[at : at + 2] for at in range(max(1, len(run) - 1))}
    return found


def similarity(one: str, other: str) -> float:
    """Overlap of meaning-carrying words: shared over the smaller set, 0 to 1."""
    a, b = content_words(one), content_words(other)
    return len(a & b) / min(len(a), len(b)) if a and b else 0.0


def key(sentence: str) -> str:
    """Two sentences with one key say the same in the same words."""
    return " ".join(tokens(sentence))


def cut_words(text: str, limit: int, language: Language) -> str:
    """At most `limit` words (English) or characters (Chinese), never in mid-word, without a hanging comma."""
    text = " ".join(text.split())
    if length(text, language) <= limit:
        return text
    if language == "en":
        words = text.split(" ")[:limit]
        while len(words) > 1 and words[-1].lower() in _STOP:
            words.pop()  # "... the wind with the" was cut in the midst of saying something
        return " ".join(words).rstrip(",;:-– ")
    ends = [match.end() for match in _COUNTED_ZH.finditer(text)]
    return text[: ends[limit - 1]].rstrip("，、；： ")


def subject_of(caption: str, limit: int) -> str:
    """What a picture's caption is about, in at most `limit` words: its first sentence without what files add to it.

    "windmill (Mykonos windmills 2), energy" -> "Mykonos windmills": what stands in brackets is the more special name
    when it repeats the general one.
    """
    first = sentences(caption)[0].rstrip(".") if caption.strip() else ""
    match = _BRACKETS.match(first)
    if match:
        general, special = match[1], _COUNTER.sub(" ", match[2])
        first = special if content_words(general) & content_words(special) else general
    return cut_words(first, limit, "en").strip(" .;,\"'")


def label(words: str) -> str:
    """Words fit to stand alone: without the mark of a list item, pictographs, and the sign that they end with."""
    plain = " ".join(_PICTOGRAPH.sub(" ", words).split())
    return plain.removeprefix("- ").strip(" \"'“”").rstrip(" .。:：,，;；")


def first_of(texts: Sequence[str], start: str) -> bool:
    """Whether any of `texts` begins `start`, case ignored."""
    lowered = start.lower()
    return any(lowered.startswith(text.lower()) for text in texts)
