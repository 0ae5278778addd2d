"""Assign: one decision over all slots at once.

No picture twice, near-duplicates count as one, a slot may stay empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from composer.types import Candidate, Pick, Slot

_IMPOSSIBLE = 1e6
_LEAST = 1e-9
"""Lets a picture that just reaches the threshold win against the empty place."""


def assign(
    slots: Sequence[Slot],
    candidates: Mapping[str, Sequence[Candidate]],
    empty_below: float,
    kept: Mapping[str, Pick] | None = None,
) -> tuple[Pick, ...]:
    """The picks with the highest sum of final scores (Kuhn 1955; solved by scipy's Jonker-Volgenant).

    Every slot also has an empty column worth `empty_below`: a slot stays empty when nothing reaches that score, or when
    what does is worth more elsewhere. `kept` are picks of the writer: they stay, and their pictures are taken.
    """
    kept = kept or {}
    taken = {_group(pick.picture.group, pick.picture.id) for pick in kept.values() if pick.picture}
    open_slots = [slot for slot in slots if slot.id not in kept]
    choices = {slot.id: _by_group(candidates.get(slot.id, ()), taken) for slot in open_slots}
    groups = sorted({group for found in choices.values() for group in found})
    column = {group: place for place, group in enumerate(groups)}
    cost = np.full((len(open_slots), len(groups) + len(open_slots)), _IMPOSSIBLE)
    for row, slot in enumerate(open_slots):
        cost[row, len(groups) + row] = _LEAST - empty_below
        for group, candidate in choices[slot.id].items():
            cost[row, column[group]] = -candidate.final
    rows, columns = linear_sum_assignment(cost) if open_slots else ((), ())
    decided = dict(kept)
    for row, place in zip(rows, columns, strict=True):
        slot = open_slots[row]
        found = choices[slot.id].get(groups[place]) if place < len(groups) else None
        decided[slot.id] = _pick(slot, found, candidates.get(slot.id, ()), empty_below)
    return tuple(decided[slot.id] for slot in slots)


def _group(group: str, picture: str) -> str:
    return group or picture


def _by_group(candidates: Sequence[Candidate], taken: set[str]) -> dict[str, Candidate]:
    """The best candidate of each group of near-duplicates that is still free."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        group = _group(candidate.picture.group, candidate.picture.id)
        if group not in taken and (group not in best or _before(candidate, best[group])):
            best[group] = candidate
    return best


def _before(one: Candidate, other: Candidate) -> bool:
    """Whether the one is better; of equals the lower id, so that the order given never matters."""
    return (-one.final, one.picture.id) < (-other.final, other.picture.id)


def _pick(slot: Slot, found: Candidate | None, considered: Sequence[Candidate], empty_below: float) -> Pick:
    if found is not None and found.final >= empty_below:
        better = sum(1 for candidate in considered if candidate.final > found.final)
        reason = f"Best of {len(considered)} candidates, score {found.final:.2f}."
        if better:
            reason = f"Score {found.final:.2f}; {better} better ones serve another place in the article."
        return Pick(slot=slot.id, picture=found.picture, reason=reason)
    if not considered:
        return Pick(slot=slot.id, picture=None, reason="The library has no picture for this place.")
    top = max(candidate.final for candidate in considered)
    if top >= empty_below:
        return Pick(slot=slot.id, picture=None, reason="What would fit here serves another place in the article.")
    return Pick(
        slot=slot.id,
        picture=None,
        reason=f"Nothing fits: the best of {len(considered)} scores {top:.2f}, below {empty_below:.2f}.",
    )
