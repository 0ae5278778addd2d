"""What an edit leaves as it was: results of earlier runs, slot by slot, found again by what they were made from.

A stage's mark is "common:slot,slot,...": a hash of what all its slots share, such as the models at work, and one of
each slot's own inputs. Another common part makes everything anew; otherwise each slot whose own part is known keeps its
result, wherever in the article it now stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from composer.types import Candidate, Composition, StageName

Found = tuple[Candidate, ...]


def hashed(*inputs: object) -> str:
    """BLAKE2b-128 of the values as JSON, hexadecimal."""
    return hashlib.blake2b(msgspec.json.encode(inputs), digest_size=16).hexdigest()


def joined(common: str, own: Sequence[str]) -> str:
    """The mark of a stage."""
    return f"{common}:{','.join(own)}"


def kept(draft: Composition, stage: StageName, common: str) -> Mapping[str, Found]:
    """By a slot's own part of the mark, the candidates that the stage left for it; empty where the common part differs.

    Slots and their candidates must be those of the run that left the mark.
    """
    before, _, own = draft.inputs.get(stage, "").partition(":")
    slots, marks = draft.slots or (), own.split(",") if own else []
    if before != common or len(slots) != len(marks):
        return {}
    return {
        mark: draft.candidates[slot.id] for slot, mark in zip(slots, marks, strict=True) if slot.id in draft.candidates
    }
