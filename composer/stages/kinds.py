"""Kinds: what sort of picture a place needs, told by the words of its caption.

No model is asked. English is read by the head of the caption: the last noun before its first verb or preposition ("The
miller's ladder leans on the wall" is about a ladder). Chinese is read from the end: what stands after the last 的.
Where the caption says nothing, what the picture must show is read the same way. The words lie in
composer/prompts/kinds.toml.

Lists of words are never whole: of 45 captions in each language that were labelled after the rules of their day were
final, 33 English and 27 Chinese ones were told rightly (tests/composer/stages/test_kinds.py). Decide nothing by the
kind alone that could not be borne if it is wrong.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from composer import prose
from composer.types import Language, SlotKind

_TOKEN = re.compile(r"[A-Za-zÀ-ɏ]+(?:[-'’][A-Za-zÀ-ɏ]+)*")
_CLAUSE = re.compile(r"\s*[,;:(–—]\s*|\s+-\s+")
_CLAUSE_ZH = re.compile(r"[，。；：！？、\s（）]+")


class _Words(Struct, frozen=True):
    """What both languages have lists of."""

    diagrams: tuple[str, ...]
    near: frozenset[str]
    portraits: frozenset[str]
    views: frozenset[str]
    people: frozenset[str]
    titles: frozenset[str]
    groups: frozenset[str]
    people_verbs: frozenset[str]
    stands: frozenset[str]
    places: frozenset[str]
    surfaces: frozenset[str]
    times: frozenset[str]
    events: frozenset[str]


class _English(_Words, frozen=True):
    people_ends: tuple[str, ...]
    not_people: frozenset[str]
    life: frozenset[str]
    actions: frozenset[str]
    objects: frozenset[str]
    measures: frozenset[str]
    articles: frozenset[str]
    breaks: frozenset[str]
    locating: frozenset[str]
    naming: tuple[str, ...]
    not_ing: frozenset[str]
    drawn: tuple[str, ...]


class _Chinese(_Words, frozen=True):
    surnames: str
    people_ends: tuple[str, ...]
    not_people: tuple[str, ...]
    drawn_ends: tuple[str, ...]
    not_drawn: tuple[str, ...]
    marks: tuple[str, ...]
    actions: tuple[str, ...]
    locating: tuple[str, ...]


class _Lists(Struct, frozen=True):
    en: _English
    zh: _Chinese


@cache
def _lists() -> _Lists:
    """A list that is missing is a mistake of ours and fails loudly."""
    text = files("composer.prompts").joinpath("kinds.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Lists)


def kind_of(caption: str, query: str, text: str, language: Language, *, opening: bool) -> SlotKind:
    """What kind of picture a place needs.

    `caption` is in the article's language, `query` says what must be seen (often in English), `text` is the paragraph:
    it tells names of people from other names. "scene" is the answer where no word speaks for another kind.
    """
    if opening:
        return "opening"
    shows = query.partition(",")[2].strip() or query  # the section's subject leads: it is not what is to be seen
    return _told(caption, text, language) or _told(shows, "", language) or _plain(caption or shows, language)


def _told(words: str, text: str, language: Language) -> SlotKind | None:
    """The kind that words speak for; None when none of them does."""
    if language == "zh" and prose.is_chinese(words):
        return _told_zh(words)
    return _told_en(words, text)


def _plain(words: str, language: Language) -> SlotKind:
    """Without any known word: a short name of one thing is an object, all else a scene."""
    lists = _lists()
    if language == "zh" and prose.is_chinese(words):
        moving = any(mark in words for mark in (*lists.zh.marks, *lists.zh.actions, *lists.zh.locating))
        return "scene" if moving or len(words) > 10 else "object"
    tokens = _tokens(words)
    moving = any(token in lists.en.locating or _is_verb(token, lists.en.actions) for token in tokens)
    return "scene" if moving or not 0 < len(tokens) <= 6 else "object"


# --- English ---------------------------------------------------------------------------------------------------------


def _told_en(words: str, text: str) -> SlotKind | None:
    lists = _lists().en
    clause = next((part for part in _CLAUSE.split(words) if part.strip()), "")
    tokens = _tokens(clause)
    if not tokens:
        return None
    head, rest = _head(tokens, lists)
    if _is_diagram(words, lists):
        return "diagram"
    if head in lists.portraits or _is_person(head, lists):
        return "person"
    if _is_crowd(tokens, head, lists):
        return "scene"
    if any(phrase in f" {words.lower()} " for phrase in lists.drawn):
        return "diagram"
    return _told_without_people(clause, head, rest, text)


def _told_without_people(clause: str, head: str, rest: Sequence[str], text: str) -> SlotKind | None:
    lists, tokens = _lists().en, _tokens(clause)
    busy = _is_busy(rest, lists)
    if _singular(head) in lists.places or head in lists.views:
        return "scene" if busy else "place"
    if _names_person(clause, tokens, text, lists):
        return "person"
    if head in lists.near or (not busy and _lies_near(head, tokens, lists)):
        return "object"
    if busy or head in lists.events:
        return "scene"
    return "place" if _names_place(clause, lists) else None


def _tokens(words: str) -> list[str]:
    """Lower-case words; "Close up" is written in several ways."""
    return [token.lower().replace("’", "'") for token in _TOKEN.findall(re.sub(r"(?i)\bclose up\b", "close-up", words))]


def _head(tokens: Sequence[str], lists: _English) -> tuple[str, list[str]]:
    """What the words are about, and what is said of it."""
    measured = (at for at in range(1, min(4, len(tokens) - 1)) if _is_measure(tokens, at, lists))
    start = next(measured, -1) + 1
    for at in range(start, len(tokens)):
        ends = tokens[at] in lists.breaks or (at > start and _verb_here(tokens, at, lists))
        if ends and at > start:
            return tokens[at - 1], list(tokens[at:])
    return tokens[-1], []


def _is_measure(tokens: Sequence[str], at: int, lists: _English) -> bool:
    """Whether the word is the "of" of "an old pair of boots", which is about boots."""
    return tokens[at] == "of" and _singular(tokens[at - 1]) in lists.measures


def _verb_here(tokens: Sequence[str], at: int, lists: _English) -> bool:
    """Whether the word is what the subject does: "the wheel turns", not "a turning wheel" or "the turns"."""
    token, before = tokens[at], tokens[at - 1]
    if before in lists.articles or before.endswith("'s"):
        return False
    if token.endswith("s") and at + 1 < len(tokens) and tokens[at + 1] in lists.articles:
        return True  # "lifts a frame", whatever the verb
    if token.endswith("ing"):
        return _is_verb(token, lists.actions | lists.people_verbs | lists.stands)
    known = _is_verb(token, lists.actions | lists.people_verbs | lists.stands)
    return known and (token.endswith("s") or _is_plural(before)) and _singular(token) not in lists.places


def _is_diagram(words: str, lists: _English) -> bool:
    """Whether a clause is about something drawn: "How the pump works: a cross-section"."""
    heads = [_singular(_head(tokens, lists)[0]) for clause in _CLAUSE.split(words) if (tokens := _tokens(clause))]
    phrases = [word for word in lists.diagrams if " " in word]
    return any(head in lists.diagrams for head in heads) or any(phrase in words.lower() for phrase in phrases)


def _is_person(head: str, lists: _English) -> bool:
    ends = head.endswith(lists.people_ends) and len(head) > 4 and head not in lists.not_people
    return head in lists.people or ends


def _is_crowd(tokens: Sequence[str], head: str, lists: _English) -> bool:
    many = {"men", "women", "children"} | lists.groups
    return head in many or any(
        token in many or (_is_plural(token) and _is_person(_singular(token), lists)) for token in tokens
    )


def _is_busy(rest: Sequence[str], lists: _English) -> bool:
    """Whether something goes on: a verb that tells more than where a thing stands."""
    return any(
        _is_verb(token, lists.actions) and not _is_verb(token, lists.stands) and _singular(token) not in lists.places
        for token in rest
        if token.endswith(("s", "ing")) and token not in lists.not_ing
    ) or any(_is_verb(token, lists.actions) for token in rest[:1] if token not in lists.breaks)


def _lies_near(head: str, tokens: Sequence[str], lists: _English) -> bool:
    """Whether it lies on a table or in a hand, or is a thing with nothing around it."""
    around = next((at for at, token in enumerate(tokens) if token in lists.locating), None)
    if around is None:
        return _singular(head) in lists.objects
    return any(_singular(token) in lists.surfaces for token in tokens[around:])


def _names_person(clause: str, tokens: Sequence[str], text: str, lists: _English) -> bool:
    """A name that begins the words and does what people do, or of whom the text tells as of a person."""
    named = re.match(r"((?:[A-ZÀ-Þ][\w’'-]*\.?\s+){0,3}[A-ZÀ-Þ][\w’'-]*)", clause)
    names = _tokens(named[1]) if named else []
    if not names or names[0] in lists.articles or names[0] in lists.breaks:
        return False
    if names[0] in lists.titles and len(names) > 1:
        return True
    after = tokens[len(names)] if len(tokens) > len(names) else ""
    known = len(names) > 1 or names[0] in prose.names(text)
    told = bool(lists.life.intersection(tokens)) or _told_of(names[-1], text, lists.life)
    return known and (told or _is_verb(after, lists.people_verbs))


def _told_of(name: str, text: str, life: Collection[str]) -> bool:
    """Whether a sentence of the text has the name and words that are said of people only."""
    said = [set(_tokens(sentence)) for sentence in prose.sentences(text)]
    return any(name in tokens and tokens & set(life) for tokens in said)


def _names_place(clause: str, lists: _English) -> bool:
    """A name after a word of place: "tiles in Lisbon", but not "roses in May"."""
    found = re.findall(rf"\b(?:{'|'.join(lists.naming)})\s+(?:the\s+)?([A-ZÀ-Þ][\w’'-]+)", clause)
    return any(name.lower() not in lists.times for name in found)


def _is_verb(token: str, verbs: Collection[str]) -> bool:
    return any(form in verbs for form in _infinitives(token))


def _infinitives(token: str) -> tuple[str, ...]:
    """What a form may be made from: "carries" -> carry, "winding" -> wind, "cutting" -> cut, "baking" -> bake."""
    if token.endswith("ies"):
        return (token, f"{token[:-3]}y")
    if token.endswith("ing") and len(token) > 5:
        stem = token[:-3]
        return (token, stem, f"{stem}e", stem[:-1] if stem[-1] == stem[-2] else stem)
    if token.endswith("es"):
        return (token, token[:-1], token[:-2])
    return (token, token[:-1]) if token.endswith("s") else (token,)


def _singular(token: str) -> str:
    if token.endswith("ies") and len(token) > 4:
        return f"{token[:-3]}y"
    if token.endswith(("ches", "shes", "sses", "xes")):
        return token[:-2]
    return token[:-1] if _is_plural(token) else token


def _is_plural(token: str) -> bool:
    return len(token) > 3 and token.endswith("s") and not token.endswith(("ss", "us", "is", "'s"))


# --- Chinese ---------------------------------------------------------------------------------------------------------


def _told_zh(words: str) -> SlotKind | None:
    lists = _lists().zh
    if any(_is_drawn(clause, lists) for clause in _CLAUSE_ZH.split(words)):
        return "diagram"
    named: tuple[tuple[Collection[str], SlotKind], ...] = (
        (lists.portraits, "person"), (lists.near, "object"),
    )  # fmt: skip
    for listed, kind in named:
        if any(word in words for word in listed):
            return kind
    clause = _subject_clause(words, lists)
    if any(word in clause for word in lists.groups):
        return "scene"
    if _is_person_zh(clause, lists):
        return "person"
    return "place" if _is_place_zh(clause, lists) else _lies_zh(clause, lists)


def _is_drawn(clause: str, lists: _Chinese) -> bool:
    """Whether the clause ends with something drawn: 变化图, 绘于海图上; not 构图."""
    loosely = clause.endswith(lists.drawn_ends) and not clause.endswith(lists.not_drawn)
    return loosely or clause.endswith(lists.diagrams)


def _lies_zh(clause: str, lists: _Chinese) -> SlotKind | None:
    """A thing on a table or in a hand; else a scene where something goes on."""
    if any(word in clause for word in lists.surfaces):
        return "object"
    return "scene" if any(word in clause for word in (*lists.events, *lists.marks, *lists.actions)) else None


def _subject_clause(words: str, lists: _Chinese) -> str:
    """The first clause that tells more than when it was."""
    clauses = [clause for clause in _CLAUSE_ZH.split(words) if clause]
    telling = [clause for clause in clauses if not (len(clause) <= 5 and clause.endswith(tuple(lists.times)))]
    return (telling or clauses or [""])[0]


def _is_person_zh(clause: str, lists: _Chinese) -> bool:
    """Somebody who is the subject or the head: 门口的老人, 陶工在转轮前; not 磨坊主的木梯, 渔民码头."""
    for role in (*lists.people, *lists.titles, *lists.people_ends):
        at = clause.rfind(role)
        if at < 0 or (role not in lists.people and not at):
            continue
        rest = clause[at + len(role) :]
        if clause.endswith(lists.not_people):
            continue
        if not rest or rest.startswith((*lists.marks, *lists.people_verbs)):
            return True
    verbs = "|".join((*sorted(lists.people_verbs), "在", "正"))
    return bool(re.match(rf"[{lists.surnames}][\u4e00-\u9fff]{{1,2}}(?:{verbs})|[\u4e00-\u9fff]+·", clause))


def _is_place_zh(clause: str, lists: _Chinese) -> bool:
    """A view, or a place that only stands there: 里斯本的老街, 城堡矗立在山上."""
    head = clause.rpartition("的")[2]
    if head.endswith(tuple(lists.views)):
        return True
    if any(word in clause for word in lists.stands):
        return any(word in clause for word in lists.places)
    return head.endswith(tuple(lists.places)) and not _goes_on(clause, head)


def _goes_on(clause: str, head: str) -> bool:
    """Whether something is done there: 着, 正在, a verb of motion, outside what only says which place it is."""
    before = clause[: len(clause) - len(head)]
    told = ("着", "正在", *_lists().zh.actions)
    return "正" in before or (not before and any(word in clause for word in told))
