"""What is to be taken for the empty places: in small words for the page, as a list for the clipboard."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from composer import shots
from composer.types import Composition, Slot
from ui.message_bar import MessageBar
from ui.texts import plural, text


def shot_words(composition: Composition, slot: Slot, *, quoting: bool = True) -> str:
    """What is to be taken for a place, beginning in the window's language; empty where there is a picture."""
    shot, drawn = shots.bare(shots.shot_at(composition, slot, quoting=quoting), composition.brief.language)
    if not shot:
        return ""
    return text("To be drawn: {shot}", shot=shot) if drawn else text("To be taken: {shot}", shot=shot)


def has_shots(composition: Composition | None) -> bool:
    """Whether a place of the article was decided and has no picture."""
    picks = composition.picks if composition else {}
    slots = (composition.slots or ()) if composition else ()
    return any(slot.id in picks and picks[slot.id].picture is None for slot in slots)


def copy_shots(composition: Composition | None, messages: MessageBar) -> None:
    """Put the shot list on the clipboard as plain text, and say so."""
    if composition is None or not has_shots(composition):
        messages.tell(text("Every place has its picture: there is nothing to take."))
        return
    QApplication.clipboard().setText(shots.as_text(composition))
    count = len(shots.shot_list(composition))
    messages.tell(
        plural(
            "The shot list is on the clipboard: {count} picture to take.",
            "The shot list is on the clipboard: {count} pictures to take.",
            count,
        )
    )
