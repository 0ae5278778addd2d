"""Weights of the signals, fitted on places with a known right picture, and how well they choose elsewhere.

Everything that is told of a fit comes from articles that it did not see: articles are dealt into five parts, each is
decided on by what was fitted on the other four, and what a fit leaves open (ridge, how steep the scales are) is chosen
by five parts again inside those four (Stone 1974; nested: Varma and Simon 2006).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

from composer.errors import ComposerError
from composer.evaluation.intervals import difference
from composer.evaluation.logit import Flags, Numbers, Places, fitted, log_likelihood, places_of, scales, scores
from composer.evaluation.nouns import Example, Interval, Tally
from composer.ports import Cancel
from composer.settings import Settings
from composer.stages.rank import Signal, Weights
from composer.types import SignalName

FOLDS = 5
LEAST = 20
"""Places where something fits, below which a fit is noise alone."""
NOTHING = 1e-3
"""A weight that is not above this is none: the signal is dropped."""
RIDGES = (0.001, 0.01, 0.1)
NARROWINGS = (0.5, 1.0)
DIGITS = 4

Kind = Literal["fused", "trimmed", "start", "vector"]
"""fused: of all signals; trimmed: without some that did not make it better; start: what was there before chose better
than both; vector: the encoder alone chose better than all."""


class Share(Struct, frozen=True):
    """How often the decision was right."""

    chosen: float
    """Of the places where something fits: the right picture came first."""
    decided: float
    """Of all places: it came first and stands, or the place was left empty where nothing fits."""


class Fit(Struct, frozen=True, kw_only=True):
    """What was fitted, and how well it decides on articles that it was not fitted on."""

    kind: Kind
    weights: Weights
    """They sum to 1. A signal of weight 0 was measured and adds nothing."""
    empty_below: float
    places: int
    empty: int
    """Places where nothing fits."""
    groups: int
    left_out: int
    """Examples whose right picture was not among the candidates, or was not measured."""
    share: Share
    """Held out, of `weights`; for `trimmed` a little flattered, since the signals were chosen by the same parts."""
    fused: Share
    """Held out, of all signals joined."""
    start: Share
    """Of the weights that were there before, on the same places. They saw these places if they were fitted on them."""
    single: dict[SignalName, Share]
    """Held out, of each signal alone."""
    without: dict[SignalName, Share]
    """Held out, of all signals but this one."""
    gain: Interval
    """`share.chosen` less that of "vector" alone, bootstrapped over articles."""
    over_start: Interval
    """`share.chosen` less that of the weights before."""
    dropped: tuple[SignalName, ...]
    """Signals that were measured and got no weight."""


class _Setting(Struct, frozen=True):
    """What a fit leaves open."""

    ridge: float
    narrowing: float


@dataclass(frozen=True, eq=False)
class _Decided:
    """Held out: by place whether the decision was right."""

    chosen: Flags
    decided: Flags


_Recipe = Callable[[Places, int], Weights]
"""Weights from the places of all parts but one, and which part that is."""


def fit(
    examples: Sequence[Example],
    names: Sequence[SignalName],
    start: Weights,
    seed: int,
    empty_below: float = Settings().empty_below,
    cancel: Cancel | None = None,
) -> Fit:
    """Weights of those signals that choose best, never worse than "vector" alone on articles that were held out.

    `start` and `empty_below` are what holds now: what is told in comparison, and what stays where nothing is better.
    Takes seconds for a few hundred places. Raises ComposerError where there are too few places, Cancelled on request.
    """
    usable = [example for example in examples if _usable(example)]
    wanted = tuple(dict.fromkeys((*names, *start.signals, "vector")))
    places = places_of(usable, wanted)
    groups = np.unique(places.groups)
    if int(places.fitting.sum()) < LEAST or len(groups) < 2:
        raise ComposerError(
            f"{int(places.fitting.sum())} places of {len(groups)} articles are too few to fit weights on.",
            f"At least {LEAST} places with a right picture, of two articles or more, are needed.",
        )
    varied = _spread(places, names)
    if not varied:
        raise ComposerError(
            "Nothing that was measured of these pictures tells them apart.", "Look at the library again, then repeat."
        )
    run = _Run(places, varied, start, empty_below, _dealt(places.groups, seed), cancel or Cancel())
    with threadpool_limits(1, "blas"):  # the arrays are tiny: threads that wait for each other take ten times as long
        return _told(run, seed, len(examples) - len(usable))


@dataclass
class _Run:
    places: Places
    names: tuple[SignalName, ...]
    start: Weights
    empty_below: float
    parts: NDArray[np.intp]
    """Which part each place is in."""
    cancel: Cancel
    settings: dict[int, _Setting] = field(default_factory=dict[int, _Setting])
    """Chosen inside the other parts, by the part that was held out."""

    def held_out(self, recipe: _Recipe, below: float | None = None) -> _Decided:
        """Every part decided on by what was fitted on the others; `below`: slots stay empty below this in any case."""
        count = len(self.places.there)
        found = _Decided(np.zeros(count, np.bool_), np.zeros(count, np.bool_))
        for part in range(int(self.parts.max()) + 1):
            self.cancel.check()
            out = self.parts == part
            train, test = self.places.of(~out), self.places.of(out)
            weights = recipe(train, part)
            limit = self.threshold(train, weights) if below is None else below
            top, right = _tops(test, weights)
            found.chosen[out] = right
            found.decided[out] = np.where(test.fitting, right & (top >= limit), top < limit)
        return found

    def threshold(self, places: Places, weights: Weights) -> float:
        """Below which a place is best left empty: by the share that is decided rightly, the highest of the best, since
        a gap is better than a wrong picture.

        Where something fits everywhere, as many places stay empty as with the weights before and their threshold.
        """
        top, right = _tops(places, weights)
        if places.fitting.all():
            empty = np.mean(_tops(places, self.start)[0] < self.empty_below)
            return float(np.clip(np.quantile(top, float(empty), method="lower"), 0.0, 1.0))
        known = np.unique(top)
        limits = np.concatenate(([0.0], (known[1:] + known[:-1]) / 2, [known[-1] + NOTHING]))
        standing = top[:, None] >= limits
        right_so = np.where(places.fitting[:, None], right[:, None] & standing, ~standing).sum(0)
        return float(np.clip(limits[np.flatnonzero(right_so == right_so.max())[-1]], 0.0, 1.0))

    def fused(self, names: tuple[SignalName, ...]) -> _Recipe:
        """All these signals joined, with what a fit leaves open chosen for the part (-1: for all places)."""

        def recipe(train: Places, part: int) -> Weights:
            if part not in self.settings:
                self.settings[part] = _best(train, self.names, self.cancel)
            return _joined(train, names, self.settings[part])[0]

        return recipe

    def share(self, decided: _Decided) -> Share:
        return Share(float(decided.chosen[self.places.fitting].mean()), float(decided.decided.mean()))

    def tallies(self, decided: _Decided) -> dict[str, Tally]:
        """By article, of the places where something fits."""
        fitting = self.places.fitting
        found: dict[str, Tally] = {}
        for group in np.unique(self.places.groups).tolist():
            some = (self.places.groups == group) & fitting
            found[str(group)] = Tally(float(decided.chosen[some].sum()), float(some.sum()))
        return found


def _told(run: _Run, seed: int, left_out: int) -> Fit:
    by_vector = run.held_out(_alone("vector"))
    by_start = run.held_out(lambda _train, _part: run.start, run.empty_below)
    by_all = run.held_out(run.fused(run.names))
    several = run.names if len(run.names) > 1 else ()
    without: dict[SignalName, Share] = {
        name: run.share(run.held_out(run.fused(_but(run.names, name)))) for name in several
    }
    kind, recipe, decided = _chosen(run, by_vector, by_start, by_all, without)
    weights = recipe(run.places, -1)
    if kind != "start":
        weights = _rounded(weights, scales(run.places, 1.0), run.names)
    limit = run.empty_below if kind == "start" else round(run.threshold(run.places, weights), DIGITS)
    mine = run.tallies(decided)
    return Fit(
        kind=kind, weights=weights, empty_below=limit, places=len(run.places.there),
        empty=int((~run.places.fitting).sum()), groups=len(np.unique(run.places.groups)), left_out=left_out,
        share=run.share(decided), fused=run.share(by_all), start=run.share(by_start),
        single={name: run.share(run.held_out(_alone(name))) for name in run.names}, without=without,
        gain=difference(mine, run.tallies(by_vector), seed),
        over_start=difference(mine, run.tallies(by_start), seed),
        dropped=tuple(name for name, signal in weights.signals.items() if signal.weight <= 0),
    )  # fmt: skip


def _chosen(
    run: _Run, by_vector: _Decided, by_start: _Decided, by_all: _Decided, without: dict[SignalName, Share]
) -> tuple[Kind, _Recipe, _Decided]:
    """The richest fit that chooses no worse than the encoder alone and than what was there, held out; else those."""
    vector, start, fused = (run.share(each).chosen for each in (by_vector, by_start, by_all))
    for names in _sets(run.names, fused, without):
        decided = run.held_out(run.fused(names))
        if run.share(decided).chosen >= max(vector, start):
            return "fused" if names == run.names else "trimmed", run.fused(names), decided
    if start >= vector:
        return "start", lambda _train, _part: run.start, by_start
    return "vector", _alone("vector"), by_vector


def _sets(
    names: tuple[SignalName, ...], fused: float, without: dict[SignalName, Share]
) -> Iterator[tuple[SignalName, ...]]:
    """Which signals to try, in turn: all, but no re-ranker that adds nothing, since it costs the writer's time; then
    those without which it is no better."""
    kept = {name: share.chosen for name, share in without.items()}
    dear = kept.get("rerank", -1.0) >= fused
    yield _but(names, "rerank") if dear else names
    some: tuple[SignalName, ...] = tuple(name for name in names if name == "vector" or kept.get(name, 0.0) <= fused)
    yield _but(some, "rerank") if dear else some


def _alone(name: SignalName) -> _Recipe:
    return lambda train, _part: Weights({name: scales(train, 1.0)[name]})


def _but(names: tuple[SignalName, ...], name: SignalName) -> tuple[SignalName, ...]:
    return tuple(each for each in names if each != name)


def _joined(train: Places, names: Iterable[SignalName], setting: _Setting) -> tuple[Weights, float]:
    """Fitted weights without those that are nothing, and how sure choices are; "vector" alone where nothing helps."""
    known = scales(train, setting.narrowing)
    found, sureness = fitted(train, {name: known[name] for name in names or ("vector",)}, setting.ridge)
    left: dict[SignalName, Signal] = {name: signal for name, signal in found.signals.items() if signal.weight > NOTHING}
    total = sum(signal.weight for signal in left.values())
    if not left:
        return Weights({"vector": known["vector"]}), sureness
    parts: dict[SignalName, Signal] = {
        name: replace(signal, weight=signal.weight / total) for name, signal in left.items()
    }
    return Weights(parts), sureness


def _best(train: Places, names: tuple[SignalName, ...], cancel: Cancel) -> _Setting:
    """What makes the right pictures most likely in parts of these places that it was not fitted on."""
    known = [_Setting(ridge, narrowing) for ridge, narrowing in product(RIDGES, NARROWINGS)]
    parts = _dealt(train.groups, 0)
    likely = np.zeros(len(known))
    for part in range(int(parts.max()) + 1):
        inside, out = train.of(parts != part), train.of(parts == part)
        if not (inside.fitting.any() and out.fitting.any()):
            continue
        for at, setting in enumerate(known):
            cancel.check()
            weights, sureness = _joined(inside, names, setting)
            likely[at] += log_likelihood(out, weights, sureness) * int(out.fitting.sum())
    return known[int(np.argmax(likely))]


def _tops(places: Places, weights: Weights) -> tuple[Numbers, Flags]:
    """The best score of each place, and whether the right picture has it: the first of those that tie."""
    found = scores(places, weights)
    first = np.argmax(found, axis=1)
    at = np.arange(len(first))
    return found[at, first], places.right[at, first]


def _dealt(groups: NDArray[np.str_], seed: int) -> NDArray[np.intp]:
    """Which part each place is in: groups are dealt out, so that no group is in two parts."""
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    return (order % min(FOLDS, len(names)))[np.searchsorted(names, groups)]


def _spread(places: Places, names: Iterable[SignalName]) -> tuple[SignalName, ...]:
    """The signals that were measured and are not the same everywhere."""
    found: list[SignalName] = []
    for name in dict.fromkeys(names):
        values = places.values[:, :, places.names.index(name)]
        known = values[np.isfinite(values)]
        if len(known) and float(np.ptp(known)) > 0:
            found.append(name)
    return tuple(found)


def _rounded(weights: Weights, known: dict[SignalName, Signal], names: Iterable[SignalName]) -> Weights:
    """To the figures that a person reads; what got no weight is there with 0, so that it is known to be measured."""
    signals: dict[SignalName, Signal] = {}
    for name in dict.fromkeys((*names, *weights.signals)):
        signal = weights.signals.get(name) or replace(known[name], weight=0.0)
        signals[name] = Signal(
            round(signal.weight, DIGITS), *(float(f"{value:.4g}") for value in (signal.middle, signal.width))
        )
    return replace(weights, signals=signals)


def _usable(example: Example) -> bool:
    """Whether the right picture is there and something was measured of it."""
    if example.right is None:
        return bool(example.candidates)
    return any(each.picture.id == example.right and each.signals for each in example.candidates)
