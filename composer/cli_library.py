"""The verbs for the picture library: taking folders in, and what there is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace

from composer import settings
from composer.cli_common import Adapters, AsJson, Workshop, adapters_of, opened, print_json, say
from composer.collection import LibraryFolder
from composer.errors import LibraryError
from composer.holdings import Census, drop
from composer.indexing import Step, index, scanned
from composer.librarian import put_folder
from composer.library.filling.embed import embed
from composer.library.filling.pace import Pace
from composer.library.filling.workers import embed_with
from composer.preparation import prepare_all
from composer.progress import Meter
from composer.settings import Settings
from composer.wire import AnyReport, Indexing, Scanned

library_app = typer.Typer(help="The picture library.", no_args_is_help=True)
folders_app = typer.Typer(invoke_without_command=True)
library_app.add_typer(folders_app, name="folders")

Folder = Annotated[Path, typer.Argument(help="A folder of pictures.")]
STEPS: dict[Step, str] = {
    "scan": "Reading pictures",
    "look": "Looking at pictures",
    "captions": "Reading captions",
    "screens": "Judging pictures",
    "content": "Looking for faces",
    "text": "Reading text in pictures",
    "index": "Filling the index",
}


@library_app.callback()
def library_place(
    context: typer.Context,
    place: Annotated[
        str | None,
        typer.Option("--index", help="Search on milvus://HOST:PORT/NAME or milvus:FILE.db instead of the setting's."),
    ] = None,
) -> None:
    """The picture library."""
    if place is not None:
        adapters, given = adapters_of(context), place

        def workshop(chosen: Settings) -> Workshop:
            return adapters.workshop(replace(chosen, index=given))

        context.obj = replace(adapters, workshop=workshop)


@library_app.command("add")
def library_add(context: typer.Context, folder: Folder, as_json: AsJson = False) -> None:
    """Take a folder into the library: read its pictures and give each a vector."""
    _library(context, folder, vectors=True, as_json=as_json)


@library_app.command("scan")
def library_scan(context: typer.Context, folder: Folder, as_json: AsJson = False) -> None:
    """Bring the catalogue up to date with a folder, without the encoder."""
    _library(context, folder, vectors=False, as_json=as_json)


@library_app.command("embed")
def library_embed(
    context: typer.Context,
    folder: Annotated[list[Path] | None, typer.Argument(help="Folders; all of the library if none is given.")] = None,
    on: Annotated[str | None, typer.Option(help="ray, or ray://HOST:PORT for several machines.")] = None,
) -> None:
    """Give vectors to pictures that have none, here or on other machines. It may be stopped and goes on later."""
    places, cancel = [str(each.absolute()) for each in folder or ()], adapters_of(context).cancel
    with opened(context) as workshop, Meter() as meter:
        catalogue, encoder = workshop.catalogue(), workshop.tools().encoder
        before = catalogue.embeddings.counts().get(encoder.id, 0)
        if on is None:
            steps = embed(catalogue, places, encoder, cancel)
        else:
            steps = embed_with(catalogue, places, encoder.id, workshop.workers(on), cancel)
        for step in steps:
            meter.count(STEPS["look"], step.done, step.total, step.notice)
        made = catalogue.embeddings.counts().get(encoder.id, 0) - before
        left = len(catalogue.embeddings.missing(encoder.id, places))
    sys.stdout.write(f"{made} pictures have a vector now; {left} have none.\n")


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
    place, cancel = str(folder.absolute()), adapters_of(context).cancel
    with opened(context) as workshop:
        catalogue = workshop.catalogue()
        if vectors:
            (last,) = _indexed(index(workshop, [place], cancel, Pace()))
        else:
            (last,) = _indexed(scanned(catalogue, place, cancel, Pace()))
        skipped = catalogue.skipped(place)
    if as_json:
        print_json({
            "folder": place, "pictures": last.pictures, "added": last.added, "removed": last.removed,
            "skipped": msgspec.to_builtins(skipped),
        })  # fmt: skip
        return
    _tell(last, len(skipped))
    for each in skipped:
        sys.stdout.write(f"  {each.path}: {each.reason}\n")


def _indexed(work: Iterator[AnyReport]) -> list[Scanned]:
    """Work to the end with its progress shown; what came of each folder."""
    done: list[Scanned] = []
    with Meter() as meter:
        for report in work:
            if isinstance(report, Indexing):
                meter.count(STEPS[report.step], report.done, report.total, report.notice)
            elif isinstance(report, Scanned):
                done.append(report)
    return done


def _tell(done: Scanned, skipped: int) -> None:
    figures = f"{done.added} added, {done.removed} removed, {skipped} not usable"
    sys.stdout.write(f"{done.pictures} pictures in {done.folder} ({figures})\n")


@library_app.command("index")
def library_index(
    context: typer.Context,
    folder: Annotated[list[Path] | None, typer.Argument(help="Folders; all of the library if none is given.")] = None,
    share: Annotated[float, typer.Option(min=0.05, max=1.0, help="Part of the time that it may work.")] = 1.0,
) -> None:
    """Bring the library up to date: scan its folders, look at what is new, fill the indexes. It may be stopped."""
    pace = Pace()
    pace.share = share
    places = [str(each.absolute()) for each in folder or ()]
    with opened(context) as workshop:
        work = index(workshop, places, adapters_of(context).cancel, pace)
        for each in _indexed(work):
            _tell(each, each.unusable)


# --- folders ----------------------------------------------------------------------------------------------------------


@folders_app.callback()
def library_folders(context: typer.Context, as_json: AsJson = False) -> None:
    """The folders of the library; `add` and `drop` change them."""
    if context.invoked_subcommand is not None:
        return
    with opened(context) as workshop:
        state = Census().state(workshop.catalogue(), Pace())
    if as_json:
        print_json(msgspec.to_builtins(state.folders))
        return
    for each in state.folders:
        facts = [f"{each.pictures} pictures", f"{each.skipped} not usable"]
        facts += ["watched"] if each.watched else []
        facts += [] if each.there else ["cannot be reached now"]
        sys.stdout.write(f"{each.path}  {', '.join(facts)}\n")
        for title, patterns in (("only", each.include), ("not", each.exclude)):
            sys.stdout.write("".join(f"      {title}: {line}\n" for line in patterns.splitlines()))


@folders_app.command("add")
def library_folders_add(
    context: typer.Context,
    folder: Folder,
    include: Annotated[list[str] | None, typer.Option(help="Only files of this pattern, as in gitignore.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not files or folders of this pattern.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Take in changes while the window is open.")] = False,
) -> None:
    """Add a folder, or change its rules: those given replace what it had. `library index` takes its pictures in."""
    rules = LibraryFolder(
        path=str(folder.absolute()), include="\n".join(include or ()), exclude="\n".join(exclude or ()), watched=watch
    )
    with opened(context) as workshop:
        put_folder(workshop.catalogue(), rules)
    say(f"{rules.path} is a folder of the library; `library index` takes its pictures in.")


@folders_app.command("drop")
def library_folders_drop(context: typer.Context, folder: Folder) -> None:
    """Take a folder out of the library. Its files and your marks stay."""
    place = str(folder.absolute())
    with opened(context) as workshop:
        catalogue = workshop.catalogue()
        if place not in {each.path for each in catalogue.folders.all()}:
            raise LibraryError(f"{place} is not a folder of the library.", "See `library folders`.")
        drop(catalogue, place, adapters_of(context).cancel)
    say(f"{place} is not in the library any more; its files are where they were.")


@library_app.command("stats")
def library_stats(context: typer.Context, as_json: AsJson = False) -> None:
    """What the library holds, and what could not be used."""
    adapters: Adapters = context.obj
    workshop = adapters.workshop(settings.load())
    try:
        catalogue = workshop.catalogue()
        stats = catalogue.stats()
        skipped = {folder: catalogue.skipped(folder) for folder in stats.folders}
        problems = workshop.problems()
    finally:
        workshop.close()
    if as_json:
        told = {"skipped_files": msgspec.to_builtins(skipped), "problems": problems}
        print_json({**msgspec.to_builtins(stats), **told})
        return
    for problem in problems:
        say(problem)
    for name, value in msgspec.to_builtins(stats).items():
        sys.stdout.write(f"{name}: {value}\n")
    for files in skipped.values():
        for each in files:
            sys.stdout.write(f"  not usable: {each.path}: {each.reason}\n")
