"""Why a place has its picture: computed again from what the composition keeps. No model is asked.

What would have been otherwise is not guessed: the decision is made again with one thing changed, by the same functions
that made it (`stages/rank.final_score`, `stages/assign.assign`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from composer import prose
from composer.errors import ProjectError
from composer.grounds import Change, ChangeKind, Explanation, Part, Rival
from composer.shared_words import shared_words
from composer.stages.assign import assign
from composer.stages.rank import Signal, Weights, final_score, level_of
from composer.types import OPENING, Candidate, Composition, Pick, Picture, SignalName, Slot

RIVALS = 3
MOST_PLACES, MOST_SIGNALS = 2, 3
"""How many changes of a kind are told."""
SAME = 1e-6
"""Final scores that differ by less are the same."""
NAME_WORDS, NAME_CHARACTERS = 9, 18


def kept_weights(weights: Weights) -> dict[SignalName, tuple[float, float, float]]:
    """The weights as a composition keeps them."""
    return {name: (signal.weight, signal.middle, signal.width) for name, signal in weights.signals.items()}


def weights_in(composition: Composition) -> Weights:
    """The weights that a composition keeps; without signals where it keeps none."""
    return Weights({name: Signal(*kept) for name, kept in composition.weights.items()})


def explain(composition: Composition, slot: str) -> Explanation:
    """Why slot `slot` has its picture, or none.

    Takes a few milliseconds for an article of 40 places. Raises ProjectError when there is no such slot.
    """
    slots = composition.slots or ()
    found = next((each for each in slots if each.id == slot), None)
    if found is None:
        raise ProjectError(f"There is no place {slot} in this article.", f"It has {len(slots)}: s1, s2 and so on.")
    return _Case(composition, found).explanation()


@dataclass(frozen=True)
class _Case:
    composition: Composition
    slot: Slot

    def explanation(self) -> Explanation:
        pick, subject = self.pick, self.subject
        stands = pick is not None and pick.picture is not None
        shown = pick.picture if pick and pick.picture else subject.picture if subject else None
        parts = _parts(subject.signals, self.weights if self.weighed else None) if subject else ()
        return Explanation(
            slot=self.slot.id,
            place=self._place(self.slot.id),
            decided=pick.by if pick else "nobody",
            picture=pick.picture.id if pick and pick.picture else "",
            name=_name(pick.picture) if pick and pick.picture else "",
            final=subject.final if stands and subject and subject.signals else None,
            empty_below=self.composition.empty_below,
            considered=len(self.considered),
            better=sum(each.final > subject.final + SAME for each in self.considered) if subject else 0,
            sentence=self._sentence(),
            words=shared_words(shown, self.slot, self._paragraph()) if shown else (),
            parts=parts,
            weighed=self.weighed,
            held_back=None if stands or not self._too_weak() else _held_back(parts),
            rivals=tuple(self._rivals()),
            changes=tuple(self._changes()),
        )

    # --- what was decided

    @cached_property
    def pick(self) -> Pick | None:
        return self.composition.picks.get(self.slot.id)

    @cached_property
    def considered(self) -> tuple[Candidate, ...]:
        """Best first. What the writer brought in is no candidate: nothing of it was measured."""
        found = [each for each in self.composition.candidates.get(self.slot.id, ()) if each.signals]
        return tuple(sorted(found, key=lambda each: (-each.final, each.picture.id)))

    @cached_property
    def subject(self) -> Candidate | None:
        """The candidate that stands here, as far as it is one; the best where none stands."""
        if self.pick is None or self.pick.picture is None:
            return self.considered[0] if self.considered else None
        chosen = self.pick.picture.id
        return next((each for each in self.considered if each.picture.id == chosen), None)

    @cached_property
    def weights(self) -> Weights:
        return weights_in(self.composition)

    @cached_property
    def weighed(self) -> bool:
        """Whether the weights are known and are those that gave the scores."""
        return bool(self.weights.signals) and all(
            abs(final_score(each.signals, self.weights) - each.final) < SAME for each in self.considered
        )

    @cached_property
    def elsewhere(self) -> dict[str, str]:
        """Slot by group of near-duplicates, for the pictures that stand at other places."""
        standing = {slot.id: self.composition.picks.get(slot.id) for slot in self.composition.slots or ()}
        return {
            _group(pick.picture): slot
            for slot, pick in standing.items()
            if pick is not None and pick.picture is not None and slot != self.slot.id
        }

    # --- its figures

    def _rivals(self) -> Iterator[Rival]:
        own = _group(self.subject.picture) if self.subject and self._stands() else ""
        others = [each for each in self.considered if _group(each.picture) != own]
        for each in others[:RIVALS]:
            signal, gain = self._difference(each)
            serves = self.elsewhere.get(_group(each.picture), "")
            yield Rival(
                picture=each.picture.id, name=_name(each.picture), final=each.final, signal=signal, gain=gain,
                serves=serves, place=self._place(serves) if serves else 0,
            )  # fmt: skip

    def _difference(self, rival: Candidate) -> tuple[SignalName | None, float]:
        """What spoke most for the picture here against the rival; nothing where the rival has the higher score."""
        if not (self._stands() and self.subject and self.weighed) or rival.final > self.subject.final:
            return None, 0.0
        theirs = {part.signal: part.share for part in _parts(rival.signals, self.weights)}
        gains: list[tuple[float, SignalName]] = [
            (part.share - theirs.get(part.signal, 0.0), part.signal)
            for part in _parts(self.subject.signals, self.weights)
        ]
        gain, best = max(gains)
        return (best, gain) if gain > SAME else (None, 0.0)

    # --- what would have been otherwise

    def _changes(self) -> Iterator[Change]:
        if self.pick is None:
            return
        if self.pick.by == "writer":
            yield self._change(self._decided(choice=False), kind="choice")
            return
        if self._steady():
            yield from self._by_threshold()
            yield from self._by_place()
            if self._stands():
                yield self._change(self._decided(gone=self._own_group()), kind="picture")
        if self.weighed:
            yield from self._by_signal()

    def _steady(self) -> bool:
        """Whether deciding again gives what stands here: not so after edits by hand, and then nothing follows."""
        again = self._decided()
        return self.pick is not None and (again.id if again else "") == _id(self.pick.picture)

    def _by_threshold(self) -> Iterator[Change]:
        best, needed = self.subject, self.composition.empty_below
        if best is None:
            return
        if self._stands():
            found = self._decided(empty_below=best.final + SAME)
            yield self._change(found, kind="threshold", value=best.final)
        elif best.final < needed and (found := self._decided(empty_below=best.final)) is not None:
            yield self._change(found, kind="threshold", value=best.final)

    def _by_place(self) -> Iterator[Change]:
        """Better pictures that stand at other places: whether they would stand here if they were free."""
        least = self.subject.final if self.subject and self._stands() else self.composition.empty_below - SAME
        wanted = [each for each in self.considered if _group(each.picture) in self.elsewhere and each.final > least]
        for each in wanted[:MOST_PLACES]:
            serves = self.elsewhere[_group(each.picture)]
            found = self._decided(gone=_group(each.picture), at=serves)
            if found is not None and _group(found) == _group(each.picture):
                yield self._change(found, kind="place")

    def _by_signal(self) -> Iterator[Change]:
        if _id(self._best_free(self.weights)[0]) != _id(self._picture()):
            return  # changed by hand: what stands here does not follow from the scores
        names = sorted(self.weights.signals, key=lambda name: -self.weights.signals[name].weight)
        changes = [change for name in names if (change := self._without(name)) is not None]
        yield from changes[:MOST_SIGNALS]

    def _without(self, name: SignalName) -> Change | None:
        """What the free pictures would have scored here if one signal did not count."""
        signals: dict[SignalName, Signal] = dict(self.weights.signals)
        counted = signals.pop(name).weight > 0
        if not counted or not any(signal.weight > 0 for signal in signals.values()):
            return None
        found, score = self._best_free(Weights(signals))
        if _id(found) == _id(self._picture()):
            return None
        return self._change(found, kind="signal", signal=name, value=score)

    def _best_free(self, weights: Weights) -> tuple[Picture | None, float]:
        """The picture that fits best here of those that stand nowhere else, None if it does not fit; and its score.

        Of equals the one that stands here.
        """
        scores = [
            (final_score(each.signals, weights), each.picture)
            for each in self.considered
            if _group(each.picture) not in self.elsewhere
        ]
        stands = _id(self._picture())
        score, best = max(scores, key=lambda scored: (scored[0], scored[1].id == stands), default=(0.0, None))
        return (best if score >= self.composition.empty_below else None), score

    def _decided(
        self, *, empty_below: float | None = None, gone: str = "", at: str = "", choice: bool = True
    ) -> Picture | None:
        """What stands here when all is decided anew: with another threshold, or without a group of pictures at a place
        (this one, if `at` names none), or without the writer's choice for this place."""
        candidates: Mapping[str, Sequence[Candidate]] = self.composition.candidates
        kept = {slot: pick for slot, pick in self.composition.picks.items() if pick.by == "writer"}
        if gone:
            place = at or self.slot.id
            left = [each for each in candidates.get(place, ()) if _group(each.picture) != gone]
            candidates = {**candidates, place: left}
            kept.pop(place, None)
        if not choice:
            kept.pop(self.slot.id, None)
        needed = self.composition.empty_below if empty_below is None else empty_below
        picks = assign(self.composition.slots or (), candidates, needed, kept)
        return next(pick.picture for pick in picks if pick.slot == self.slot.id)

    def _change(
        self, found: Picture | None, *, kind: ChangeKind, value: float = 0.0, signal: SignalName | None = None
    ) -> Change:
        if found is None:
            return Change(kind=kind, value=value, signal=signal)
        slot = self.elsewhere.get(_group(found), "")
        return Change(
            kind=kind, value=value, signal=signal, slot=slot, place=self._place(slot), picture=found.id,
            name=_name(found),
        )  # fmt: skip

    # --- where it stands

    def _stands(self) -> bool:
        return self._picture() is not None

    def _too_weak(self) -> bool:
        return self.subject is not None and self.subject.final < self.composition.empty_below

    def _picture(self) -> Picture | None:
        return self.pick.picture if self.pick else None

    def _own_group(self) -> str:
        picture = self._picture()
        return _group(picture) if picture else ""

    def _place(self, slot: str) -> int:
        return next((at + 1 for at, each in enumerate(self.composition.slots or ()) if each.id == slot), 0)

    def _paragraph(self) -> str:
        """What the slot stands after; the first paragraph for a place before all text."""
        blocks = self.composition.article.blocks if self.composition.article else ()
        if self.slot.after == OPENING:
            return next((block.text for block in blocks if block.kind == "paragraph"), "")
        return next((block.text for block in blocks if block.id == self.slot.after), "")

    def _sentence(self) -> str:
        return self.slot.sentence or next(iter(prose.sentences(self._paragraph())), "")


def _parts(signals: Mapping[SignalName, float], weights: Weights | None) -> tuple[Part, ...]:
    """What each signal gave, the largest share first. Without weights: the values of those measured alone."""
    known: dict[SignalName, Signal] = {
        name: signal for name, signal in (weights.signals if weights else {}).items() if signal.weight > 0
    }
    if not signals.keys() & known.keys():
        known = {}
    total = sum(signal.weight for signal in known.values())
    found: list[Part] = []
    names: list[SignalName] = list(dict.fromkeys((*signals, *known)))
    for name in names:
        value, signal = signals.get(name), known.get(name)
        if signal is None:
            found.append(Part(signal=name, value=value))
            continue
        level, weight = level_of(value, signal), signal.weight / total
        found.append(Part(signal=name, value=value, level=level, weight=weight, share=weight * level))
    return tuple(sorted(found, key=lambda part: (-part.share, -part.weight, part.signal)))


def _held_back(parts: Sequence[Part]) -> SignalName | None:
    """The signal that cost most of what it could have given."""
    most = max(parts, key=lambda part: part.weight - part.share, default=None)
    return most.signal if most is not None and most.weight - most.share > SAME else None


def _group(picture: Picture) -> str:
    return picture.group or picture.id


def _id(picture: Picture | None) -> str:
    return picture.id if picture else ""


def _name(picture: Picture) -> str:
    """What a picture is called in a sentence: its title, what its caption is about, or its file's name."""
    words = picture.title or next(iter(prose.sentences(picture.caption)), "").rstrip(".。")
    words = words or Path(picture.path).stem.replace("_", " ").replace("-", " ").strip()
    if any("\u4e00" <= letter <= "\u9fff" for letter in words):
        return prose.cut_words(words, NAME_CHARACTERS, "zh")
    return prose.cut_words(words, NAME_WORDS, "en")
