"""Article, slots and picks as one page."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from composer.stages.layout import credit_line, layout
from composer.types import Brief, Composition, Pick
from tests.composer.fakes import article, picture, slot

TEXT = article(3, sections=2)


def composed(*after: str, picked: bool = True) -> Composition:
    slots = tuple(slot(f"s{at}", block, f"Caption {at}") for at, block in enumerate(after))
    picks = {
        each.id: Pick(slot=each.id, picture=picture(f"x{at}", caption=f"Shows {at}") if picked else None, reason="r")
        for at, each in enumerate(slots)
    }
    return Composition(brief=Brief(topic="x"), article=TEXT, slots=slots, picks=picks)


def kinds(composition: Composition) -> list[str]:
    return [node.kind if node.kind != "figure" else node.text for node in layout(composition)]


def test_reading_order() -> None:
    assert kinds(composed("p0", "p2", "p0")) == [
        "title", "heading", "paragraph", "Caption 0", "Caption 2", "paragraph", "heading", "paragraph", "Caption 1",
    ]  # fmt: skip


def test_empty_slots_leave_no_trace() -> None:
    plain = ["title", "heading", "paragraph", "paragraph", "heading", "paragraph"]
    assert kinds(composed("p0", "p1", picked=False)) == plain
    assert kinds(replace(composed("p0"), picks={})) == plain
    assert kinds(replace(composed(), slots=None)) == plain


def test_a_slot_whose_block_is_gone_comes_at_the_end() -> None:
    assert kinds(composed("p7", "p0"))[-1] == "Caption 0"


def test_nothing_without_an_article() -> None:
    assert layout(Composition(brief=Brief(topic="x"))) == ()


def test_the_picture_is_told_in_its_own_words() -> None:
    figure = layout(composed("p0"))[3]
    assert (figure.text, figure.alt) == ("Caption 0", "Shows 0")
    wordless = composed("p0")
    wordless = replace(wordless, picks={"s0": replace(wordless.picks["s0"], picture=picture("x"))})
    assert layout(wordless)[3].alt == "Caption 0"


@pytest.mark.parametrize(
    ("worded", "caption", "alt", "own", "printed"),
    [
        (False, "A red boat", "Boat on sand", "boat", ("A red boat", "Boat on sand")),
        (False, "", "", "boat", ("Caption 0", "boat")),
        (True, "A red boat", "Boat on sand", "boat", ("Caption 0", "Boat on sand")),
        (False, "A red boat", "", "", ("A red boat", "A red boat")),
    ],
)
def test_what_was_worded_for_the_picture_is_printed(
    worded: bool, caption: str, alt: str, own: str, printed: tuple[str, str]
) -> None:
    whole = composed("p0")
    pick = Pick(slot="s0", picture=picture("x", caption=own), reason="", caption=caption, alt=alt)
    slots = tuple(replace(each, worded=worded) for each in whole.slots or ())
    figure = layout(replace(whole, slots=slots, picks={"s0": pick}))[3]
    assert (figure.text, figure.alt) == printed


@pytest.mark.parametrize(
    ("credit", "licence", "line"),
    [
        ("", "", ""),
        ("Ana Lind", "", "Ana Lind"),
        ("", "CC0", "CC0 (https://creativecommons.org/publicdomain/zero/1.0/)"),
        ("Ana Lind", "CC0", "Ana Lind (CC0)"),
        ("Photo: Ana Lind / CC0", "CC0", "Photo: Ana Lind / CC0"),
    ],
)
def test_credit(credit: str, licence: str, line: str) -> None:
    assert credit_line(replace(picture("x"), credit=credit, licence=licence)) == line
