"""What stands on the page, in reading order, and how an edited document is read back into blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Literal

from msgspec.structs import replace

from composer.draft import order_of
from composer.types import OPENING, Block, Composition

Kind = Literal["title", "heading", "paragraph", "figure"]
TITLE = "title"
OBJECT = "\ufffc"
"""The character that stands for a figure in the document."""
LINE = "\u2028"
"""A line break inside a block: a document's own newline would start another block."""


@dataclass(frozen=True)
class Item:
    """One block of the document. `key` is a block's or a slot's id."""

    kind: Kind
    key: str
    text: str


@dataclass(frozen=True)
class Line:
    """One block of the document as it is found there after an edit."""

    kind: str
    key: str
    text: str


def items_of(composition: Composition | None) -> list[Item]:
    """The page of a composition."""
    article = composition.article if composition else None
    if composition is None or article is None:
        return []
    items = [Item("title", TITLE, article.title.replace("\n", LINE))]
    slots = list(composition.slots or ())
    items.extend(Item("figure", slot.id, OBJECT) for slot in slots if slot.after == OPENING)
    known = order_of(article)
    for block in article.blocks:
        items.append(Item(block.kind, block.id, block.text.replace("\n", LINE)))
        items.extend(Item("figure", slot.id, OBJECT) for slot in slots if slot.after == block.id)
    items.extend(Item("figure", slot.id, OBJECT) for slot in slots if slot.after not in known)
    return items


def sentence_of(composition: Composition | None, slot_id: str) -> tuple[str, str]:
    """The paragraph with the sentence that a slot's picture is about, and the sentence as the document has it.

    Both empty where there is none, or where its words were changed. A picture before all text has no paragraph of its
    own: the first that has the sentence counts.
    """
    slot = next((each for each in (composition.slots or () if composition else ()) if each.id == slot_id), None)
    if composition is None or composition.article is None or slot is None or not slot.sentence:
        return "", ""
    for block in composition.article.blocks:
        if slot.after in (OPENING, block.id) and block.kind == "paragraph" and slot.sentence in block.text:
            return block.id, slot.sentence.replace("\n", LINE)
    return "", ""


def read_back(lines: Sequence[Line], composition: Composition) -> tuple[str, tuple[Block, ...]]:
    """Title and blocks as the document has them now. Figures are not text: they are left out.

    A block keeps its id through typing; a block that was split keeps it in its first part, and new parts get new ids.
    """
    article = composition.article
    old = {block.id: block for block in article.blocks} if article else {}
    present = {line.key for line in lines}
    following = _after_figures(items_of(composition))
    used: set[str] = set()
    fresh = (f"w{number}" for number in count(1) if f"w{number}" not in old)
    title, blocks = "", []
    place = (0, 0)
    for at, line in enumerate(lines):
        words = line.text.replace(OBJECT, "").replace(LINE, "\n")
        if at == 0 and line.kind != "figure":
            title = words
            continue
        if line.kind == "figure":
            if line.text == OBJECT:
                continue
            # Text that ran into a figure is the paragraph after it, or a new one.
            key = following.get(line.key, "")
            key = key if key not in present else ""
            if not words and not key and line.text:
                continue
        else:
            key = line.key
        known = old.get(key)
        if known is None or key in used:
            block = Block(id=next(fresh), kind="paragraph", text=words, section=place[0], passage=place[1])
        else:
            block = replace(known, text=words) if known.text != words else known
        used.add(block.id)
        place = (block.section, block.passage)
        blocks.append(block)
    return title, tuple(blocks)


def _after_figures(items: Sequence[Item]) -> dict[str, str]:
    """For each figure the id of the text block that follows it directly."""
    return {item.key: after.key for item, after in pairwise(items) if item.kind == "figure" and after.kind != "figure"}
