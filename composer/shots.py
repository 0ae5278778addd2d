"""Shots: what a photographer should take, or a draughtsman draw, where nothing of the library fits.

The words are made from what the place already says of itself; no model is asked. The window, the terminal, the pages
and the pipeline all take them from here. The templates lie in composer/prompts/shots.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePath

import msgspec
from msgspec import Struct

from composer import prose
from composer.draft import order_of
from composer.types import OPENING, Article, Block, Composition, Language, Slot, SlotKind

QUOTED = {"en": 30, "zh": 60}
"""How much of a sentence is quoted, in words or characters."""
POINTED = {"en": 8, "zh": 16}
"""How much of a paragraph shows where it is."""


class Shot(Struct, frozen=True, kw_only=True):
    """One picture that is still to be made. `number` counts from 1, in reading order."""

    number: int
    place: str
    """Heading and first words of the paragraph that it follows."""
    text: str
    """What is to be taken or drawn, and how."""
    caption: str


class _Words(Struct, frozen=True):
    take: str
    draw: str
    unnamed: str
    sentence: str
    mood: str
    end: str
    lower: tuple[str, ...]
    """Words that are written small within a sentence."""
    before_text: str
    after_text: str
    after_title: str
    place: str
    place_bare: str
    title: str
    entry: str
    nothing: str
    file: str
    framing: Mapping[SlotKind, str]


@cache
def _words() -> dict[Language, _Words]:
    """A template that is missing is a mistake of ours and fails loudly."""
    text = files("composer.prompts").joinpath("shots.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[Language, _Words])


# --- one shot --------------------------------------------------------------------------------------------------------


def shot_for(slot: Slot, block_text: str, language: Language) -> str:
    """What should be taken for a place, in one sentence of the article's language; drawn, for a diagram.

    It is made of the slot's caption, query, tone, kind and sentence. `block_text` is the paragraph as it is now: where
    the sentence is no longer in it, the one that the picture is about now is quoted instead.
    """
    words, drawn = _words()[language], slot.kind == "diagram"
    what = _subject(slot, language) or words.unnamed
    return "".join((
        words.draw if drawn else words.take,
        what,
        _quote(slot, block_text, language),
        ("；" if language == "zh" else "; ") + words.framing[slot.kind],
        words.mood.format(tone=slot.tone.strip()) if slot.tone.strip() and not drawn else "",
        words.end,
    ))  # fmt: skip


def bare(shot: str, language: Language) -> tuple[str, bool]:
    """A shot without the words that it begins with, and whether it is to be drawn."""
    words = _words()[language]
    return shot.removeprefix(words.take).removeprefix(words.draw), shot.startswith(words.draw)


def shot_at(composition: Composition, slot: Slot, *, quoting: bool = True) -> str:
    """The shot for a place that has no picture; empty while nothing is decided and where there is one.

    Without `quoting` it leaves the sentence out, for where that is to be read anyway.
    """
    pick, language = composition.picks.get(slot.id), composition.brief.language
    if pick is None or pick.picture is not None:
        return ""
    text = _text_beside(slot, composition.article)
    shot = pick.shot or shot_for(slot, text, language)
    return shot if quoting else shot.replace(_quote(slot, text, language), "", 1)


def _subject(slot: Slot, language: Language) -> str:
    """What is to be seen: the caption, and what the query adds where the reader of the list reads its language."""
    caption, query = _plain(slot.caption), _plain(slot.query)
    first = caption.split(" ")[0] if caption else ""
    if first in _words()[language].lower:
        caption = caption[0].lower() + caption[1:]
    if not caption:
        return query
    added = prose.content_words(query) - prose.content_words(caption)
    if language == "zh" or slot.worded or slot.origin == "writer" or not added:
        return caption
    return f"{caption} ({query})"


def _quote(slot: Slot, text: str, language: Language) -> str:
    """The sentence that the picture illustrates, in its frame and without its full stop; empty when none stands out."""
    known = _plain(slot.sentence)
    if known and known not in _plain(text):
        known = _plain(prose.sentence_of(text, (slot.caption, slot.query), language))
    cut = prose.cut_words(known, QUOTED[language], language)
    sentence = cut.rstrip(".。") if cut == known else f"{cut}…"
    return _words()[language].sentence.format(sentence=sentence) if sentence else ""


def _plain(words: str) -> str:
    return " ".join(words.split()).rstrip(";；,，")


# --- the list --------------------------------------------------------------------------------------------------------


def shot_list(composition: Composition) -> tuple[Shot, ...]:
    """All pictures that are still to be made, in reading order: places that were decided and have no picture."""
    article, language = composition.article, composition.brief.language
    order = order_of(article)
    slots = sorted(composition.slots or (), key=lambda slot: order.get(slot.after, len(order)))
    empty = [(slot, shot) for slot in slots if (shot := shot_at(composition, slot))]
    return tuple(
        Shot(number=at, place=_place(article, slot, language), text=shot, caption=_plain(slot.caption))
        for at, (slot, shot) in enumerate(empty, 1)
    )


def _place(article: Article | None, slot: Slot, language: Language) -> str:
    words = _words()[language]
    if slot.after == OPENING:
        return words.before_text
    blocks = _blocks(article)
    block = blocks.get(slot.after)
    if block is None:
        return words.after_text
    if block.kind == "heading":
        return words.after_title.format(heading=_plain(block.text))
    heading = next((_plain(b.text) for b in blocks.values() if b.kind == "heading" and b.section == block.section), "")
    start = prose.cut_words(block.text, POINTED[language], language)
    start += "…" if start != _plain(block.text) else ""
    template = words.place if heading else words.place_bare
    return template.format(heading=heading, words=start) if start else heading or words.after_text


def _text_beside(slot: Slot, article: Article | None) -> str:
    """The paragraph that a place belongs to: before all text, the first one."""
    blocks = _blocks(article)
    if slot.after in blocks:
        return blocks[slot.after].text
    return next((block.text for block in blocks.values() if block.kind == "paragraph" and block.text.strip()), "")


def _blocks(article: Article | None) -> dict[str, Block]:
    return {block.id: block for block in article.blocks} if article else {}


# --- the list in words -----------------------------------------------------------------------------------------------


def heading_of(composition: Composition) -> str:
    """The list's own title, in the article's language."""
    title = composition.article.title if composition.article else ""
    return _words()[composition.brief.language].title.format(title=title or composition.brief.topic)


def place_line(shot: Shot, language: Language) -> str:
    return _words()[language].entry.format(place=shot.place)


def nothing_to_take(language: Language) -> str:
    """What a list says when the article has all its pictures."""
    return _words()[language].nothing


def as_text(composition: Composition) -> str:
    """The list as plain text, for a letter or a message; empty when nothing is to be taken."""
    shots = shot_list(composition)
    if not shots:
        return ""
    language = composition.brief.language
    entries = [
        "\n   ".join(
            line for line in (f"{shot.number}. {shot.caption}".rstrip(), place_line(shot, language), shot.text)
        )
        for shot in shots
    ]
    return "\n\n".join((heading_of(composition), *entries)) + "\n"


def file_name(name: str, language: Language) -> str:
    """The list's file beside an article called `name`."""
    return _words()[language].file.format(name=name)


def is_list(path: str) -> bool:
    """Whether an exported file is a shot list, by its name."""
    return any(PurePath(path).name.endswith(words.file.format(name="")) for words in _words().values())
