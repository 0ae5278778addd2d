"""The verb that measures how well pictures are chosen and placed, against articles that people illustrated."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from composer import settings
from composer.cli_common import AsJson, Workshop, adapters_of, print_json, say
from composer.cli_fit import fit_weights, library_in, shown, unfit
from composer.evaluation import recording
from composer.evaluation.answers import Answers
from composer.evaluation.figures import MEASURES, Unit, figure_text, range_text, title_of
from composer.evaluation.gold import read_gold
from composer.evaluation.nouns import SYSTEMS, Interval, Report, SystemName
from composer.evaluation.results import Results
from composer.evaluation.runner import Wanted, evaluate
from composer.evaluation.systems import build
from composer.files import write_safely
from composer.ports import Cancel


def evaluate_verb(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    gold: Annotated[Path | None, typer.Argument(help="Folder of gold articles: articles.jsonl, pictures.")] = None,
    report: Annotated[Path | None, typer.Option(help="Where to write: this name with .json, and with .html.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many articles, from all repositories.")] = None,
    vectors_only: Annotated[bool, typer.Option("--vectors-only", help="Pictures without any words.")] = False,
    systems: Annotated[str, typer.Option(help="Of these systems alone, separated by commas.")] = ",".join(SYSTEMS),
    seed: Annotated[int, typer.Option(min=0, help="One seed gives one report, but for times.")] = 1,
    compare: Annotated[tuple[Path, Path] | None, typer.Option(help="Two reports: what the second does better.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Delete what was kept of choices in the window.")] = False,
    fitting: Annotated[bool, typer.Option("--fit", help="Fit weights: to GOLD, or to this desk's choices.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --fit: only tell, keep nothing.")] = False,
    unfitting: Annotated[bool, typer.Option("--unfit", help="Remove this desk's fit for the models in use.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure how well pictures are placed and chosen, against articles that people wrote and illustrated.

    What is finished is kept in a folder beside the report, and a run that was stopped goes on there. With --fit the
    weights of what is measured of pictures are fitted instead, and kept for the models in use.
    """
    if forget:
        _forget(as_json=as_json)
        return
    if unfitting:
        unfit(as_json=as_json)
        return
    if compare is not None:
        _compare(compare, report, seed, as_json=as_json)
        return
    wanted = Wanted(systems=_systems(systems), limit=limit, words=not vectors_only, seed=seed)
    if fitting:
        fit_weights(adapters_of(context), gold, report, wanted, dry_run=dry_run, as_json=as_json)
        return
    if gold is None or report is None:
        raise typer.BadParameter("Name a folder of gold articles, and with --report where the report goes.")
    workshop = adapters_of(context).workshop(replace(settings.load(), index=""))  # the pool's index is this machine's
    try:
        made = _evaluated(gold, wanted, report, workshop, adapters_of(context).cancel)
    finally:
        workshop.close()
    files = _written(made, report)
    if as_json:
        print_json({"files": [str(file) for file in files], "report": msgspec.to_builtins(made)})
    else:
        _show(made)
        sys.stdout.write("".join(f"{file}\n" for file in files))


def _forget(*, as_json: bool) -> None:
    freed = recording.forget()
    if as_json:
        print_json({"freed": freed})
    else:
        sys.stdout.write(f"Deleted what was kept of choices: {freed:,} bytes.\n" if freed else "Nothing was kept.\n")


def _compare(paths: tuple[Path, Path], page: Path | None, seed: int, *, as_json: bool) -> None:
    """The second report against the first, as a table; with a name for it as a page as well."""
    from composer.evaluation import comparison
    from composer.evaluation.report import read

    names = (paths[0].stem, paths[1].stem) if paths[0].stem != paths[1].stem else ("A", "B")
    found = comparison.compare(read(paths[0]), read(paths[1]), seed, names)
    if page is not None:
        write_safely(page.with_suffix(".html"), comparison.html(found).encode("utf-8"))
    if as_json:
        rows = [{**msgspec.structs.asdict(row), "verdict": row.verdict} for row in found.rows]
        print_json({**msgspec.structs.asdict(found), "rows": rows})
    else:
        sys.stdout.write(comparison.table(found))


def _systems(names: str) -> tuple[SystemName, ...]:
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in SYSTEMS]
    if unknown or not wanted:
        said = f"{unknown[0]} is not a system" if unknown else "No system is named"
        raise typer.BadParameter(f"{said}; choose of {', '.join(SYSTEMS)}.")
    return tuple(name for name in SYSTEMS if name in wanted)


def _evaluated(gold: Path, wanted: Wanted, report: Path, workshop: Workshop, cancel: Cancel) -> Report:
    """The whole run, with the library of the set and all finished results in a folder beside the report."""
    found = read_gold(gold)
    place = report.absolute().with_suffix(".parts")
    with library_in(place, words=wanted.words) as catalogue:
        tools = workshop.tools_on(catalogue)
        tools = dataclasses.replace(tools, writer=Answers(place / "answers.jsonl", tools.writer))
        return shown(evaluate(found, wanted, tools, build, Results(place / "results"), cancel))


def _written(made: Report, report: Path) -> tuple[Path, Path]:
    """The report for a program and for a reader. The first is safe before the second is made."""
    from composer.evaluation.report import html, json

    data, page = report.with_suffix(".json"), report.with_suffix(".html")
    write_safely(data, json(made))
    write_safely(page, html(made).encode("utf-8"))
    return data, page


def _show(made: Report) -> None:
    """Every figure of every system, a line each."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for system in made.systems:
        table.add_column(title_of(system), justify="right")
    for measure in MEASURES:
        table.add_row(measure.label, *(_cell(named[measure.name], measure.unit) for named in made.systems.values()))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    for sentence in made.limits:
        say(sentence)


def _cell(figure: Interval, unit: Unit) -> str:
    inside = range_text(figure, unit)
    return figure_text(figure.value, unit) + (f" ({inside})" if inside else "")
