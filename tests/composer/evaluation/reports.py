"""Makes reports out of dice, for tests: no figure here was ever measured."""

from __future__ import annotations

import numpy as np

from composer.evaluation.figures import MEASURES
from composer.evaluation.intervals import interval
from composer.evaluation.nouns import SYSTEMS, Interval, Report, Tally

Tallies = dict[str, dict[str, dict[str, Tally]]]
LANGUAGES = {"English": slice(0, 8), "Chinese": slice(8, 12)}
REPOSITORIES = {"one/garden": slice(0, 6), "two/kitchen": slice(6, 11), "three/<b>harbour</b>": slice(11, 12)}


def toy_tallies(articles: int = 12, seed: int = 1) -> Tallies:
    """Every figure of every system, on articles a0, a1..."""
    dice = np.random.default_rng(seed)
    made: Tallies = {}
    for at, system in enumerate(SYSTEMS):
        lift = 0.35 - 0.06 * at
        made[system] = {
            measure.name: {f"a{one}": _tally(dice, measure.unit == "seconds", lift) for one in range(articles)}
            for measure in MEASURES
        }
    return made


def toy_report(seed: int = 1, limits: tuple[str, ...] = ("One author wrote half of them.",)) -> Report:
    made = toy_tallies(seed=seed)
    return Report(
        gold="Toy articles, 0f3a", articles=12, pictures=48, words=True, seed=seed, limits=limits, tallies=made,
        models={"encoder": "toy-encoder", "reranker": "toy <judge> & co"},
        systems=_summed(made, slice(None)),
        by_language={name: _summed(made, part) for name, part in LANGUAGES.items()},
        by_repository={name: _summed(made, part) for name, part in REPOSITORIES.items()},
        retrieval={
            kind: {name: _near(0.2 + rise + base) for name, rise in
                   (("recall_at_1", 0.0), ("recall_at_4", 0.25), ("recall_at_8", 0.35), ("mrr", 0.1))}
            for kind, base in (("caption", 0.3), ("paragraph", 0.1), ("planner", 0.08))
        },
    )  # fmt: skip


def _tally(dice: np.random.Generator, seconds: bool, lift: float) -> Tally:
    places = int(dice.integers(2, 8))
    if seconds:
        return Tally(float(places * dice.uniform(0.2, 4.0)), places)
    return Tally(float(dice.binomial(places, 0.3 + lift)), places)


def _summed(made: Tallies, part: slice) -> dict[str, dict[str, Interval]]:
    return {
        system: {name: interval(dict(list(tallies.items())[part]), 1) for name, tallies in figures.items()}
        for system, figures in made.items()
    }


def _near(value: float) -> Interval:
    return Interval(value, value - 0.07, min(1.0, value + 0.08), 12)
