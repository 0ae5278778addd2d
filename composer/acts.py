"""What a writer does with the pictures of an article: nouns, and the difference between two states of it.

Light, so that the window can use it; keeping acts is `evaluation/recording.py`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from composer.types import Block, Candidate, Composition, Language, Pick, SignalName, Slot

Deed = Literal["accept", "swap", "move", "remove"]
"""accept: it stood when the article was exported; swap: another picture, or one where there was none; move: the same
picture at another place; remove: none any more."""
LONGEST_TEXT = 2_000
"""Characters kept of a paragraph."""


class Considered(Struct, frozen=True, kw_only=True):
    """A candidate as far as choosing needs it: its id and its scores, see Candidate."""

    id: str
    group: str = ""
    signals: dict[SignalName, float] = {}
    final: float = 0.0


class Act(Struct, frozen=True, kw_only=True):
    """One act at one slot, with what it was decided on."""

    deed: Deed
    article: str
    """Hash of the brief: the same for every state of one article."""
    language: Language
    title: str
    slot: Slot
    place: int
    """Of the text block that the slot follows, from 0, headings not counted; -1 before all text."""
    blocks: int
    """How many text blocks the article has."""
    heading: str
    """The one that the place stands under."""
    before: str
    """The text block that the slot follows."""
    after: str
    """The text block behind it."""
    candidates: tuple[Considered, ...]
    """Best first."""
    was: str | None
    """Id of the picture before; None where there was none."""
    now: str | None
    by: Literal["program", "writer"]
    """Who had chosen what stands there now."""
    models: dict[str, str]
    """Ids by role, of the models that found and scored the candidates."""


def between(before: Composition, after: Composition) -> tuple[Act, ...]:
    """What was done to pictures from one state of an article to the next; nothing for other changes."""
    if before.picks is after.picks and before.slots is after.slots:
        return ()
    old = {slot.id: slot for slot in before.slots or ()}
    new = {slot.id: slot for slot in after.slots or ()}
    return tuple(_changes(before, after, old, new))


def standing(composition: Composition) -> tuple[Act, ...]:
    """An accept for every slot that was decided on, as when an article is taken as it is; also of empty places."""
    return tuple(
        _act("accept", composition, slot, _picture(composition.picks[slot.id]), composition.picks[slot.id])
        for slot in composition.slots or ()
        if slot.id in composition.picks
    )


def _changes(before: Composition, after: Composition, old: dict[str, Slot], new: dict[str, Slot]) -> Iterator[Act]:
    for name in old | new:
        was, pick = _picture(before.picks.get(name)), after.picks.get(name)
        now = _picture(pick) if name in new else None
        moved = name in old and name in new and old[name].after != new[name].after
        deed = _deed(was if name in old else None, now, moved=moved)
        if deed is None or (name in new and not _decided(before.picks.get(name), pick)):
            continue
        if name in new:
            yield _act(deed, after, new[name], was if name in old else None, pick)
        else:  # the slot went with its picture: it is told where it was
            yield _act(deed, before, old[name], was, Pick(slot=name, picture=None, reason="", by="writer"))


def _decided(was: Pick | None, now: Pick | None) -> bool:
    """Whether somebody chose. Undoing can bring back a state in which the program had not come so far yet."""
    return now is not None and (was is not None or now.by == "writer")


def _deed(was: str | None, now: str | None, *, moved: bool) -> Deed | None:
    if was != now:
        return "remove" if now is None else "swap"
    return "move" if moved and now is not None else None


def _act(deed: Deed, composition: Composition, slot: Slot, was: str | None, pick: Pick | None) -> Act:
    article = composition.article
    blocks = article.blocks if article else ()
    at = next((at for at, block in enumerate(blocks) if block.id == slot.after), -1)
    above = [block for block in blocks[: at + 1] if block.kind == "paragraph"]
    below = [block for block in blocks[at + 1 :] if block.kind == "paragraph"]
    heading = next((block.text for block in reversed(blocks[: at + 1]) if block.kind == "heading"), "")
    return Act(
        deed=deed, article=_identity(composition), language=composition.brief.language,
        title=article.title if article else "", slot=slot, place=len(above) - 1, blocks=len(above) + len(below),
        heading=heading, before=_text(above[-1:]), after=_text(below[:1]),
        candidates=tuple(map(_considered, composition.candidates.get(slot.id, ()))),
        was=was, now=_picture(pick), by=pick.by if pick else "program", models=composition.models,
    )  # fmt: skip


def _identity(composition: Composition) -> str:
    return hashlib.blake2b(msgspec.json.encode(composition.brief), digest_size=16).hexdigest()


def _considered(candidate: Candidate) -> Considered:
    return Considered(
        id=candidate.picture.id, group=candidate.picture.group, signals=candidate.signals, final=candidate.final,
    )  # fmt: skip


def _picture(pick: Pick | None) -> str | None:
    return pick.picture.id if pick is not None and pick.picture is not None else None


def _text(blocks: list[Block]) -> str:
    return blocks[0].text[:LONGEST_TEXT] if blocks else ""
