"""The engine process's only language: one JSON object a line, commands in, reports out.

A command line is `{"job": 3, "command": {"command": "compose", ...}}`. Reports carry the job they belong to. Every job
ends with exactly one of Done, Failed or Stopped.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from composer.errors import ModelFailed
from composer.types import AnyEvent, Brief, Candidate, Composition

Format = Literal["markdown", "html"]


class Command(Struct, frozen=True, tag_field="command"):
    """Base of everything the engine can be told."""


class Compose(Command, frozen=True, tag="compose"):
    """Compose from a brief, or go on with a composition: stages whose inputs did not change are kept."""

    brief: Brief
    composition: Composition | None = None


class CancelJob(Command, frozen=True, tag="cancel"):
    """Stop that job; it answers Stopped. A job that has ended already is left alone."""

    target: int


class ScanFolder(Command, frozen=True, tag="scan"):
    """Bring the catalogue up to date with a folder; answers Scanned."""

    folder: str


class SearchLibrary(Command, frozen=True, tag="search"):
    """Pictures for words; answers Found."""

    text: str
    libraries: tuple[str, ...] = ()
    limit: int = 24


class ExportArticle(Command, frozen=True, tag="export"):
    """Write the article with its pictures into a folder; answers Exported."""

    composition: Composition
    folder: str
    formats: tuple[Format, ...] = ("markdown", "html")


class Shutdown(Command, frozen=True, tag="shutdown"):
    """Cancel what runs, then end the process."""


AnyCommand = Compose | CancelJob | ScanFolder | SearchLibrary | ExportArticle | Shutdown


class Skipped(Struct, frozen=True):
    """A file that is not in the library, and why."""

    path: str
    reason: str


class Report(Struct, frozen=True, tag_field="report"):
    """Base of everything the engine answers."""


class Ready(Report, frozen=True, tag="ready"):
    """First line of every engine process."""

    version: str


class Happened(Report, frozen=True, tag="happened"):
    event: AnyEvent


class Scanned(Report, frozen=True, tag="scanned"):
    folder: str
    pictures: int
    added: int
    removed: int
    skipped: tuple[Skipped, ...] = ()


class Found(Report, frozen=True, tag="found"):
    candidates: tuple[Candidate, ...] = ()


class Exported(Report, frozen=True, tag="exported"):
    """Absolute paths of the files written, the main file of each format first."""

    files: tuple[str, ...]


class Done(Report, frozen=True, tag="done"):
    """The job ended well."""


class Stopped(Report, frozen=True, tag="stopped"):
    """The job was cancelled by the writer."""


class Failed(Report, frozen=True, tag="failed"):
    """The job could not go on: what, and what to do next. `details` is for a bug report, not for the writer."""

    message: str
    hint: str = ""
    details: str = ""


AnyReport = Ready | Happened | Scanned | Found | Exported | Done | Stopped | Failed


class CommandLine(Struct, frozen=True):
    job: int
    command: AnyCommand


class ReportLine(Struct, frozen=True):
    """`job` is 0 for what belongs to no job."""

    job: int
    report: AnyReport


_encoder = msgspec.json.Encoder()
_commands = msgspec.json.Decoder(CommandLine)
_reports = msgspec.json.Decoder(ReportLine)


def encode(line: CommandLine | ReportLine) -> bytes:
    """One JSON object and a newline, UTF-8."""
    return _encoder.encode(line) + b"\n"


def decode_command(line: bytes) -> CommandLine:
    """Raises ModelFailed when the line is not a command."""
    try:
        return _commands.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelFailed(f"The engine was sent a line it cannot read ({error}).") from error


def decode_report(line: bytes) -> ReportLine:
    """Raises ModelFailed when the line is not a report."""
    try:
        return _reports.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelFailed(f"The engine said something that cannot be read ({error}).") from error
