"""What the terminal's verbs share: what they work with, exit codes, where words go."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Protocol

import msgspec
import typer
from msgspec import Struct

from composer import settings
from composer.fusion import Fusion
from composer.library.catalogue import Catalogue
from composer.library.filling.workers import Workers
from composer.pipeline import Tools
from composer.ports import Cancel, ContentScreen, ModelShelf, TextReader
from composer.settings import Settings

FAILED, USAGE, INCOMPLETE, CANCELLED = 1, 2, 3, 130

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


class Workshop(Protocol):
    """The models of the settings, as main.py gives them."""

    def catalogue(self) -> Catalogue: ...
    def tools(self) -> Tools: ...
    def tools_on(self, catalogue: Catalogue) -> Tools:
        """The same tools on another catalogue; their indexes lie beside it."""
        ...

    def workers(self, where: str) -> Workers: ...
    def fusion(self) -> Fusion:
        """How the program itself joins signals with these models, whatever the desk has fitted."""
        ...

    def reader(self) -> TextReader | None: ...
    def content_screen(self) -> ContentScreen | None: ...
    def problems(self) -> list[str]: ...
    def close(self) -> None: ...


class Adapters(Struct, frozen=True):
    """What the verbs work with."""

    workshop: Callable[[Settings], Workshop]
    shelf: Callable[[Settings], ModelShelf]
    version: str
    cancel: Cancel


def adapters_of(context: typer.Context) -> Adapters:
    return context.obj


@contextmanager
def opened(context: typer.Context) -> Generator[Workshop, None, None]:
    """What the settings name; closed at the end."""
    workshop = adapters_of(context).workshop(settings.load())
    try:
        yield workshop
    finally:
        workshop.close()


def shelf_of(context: typer.Context) -> ModelShelf:
    adapters: Adapters = context.obj
    return adapters.shelf(settings.load())


def print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode("utf-8") + "\n")


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
