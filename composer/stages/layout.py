"""Lay out: article, slots and picks as one sequence of things on a page."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from composer import rights
from composer.draft import alt_of, caption_of
from composer.types import OPENING, Composition, Language, Pick, Picture, Slot

NodeKind = Literal["title", "heading", "paragraph", "figure"]


class Node(Struct, frozen=True, kw_only=True):
    """One thing on the page. Figures carry a picture, its caption, what it shows for those who cannot see it, and whose
    it is."""

    kind: NodeKind
    text: str = ""
    picture: Picture | None = None
    alt: str = ""
    credit: str = ""


def layout(composition: Composition) -> tuple[Node, ...]:
    """The page in reading order.

    Slots without a picture leave no trace; a slot whose block is gone comes at the end.
    """
    article, language = composition.article, composition.brief.language
    if article is None:
        return ()
    figures: dict[str, list[Node]] = {}
    for slot in composition.slots or ():
        pick = composition.picks.get(slot.id)
        if pick is not None and pick.picture is not None:
            figures.setdefault(slot.after, []).append(_figure(slot, pick, pick.picture, language))
    nodes = [Node(kind="title", text=article.title), *figures.pop(OPENING, ())]
    for block in article.blocks:
        nodes.append(Node(kind=block.kind, text=block.text))
        nodes.extend(figures.pop(block.id, ()))
    for left in figures.values():
        nodes.extend(left)
    return tuple(nodes)


def _figure(slot: Slot, pick: Pick, picture: Picture, language: Language) -> Node:
    # The caption ties the picture to the text; alt says what is seen, in words that nobody guessed where there are any.
    caption = caption_of(slot, pick)
    credit = credit_line(picture, language)
    return Node(kind="figure", text=caption, picture=picture, alt=alt_of(pick) or caption, credit=credit)


def credit_line(picture: Picture, language: Language = "en") -> str:
    """Whose picture it is and under which licence: the line that it carries, else one made of what it tells."""
    if picture.credit and picture.licence and picture.licence not in picture.credit:
        return f"{picture.credit} ({picture.licence})"
    return picture.credit or rights.credit_line(picture, language)
