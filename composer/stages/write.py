"""Write: from the outline to the article, passage by passage, streamed, to the length asked for.

Each passage is one request; what was told before is named so that it is not told again. A passage that repeats the
article is written once more, and sentences that are still repeated are taken out.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from composer import prose
from composer.ports import Cancel, Message, Prompt, Writer
from composer.prompts import WritePrompts, prompts
from composer.types import (
    Article,
    Block,
    BlockReplaced,
    BlockStarted,
    Brief,
    Language,
    Outline,
    StageProgress,
    TextDelta,
)

TOLERANCE = 0.15
REPEATED = 0.2
"""A passage with a larger share of five-word runs that stood before is written again."""
OVERSHOOT = 1.2
SHORTEST = {"en": 40, "zh": 60}
TOKENS_PER_UNIT = {"en": 1.45, "zh": 1.15}
_PREFERRED = {"en": 150, "zh": 260}
_MARKUP = re.compile(r"^\s*(?:#+\s*|[-*•]\s+|\d+[.)、]\s*)|\*\*|__|`", re.MULTILINE)

_DATED = re.compile(
    r"\b1\d{3}\b|\b20\d{2}\b|\b\w+(?:st|nd|rd|th)[- ]centur(?:y|ies)"
    r"|[\d,.]+ ?(?:feet|foot|met|km|kilomet|mile|years\b|o['’]clock|[ap]\.?m\b)"
    r"|\d+ ?年|[\d一二三四五六七八九十]+ ?世纪|\d+ ?(?:米|公里|英尺)",
    re.IGNORECASE,
)
"""Years, centuries, ages, hours and measures: what a small model makes up most readily."""

_IT = re.compile(r"^It(’s|'s|s\b|\b)")
_AFTER_IT = {"'s": " is", "’s": " is", "s": "’s", "": ""}

WriteEvent = BlockStarted | TextDelta | BlockReplaced | StageProgress


@runtime_checkable
class Closable(Protocol):
    """A stream that can be told that nobody reads on."""

    def close(self) -> None: ...


@dataclass
class _State:
    """What is written so far."""

    brief: Brief
    outline: Outline
    longest: int
    blocks: list[Block]
    seen: set[tuple[str, ...]] = field(default_factory=set[tuple[str, ...]])
    keys: set[str] = field(default_factory=set[str])

    @property
    def words(self) -> WritePrompts:
        return prompts(self.brief.language).write

    @property
    def length(self) -> int:
        return prose.article_length(Article("", tuple(self.blocks)), self.brief.language)

    def remember(self, text: str) -> None:
        self.seen |= prose.shingles(text)
        self.keys.update(prose.key(sentence) for sentence in prose.sentences(text))


@dataclass(frozen=True)
class _Passage:
    number: int
    section: int
    heading: str
    point: str
    anchor: str
    opens: bool


def write(
    brief: Brief, outline: Outline, started: Article | None, longest_passage: int, writer: Writer, cancel: Cancel
) -> Generator[WriteEvent, None, Article]:
    """Write the article; yields what the reader sees as it grows.

    `started` is an article cut short earlier: its finished passages are kept. `longest_passage` is how many words (or
    characters) the writer can go on without losing the thread. The length comes out within 15 % of the brief's unless
    the model keeps answering with nothing.
    """
    passages = _passages(outline)
    state = _State(brief, outline, longest_passage, _kept(started))
    written = {block.passage for block in state.blocks if block.kind == "paragraph"}
    for block in state.blocks:
        state.remember(block.text)
    yield from _discarded(started, state)
    yield _progress(state)
    for place, passage in enumerate(passages):
        if passage.number in written:
            continue
        left = sum(1 for later in passages[place:] if later.number not in written)
        wanted = (brief.length - state.length) / left
        if wanted < SHORTEST[brief.language] and left < len(passages):
            break
        yield from _passage(passage, round(wanted), state, writer, cancel)
    yield from _fill(passages, state, writer, cancel)
    yield from _trim(state)
    return Article(outline.title, tuple(state.blocks))


def _passages(outline: Outline) -> list[_Passage]:
    found: list[_Passage] = []
    for place, section in enumerate(outline.sections):
        for at, point in enumerate(section.points):
            found.append(_Passage(len(found), place, section.heading, point, section.anchor, at == 0))
    return found


def _kept(started: Article | None) -> list[Block]:
    """Finished passages of an earlier run; a passage with an unfinished block is written anew."""
    if started is None:
        return []
    broken = {block.passage for block in started.blocks if not block.done}
    kept = [block for block in started.blocks if block.passage not in broken]
    has_text = {block.section for block in kept if block.kind == "paragraph"}
    # Extra passages streamed in at the end and were to be moved to their sections.
    return sorted((block for block in kept if block.section in has_text), key=lambda block: block.section)


def _discarded(started: Article | None, state: _State) -> Iterator[WriteEvent]:
    kept = {block.id for block in state.blocks}
    for block in started.blocks if started else ():
        if block.id not in kept:
            yield BlockReplaced(Block(id=block.id, kind=block.kind, text="", section=block.section))


def _passage(
    passage: _Passage, wanted: int, state: _State, writer: Writer, cancel: Cancel
) -> Generator[WriteEvent, None, None]:
    """One passage: streamed, and once more if it repeats the article or is hardly there."""
    if passage.opens and not any(block.section == passage.section for block in state.blocks):
        heading = Block(
            id=f"h{passage.section}", kind="heading", text=passage.heading, section=passage.section,
            passage=passage.number,
        )  # fmt: skip
        state.blocks.append(heading)
        yield BlockStarted(heading)
    block = Block(
        id=_new_id(passage, state), kind="paragraph", text="", section=passage.section, passage=passage.number,
        done=False,
    )  # fmt: skip
    yield BlockStarted(block)
    first = yield from _stream(block, passage, wanted, state, writer, cancel, again=False)
    best = first
    if _is_poor(first, wanted, state):
        yield BlockReplaced(_with(block, " "))
        second = yield from _stream(block, passage, wanted, state, writer, cancel, again=True)
        best = min(first, second, key=lambda text: (_is_poor(text, wanted, state), _badness(text, wanted, state)))
    final = _with(block, _unrepeated(best, state), done=True)
    if final.text:
        state.blocks.append(final)
        state.remember(final.text)
    yield BlockReplaced(final)
    yield _progress(state)


def _new_id(passage: _Passage, state: _State) -> str:
    same = sum(1 for block in state.blocks if block.kind == "paragraph" and block.passage == passage.number)
    return f"p{passage.number}" if not same else f"p{passage.number}-{same}"


def _stream(
    block: Block, passage: _Passage, wanted: int, state: _State, writer: Writer, cancel: Cancel, *, again: bool
) -> Generator[WriteEvent, None, str]:
    language = state.brief.language
    wanted = min(wanted, state.longest)
    prompt = _prompt(passage, wanted, state, again=again)
    raw, shown = "", 0
    before = state.length
    stream = writer.generate(prompt, cancel)
    for piece in stream:
        raw += piece.text
        clean = _clean(raw, passage.heading, state.words)
        if len(clean) > shown and len(raw) > 24:  # the first words may be a heading that goes away again
            yield TextDelta(block.id, clean[shown:])
            shown = len(clean)
        if piece.text[-1:] in " .!?。！？\n":
            count = prose.length(clean, language)
            yield _progress(state, before + count)
            if count > wanted * OVERSHOOT or _circles(clean, state):
                break
    if isinstance(stream, Closable):
        stream.close()  # the model stops at once instead of when the garbage is collected
    return _finished(_clean(raw, passage.heading, state.words), passage, wanted, state)


def _prompt(passage: _Passage, wanted: int, state: _State, *, again: bool) -> Prompt:
    brief, words = state.brief, state.words
    notes = f"\n{' '.join(brief.notes.split())}" if brief.notes.strip() else ""
    system = words.system.format(
        tone=words.tone.format(tone=brief.tone.strip()) if brief.tone.strip() else "",
        audience=words.audience.format(audience=brief.audience.strip()) if brief.audience.strip() else "",
    )
    frame = words.frame.format(
        title=state.outline.title,
        topic=brief.topic.strip(),
        notes=notes,
        sections="; ".join(section.heading for section in state.outline.sections),
    )
    told = _told(passage, state)
    asked = max(wanted, SHORTEST[brief.language])
    request = words.passage.format(
        words=round(asked, -1),
        heading=passage.heading,
        point=passage.point,
        facts=words.facts.format(facts=passage.anchor.rstrip(".")) if _tells_more(passage) else "",
        told=words.told.format(told=told) if told else "",
    )
    return Prompt(
        messages=(
            Message("system", system),
            Message("user", frame.strip()),
            Message("assistant", words.ready),
            Message("user", request + (words.again if again else "")),
        ),
        max_tokens=int(asked * TOKENS_PER_UNIT[brief.language] * OVERSHOOT) + 24,
        temperature=0.9 if again else 0.7,
        seed=brief.seed * 1000 + passage.number * 2 + again,
    )


def _tells_more(passage: _Passage) -> bool:
    """Whether the picture's words hold more than the heading: then they are the one source the model is given."""
    return len(prose.content_words(passage.anchor) - prose.content_words(passage.heading)) >= 2


def _told(passage: _Passage, state: _State) -> str:
    """Names of earlier sections and how the sections' own earlier passages began, not how they ended: a model fed
    closing words quotes them back."""
    headings = [state.outline.sections[at].heading for at in range(passage.section)][-2:]
    own = [
        prose.cut_words(prose.sentences(block.text)[0], 14, state.brief.language)
        for block in state.blocks
        if block.kind == "paragraph" and block.section == passage.section and block.text
    ]
    return "; ".join([*headings, *own])


def _clean(raw: str, heading: str, words: WritePrompts) -> str:
    """The text without markup, a repeated heading, or the model's small talk; one paragraph."""
    lines = [line.strip() for line in _MARKUP.sub("", raw).strip().split("\n")]
    lines = [line for line in lines if line]
    if len(lines) > 1 and (
        prose.key(lines[0].strip(":： ")) == prose.key(heading)
        or prose.first_of(words.unwanted, lines[0])
        or not prose.is_finished(lines[0])
    ):
        lines = lines[1:]
    return prose.join(lines, "en" if raw.isascii() else "zh" if "。" in raw else "en")


def _circles(text: str, state: _State) -> bool:
    """Whether the last finished sentence stood before, here or anywhere in the article."""
    found = [prose.key(sentence) for sentence in prose.sentences(text) if prose.is_finished(sentence)]
    return bool(found) and len(found[-1]) > 20 and (found[-1] in state.keys or found[-1] in found[:-1])


def _finished(text: str, passage: _Passage, wanted: int, state: _State) -> str:
    """Whole sentences only, nothing far past the length wanted, no closing phrases, no invented figures."""
    language = state.brief.language
    kept: list[str] = []
    keys: set[str] = set()
    for place, sentence in enumerate(prose.sentences(text)):
        if not prose.is_finished(sentence) or prose.first_of(state.words.unwanted, sentence):
            continue
        if _invented(sentence, passage, state):
            continue
        if prose.first_of(state.words.closing_starts, sentence) and kept:
            break
        if prose.key(sentence) in keys:
            break
        if kept and prose.length(prose.join([*kept, sentence], language), language) > wanted * OVERSHOOT:
            break
        kept.append(_named(sentence, passage.heading, language) if place and not kept else sentence)
        keys.add(prose.key(sentence))
    return prose.join(kept, language)


def _named(sentence: str, heading: str, language: Language) -> str:
    """A sentence that has become the first of its paragraph names its subject instead of saying "it"."""
    if language == "zh":
        return heading + sentence[1:] if sentence.startswith("它") and not sentence.startswith("它们") else sentence
    subject = heading.partition(",")[0]
    return _IT.sub(lambda match: subject + _AFTER_IT.get(match[1].lower(), match[1]), sentence, count=1)


def _is_poor(text: str, wanted: int, state: _State) -> bool:
    language = state.brief.language
    return (
        prose.length(text, language) < min(wanted, state.longest) * 0.4
        or prose.repeated_share(text, state.seen) > REPEATED
        or (language == "zh" and text.isascii())
    )


def _badness(text: str, wanted: int, state: _State) -> float:
    short = 1 - min(1.0, prose.length(text, state.brief.language) / max(1, min(wanted, state.longest)))
    return prose.repeated_share(text, state.seen) + short


def _unrepeated(text: str, state: _State) -> str:
    kept = [sentence for sentence in prose.sentences(text) if prose.key(sentence) not in state.keys]
    return prose.join(kept, state.brief.language)


def _invented(sentence: str, passage: _Passage, state: _State) -> bool:
    """Whether the sentence states a year, a century or a measure that neither the brief nor the picture gave."""
    given = f"{state.brief.topic} {state.brief.notes} {passage.anchor} {passage.heading}".lower()
    return any(match.group().lower() not in given for match in _DATED.finditer(sentence))


def _fill(passages: list[_Passage], state: _State, writer: Writer, cancel: Cancel) -> Generator[WriteEvent, None, None]:
    """More passages where the article is too short, the shortest section first, a bounded number of times."""
    language = state.brief.language
    points = state.words.points
    first = max([len(passages), *(block.passage + 1 for block in state.blocks)])
    enough = min(max(SHORTEST[language] * 0.8, state.brief.length * 0.06), state.brief.length * TOLERANCE)
    for attempt in range(len(passages) + 3):
        missing = state.brief.length - state.length
        if missing < enough:
            return
        lengths = [
            (sum(prose.length(b.text, language) for b in state.blocks if b.section == at and b.kind == "paragraph"), at)
            for at in range(len(state.outline.sections))
        ]
        section = sorted(lengths)[attempt % len(lengths)][1]
        heading = state.outline.sections[section].heading
        point = points[(attempt + 1 + len(state.outline.sections[section].points)) % len(points)]
        extra = _Passage(
            first + attempt, section, heading, point.format(subject=heading), "",
            opens=not any(block.section == section for block in state.blocks),
        )  # fmt: skip
        yield from _insert(extra, round(min(missing, _PREFERRED[language])), state, writer, cancel)


def _insert(
    extra: _Passage, wanted: int, state: _State, writer: Writer, cancel: Cancel
) -> Generator[WriteEvent, None, None]:
    """Write at the end, then move the new blocks to the end of their section; the window gets the order at the end."""
    before = len(state.blocks)
    yield from _passage(extra, wanted, state, writer, cancel)
    new = state.blocks[before:]
    if not new:
        return
    rest = state.blocks[:before]
    at = max((place for place, block in enumerate(rest) if block.section <= extra.section), default=-1) + 1
    state.blocks[:] = [*rest[:at], *new, *rest[at:]]


def _trim(state: _State) -> Iterator[WriteEvent]:
    """Take sentences off the longest paragraphs until the article is at most 10 % over."""
    language = state.brief.language
    for _ in range(200):
        if state.length <= state.brief.length * (1 + TOLERANCE * 2 / 3):
            return
        at = max(
            (place for place, block in enumerate(state.blocks) if block.kind == "paragraph"),
            key=lambda place: prose.length(state.blocks[place].text, language),
        )
        kept = prose.sentences(state.blocks[at].text)[:-1]
        if not kept:
            return
        state.blocks[at] = _with(state.blocks[at], prose.join(kept, language), done=True)
        yield BlockReplaced(state.blocks[at])


def _with(block: Block, text: str, *, done: bool = False) -> Block:
    return Block(id=block.id, kind=block.kind, text=text, section=block.section, passage=block.passage, done=done)


def _progress(state: _State, length: int | None = None) -> StageProgress:
    done = state.length if length is None else length
    return StageProgress("write", min(done, state.brief.length), state.brief.length)
