"""What each figure of a report is called, which way is better, and what it counts, in a sentence.

docs/evaluation.md holds the formulas and their sources.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from composer.evaluation.nouns import Interval, SystemName

Better = Literal["higher", "lower", "neither"]
Unit = Literal["share", "seconds"]


class Measure(Struct, frozen=True, kw_only=True):
    """A figure as a reader meets it."""

    name: str
    label: str
    chapter: str
    better: Better
    meaning: str
    unit: Unit = "share"
    headline: bool = False
    """Shown first, and by repository without being asked for."""


MEASURES: tuple[Measure, ...] = (
    Measure(
        name="end_to_end", label="The author's picture, where the author put it", chapter="Both together",
        better="higher", headline=True,
        meaning="Share of the author's pictures for which that picture, or a near-duplicate, stands within one text "
        "block of its place.",
    ),
    Measure(
        name="placement_f1", label="Places, exact (F1)", chapter="Placing", better="higher",
        meaning="Harmonic mean of precision and recall of places; a place counts when it follows the same text block. "
        "Each is matched once.",
    ),
    Measure(
        name="placement_f1_near", label="Places, within one block (F1)", chapter="Placing", better="higher",
        headline=True, meaning="As exact places, but one text block earlier or later counts as well.",
    ),
    Measure(
        name="placement_precision", label="Places, exact: precision", chapter="Placing", better="higher",
        meaning="Share of the system's places that are the author's.",
    ),
    Measure(
        name="placement_precision_near", label="Places, within one block: precision", chapter="Placing",
        better="higher", meaning="Share of the system's places that are within one text block of one of the author's.",
    ),
    Measure(
        name="placement_recall", label="Places, exact: recall", chapter="Placing", better="higher",
        meaning="Share of the author's places that the system found.",
    ),
    Measure(
        name="placement_recall_near", label="Places, within one block: recall", chapter="Placing", better="higher",
        meaning="Share of the author's places that the system found within one text block.",
    ),
    Measure(
        name="spacing", label="Spacing, off by", chapter="Placing", better="lower",
        meaning="How unlike the rhythm of the pictures is the author's: the first Wasserstein distance between the "
        "lengths of the stretches of text that they cut the article into, as shares of it. 0 is the same rhythm.",
    ),
    Measure(
        name="pick", label="Right choice among eight", chapter="Choosing", better="higher", headline=True,
        meaning="Share of the author's pictures that were chosen out of eight: the right one and the seven that the "
        "encoder finds nearest to the author's words. Every system gets the same eight.",
    ),
    Measure(
        name="recall_at_8", label="Found among the first eight", chapter="Choosing", better="higher", headline=True,
        meaning="Share of the author's pictures at matched places that are, themselves or a near-duplicate, among the "
        "first eight candidates there. Places that the system missed are not counted here, but above.",
    ),
    Measure(
        name="empty", label="Places left empty", chapter="Care", better="neither",
        meaning="Share of the system's places for which it chose no picture. Less is not better by itself: a gap is "
        "better than a wrong picture.",
    ),
    Measure(
        name="duplicates", label="Pictures used again", chapter="Care", better="lower",
        meaning="Share of placed pictures that repeat, or nearly repeat, one that the article has already.",
    ),
    Measure(
        name="order_sensitivity", label="Choices that hang on the order", chapter="Care", better="lower",
        meaning="Share of places whose choice changes when the same candidates are handed over in another order.",
    ),
    Measure(
        name="seconds_per_slot", label="Seconds a place", chapter="Cost", better="lower", unit="seconds",
        meaning="From bare text to the last choice, divided by the number of places, on the machine of this run.",
    ),
)  # fmt: skip
MEASURE = {measure.name: measure for measure in MEASURES}

SYSTEM_TITLES: dict[SystemName, str] = {
    "ours": "Pictorial", "xcomposer": "XComposer", "even": "Even spacing", "encoder": "Encoder alone", "mmc4": "mmc4",
}  # fmt: skip
QUERY_TITLES = {
    "caption": "the author's caption", "paragraph": "the paragraph before", "planner": "the planner's caption",
}  # fmt: skip


def measure_of(name: str) -> Measure:
    """Also for a figure that this version does not know: it is shown under its own name, without a claim."""
    return MEASURE.get(name) or Measure(
        name=name, label=name.replace("_", " "), chapter="Other", better="neither", meaning="Not defined here."
    )


def title_of(system: str) -> str:
    return next((title for name, title in SYSTEM_TITLES.items() if name == system), system)


def in_order(names: set[str]) -> list[Measure]:
    """The figures of a report as they are read: known ones in their order, then others by name."""
    known = [measure for measure in MEASURES if measure.name in names]
    return known + [measure_of(name) for name in sorted(names - MEASURE.keys())]


def figure_text(value: float | None, unit: Unit = "share", *, sign: bool = False) -> str:
    """A figure as it is printed: three decimals for shares, seconds as exact as they are long; "–" for none."""
    return "–" if value is None else _printed(value, _places(value, unit), sign=sign)


def range_text(interval: Interval, unit: Unit = "share", *, sign: bool = False) -> str:
    """An interval as it is printed; empty where there is none."""
    if interval.low is None or interval.high is None:
        return ""
    places = _places(max(abs(interval.low), abs(interval.high)), unit)
    return f"{_printed(interval.low, places, sign=sign)} to {_printed(interval.high, places, sign=sign)}"


def _places(value: float, unit: Unit) -> int:
    return 3 if unit == "share" or abs(value) < 0.1 else 2 if abs(value) < 10 else 1


def _printed(value: float, places: int, *, sign: bool) -> str:
    return (f"{value:+.{places}f}" if sign else f"{value:.{places}f}").replace("-", "−")
