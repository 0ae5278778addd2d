"""Outline: from the brief to a title and sections, each with a subject of its own.

The model is asked once for all sections and shown what the library has pictures of; what comes back is checked, and
subjects that repeat each other are asked for again, taken from the library, or filled with an aspect of the topic.
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Mapping, Sequence

import msgspec
from msgspec import Struct

from composer import prose
from composer.ports import Cancel, Message, Prompt, Writer
from composer.prompts import OutlinePrompts, prompts
from composer.types import Brief, Language, Outline, Section

MOST_SECTIONS = 12
HEADING_LETTERS = 48
TOO_SIMILAR = 0.7
TRIES = 3
NO_PICTURE = "none"
_PASSAGE = {"en": 130, "zh": 210}
"""A passage's length: what a 1.5 B model writes without repeating itself (170 words), with room to spare."""


class _Planned(Struct, frozen=True):
    subject: str = ""
    picture: str = NO_PICTURE


class _Answer(Struct, frozen=True):
    sections: tuple[_Planned, ...]
    title: str = ""


def passages_for(brief: Brief, longest: int) -> int:
    """How many passages the length needs when none may exceed `longest` words (or characters)."""
    return max(1, math.ceil(brief.length / min(_PASSAGE[brief.language], longest)))


def outline(
    brief: Brief, hints: Mapping[str, str], longest_passage: int, writer: Writer, cancel: Cancel
) -> Generator[float, None, Outline]:
    """Plan the text; yields the share done (0 to 1).

    `hints` are library pictures on the topic, best first: a short name and all that the picture's caption says, which
    becomes the section's anchor. Never fails for a poor answer: whatever the
    model says, the outline has the number of sections that the length needs, all different.
    """
    passages = passages_for(brief, longest_passage)
    count = min(passages, MOST_SECTIONS)
    words = prompts(brief.language).outline
    names = list(hints)
    answer = yield from _ask(brief, names, count, words, writer, cancel)
    found = _distinct(answer.sections if answer else (), brief.topic)[:count]
    yield from _repair(found, brief, names, count, words, writer, cancel)
    sections = tuple(
        Section(heading=_heading(planned.subject), points=(), anchor=hints.get(_anchor(planned, names), ""))
        for planned in found
    )
    title = _title(answer.title if answer else "", brief)
    return Outline(title, _with_points(sections, passages, brief))


def _ask(
    brief: Brief, hints: Sequence[str], count: int, words: OutlinePrompts, writer: Writer, cancel: Cancel
) -> Generator[float, None, _Answer | None]:
    details = ""
    if brief.notes.strip():
        details += words.details_notes.format(notes=" ".join(brief.notes.split()))
    if brief.audience.strip():
        details += words.details_audience.format(audience=brief.audience.strip())
    request = words.request.format(
        topic=brief.topic.strip(), details=details, hints="; ".join(hints) or words.no_hints, count=count
    )
    prompt = Prompt(
        messages=(
            Message("system", words.system),
            Message("user", words.example_request.strip()),
            Message("assistant", words.example_answer),
            Message("user", request.strip()),
        ),
        max_tokens=80 + 50 * count,
        seed=brief.seed,
        schema=_schema(hints, count, brief.language),
        fresh=True,
    )
    text = ""
    for piece in writer.generate(prompt, cancel):
        text += piece.text
        yield min(0.9, text.count("}") / (count + 1))
    return _read(text)


def _schema(hints: Sequence[str], count: int, language: Language) -> dict[str, object]:
    subject = {"type": "string", "maxLength": HEADING_LETTERS}
    if not hints:
        section: dict[str, object] = _record(subject=subject)
    elif language == "en":
        # A section about a picture of the library takes its name as it stands: the model would only get it wrong.
        section = {"anyOf": [_record(picture={"enum": list(hints)}), _record(subject=subject)]}
    else:
        section = _record(picture={"enum": [*hints, NO_PICTURE]}, subject=subject)
    sections = {"type": "array", "minItems": count, "maxItems": count, "items": section}
    return _record(sections=sections, title={"type": "string", "maxLength": 60})


def _record(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _read(text: str) -> _Answer | None:
    """The answer, or as many whole sections as an answer cut short holds."""
    try:
        return msgspec.json.decode(text, type=_Answer)
    except msgspec.DecodeError:
        pass
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < 0:
        return None
    try:
        return msgspec.convert(json.loads(text[start : end + 1] + "]}"), _Answer)
    except (json.JSONDecodeError, msgspec.ValidationError):
        return None


def _distinct(planned: Sequence[_Planned], topic: str) -> list[_Planned]:
    kept: list[_Planned] = []
    for each in planned:
        one = each if each.subject else _Planned(each.picture, each.picture)
        if _is_new(one.subject, kept, topic):
            kept.append(one)
    return kept


def _is_new(subject: str, kept: Sequence[_Planned], topic: str) -> bool:
    if len(prose.tokens(subject)) < 1 or prose.key(subject) == prose.key(topic):
        return False
    # Words of the topic are in most subjects ("... castle"): they say nothing about two subjects being one.
    common = prose.content_words(topic)
    own = prose.content_words(subject) - common
    for other in kept:
        theirs = prose.content_words(other.subject) - common
        if own == theirs or prose.key(subject) == prose.key(other.subject):
            return False
        if own and theirs and len(own & theirs) / min(len(own), len(theirs)) >= TOO_SIMILAR:
            return False
    return True


def _repair(
    found: list[_Planned],
    brief: Brief,
    hints: Sequence[str],
    count: int,
    words: OutlinePrompts,
    writer: Writer,
    cancel: Cancel,
) -> Generator[float, None, None]:
    for hint in hints if brief.language == "en" else ():
        if len(found) >= count:
            return
        if _is_new(hint, found, brief.topic):
            found.append(_Planned(hint, hint))
    for attempt in range(TRIES * (count - len(found))):
        if len(found) >= count:
            return
        yield 0.9
        taken = "; ".join(planned.subject for planned in found) or brief.topic
        request = words.another.format(taken=taken, topic=brief.topic)
        prompt = Prompt(
            messages=(Message("system", words.system), Message("user", request)),
            max_tokens=24,
            seed=brief.seed + 101 + attempt,
            temperature=0.9,
        )
        answer = "".join(piece.text for piece in writer.generate(prompt, cancel))
        subject = answer.strip().split("\n")[0].strip(" \"'“”「」《》.。0123456789、-*#")
        if len(subject) <= HEADING_LETTERS and _is_new(subject, found, brief.topic):
            found.append(_Planned(subject))
    for aspect in words.aspects:
        if len(found) >= count:
            return
        if _is_new(aspect, found, brief.topic):
            found.append(_Planned(aspect))


def _heading(subject: str) -> str:
    subject = " ".join(subject.split()).strip(" .。,，;；:：\"'")
    if len(subject) >= HEADING_LETTERS and " " in subject:
        subject = subject.rsplit(" ", 1)[0].rstrip(" ,;:")  # the bound may have cut its last word in two
    return subject[:1].upper() + subject[1:]


def _anchor(planned: _Planned, hints: Sequence[str]) -> str:
    """The hint that the section is about: the one the model named, else the closest in words; "" when there is none."""
    if planned.picture in hints:
        return planned.picture
    best = max(hints, key=lambda hint: prose.similarity(hint, planned.subject), default="")
    return best if best and prose.similarity(best, planned.subject) >= 0.5 else ""


def _title(title: str, brief: Brief) -> str:
    title = " ".join(title.split()).strip(" \"'“”《》.。")
    strays = not prose.content_words(title) & prose.content_words(brief.topic)  # copied from the example, most often
    if strays or len(set(prose.tokens(title))) < 2:
        title = prompts(brief.language).outline.untitled.format(topic=brief.topic.strip())
    return title[:1].upper() + title[1:]


def _with_points(sections: tuple[Section, ...], passages: int, brief: Brief) -> tuple[Section, ...]:
    """Share the passages out: every section gets the same number, the first ones one more where it does not divide."""
    points = prompts(brief.language).write.points
    each, more = divmod(passages, len(sections))
    shared: list[Section] = []
    for place, section in enumerate(sections):
        number = each + (place < more)
        # One passage a section: turn through the points, so that neighbours are not built alike.
        first = place if number == 1 else 0
        told = tuple(points[(first + at) % len(points)].format(subject=section.heading) for at in range(number))
        shared.append(Section(section.heading, told, section.anchor))
    return tuple(shared)
