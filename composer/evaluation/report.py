"""The report of a run as JSON, which reads back, and as one page for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from composer.errors import ComposerError
from composer.evaluation import page, plots
from composer.evaluation.comparison import Comparison, against
from composer.evaluation.figures import (
    QUERY_TITLES,
    Measure,
    figure_text,
    in_order,
    measure_of,
    range_text,
    title_of,
)
from composer.evaluation.nouns import SYSTEMS, Interval, Report
from composer.evaluation.page import Cell

FORMAT = 1
DOCUMENT = "docs/evaluation.md"
OWN = "ours"
LANGUAGES = {"en": "English", "zh": "Chinese"}
ONE_ANSWER = (
    "An author's places and pictures are one good answer, not the only one: figures say how near a system comes to it, "
    "not how good its page is."
)
_Groups = Mapping[str, Mapping[str, Mapping[str, Interval]]]
"""Group (a language, a repository) -> system -> figure -> Interval."""
_RETRIEVAL = "Share of the author's pictures, or near-duplicates of them, among the first k found"


class _Header(Struct, frozen=True):
    format: int


# --- JSON -------------------------------------------------------------------------------------------------------------


def json(report: Report) -> bytes:
    """UTF-8, indented. `read` gives an equal report back."""
    fields: dict[str, Any] = {"format": FORMAT, **msgspec.structs.asdict(report)}
    return msgspec.json.format(msgspec.json.encode(fields), indent=1) + b"\n"


def read(path: Path) -> Report:
    """A report that was written earlier. Raises ComposerError for a file that is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ComposerError(
            f"{path.name} cannot be opened: {reason}.", "Name a report that `evaluate` wrote."
        ) from error
    return parse(data, path.name)


def parse(data: bytes, name: str = "The file") -> Report:
    """A report out of its JSON. Raises ComposerError with what is wrong and what to do."""
    try:
        header = msgspec.json.decode(data, type=_Header)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ComposerError(
            f"{name} is not a report of an evaluation.", "Name a JSON file that `evaluate GOLD --report` wrote."
        ) from error
    if header.format > FORMAT:
        raise ComposerError(f"{name} was written by a newer version of Pictorial.", "Update Pictorial to read it.")
    try:
        return msgspec.json.decode(data, type=Report)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ComposerError(f"{name} is damaged ({error}).", "Run the evaluation again.") from error


# --- the page ---------------------------------------------------------------------------------------------------------


def html(report: Report) -> str:
    """One HTML page that holds everything: limits first, then tables, plots and definitions."""
    parts = (
        _head(report),
        page.limits("Read this first", _sentences(report)),
        _summary(report),
        _rivals(against(report, OWN)),
        _plots(report),
        _retrieval(report),
        _groups("By language", report.by_language),
        _groups("By repository", report.by_repository),
        _settings(report),
        _definitions(report),
    )
    return page.document("How well pictures are chosen and placed", "\n".join(part for part in parts if part))


def _head(report: Report) -> str:
    words = "with the words that pictures carry" if report.words else "by vectors alone, pictures without words"
    told = f"{report.gold}: {report.articles} articles, {report.pictures} pictures, {words}."
    return "<h1>How well pictures are chosen and placed</h1>\n" + page.paragraph(told, "quiet")


def _sentences(report: Report) -> tuple[str, ...]:
    """What holds for every report stands after what holds for this one."""
    return (
        *report.limits,
        ONE_ANSWER,
    )


def _summary(report: Report) -> str:
    systems = _systems(report.systems)
    measures = in_order({figure for figures in report.systems.values() for figure in figures})
    rows: list[str] = []
    for at, measure in enumerate(measures):
        if at == 0 or measures[at - 1].chapter != measure.chapter:
            rows.append(page.part(measure.chapter, len(systems) + 1))
        intervals = {system: report.systems[system].get(measure.name, Interval(None)) for system in systems}
        rows.append(page.row(_labelled(measure), _cells(measure, intervals), f"figure-{measure.name}"))
    heads = ["", *(title_of(system) for system in systems)]
    note = (
        "Below each figure its 95 % interval over articles. Underlined: the best value, whether or not it is surely so."
    )
    return page.chapter("All figures", page.table(note, heads, rows))


def _labelled(measure: Measure) -> str:
    arrow = {"higher": " ↑", "lower": " ↓", "neither": ""}[measure.better]
    return measure.label + arrow


def _cells(measure: Measure, intervals: Mapping[str, Interval]) -> list[Cell]:
    best = _best(measure, intervals)
    return [
        Cell(
            figure_text(interval.value, measure.unit),
            range_text(interval, measure.unit),
            " ".join(
                name for name, holds in (("own", system == OWN), ("best", best and interval.value == best[0])) if holds
            ),
        )
        for system, interval in intervals.items()
    ]


def _best(measure: Measure, intervals: Mapping[str, Interval]) -> tuple[float] | None:
    """The best value where there is one, and a rival to it."""
    values = [interval.value for interval in intervals.values() if interval.value is not None]
    if measure.better == "neither" or len(set(values)) < 2:
        return None
    return (max(values) if measure.better == "higher" else min(values),)


def _plots(report: Report) -> str:
    drawn = [
        page.figure(measure.label, _direction(measure), _whiskers(report, measure), f"figure-{measure.name}")
        for measure in in_order({figure for figures in report.systems.values() for figure in figures})
    ]
    return page.chapter("Each figure by system", f'<div class="plots">{"".join(drawn)}</div>') if drawn else ""


def _direction(measure: Measure) -> str:
    said = {"higher": "Higher is better", "lower": "Lower is better", "neither": "Neither way is better by itself"}
    return said[measure.better] + (", in seconds." if measure.unit == "seconds" else ".")


def _whiskers(report: Report, measure: Measure) -> str:
    rows: list[plots.Row] = []
    for system in _systems(report.systems):
        interval = report.systems[system].get(measure.name, Interval(None))
        rows.append(
            plots.Row(label=title_of(system), interval=interval, text=_worded(interval, measure), strong=system == OWN)
        )
    return plots.whiskers(measure.label, rows, high=_top(measure, rows))


def _top(measure: Measure, rows: Sequence[plots.Row]) -> float | None:
    """Shares are drawn up to 1, so that plots compare; those that stay small are drawn larger."""
    return 1.0 if measure.unit == "share" and plots.nice_top(rows) > 0.25 else None


def _worded(interval: Interval, measure: Measure) -> str:
    between = range_text(interval, measure.unit)
    return figure_text(interval.value, measure.unit) + (f" ({between})" if between else "")


def _rivals(found: Comparison) -> str:
    if not found.rows:
        return ""
    rivals = _systems({row.system for row in found.rows})
    rows = [
        page.row(_labelled(measure), [_versus(found, rival, measure) for rival in rivals], f"figure-{measure.name}")
        for measure in in_order({row.figure for row in found.rows})
    ]
    note = f"{found.b} less each rival on the same articles, with the 95 % interval of the paired difference."
    return page.chapter(
        f"{found.b} against each rival",
        *(page.paragraph(sentence, "quiet") for sentence in found.notes),
        page.table(note, ["", *(title_of(rival) for rival in rivals)], rows),
    )


def _versus(found: Comparison, rival: str, measure: Measure) -> Cell:
    row = next((row for row in found.rows if row.system == rival and row.figure == measure.name), None)
    if row is None or row.difference.value is None:
        return Cell("–")
    words = {"better": "better: ", "worse": "worse: ", "differs": "", "unclear": ""}[row.verdict]
    value = figure_text(row.difference.value, measure.unit, sign=True)
    kind = row.verdict if row.verdict in {"better", "worse"} else ""
    return Cell(words + value, range_text(row.difference, measure.unit, sign=True), kind)


def _retrieval(report: Report) -> str:
    if not report.retrieval:
        return ""
    lines = [_curve(kind, figures) for kind, figures in report.retrieval.items()]
    names = _figure_names(report.retrieval)
    rows = [
        page.row(
            QUERY_TITLES.get(kind, kind),
            [Cell(figure_text(figures[name].value), range_text(figures[name])) if name in figures else Cell("–")
             for name in names],
        )
        for kind, figures in report.retrieval.items()
    ]  # fmt: skip
    heads = ["Searched with", *(_recall_title(name) for name in names)]
    plot = plots.curves(_RETRIEVAL, lines, "k, pictures looked at")
    return page.chapter(
        "Finding the author's picture",
        page.figure("", f"{_RETRIEVAL}, by what was searched with.", plot),
        page.table("", heads, rows),
    )


def _figure_names(retrieval: Mapping[str, Mapping[str, Interval]]) -> list[str]:
    """Recalls by k, then the rest by name."""
    names = {name for figures in retrieval.values() for name in figures}
    return sorted(names, key=lambda name: (_depth(name) is None, _depth(name) or 0, name))


def _recall_title(name: str) -> str:
    depth = _depth(name)
    return f"Recall at {depth}" if depth is not None else {"mrr": "Mean reciprocal rank"}.get(name, name)


def _curve(kind: str, figures: Mapping[str, Interval]) -> plots.Curve:
    known = sorted((depth, name) for name in figures if (depth := _depth(name)) is not None)
    share = measure_of("recall_at_8")
    return plots.Curve(
        label=QUERY_TITLES.get(kind, kind),
        points=tuple((depth, figures[name]) for depth, name in known),
        texts=tuple(f"at {depth}: {_worded(figures[name], share)}" for depth, name in known),
    )


def _depth(name: str) -> int | None:
    tail = name.removeprefix("recall_at_")
    return int(tail) if tail != name and tail.isdecimal() else None


def _groups(title: str, groups: _Groups) -> str:
    """A table for each figure with a row for each group; those that matter most first, the rest folded."""
    if not groups:
        return ""
    measures = in_order({name for systems in groups.values() for figures in systems.values() for name in figures})
    systems = _systems({system for group in groups.values() for system in group})
    tables = {measure: _group_table(measure, groups, systems) for measure in measures}
    first = [table for measure, table in tables.items() if measure.headline]
    rest = [table for measure, table in tables.items() if not measure.headline]
    few = "Intervals of groups with few articles are too narrow as a rule: read them as a hint."
    return page.chapter(
        title, page.paragraph(few, "quiet"), *first,
        *([page.folded(f"The other figures, {title.lower()}", "\n".join(rest))] if rest else ()),
    )  # fmt: skip


def _group_table(measure: Measure, groups: _Groups, systems: Sequence[str]) -> str:
    rows: list[str] = []
    for name, group in groups.items():
        intervals = {system: group.get(system, {}).get(measure.name, Interval(None)) for system in systems}
        articles = max((interval.articles for interval in intervals.values()), default=0)
        rows.append(page.row(LANGUAGES.get(name, name), [Cell(str(articles)), *_cells(measure, intervals)]))
    heads = ["", "Articles", *(title_of(system) for system in systems)]
    return page.table(_direction(measure), heads, rows, title=measure.label, even=True)


def _settings(report: Report) -> str:
    told = {
        **report.models, "seed": str(report.seed), "words of pictures": "used" if report.words else "left out",
    }  # fmt: skip
    rows = [page.row(name, [Cell(value, kind="words")]) for name, value in told.items()]
    return page.chapter("Models and settings", page.table("", ["", ""], rows))


def _definitions(report: Report) -> str:
    measures = in_order({figure for figures in report.systems.values() for figure in figures})
    entries = [(f"figure-{measure.name}", f"{measure.label} ({measure.name})", measure.meaning) for measure in measures]
    where = (
        "Shares are sums over articles: an article with many pictures counts for more. Intervals are percentile "
        f"bootstraps over articles. {DOCUMENT} has the formulas and their sources."
    )
    return page.chapter("What the figures say", page.paragraph(where), page.definitions(entries))


def _systems(names: Mapping[str, object] | set[str]) -> list[str]:
    """In the order of reports; those that this version does not know last."""
    known: list[str] = [name for name in SYSTEMS if name in names]
    return known + sorted(set(names) - set(known))
