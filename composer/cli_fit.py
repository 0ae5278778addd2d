"""Fitting weights to gold articles or to the desk's own choices, as a part of the verb `evaluate`."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar, get_args

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from composer import fusion, settings
from composer.cli_common import Adapters, Workshop, print_json, say
from composer.errors import ComposerError
from composer.evaluation import recording
from composer.evaluation.answers import Answers
from composer.evaluation.fitting import Fit, Share, fit
from composer.evaluation.gold import read_gold, selection
from composer.evaluation.nouns import Example, Interval
from composer.evaluation.runner import Progress, Wanted, filled
from composer.files import write_safely
from composer.fusion import Fusion
from composer.library.catalogue import Catalogue
from composer.ports import Cancel
from composer.progress import Meter
from composer.settings import Settings
from composer.stages.rank import Signal, Weights
from composer.tools import Tools
from composer.types import SignalName

LEAST = 30
"""Places that a desk must have decided on."""
T = TypeVar("T")
_NAMES: tuple[SignalName, ...] = get_args(SignalName)
_KINDS = {
    "fused": "all signals joined",
    "trimmed": "joined, without what made it no better",
    "start": "the program's own weights: nothing that was fitted chose better",
    "vector": "the encoder alone: everything else chose worse",
}


class _Step(Protocol):
    """As evaluate, fill and the rest yield it."""

    @property
    def title(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def notice(self) -> str: ...


def fit_weights(
    adapters: Adapters, gold: Path | None, report: Path | None, wanted: Wanted, *, dry_run: bool, as_json: bool
) -> None:
    """Fit weights for the models of the settings, tell how well they choose, and keep them unless it is a dry run."""
    if not dry_run:
        fusion.desk()  # a file that cannot be written to later is told before the work
    now = replace(settings.load(), index="")  # the pool's index is this machine's
    workshop = adapters.workshop(now)
    try:
        start = workshop.fusion()
        examples, source = _examples(workshop, gold, report, wanted, adapters.cancel)
        found = fit(examples, _NAMES, start.weights, wanted.seed, start.empty_below, adapters.cancel)
    finally:
        workshop.close()
    made = _fusion(found, now, source)
    if report is not None:
        write_safely(report.with_suffix(".json"), msgspec.json.format(msgspec.json.encode(found), indent=2))
    file = None if dry_run else fusion.keep(made)
    if as_json:
        print_json({"fit": msgspec.to_builtins(found), "fitted": made.fitted, "file": str(file) if file else None})
        return
    _show(found)
    sys.stdout.write(f"{file}\n" if file else "")
    say("Kept: the next article is made with it. `evaluate --unfit` removes it." if file else "Nothing was written.")


def unfit(*, as_json: bool) -> None:
    """Remove the desk's fit for the models of the settings."""
    now = settings.load()
    gone = fusion.forget(now.encoder, now.reranker)
    if as_json:
        print_json({"removed": gone})
    else:
        sys.stdout.write("The desk's fit is removed.\n" if gone else "There was no fit for these models.\n")


def shown(run: Generator[_Step, None, T]) -> T:
    """Go through it, telling how far it is; returns what it returns."""
    with closing(run), Meter() as meter:
        while True:
            try:
                step = next(run)
            except StopIteration as end:
                return end.value
            meter.count(step.title, step.done, step.total, step.notice)


# --- what to fit on ---


def _examples(
    workshop: Workshop, gold: Path | None, report: Path | None, wanted: Wanted, cancel: Cancel
) -> tuple[tuple[Example, ...], str]:
    """Examples, and in a few words where they are from."""
    if gold is None:
        return _own(workshop.tools()), "articles of this desk"
    with _place(report) as place:
        return shown(_of_gold(workshop, gold, place, wanted, cancel)), f"articles of {gold.absolute().name}"


def _own(tools: Tools) -> tuple[Example, ...]:
    """What was decided at this desk with these models."""
    decided = recording.as_gold(recording.folder())
    found = recording.as_examples(decided, tools.encoder.id, tools.reranker.id if tools.reranker else "")
    if len(found) < LEAST:
        others = f" ({len(decided)} with any models)" if len(decided) > len(found) else ""
        raise ComposerError(
            f"{len(found)} places were decided on with these models{others}; {LEAST} are needed.",
            "Edit and export more articles in the window, or name a folder of gold articles.",
        )
    left = sum(decision.by == "program" for decision in decided if decision.models.get("encoder") == tools.encoder.id)
    say(f"{len(found)} places, {left} of them left as they were proposed: those speak for the weights of that day.")
    return found


def _of_gold(
    workshop: Workshop, gold: Path, place: Path, wanted: Wanted, cancel: Cancel
) -> Generator[Progress, None, tuple[Example, ...]]:
    from composer.evaluation.examples import examples_of

    found = read_gold(gold)
    with library_in(place, words=wanted.words) as catalogue:
        tools = workshop.tools_on(catalogue)
        tools = dataclasses.replace(
            tools, writer=Answers(place / "answers.jsonl", tools.writer), weights=_counting(tools.weights)
        )
        pool = yield from filled(found, wanted, tools, cancel)
        taken = selection(found.articles, wanted.limit or len(found.articles), wanted.seed)
        return (yield from examples_of(replace(found, articles=taken), pool, cancel))


def library_in(place: Path, *, words: bool) -> Catalogue:
    """The library of a gold set's pictures, kept in that folder. Raises ComposerError when it cannot be made."""
    library = place / ("library" if words else "library-without-words")
    try:
        library.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ComposerError(f"{place} cannot be made: {reason}.", "Choose another place for the report.") from error
    return Catalogue(library / "catalogue.sqlite", library / "previews")


def _counting(weights: Weights) -> Weights:
    """So that a re-ranker that got no weight before is asked and measured again."""
    known = weights.signals.get("rerank", Signal(1.0))
    return replace(weights, signals={**weights.signals, "rerank": replace(known, weight=known.weight or 1.0)})


@contextmanager
def _place(report: Path | None) -> Generator[Path, None, None]:
    """Beside the report, where a run that was stopped goes on; else nowhere that lasts."""
    if report is not None:
        yield report.absolute().with_suffix(".parts")
        return
    with tempfile.TemporaryDirectory(prefix="pictorial-fit-") as folder:
        yield Path(folder)


# --- what was found ---


def _fusion(found: Fit, now: Settings, source: str) -> Fusion:
    return Fusion(
        encoder=now.encoder, reranker=now.reranker, signals=found.weights.signals, empty_below=found.empty_below,
        fitted=f"{found.places} places of {found.groups} {source}: {found.share.chosen:.2f} chosen rightly where held "
        f"out, {_signed(found.gain)} against the encoder alone; {_KINDS[found.kind]}",
    )  # fmt: skip


def _show(found: Fit) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("held out", "chosen rightly", "decided rightly", "weight", "middle", "width"):
        table.add_column(heading, justify="left" if heading == "held out" else "right")
    table.add_row(f"this fit: {found.kind}", *_shares(found.share))
    table.add_row("all signals joined", *_shares(found.fused))
    table.add_row("the program's own weights", *_shares(found.start))
    for name, share in found.single.items():
        table.add_row(f"{name} alone", *_shares(share), *_scale(found.weights.signals.get(name)))
    for name, share in found.without.items():
        table.add_row(f"all but {name}", *_shares(share))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for sentence in _sentences(found):
        sys.stdout.write(f"{sentence}\n")


def _sentences(found: Fit) -> Generator[str, None, None]:
    yield f"{found.places} places of {found.groups} articles, at {found.empty} of which nothing fits."
    if found.left_out:
        yield f"{found.left_out} more are left out: their right picture was not found, or nothing was measured of it."
    yield f"Taken: {_KINDS[found.kind]}."
    yield f"Chosen rightly, against the encoder alone: {_signed(found.gain)}."
    yield f"Chosen rightly, against the program's own weights: {_signed(found.over_start)}."
    if found.kind in {"fused", "trimmed"} and (found.gain.low is None or found.gain.low <= 0):
        yield "It is not sure that this helps: the interval of the gain holds 0; more articles would tell."
    if "rerank" in found.dropped:
        yield "The re-ranker adds nothing with these models: it is not asked."
    elif found.kind != "start" and "rerank" not in found.weights.signals:
        yield "The re-ranker was not measured at these places: it is not asked."
    if found.empty:
        yield f"A place stays empty below {found.empty_below:g}, by the share decided rightly."
    else:
        yield f"A place stays empty below {found.empty_below:g}, as many as before: something fits at all of these."


def _shares(share: Share) -> tuple[str, str]:
    return f"{share.chosen:.3f}", f"{share.decided:.3f}"


def _scale(signal: Signal | None) -> tuple[str, ...]:
    return () if signal is None else (f"{signal.weight:.3f}", f"{signal.middle:.4g}", f"{signal.width:.4g}")


def _signed(figure: Interval) -> str:
    if figure.value is None:
        return "not known"
    inside = "" if figure.low is None or figure.high is None else f" ({figure.low:+.3f} to {figure.high:+.3f})"
    return f"{figure.value:+.3f}{inside}"
