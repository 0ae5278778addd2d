"""Why a place has its picture, or none, in figures: what composer/explanation.py finds and composer/wording.py says."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from composer.types import SignalName

ChangeKind = Literal["threshold", "signal", "place", "picture", "choice"]


class Part(Struct, frozen=True, kw_only=True):
    """What one signal gave."""

    signal: SignalName
    value: float | None
    """As measured, in the signal's own unit; None where it was not: then its level is composer/stages/rank.py's
    UNKNOWN."""
    level: float = 0.0
    """0 speaks against the picture, 1 for it."""
    weight: float = 0.0
    """Its part of all weights that counted for this picture, 0 to 1."""
    share: float = 0.0
    """Weight times level: the shares of all parts add up to the final score."""


class Rival(Struct, frozen=True, kw_only=True):
    """Another picture that was considered for the place."""

    picture: str
    name: str
    final: float
    signal: SignalName | None = None
    """What spoke most for the picture chosen against this one; None where nothing did."""
    gain: float = 0.0
    """By how much, in final score."""
    serves: str = ""
    """The slot where it, or a near-duplicate of it, stands."""
    place: int = 0
    """Number of that slot, from 1; 0 where it stands nowhere."""


class Change(Struct, frozen=True, kw_only=True):
    """Something that would have put another picture here, or none (`picture` empty).

    "threshold": a picture had to reach more than `value` (where one stands), or no more than it (where none does).
    "signal": `signal` did not count; `value` is the final score here without it. Only pictures that are free are
    compared, other places are left as they are.
    "place": slot `slot`, where `picture` stands, could not have it. "picture": this place could not have the picture
    that stands here. "choice": the writer had left the choice to the program. These three and "threshold" decide over
    all places anew.
    """

    kind: ChangeKind
    value: float = 0.0
    signal: SignalName | None = None
    slot: str = ""
    """Where the other picture, or a near-duplicate of it, stands now; empty: nowhere."""
    place: int = 0
    """Number of that slot."""
    picture: str = ""
    name: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """The decision for one slot, and what it rests on."""

    slot: str
    place: int
    """Its number in the article, from 1."""
    decided: Literal["program", "writer", "nobody"]
    picture: str = ""
    """Empty where none stands."""
    name: str = ""
    final: float | None = None
    """None for a picture that was not measured here."""
    empty_below: float = 0.0
    considered: int = 0
    better: int = 0
    """How many of those have a higher score."""
    sentence: str = ""
    """What of the text it illustrates."""
    words: tuple[str, ...] = ()
    """What the words of the picture and of the place have in common; of the best candidate where none stands."""
    parts: tuple[Part, ...] = ()
    """What counted for the picture, or for the best candidate where none stands; the largest share first."""
    weighed: bool = False
    """Whether the weights that decided are known. Else parts are values alone, and most changes are not known."""
    held_back: SignalName | None = None
    """Where none stands because all are too weak: what cost the best candidate most."""
    rivals: tuple[Rival, ...] = ()
    """The best others, best first; where none stands, the best candidate is the first of them."""
    changes: tuple[Change, ...] = ()
