"""Changes that a writer makes to a composition: pure functions, so that undo is keeping the value from before."""

from __future__ import annotations

from itertools import count

from msgspec.structs import replace

from composer.draft import order_of
from composer.types import OPENING, Article, Block, Brief, Candidate, Composition, Pick, Picture, Slot


def with_picture(composition: Composition, slot: str, picture: Picture | None, reason: str) -> Composition:
    """The writer's own choice for a slot; None leaves it empty on purpose.

    Another picture goes without the caption and the description that were worded for the one before.
    """
    pick = _over(composition.picks.get(slot), Pick(slot=slot, picture=picture, reason=reason, by="writer"))
    return replace(composition, picks={**composition.picks, slot: pick})


def _over(now: Pick | None, chosen: Pick) -> Pick:
    """A choice laid over what stands there: of the same picture, what was worded for it stays."""
    if now is None or now.picture is None or chosen.picture is None or now.picture.id != chosen.picture.id:
        return chosen
    return replace(chosen, caption=now.caption, alt=now.alt or chosen.alt)


def with_own_picture(composition: Composition, slot: str, picture: Picture, reason: str) -> Composition:
    """A picture out of the library for a slot; it joins the candidates, so that it can be taken again."""
    candidates = composition.candidates.get(slot, ())
    if all(known.picture.id != picture.id for known in candidates):
        candidates = (Candidate(picture=picture), *candidates)
    joined = replace(composition, candidates={**composition.candidates, slot: candidates})
    return with_picture(joined, slot, picture, reason)


def with_new_slot(composition: Composition, after: str, picture: Picture, reason: str) -> tuple[Composition, str]:
    """A place of the writer's own behind a block, with its picture; also the new slot's id."""
    slots = composition.slots or ()
    known = {slot.id for slot in slots}
    name = next(name for name in (f"w{number}" for number in count(1)) if name not in known)
    caption = picture.caption or picture.title
    slot = Slot(id=name, after=after, caption=caption, query=caption or picture.words, origin="writer")
    order = order_of(composition.article)
    place = order.get(after, len(order))
    at = next((at for at, each in enumerate(slots) if order.get(each.after, -1) > place), len(slots))
    planned = replace(composition, slots=(*slots[:at], slot, *slots[at:]))
    return with_own_picture(planned, name, picture, reason), name


def with_caption(composition: Composition, slot: str, caption: str) -> Composition:
    """The writer's own words below a picture; they stay whatever picture comes there."""
    slots = composition.slots or ()
    worded = tuple(replace(item, caption=caption, worded=True) if item.id == slot else item for item in slots)
    return replace(composition, slots=worded, picks=_without_shots(composition, {slot}))


def _without_shots(composition: Composition, slots: set[str]) -> dict[str, Pick]:
    """The picks without what was to be taken for these places: other words ask for another picture."""
    picks = composition.picks
    return {**picks, **{slot: replace(picks[slot], shot="") for slot in slots if slot in picks and picks[slot].shot}}


def with_alt(composition: Composition, slot: str, alt: str) -> Composition:
    """The writer's own words for what is seen in a slot's picture; "" gives the picture its own back.

    Who says what is seen in a picture has taken it: it stays when pictures are chosen again.
    """
    pick = composition.picks.get(slot)
    if pick is None or pick.picture is None or pick.alt == alt:
        return composition
    return replace(composition, picks={**composition.picks, slot: replace(pick, alt=alt, by="writer")})


def with_text(composition: Composition, title: str, blocks: tuple[Block, ...]) -> Composition:
    """The edited text. Slots whose block is gone move up to the nearest block that is still there."""
    old = composition.article.blocks if composition.article else ()
    kept = {OPENING, *(block.id for block in blocks)}
    slots = composition.slots
    if slots is not None and blocks:
        slots = tuple(slot if slot.after in kept else _moved(slot, old, kept, blocks[0].id) for slot in slots)
    # The plan was made for other words: without its mark the pictures can be chosen again.
    inputs = {stage: mark for stage, mark in composition.inputs.items() if stage != "plan"}
    before = {block.id: block.text for block in old}
    same = {block.id for block in blocks if before.get(block.id) == block.text}
    picks = _without_shots(composition, {slot.id for slot in slots or () if slot.after not in same})
    return replace(composition, article=Article(title, blocks), slots=slots, picks=picks, inputs=inputs)


def _moved(slot: Slot, old: tuple[Block, ...], kept: set[str], first: str) -> Slot:
    after = first
    for block in old:
        if block.id in kept:
            after = block.id
        if block.id == slot.after:
            break
    return replace(slot, after=after)


def with_choices(composition: Composition, picks: dict[str, Pick]) -> Composition:
    """What the writer chose while the program was still choosing, laid over the program's picks."""
    known = {slot.id for slot in composition.slots or ()}
    mine = {slot: _over(composition.picks.get(slot), pick) for slot, pick in picks.items() if slot in known}
    return replace(composition, picks={**composition.picks, **mine}) if mine else composition


def without_empty(composition: Composition) -> Composition:
    """The composition without the empty lines that editing leaves behind, for the engine and for exports."""
    article = composition.article
    if article is None or all(block.text.strip() for block in article.blocks):
        return composition
    kept = tuple(block for block in article.blocks if block.text.strip())
    return with_text(composition, article.title, kept)


def pictures_of(composition: Composition) -> tuple[str, ...]:
    """Ids of the pictures that the article shows, each once."""
    shown = [composition.picks.get(slot.id) for slot in composition.slots or ()]
    return tuple(dict.fromkeys(pick.picture.id for pick in shown if pick is not None and pick.picture is not None))


def finished(composition: Composition) -> bool:
    """Whether every stage has left its result."""
    if not composition.article or composition.slots is None:
        return False
    return all(block.done for block in composition.article.blocks) and all(
        slot.id in composition.picks for slot in composition.slots
    )


def edited_since_planned(composition: Composition) -> bool:
    """Whether the text was changed after its pictures were planned."""
    return finished(composition) and bool(composition.inputs) and "plan" not in composition.inputs


def only_pictures_differ(old: Brief, new: Brief) -> bool:
    """Whether the text can stay: the briefs ask for the same words."""
    return replace(old, libraries=new.libraries, pictures=new.pictures) == new
