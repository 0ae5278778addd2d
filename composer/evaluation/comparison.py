"""Two runs, or two systems of one run, compared over the articles that both have, by the paired bootstrap.

Paired over test items as in Koehn, Statistical Significance Tests for Machine Translation Evaluation, EMNLP 2004: what
makes an article easy or hard is the same for both and falls out of the difference. See intervals.difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from composer.errors import ComposerError
from composer.evaluation import page
from composer.evaluation.figures import figure_text, in_order, measure_of, range_text, title_of
from composer.evaluation.intervals import RESAMPLES, difference
from composer.evaluation.nouns import Interval, Report, Tally
from composer.evaluation.page import Cell

Verdict = Literal["better", "worse", "unclear", "differs"]
"""`differs`: the interval leaves out zero, but neither way is better."""

MANY = (
    "Each interval stands alone: of twenty comparisons where nothing differs, about one leaves out zero by chance."
)  # fmt: skip


class Difference(Struct, frozen=True, kw_only=True):
    """One figure of one system in both, over the articles that both have."""

    system: str
    figure: str
    a: float | None
    b: float | None
    difference: Interval
    """b less a; `articles` counts those that both have."""

    @property
    def verdict(self) -> Verdict:
        """What can be said of b against a."""
        low, high = self.difference.low, self.difference.high
        if low is None or high is None or low <= 0 <= high:
            return "unclear"
        better = measure_of(self.figure).better
        if better == "neither":
            return "differs"
        return "better" if (low > 0) == (better == "higher") else "worse"


class Comparison(Struct, frozen=True, kw_only=True):
    """All differences, b less a."""

    a: str
    """What a is called."""
    b: str
    articles: int
    """How many both have."""
    rows: tuple[Difference, ...]
    notes: tuple[str, ...] = ()
    """Sentences to be read first."""


Tallies = Mapping[str, Tally]
"""One figure of one system: article -> Tally."""


def compare(a: Report, b: Report, seed: int = 1, names: tuple[str, str] = ("A", "B")) -> Comparison:
    """Every system and figure that both reports have, b less a.

    Raises ComposerError when they have no article in common.
    """
    shared = _articles(a) & _articles(b)
    if not shared:
        raise ComposerError(
            "The two reports have no article in common.", "Compare two runs over the same gold folder."
        )  # fmt: skip
    systems = [name for name in b.tallies if name in a.tallies]
    rows = tuple(
        _difference(system, figure, a.tallies[system][figure], b.tallies[system][figure], seed)
        for system in systems
        for figure in _figures(a.tallies[system], b.tallies[system])
    )
    return Comparison(a=names[0], b=names[1], articles=len(shared), rows=rows, notes=(*_warnings(a, b), MANY))


def against(report: Report, system: str = "ours") -> Comparison:
    """One system of a report against each other: rows name the rival; the difference is `system` less the rival.

    Empty where the report does not have `system`, or nothing else.
    """
    own = report.tallies.get(system, {})
    rows = tuple(
        _difference(rival, figure, tallies[figure], own[figure], report.seed)
        for rival, tallies in report.tallies.items()
        if rival != system
        for figure in _figures(tallies, own)
    )
    return Comparison(a="rival", b=title_of(system), articles=report.articles, rows=rows, notes=(MANY,))


def table(comparison: Comparison) -> str:
    """The comparison for a terminal: notes first, then a line for each difference."""
    head = ("system", "figure", comparison.a, comparison.b, f"{comparison.b} less {comparison.a}", "95 % interval", "")
    lines = [head, *(_line(row) for row in comparison.rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    drawn = [
        "  ".join(_padded(cell, widths[at], left=at < 2 or at > 4) for at, cell in enumerate(line)).rstrip()
        for line in lines
    ]
    first = f"{comparison.articles} articles that both have; {RESAMPLES:,} paired resamples."
    return "\n".join((first, *comparison.notes, "", *drawn)) + "\n"


def html(comparison: Comparison) -> str:
    """The comparison as one page, a table for each system."""
    title = f"{comparison.b} against {comparison.a}"
    told = f"{comparison.articles} articles that both have; {RESAMPLES:,} paired resamples."
    parts = (
        f"<h1>{page.text(title)}</h1>",
        page.paragraph(told, "quiet"),
        page.limits("Read this first", comparison.notes),
        *(_chapter(comparison, system) for system in dict.fromkeys(row.system for row in comparison.rows)),
    )
    return page.document(title, "\n".join(parts))


def _chapter(comparison: Comparison, system: str) -> str:
    rows = [_row(row) for row in comparison.rows if row.system == system]
    heads = ["", comparison.a, comparison.b, f"{comparison.b} less {comparison.a}", ""]
    return page.chapter(title_of(system), page.table("Differences with their 95 % intervals.", heads, rows, even=True))


def _row(row: Difference) -> str:
    measure, verdict = measure_of(row.figure), row.verdict
    change = Cell(
        figure_text(row.difference.value, measure.unit, sign=True), range_text(row.difference, measure.unit, sign=True)
    )
    kind = verdict if verdict in {"better", "worse"} else ""
    values = (Cell(figure_text(value, measure.unit)) for value in (row.a, row.b))
    return page.row(measure.label, (*values, change, Cell(verdict, kind=kind)))


def _padded(cell: str, width: int, *, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)


def _line(row: Difference) -> tuple[str, ...]:
    unit = measure_of(row.figure).unit
    return (
        row.system, row.figure, figure_text(row.a, unit), figure_text(row.b, unit),
        figure_text(row.difference.value, unit, sign=True), range_text(row.difference, unit, sign=True), row.verdict,
    )  # fmt: skip


def _difference(system: str, figure: str, a: Tallies, b: Tallies, seed: int) -> Difference:
    shared = sorted(a.keys() & b.keys())
    return Difference(
        system=system, figure=figure, a=_ratio(a, shared), b=_ratio(b, shared), difference=difference(b, a, seed)
    )


def _ratio(tallies: Tallies, articles: Sequence[str]) -> float | None:
    bottom = sum(tallies[name].bottom for name in articles)
    return sum(tallies[name].top for name in articles) / bottom if bottom else None


def _figures(a: Iterable[str], b: Iterable[str]) -> list[str]:
    return [measure.name for measure in in_order(set(a) & set(b))]


def _articles(report: Report) -> set[str]:
    return {name for figures in report.tallies.values() for tallies in figures.values() for name in tallies}


def _warnings(a: Report, b: Report) -> tuple[str, ...]:
    """In what the two runs differ besides what is to be compared."""
    found: list[str] = []
    if a.gold != b.gold:
        found.append(f"The gold sets differ ({a.gold}; {b.gold}): an article of one name may not be the same in both.")
    if a.words != b.words:
        found.append("In one run pictures carried their words, in the other they did not.")
    if a.seed != b.seed:
        found.append(f"The seeds differ ({a.seed}, {b.seed}).")
    found += [
        f"The {role} differs ({a.models.get(role, 'none')}; {b.models.get(role, 'none')})."
        for role in sorted(a.models.keys() | b.models.keys())
        if a.models.get(role) != b.models.get(role)
    ]
    return tuple(found)
