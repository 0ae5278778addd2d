"""What the engine does with the models on this machine: each command of that kind, told in reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import get_args

from composer import settings
from composer.ports import Cancel, ModelShelf
from composer.shelf import Purpose
from composer.wire import (
    AllowServer,
    AnyReport,
    Checked,
    CheckMachine,
    ListModels,
    ModelsListed,
    Pulling,
    PullModel,
    Removed,
    RemoveModel,
    UseModel,
    Verified,
    VerifyModel,
)

ShelfCommand = ListModels | PullModel | VerifyModel | RemoveModel | UseModel | AllowServer | CheckMachine
BYTES = (PullModel, VerifyModel, RemoveModel)
"""What moves or reads gigabytes; the rest is answered beside it."""
RENEWING = (RemoveModel, UseModel, AllowServer)
"""After these, models that were made before do not stand for the settings or the disk any more. Fetching changes
nothing of a model that could be made."""
BETWEEN = 0.1
"""Seconds between two words about how far a pull is."""


def carry_out(command: ShelfCommand, make: Callable[[], ModelShelf], cancel: Cancel) -> Iterator[AnyReport]:
    """Do it, telling how it goes. Raises ModelNotReady or SettingsError with a sentence, Cancelled on request."""
    shelf = make()
    match command:
        case CheckMachine():
            yield Checked(tuple(shelf.checks()))
            return
        case PullModel():
            yield from _pull(shelf, command.name, cancel)
        case VerifyModel():
            yield Verified(command.name, shelf.verify(command.name))
        case RemoveModel():
            yield Removed(command.name, shelf.remove(command.name))
        case UseModel():
            shelf.use(command.name, command.purpose)
        case AllowServer():
            shelf.allow(command.host)
        case ListModels():
            pass
    yield listed(make())


def listed(shelf: ModelShelf) -> ModelsListed:
    """All that there is, as it is now."""
    now = settings.load()
    chosen: dict[Purpose, str] = {purpose: getattr(now, purpose) for purpose in get_args(Purpose)}
    return ModelsListed(tuple(shelf.rows()), tuple(shelf.sets()), shelf.disk(), chosen, shelf.gain())


def _pull(shelf: ModelShelf, name: str, cancel: Cancel) -> Iterator[Pulling]:
    """How far it is, not more often than anyone can read, and the last word in any case."""
    told, last = 0.0, None
    for file, done, total in shelf.pull(name, cancel):
        cancel.check()
        last = Pulling(name, file, done, total)
        if time.monotonic() - told >= BETWEEN:
            told = time.monotonic()
            yield last
            last = None
    if last is not None:
        yield last
