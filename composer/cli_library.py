"""The verbs for the picture library: taking folders in, finding pictures, what there is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from composer import settings
from composer.cli_common import Adapters, AsJson, print_json, say
from composer.errors import LibraryError
from composer.library.embed import embed, embed_captions
from composer.library.scan import scan
from composer.library.search import by_words
from composer.preparation import prepare_all
from composer.progress import Meter
from composer.types import Picture

library_app = typer.Typer(help="The picture library.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="A folder of pictures.")]


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
