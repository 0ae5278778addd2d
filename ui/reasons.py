"""Why a place has the picture it has, or none: worded here, in the window's language, from the figures."""

from __future__ import annotations

from composer.types import Composition, Picture
from ui.texts import plural, text


def reason_of(composition: Composition, slot: str) -> str:
    """One sentence about a slot's pick; empty while nothing is decided."""
    pick = composition.picks.get(slot)
    if pick is None:
        return ""
    if pick.picture is None:
        return text("You left this place without a picture.") if pick.by == "writer" else _why_empty(composition, slot)
    if pick.by == "writer":
        return text("You chose this picture.")
    considered = composition.candidates.get(slot, ())
    chosen = next((each for each in considered if each.picture.id == pick.picture.id), None)
    if chosen is None:
        return pick.reason
    better = sum(each.final > chosen.final for each in considered)
    if better:
        return plural(
            "{count} picture that fits better serves another place in the article.",
            "{count} pictures that fit better serve other places in the article.",
            better,
        )
    return text("Fits best of all.")


def _why_empty(composition: Composition, slot: str) -> str:
    considered = composition.candidates.get(slot, ())
    if not considered:
        return text("The library has no picture for this place.")
    best = max(considered, key=lambda candidate: candidate.final)
    if _serves_elsewhere(composition, slot, best.picture):
        return text("What would fit here serves another place in the article.")
    return text("Nothing fits well enough: the best is at {percent} %.", percent=round(best.final * 100))


def _serves_elsewhere(composition: Composition, slot: str, picture: Picture) -> bool:
    others = [pick.picture for place, pick in composition.picks.items() if place != slot and pick.picture]
    return any(other.id == picture.id or (other.group and other.group == picture.group) for other in others)
