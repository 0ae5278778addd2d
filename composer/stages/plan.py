"""Plan: which paragraphs get a picture, and what each picture must show.

The model is asked once over the whole article. Its answer is checked (paragraphs that exist, none twice, none side by
side); what is missing is chosen from the text and the library: the paragraphs that the library can illustrate best,
spread over the article. After an edit only what it touched is planned again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Generator, Mapping, Sequence

import msgspec
from msgspec import Struct

from composer import prose
from composer.ports import Cancel, Message, Prompt, Writer
from composer.prompts import PlanPrompts, prompts
from composer.types import MOST_PICTURES, Article, Block, Brief, Language, Outline, Slot

UNITS_A_PICTURE = {"en": 200, "zh": 250}
CAPTION_LIMIT = {"en": 16, "zh": 30}
QUERY_WORDS = 12
SHOWN = {"en": 16, "zh": 36}
"""How much of each paragraph the model is shown: beginnings carry the subject, and the prompt stays short."""


class _Picture(Struct, frozen=True):
    paragraph: str
    shows: str
    caption: str
    tone: str = ""


class _Answer(Struct, frozen=True):
    pictures: tuple[_Picture, ...]


def pictures_for(brief: Brief, paragraphs: int) -> int:
    """How many slots: as asked, or one for every 200 words (250 characters); never more than can stand apart."""
    wanted = brief.pictures
    if wanted is None:
        wanted = max(1, round(brief.length / UNITS_A_PICTURE[brief.language]))
    return min(wanted, paragraphs, MOST_PICTURES)


def plan(
    brief: Brief,
    outline: Outline,
    article: Article,
    evidence: Mapping[str, float],
    subjects: Sequence[str],
    writer: Writer,
    cancel: Cancel,
) -> Generator[float, None, tuple[Slot, ...]]:
    """Choose the slots; yields the share done (0 to 1).

    `evidence` says for each paragraph's id how well the library can illustrate it, 0 to 1. `subjects` names what each
    section is about in words that the encoder reads. Never fails: with no usable
    word from the model the slots come from the text and the evidence alone.
    """
    paragraphs = [block for block in article.blocks if block.kind == "paragraph" and block.text.strip()]
    count = pictures_for(brief, len(paragraphs))
    if not count:
        return ()
    words = prompts(brief.language).plan
    headings = {block.section: block.text for block in article.blocks if block.kind == "heading"}
    asked = yield from _ask(paragraphs, headings, count, brief, words, writer, cancel)
    proposed = {picture.paragraph: picture for picture in asked}
    chosen = choose_paragraphs(paragraphs, evidence, proposed.keys(), count)
    slots: list[Slot] = []
    for place, block in enumerate(chosen):
        yield 0.5 + 0.5 * place / len(chosen)
        picture, origin = proposed.get(block.id), "model"
        if picture is None:
            picture = yield from _describe(block, headings.get(block.section, ""), brief, words, writer, cancel)
            origin = "library"
        slots.append(_slot(place, block, picture, origin, brief, outline, subjects))
    return tuple(slots)


def replan(
    brief: Brief,
    outline: Outline,
    article: Article,
    slots: Sequence[Slot],
    evidence: Callable[[], Mapping[str, float]],
    subjects: Callable[[], Sequence[str]],
    writer: Callable[[], Writer],
    cancel: Cancel,
) -> Generator[float, None, tuple[Slot, ...]]:
    """After an edit of the text: the slots whose paragraph is as it was stay, the others are described anew.

    A slot whose paragraph is gone or was emptied gives way to the paragraph with the most evidence that has none; so
    does one that is missing. A slot that remembers its block as it is stays in any case, also beside another. Slots
    keep their ids, new ones have none. Nothing is asked of what is not needed. Yields and returns as `plan` does.
    """
    blocks = {block.id: block for block in article.blocks}
    texts = [block for block in article.blocks if block.kind == "paragraph" and block.text.strip()]
    headings = {block.section: block.text for block in article.blocks if block.kind == "heading"}
    kept = [
        slot
        for slot in slots
        if slot.after in blocks and (slot.read == mark_of(blocks[slot.after]) or blocks[slot.after] in texts)
    ]
    taken = {slot.after for slot in kept}
    missing = pictures_for(brief, len(texts)) - len(kept)
    if missing > 0:
        count = missing + sum(block.id in taken for block in texts)
        kept += [
            Slot(id="", after=block.id, caption="", query="") for block in fill_in(texts, evidence(), taken, count)
        ]
    order = {name: place for place, name in enumerate(blocks)}
    planned: list[Slot] = []
    for place, slot in enumerate(sorted(kept, key=lambda slot: order[slot.after])):
        yield place / len(kept)
        block = blocks[slot.after]
        if slot.read != mark_of(block):
            heading, words = headings.get(block.section, ""), prompts(brief.language).plan
            picture = yield from _describe(block, heading, brief, words, writer(), cancel)
            made = _slot(place, block, picture, slot.origin, brief, outline, subjects())
            planned.append(msgspec.structs.replace(made, id=slot.id))
        else:
            planned.append(slot)
    return tuple(planned)


def mark_of(block: Block) -> str:
    """What a slot remembers of the paragraph that it was planned from."""
    return hashlib.blake2b(block.text.encode(), digest_size=8).hexdigest()


def fill_in(
    paragraphs: Sequence[Block], evidence: Mapping[str, float], taken: Collection[str], count: int
) -> list[Block]:
    """The paragraphs with the most evidence to be illustrated besides those that are, until `count` are.

    Neighbours of an illustrated one come after all others.
    """
    chosen = {place for place, block in enumerate(paragraphs) if block.id in taken}
    added: list[int] = []
    while len(chosen) < min(count, len(paragraphs)):
        free = [place for place in range(len(paragraphs)) if place not in chosen]
        best = max(
            free, key=lambda at: (not {at - 1, at + 1} & chosen, evidence.get(paragraphs[at].id, 0.0), -at)
        )  # fmt: skip
        chosen.add(best)
        added.append(best)
    return [paragraphs[place] for place in sorted(added)]


def choose_paragraphs(
    paragraphs: Sequence[Block], evidence: Mapping[str, float], proposed: Collection[str], count: int
) -> list[Block]:
    """The `count` paragraphs with the most evidence, spread out, in reading order.

    The article is dealt into `count` equal stretches and each gives one paragraph, so pictures never crowd; of two
    neighbours only one is taken while there is another choice. A paragraph that the model proposed counts half a point
    more than its evidence: it was read, not only measured.
    """
    chosen: list[int] = []
    for stretch in range(count):
        start, end = stretch * len(paragraphs) // count, (stretch + 1) * len(paragraphs) // count
        places = [place for place in range(start, end) if place - 1 not in chosen] or list(range(start, end))
        chosen.append(
            max(places, key=lambda place: _merit(paragraphs[place], evidence, proposed))  # ties: the earlier one
        )
    return [paragraphs[place] for place in chosen]


def _merit(block: Block, evidence: Mapping[str, float], proposed: Collection[str]) -> float:
    return evidence.get(block.id, 0.0) + 0.5 * (block.id in proposed)


def _ask(
    paragraphs: Sequence[Block],
    headings: Mapping[int, str],
    count: int,
    brief: Brief,
    words: PlanPrompts,
    writer: Writer,
    cancel: Cancel,
) -> Generator[float, None, list[_Picture]]:
    names = {f"p{place + 1}": block.id for place, block in enumerate(paragraphs)}
    listed = "\n".join(
        _line(name, headings.get(block.section, ""), block.text, brief.language)
        for name, block in zip(names, paragraphs, strict=True)
    )
    request = words.request.format(paragraphs=listed, count=count)
    text = ""
    for piece in writer.generate(_prompt(words, request, list(names), count, brief.seed), cancel):
        text += piece.text
        yield min(0.5, 0.5 * text.count('"tone"') / count)
    found: list[_Picture] = []
    for picture in _read(text):
        block = names.get(picture.paragraph)
        if block and block not in {other.paragraph for other in found} and prose.content_words(picture.shows):
            found.append(msgspec.structs.replace(picture, paragraph=block))
    return found


def _describe(
    block: Block, heading: str, brief: Brief, words: PlanPrompts, writer: Writer, cancel: Cancel
) -> Generator[float, None, _Picture | None]:
    yield 0.5
    request = words.caption_request.format(heading=heading, text=prose.cut_words(block.text, 60, brief.language))
    prompt = _prompt(words, request, ["p1"], 1, brief.seed + 7)
    text = "".join(piece.text for piece in writer.generate(prompt, cancel))
    return next((picture for picture in _read(text) if prose.content_words(picture.shows)), None)


def _prompt(words: PlanPrompts, request: str, names: Sequence[str], count: int, seed: int) -> Prompt:
    picture = {
        "type": "object",
        "properties": {
            "paragraph": {"enum": list(names)},
            "shows": {"type": "string", "maxLength": 80},
            "caption": {"type": "string", "maxLength": 120},
            "tone": {"enum": list(words.tones)},
        },
        "required": ["paragraph", "shows", "caption", "tone"],
    }
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"pictures": {"type": "array", "minItems": count, "maxItems": count, "items": picture}},
        "required": ["pictures"],
    }
    return Prompt(
        messages=(
            Message("system", words.system),
            Message("user", words.example_request.strip()),
            Message("assistant", words.example_answer),
            Message("user", request.strip()),
        ),
        max_tokens=40 + 80 * count,
        temperature=0.3,
        seed=seed,
        schema=schema,
    )


def _line(name: str, heading: str, text: str, language: Language) -> str:
    start = prose.cut_words(text, SHOWN[language], language)
    return f"{name} ({heading}) {start}" if language == "en" else f"{name}（{heading}）{start}"


def _read(text: str) -> list[_Picture]:
    """Every whole picture of the answer, also of one that was cut short."""
    try:
        return list(msgspec.json.decode(text, type=_Answer).pictures)
    except msgspec.DecodeError:
        pass
    found: list[_Picture] = []
    for match in re.finditer(r"\{[^{}]*\}", text):
        try:
            found.append(msgspec.json.decode(match.group(), type=_Picture))
        except msgspec.DecodeError:
            continue
    return found


def _slot(
    place: int,
    block: Block,
    picture: _Picture | None,
    origin: str,
    brief: Brief,
    outline: Outline,
    subjects: Sequence[str],
) -> Slot:
    language = brief.language
    section = outline.sections[block.section] if block.section < len(outline.sections) else None
    heading, anchor = (section.heading, section.anchor) if section else ("", "")
    caption = _caption(picture, block, heading, anchor, language)
    shows = picture.shows if picture and not _is_example(picture.shows, language) else ""
    query = _query(shows, subjects[block.section] if block.section < len(subjects) else "")
    if not query:
        query = heading or prose.cut_words(block.text, QUERY_WORDS, language)
    return Slot(
        id=f"s{place + 1}",
        after=block.id,
        caption=caption,
        query=query,
        tone=picture.tone if picture else "",
        origin="model" if origin == "model" else "library",
        read=mark_of(block),
    )


def _query(shows: str, subject: str) -> str:
    """What the picture must show, led by the section's subject: the names in it are what finds a picture again."""
    shows = prose.cut_words(shows, QUERY_WORDS, "en") if shows.isascii() else ""
    if not prose.content_words(subject) - prose.content_words(shows):
        return shows
    return f"{prose.cut_words(subject, QUERY_WORDS, 'en')}, {shows}".rstrip(", ")


def _is_example(words: str, language: Language) -> bool:
    """Whether a small model copied the request's example instead of reading the article."""
    return len(prose.tokens(words)) >= 2 and prose.key(words) in prose.key(prompts(language).plan.example_answer)


def _caption(picture: _Picture | None, block: Block, heading: str, anchor: str, language: Language) -> str:
    caption = " ".join(picture.caption.split()).strip(" \"'“”").rstrip(".。") if picture else ""
    if heading and prose.length(caption, language) > CAPTION_LIMIT[language]:
        caption = heading  # a sentence of the text, not a caption, and it would be cut in two
    caption = prose.cut_words(caption, CAPTION_LIMIT[language], language)
    fits = (
        not _is_example(caption, language)
        and len(prose.tokens(caption)) >= 2
        and (language == "en" or not caption.isascii())
    )
    if fits and anchor and prose.names(caption) - prose.names(f"{heading} {anchor}"):
        caption = heading  # it names something that the picture's own words do not: a guess
    elif not fits:
        caption = prose.cut_words(prose.sentences(block.text)[0], CAPTION_LIMIT[language], language).rstrip(".。")
        if heading and len(prose.tokens(caption)) < 2:
            caption = heading
    return caption[:1].upper() + caption[1:]
