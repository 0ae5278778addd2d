"""The verbs for a terminal. Results go to stdout, progress and messages to stderr.

Exit codes: 0 done; 1 it could not be done, and a sentence on stderr says what to do; 2 wrong usage; 3 done, but
something is missing (a model is damaged, a check failed); 130 cancelled.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Protocol, runtime_checkable

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from composer import project, prose, settings
from composer.cli_common import CANCELLED, FAILED, USAGE, Adapters, AsJson, Workshop, print_json, say
from composer.cli_models import doctor_verb, models_app
from composer.draft import fold
from composer.errors import Cancelled, ComposerError, LibraryError, ProjectError
from composer.files import write_safely
from composer.library.scan import embed, embed_captions, scan
from composer.library.search import by_words
from composer.pipeline import compose
from composer.ports import Cancel, ModelShelf
from composer.preparation import prepare_all
from composer.progress import Meter
from composer.publish.export import export
from composer.settings import Settings
from composer.types import Brief, Candidate, Composed, Composition, Picture
from composer.wire import Format

AUTOSAVE_SECONDS = 5.0
PROJECT = f"article{project.SUFFIX}"


@runtime_checkable
class _Worded(Protocol):
    """An error of the command-line parser, which words itself."""

    def format_message(self) -> str: ...


app = typer.Typer(
    name="pictorial", help="Drafts long illustrated articles on your own machine.", no_args_is_help=True,
    add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip
library_app = typer.Typer(help="The picture library.", no_args_is_help=True)
app.add_typer(library_app, name="library")
app.add_typer(models_app, name="models")
app.command("doctor")(doctor_verb)

Folder = Annotated[Path, typer.Argument(help="A folder of pictures.")]


def run(
    arguments: list[str],
    workshop: Callable[[Settings], Workshop],
    shelf: Callable[[Settings], ModelShelf],
    version: str,
) -> int:
    """Carry out one verb; returns the exit code. Ctrl-C cancels and leaves what is finished."""
    cancel = Cancel()
    before = signal.signal(signal.SIGINT, lambda _number, _frame: cancel.cancel())
    try:
        code = app(arguments, obj=Adapters(workshop, shelf, version, cancel), standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.Exit as end:
        return end.exit_code
    except Cancelled:
        say("Cancelled.")
        return CANCELLED
    except ComposerError as error:
        say(str(error))
        return FAILED
    except Exception as error:
        if type(error).__module__.startswith(("click", "typer")):  # wrong usage, worded by the parser
            say(error.format_message() if isinstance(error, _Worded) else str(error))
            return USAGE
        raise
    finally:
        signal.signal(signal.SIGINT, before)


@app.command("compose")
def compose_verb(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    brief: Annotated[str, typer.Option(help="What the article is about.")],
    out: Annotated[Path, typer.Option(help="Folder for the article, made if missing.")],
    library: Annotated[list[Path] | None, typer.Option(help="Folder of pictures; may be given more than once.")] = None,
    words: Annotated[int, typer.Option(help="Length: words, or characters in Chinese.")] = 1000,
    pictures: Annotated[int | None, typer.Option(help="How many pictures; by length if not given.")] = None,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    seed: Annotated[int, typer.Option(help="One seed gives one article.")] = 1,
    notes: Annotated[str, typer.Option(help="Facts and wishes for the writer.")] = "",
    audience: Annotated[str, typer.Option(help="Who reads it.")] = "",
    tone: Annotated[str, typer.Option(help="How it should sound.")] = "",
    writer: Annotated[str | None, typer.Option(help="Writer for this run; see `models list`.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write figures and choices as JSON.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on with what lies in the folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write an illustrated article from a brief: text, pictures and project file in one folder.

    A run that was stopped goes on where it was when the same command is given again.
    """
    if language not in {"en", "zh"}:
        raise typer.BadParameter(f"{language} is not a language that Pictorial writes; choose en or zh.")
    wanted = Brief(
        topic=brief, notes=notes, audience=audience, tone=tone, language="zh" if language == "zh" else "en",
        length=words, pictures=pictures, libraries=tuple(str(folder.absolute()) for folder in library or ()), seed=seed,
    )  # fmt: skip
    adapters: Adapters = context.obj
    chosen = settings.load()
    if writer:
        chosen = msgspec.structs.replace(chosen, writer=writer)
    composition = _compose(wanted, out, adapters, chosen, fresh=fresh)
    files = export(composition, out, ("markdown", "html"))
    project.save(composition, out / PROJECT)
    if report:
        write_safely(report, msgspec.json.format(msgspec.json.encode(report_of(composition)), indent=2))
    paths = [str(path) for path in (*files[:2], out / PROJECT)]
    if as_json:
        print_json({"files": paths, **report_of(composition)})
    else:
        sys.stdout.write("".join(f"{path}\n" for path in paths))


def _compose(brief: Brief, out: Path, adapters: Adapters, chosen: Settings, *, fresh: bool) -> Composition:
    """Run the pipeline, keeping what is done in the folder's project file whatever happens."""
    target = out / PROJECT
    draft = Composition(brief=brief)
    started = None if fresh else _earlier(target, brief)
    if started is None:
        _set_aside(target)
    saved = time.monotonic()
    workshop = adapters.workshop(chosen)
    try:
        with closing(compose(brief, started, workshop.tools(), adapters.cancel)) as events, Meter() as meter:
            draft = started or draft
            for event in events:
                draft = fold(draft, event)
                meter.show(event)
                if draft.outline is not None and time.monotonic() - saved > AUTOSAVE_SECONDS:
                    project.save(draft, target)
                    saved = time.monotonic()
                if isinstance(event, Composed):
                    return event.composition
    finally:
        workshop.close()
        if draft.outline is not None:
            project.save(draft, target)
    raise ComposerError("The article was not finished.", "Give the same command again to go on.")


def _set_aside(target: Path) -> None:
    """A project in the folder that this run does not go on with keeps its content under another name."""
    if target.exists():
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(target.stat().st_mtime))
        target.rename(target.with_name(f"{target.stem}-{stamp}{target.suffix}"))


def _earlier(target: Path, brief: Brief) -> Composition | None:
    try:
        found = project.open_project(target)
    except ProjectError:
        return None
    return found if found.brief == brief else None


def report_of(composition: Composition) -> dict[str, Any]:
    """Figures and choices of one composition."""
    slots: list[dict[str, Any]] = []
    for slot in composition.slots or ():
        pick = composition.picks.get(slot.id)
        candidates = composition.candidates.get(slot.id, ())
        slots.append({
            "paragraph": slot.after, "caption": slot.caption, "query": slot.query,
            "candidates": [_figures(candidate) for candidate in candidates],
            "pick": {"path": pick.picture.path} if pick and pick.picture else None,
            "reason": pick.reason if pick else "",
        })  # fmt: skip
    article = composition.article
    return {
        "words": prose.article_length(article, composition.brief.language) if article else 0,
        "seed": composition.brief.seed,
        "models": composition.models,
        "seconds": {stage: round(seconds, 3) for stage, seconds in composition.seconds.items()},
        "tokens": composition.speed.tokens,
        "tokens_per_second": round(composition.speed.tokens_per_second, 2),
        "slots": slots,
    }


def _figures(candidate: Candidate) -> dict[str, Any]:
    return {
        "path": candidate.picture.path, "vector": candidate.vector, "words": candidate.words,
        "rerank": candidate.rerank, "final": candidate.final,
    }  # fmt: skip


@library_app.command("add")
def library_add(context: typer.Context, folder: Folder, as_json: AsJson = False) -> None:
    """Take a folder into the library: read its pictures and give each a vector."""
    _library(context, folder, vectors=True, as_json=as_json)


@library_app.command("scan")
def library_scan(context: typer.Context, folder: Folder, as_json: AsJson = False) -> None:
    """Bring the catalogue up to date with a folder, without the encoder."""
    _library(context, folder, vectors=False, as_json=as_json)


@library_app.command("prepare")
def library_prepare(context: typer.Context, folder: Folder) -> None:
    """Have the re-ranker look at a folder's pictures ahead, so that choosing among them is fast."""
    adapters: Adapters = context.obj
    workshop = adapters.workshop(settings.load())
    done = total = 0
    try:
        tools, place = workshop.tools(), str(folder.absolute())
        total = len(workshop.catalogue().rows([place]))
        if not total:
            raise LibraryError(f"No picture of {place} is in the library.", f"Run `library add {folder}` first.")
        with Meter() as meter:
            for done, total in prepare_all(tools, [place], adapters.cancel):
                meter.count("Looking ahead", done, total)
    finally:
        workshop.close()
    say(f"{done} of {total} pictures have been looked at ahead.")
    if done < total:
        say("The re-ranker has nothing more to prepare, or `looks_mb` in the settings leaves no room for more.")


def _library(context: typer.Context, folder: Path, *, vectors: bool, as_json: bool) -> None:
    adapters: Adapters = context.obj
    workshop = adapters.workshop(settings.load())
    try:
        place, catalogue = str(folder.absolute()), workshop.catalogue()
        added = removed = 0
        with Meter() as meter:
            for step in scan(catalogue, Path(place), adapters.cancel):
                meter.count("Reading pictures", step.done, step.total, step.notice)
                added, removed = step.added, step.removed
            if vectors and len(catalogue.rows([place])):
                for step in embed(catalogue, [place], workshop.tools().encoder, adapters.cancel):
                    meter.count("Looking at pictures", step.done, step.total, step.notice)
                for step in embed_captions(catalogue, [place], workshop.tools().encoder, adapters.cancel):
                    meter.count("Reading captions", step.done, step.total, step.notice)
        skipped = catalogue.skipped(place)
        found = len(catalogue.rows([place]))
    finally:
        workshop.close()
    if as_json:
        print_json({
            "folder": place, "pictures": found, "added": added, "removed": removed,
            "skipped": msgspec.to_builtins(skipped),
        })  # fmt: skip
        return
    sys.stdout.write(f"{found} pictures in {place} ({added} added, {removed} removed, {len(skipped)} not usable)\n")
    for each in skipped:
        sys.stdout.write(f"  {each.path}: {each.reason}\n")


@library_app.command("search")
def library_search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What the picture should show.")],
    folder: Annotated[list[Path] | None, typer.Option(help="Only in this folder.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 12,
    words_only: Annotated[bool, typer.Option("--words-only", help="Do not load the encoder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find pictures by what they show and by the words that they carry."""
    adapters: Adapters = context.obj
    workshop = adapters.workshop(settings.load())
    try:
        catalogue, folders = workshop.catalogue(), [str(each.absolute()) for each in folder or ()]
        near: list[tuple[int, float]] = []
        if not words_only:
            tools = workshop.tools()
            near = tools.search.nearest(tools.encoder.encode_texts([text]), limit * 2, folders)[0]
        found = joined(by_words(catalogue, text, folders, limit * 2), near, limit)
        pictures = catalogue.pictures([row for row, _, _ in found], folders)
    finally:
        workshop.close()
    rows = [(pictures[row], words, vector) for row, words, vector in found]
    if as_json:
        print_json([
            {"path": each.path, "caption": each.caption, "words": words, "vector": vector, "licence": each.licence}
            for each, words, vector in rows
        ])  # fmt: skip
        return
    _print_found(rows)


def joined(
    words: list[tuple[int, float]], near: list[tuple[int, float]], limit: int
) -> list[tuple[int, float, float | None]]:
    """Two rankings as one: row, score by words, cosine."""
    from composer.stages.retrieve import Ranking, fuse

    by_word, by_vector = dict(words), dict(near)
    order = fuse([Ranking("words", tuple(words)), Ranking("vector", tuple(near))])
    return [(row, by_word.get(row, 0.0), by_vector.get(row)) for row in order[:limit]]


def _print_found(rows: list[tuple[Picture, float, float | None]]) -> None:
    table = Table("words", "vector", "caption", "path", box=None)
    for picture, words, vector in rows:
        table.add_row(f"{words:.2f}", f"{vector:.2f}" if vector is not None else "", picture.caption, picture.path)
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200).print(table)


@library_app.command("stats")
def library_stats(context: typer.Context, as_json: AsJson = False) -> None:
    """What the library holds, and what could not be used."""
    adapters: Adapters = context.obj
    workshop = adapters.workshop(settings.load())
    try:
        catalogue = workshop.catalogue()
        stats = catalogue.stats()
        skipped = {folder: catalogue.skipped(folder) for folder in stats.folders}
    finally:
        workshop.close()
    if as_json:
        print_json({**msgspec.to_builtins(stats), "skipped_files": msgspec.to_builtins(skipped)})
        return
    for name, value in msgspec.to_builtins(stats).items():
        sys.stdout.write(f"{name}: {value}\n")
    for files in skipped.values():
        for each in files:
            sys.stdout.write(f"  not usable: {each.path}: {each.reason}\n")


@app.command("export")
def export_verb(
    source: Annotated[Path, typer.Argument(help="A saved project.")],
    out: Annotated[Path, typer.Option(help="Folder for the files, made if missing.")],
    formats: Annotated[list[str] | None, typer.Option("--format", help="markdown, html; both if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a saved article as Markdown with pictures, as one HTML file, or both."""
    known: dict[str, Format] = {"markdown": "markdown", "html": "html"}
    unknown = [name for name in formats or () if name not in known]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is not a format; choose markdown or html.")
    files = export(project.open_project(source), out, [known[name] for name in formats or known])
    if as_json:
        print_json({"files": [str(path) for path in files]})
    else:
        sys.stdout.write("".join(f"{path}\n" for path in files))


@app.command("engine")
def engine_verb() -> None:
    """The engine process: JSON lines on stdin and stdout, for the window and for other programs."""
    raise typer.BadParameter("engine takes no arguments.")
