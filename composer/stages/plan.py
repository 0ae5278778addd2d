"""Plan: what the picture at each place must show, and its caption.

The places are chosen before (stages/places.py). The model is shown one paragraph at a time, so that a small one answers
as well as it can; its answer is checked, and what cannot be used is made from the text. After an edit only what it
touched is planned again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Generator, Sequence

import msgspec
from msgspec import Struct

from composer import prose
from composer.ports import Cancel, Message, Prompt, Writer
from composer.prompts import PlanPrompts, prompts
from composer.types import OPENING, Article, Block, Brief, Language, Outline, Slot

CAPTION_LIMIT = {"en": 16, "zh": 30}
QUERY_WORDS = 12
COPIED = 0.6
"""Share of a caption's words from which on it is the example's, if the text has fewer of them."""


class _Picture(Struct, frozen=True):
    shows: str
    caption: str
    tone: str = ""


class Subjects(Struct, frozen=True):
    """What is spoken of, in words that the encoder reads."""

    article: str
    sections: tuple[str, ...]


def plan(
    brief: Brief,
    outline: Outline,
    article: Article,
    places: Sequence[str],
    subjects: Subjects,
    writer: Writer,
    cancel: Cancel,
) -> Generator[float, None, tuple[Slot, ...]]:
    """A slot for each place, in that order; yields the share done (0 to 1).

    `places` are ids of paragraphs, or OPENING. Never fails: with no usable word from the model the slots are made from
    the text alone.
    """
    slots: list[Slot] = []
    for number, after in enumerate(places):
        yield number / len(places)
        made = yield from _described(after, brief, outline, article, subjects, writer, cancel)
        slots.append(msgspec.structs.replace(made, id=f"s{number + 1}"))
    return tuple(slots)


def replan(
    brief: Brief,
    outline: Outline,
    article: Article,
    slots: Sequence[Slot],
    more: Callable[[Collection[str], int], Sequence[str]],
    subjects: Callable[[], Subjects],
    writer: Callable[[], Writer],
    cancel: Cancel,
) -> Generator[float, None, tuple[Slot, ...]]:
    """After an edit of the text: the slots whose sentence stands as it was stay, the others are described anew.

    What a picture must show comes from one sentence of its paragraph: an edit beside that one changes nothing of it.
    A slot whose paragraph is gone or was emptied gives way to another place, `more(taken, count)`; so does one that is
    missing from the number asked for. A slot that remembers its block as it is stays in any case, also beside another.
    Slots keep their ids, new ones have none. Nothing is asked of what is not needed. Yields and returns as `plan` does.
    """
    texts = [block for block in article.blocks if block.kind == "paragraph" and block.text.strip()]
    order = {OPENING: -1, **{block.id: at for at, block in enumerate(article.blocks)}}
    kept = [slot for slot in slots if slot.after in order and _stays(slot, article, texts)]
    wanted = len(slots) if brief.pictures is None else brief.pictures
    missing = min(wanted, len(texts) + bool(texts)) - len(kept)  # before all text one can stand too
    if missing > 0:
        taken = {slot.after for slot in kept}
        kept += [Slot(id="", after=after, caption="", query="") for after in more(taken, missing)]
    planned: list[Slot] = []
    for place, slot in enumerate(sorted(kept, key=lambda slot: order[slot.after])):
        yield place / len(kept)
        block = block_of(slot.after, article)
        if slot.read == mark_of(block) or (slot.sentence and slot.sentence in prose.sentences(block.text)):
            planned.append(msgspec.structs.replace(slot, read=mark_of(block)))
            continue
        made = yield from _described(slot.after, brief, outline, article, subjects(), writer(), cancel)
        kept_words = {"caption": slot.caption, "worded": True} if slot.worded else {}
        planned.append(msgspec.structs.replace(made, id=slot.id, **kept_words))
    return tuple(planned)


def _stays(slot: Slot, article: Article, texts: Sequence[Block]) -> bool:
    block = block_of(slot.after, article)
    return slot.read == mark_of(block) or block in texts


def block_of(after: str, article: Article) -> Block:
    """The block that a picture stands beside: the one that it follows, the first paragraph for one before all text."""
    texts = (block for block in article.blocks if block.kind == "paragraph" and block.text.strip())
    return next(
        (block for block in article.blocks if block.id == after),
        next(texts, Block(id="", kind="paragraph", text="", section=0)),
    )


def mark_of(block: Block) -> str:
    """What a slot remembers of the paragraph that it was planned from."""
    return hashlib.blake2b(block.text.encode(), digest_size=8).hexdigest()


def _described(
    after: str,
    brief: Brief,
    outline: Outline,
    article: Article,
    subjects: Subjects,
    writer: Writer,
    cancel: Cancel,
) -> Generator[float, None, Slot]:
    block = block_of(after, article)
    headings = {each.section: each.text for each in article.blocks if each.kind == "heading"}
    heading = article.title if after == OPENING else headings.get(block.section, "")
    cancel.check()
    picture = _asked(block, heading, brief, prompts(brief.language).plan, writer, cancel)
    yield 0.0
    return _slot(after, block, picture, brief, outline, subjects)


def _asked(
    block: Block, heading: str, brief: Brief, words: PlanPrompts, writer: Writer, cancel: Cancel
) -> _Picture | None:
    request = words.request.format(heading=heading, text=prose.cut_words(block.text, 60, brief.language))
    prompt = _prompt(words, request, brief.seed + 7)
    text = "".join(piece.text for piece in writer.generate(prompt, cancel))
    picture = _read(text)
    return picture if picture and prose.content_words(picture.shows) else None


def _prompt(words: PlanPrompts, request: str, seed: int) -> Prompt:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {
            "shows": {"type": "string", "maxLength": 80},
            "caption": {"type": "string", "maxLength": 120},
            "tone": {"enum": list(words.tones)},
        },
        "required": ["shows", "caption", "tone"],
    }
    return Prompt(
        messages=(
            Message("system", words.system),
            Message("user", words.example_request.strip()),
            Message("assistant", words.example_answer),
            Message("user", request.strip()),
        ),
        max_tokens=120,
        temperature=0.3,
        seed=seed,
        schema=schema,
    )


def _read(text: str) -> _Picture | None:
    """The answer of a model that may be bound to no schema: the first object that is one, whatever stands around it."""
    for match in re.finditer(r"\{[^{}]*\}", text):
        try:
            return msgspec.json.decode(match.group(), type=_Picture)
        except msgspec.DecodeError:
            continue
    return None


def _slot(
    after: str, block: Block, picture: _Picture | None, brief: Brief, outline: Outline, subjects: Subjects
) -> Slot:
    language = brief.language
    section = outline.sections[block.section] if block.section < len(outline.sections) else None
    heading, anchor = (section.heading, section.anchor) if section else ("", "")
    shows = picture.shows if picture and not _is_example(picture.shows, f"{heading} {block.text}", language) else ""
    wider = _query(shows, subjects.article)
    query = wider if after == OPENING else _query(shows, _of_section(block, subjects))
    return Slot(
        id="",
        after=after,
        caption=_caption(picture, block, heading, anchor, language),
        query=query or heading or prose.cut_words(block.text, QUERY_WORDS, language),
        wider="" if wider == query else wider,
        tone=picture.tone if picture else "",
        origin="model" if picture else "library",
        read=mark_of(block),
    )


def _of_section(block: Block, subjects: Subjects) -> str:
    return subjects.sections[block.section] if block.section < len(subjects.sections) else ""


def _query(shows: str, subject: str) -> str:
    """What the picture must show, led by the section's subject: the names in it are what finds a picture again."""
    shows, subject = prose.cut_words(shows, QUERY_WORDS, "en") if shows.isascii() else "", prose.label(subject)
    if not prose.content_words(subject) - prose.content_words(shows):
        return shows
    return f"{prose.cut_words(subject, QUERY_WORDS, 'en')}, {shows}".rstrip(", ")


def _is_example(words: str, text: str, language: Language) -> bool:
    """Whether a small model copied the request's example instead of reading the article, word for word or freely."""
    example = prompts(language).plan.example_answer
    if len(prose.tokens(words)) >= 2 and prose.key(words) in prose.key(example):
        return True
    copied = prose.share_said(words, example)
    return copied >= COPIED and copied > prose.share_said(words, text)


def _caption(picture: _Picture | None, block: Block, heading: str, anchor: str, language: Language) -> str:
    caption, heading = prose.label(picture.caption) if picture else "", prose.label(heading)
    if heading and prose.length(caption, language) > CAPTION_LIMIT[language]:
        caption = heading  # a sentence of the text, not a caption, and it would be cut in two
    caption = prose.cut_words(caption, CAPTION_LIMIT[language], language)
    fits = (
        not _is_example(caption, f"{heading} {block.text}", language)
        and len(prose.tokens(caption)) >= 2
        and (language == "en" or not caption.isascii())
    )
    if fits and anchor and prose.names(caption) - prose.names(f"{heading} {anchor}"):
        caption = heading  # it names something that the picture's own words do not: a guess
    elif not fits:
        caption = prose.label(prose.cut_words(prose.sentences(block.text)[0], CAPTION_LIMIT[language], language))
        if heading and len(prose.tokens(caption)) < 2:
            caption = heading
    return caption[:1].upper() + caption[1:]
