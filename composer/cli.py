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

from composer import project, prose, settings
from composer.cli_common import CANCELLED, FAILED, USAGE, Adapters, AsJson, Workshop, opened, print_json, say
from composer.cli_evaluate import evaluate_verb
from composer.cli_explanation import why_verb
from composer.cli_library import library_app
from composer.cli_models import doctor_verb, models_app
from composer.cli_pictures import PICTURE_VERBS
from composer.draft import fold
from composer.errors import Cancelled, ComposerError, ProjectError
from composer.files import write_safely
from composer.pipeline import compose
from composer.ports import Cancel, ModelShelf
from composer.progress import Meter
from composer.publish.export import export
from composer.settings import Settings
from composer.types import Brief, Candidate, Composed, Composition
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
for _name, _verb in PICTURE_VERBS.items():
    library_app.command(_name)(_verb)
app.add_typer(library_app, name="library")
app.add_typer(models_app, name="models")
app.command("doctor")(doctor_verb)
app.command("evaluate")(evaluate_verb)
app.command("why")(why_verb)


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
    pictures: Annotated[int | None, typer.Option(help="How many pictures; the text decides if not given.")] = None,
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

    Where no picture fits, a shot list beside the article says what a photographer should take.

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
    beside = [file for file in files if file.parent == out]  # the pictures lie in a folder of their own
    paths = [str(path) for path in (*beside, out / PROJECT)]
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
                    _remember(workshop, target, event.composition)
                    return event.composition
    finally:
        workshop.close()
        if draft.outline is not None:
            project.save(draft, target)
    raise ComposerError("The article was not finished.", "Give the same command again to go on.")


def _remember(workshop: Workshop, target: Path, composition: Composition) -> None:
    """Which pictures the article uses: the library can then tell, and find those that none uses."""
    ids = [pick.picture.id for pick in composition.picks.values() if pick.picture is not None]
    title = composition.article.title if composition.article else composition.brief.topic
    workshop.catalogue().marks.use(str(target.absolute()), title, ids)


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
        "path": candidate.picture.path, "signals": candidate.signals,
        "final": candidate.final,
    }  # fmt: skip


@app.command("export")
def export_verb(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A saved project.")],
    out: Annotated[Path, typer.Option(help="Folder for the files, made if missing.")],
    formats: Annotated[list[str] | None, typer.Option("--format", help="markdown, html; both if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a saved article as Markdown with pictures, as one HTML file, or both.

    Where places have no picture, a shot list beside it says what a photographer should take.
    """
    known: dict[str, Format] = {"markdown": "markdown", "html": "html"}
    unknown = [name for name in formats or () if name not in known]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is not a format; choose markdown or html.")
    composition = project.open_project(source)
    files = export(composition, out, [known[name] for name in formats or known])
    with opened(context) as workshop:
        _remember(workshop, source, composition)
    if as_json:
        print_json({"files": [str(path) for path in files]})
    else:
        sys.stdout.write("".join(f"{path}\n" for path in files))


@app.command("engine")
def engine_verb() -> None:
    """The engine process: JSON lines on stdin and stdout, for the window and for other programs."""
    raise typer.BadParameter("engine takes no arguments.")
