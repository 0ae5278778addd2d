"""The engine process's only language: one JSON object a line, commands in, reports out.

A command line is `{"job": 3, "command": {"command": "compose", ...}}`. Reports carry the job they belong to. Every job
ends with exactly one of Done, Failed or Stopped.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from composer.acts import Act
from composer.collection import Details, Edit, Hit, LibraryFolder, LibraryState, Query
from composer.errors import ModelFailed
from composer.grounds import Explanation
from composer.shelf import Check, DiskUse, Gain, ModelRow, ModelSet, Purpose
from composer.types import AnyEvent, Brief, Composition

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


class ExportArticle(Command, frozen=True, tag="export"):
    """Write the article with its pictures into a folder; answers Exported."""

    composition: Composition
    folder: str
    formats: tuple[Format, ...] = ("markdown", "html")


class FindPictures(Command, frozen=True, tag="find-pictures"):
    """Look for pictures; answers Matched. The answer is kept until the next search of the same name."""

    query: Query
    search: str = "library"
    count: int = 60
    """How many hits come at once."""


class ShowHits(Command, frozen=True, tag="show-hits"):
    """More of what was found, from `start`; answers HitsShown."""

    search: str
    start: int
    count: int


class DescribePicture(Command, frozen=True, tag="describe-picture"):
    """All that is known of one picture; answers Described."""

    id: str


class MarkPictures(Command, frozen=True, tag="mark-pictures"):
    """Rate, hide or tag; None leaves a mark as it is. Answers LibraryChanged."""

    ids: tuple[str, ...]
    rating: int | None = None
    hidden: bool | None = None
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


class EditPicture(Command, frozen=True, tag="edit-picture"):
    """Change what is said of a picture, in a sidecar beside it; answers Described."""

    id: str
    edit: Edit


class UsePictures(Command, frozen=True, tag="use-pictures"):
    """Remember which pictures an article uses now."""

    article: str
    """Path of its project, or its title where it has none."""
    title: str
    ids: tuple[str, ...]


class ExplainPick(Command, frozen=True, tag="explain-pick"):
    """Why a slot has its picture, or none; answers Explained."""

    composition: Composition
    slot: str


class RecordActs(Command, frozen=True, tag="record-acts"):
    """What the writer did with pictures; kept on this machine if the settings let it."""

    acts: tuple[Act, ...]


class ShowLibrary(Command, frozen=True, tag="show-library"):
    """The state of the library; answers LibraryShown."""


class PutFolder(Command, frozen=True, tag="put-folder"):
    """Add a folder to the library, or change its rules; answers LibraryShown. Nothing is scanned by this."""

    folder: LibraryFolder


class DropFolder(Command, frozen=True, tag="drop-folder"):
    """Take a folder out of the library; its files stay where they are. Answers LibraryShown."""

    path: str


class IndexLibrary(Command, frozen=True, tag="index-library"):
    """Scan folders (all if none is named) and look at what is new, in the background: gives way to articles.

    A folder that the library does not have is added to it; one that it has keeps its rules.
    Answers Indexing again and again, Scanned for each folder, then LibraryShown.
    """

    folders: tuple[str, ...] = ()


class ShowSkipped(Command, frozen=True, tag="show-skipped"):
    """Files below a folder that are not in the library, and why, by path; answers SkippedShown."""

    folder: str
    after: str = ""
    """Path of the last file that is known; empty: from the beginning."""
    count: int = 1000


class SetPace(Command, frozen=True, tag="set-pace"):
    """Pause or go on with work in the background, or hold it back; answers LibraryShown."""

    paused: bool = False
    share: float = 1.0


class SetLibrary(Command, frozen=True, tag="set-library"):
    """Where pictures are searched by vector, and whether writing in them is read, as in the settings; None leaves one
    as it is. Answers LibraryShown, or Failed with nothing changed."""

    index: str | None = None
    read_texts: bool | None = None
    screen_content: bool | None = None


class ListModels(Command, frozen=True, tag="list-models"):
    """What there is to write, find and judge with; answers ModelsListed."""


class PullModel(Command, frozen=True, tag="pull-model"):
    """Fetch a model, or go on fetching, or mend a damaged one; answers Pulling again and again, then ModelsListed."""

    name: str


class VerifyModel(Command, frozen=True, tag="verify-model"):
    """Read every file of a model and hash it; answers Verified, then ModelsListed."""

    name: str


class RemoveModel(Command, frozen=True, tag="remove-model"):
    """Delete what was fetched of a model; answers Removed, then ModelsListed."""

    name: str


class UseModel(Command, frozen=True, tag="use-model"):
    """Put a model into the settings; answers ModelsListed. The job under way keeps its models, the next takes this one.

    `name` is a row's, or a setting: "gguf:/path", "server:http://127.0.0.1:8080/v1#model".
    """

    name: str
    purpose: Purpose | None = None


class AllowServer(Command, frozen=True, tag="allow-server"):
    """The writer's yes to a model server elsewhere, as "host:port"; answers ModelsListed."""

    host: str


class CheckMachine(Command, frozen=True, tag="check-machine"):
    """Whether all that is needed is here; answers Checked."""


class RenewModels(Command, frozen=True, tag="renew-models"):
    """The settings were changed: the next job's models are made from them."""


class Shutdown(Command, frozen=True, tag="shutdown"):
    """Cancel what runs, then end the process."""


AnyCommand = (
    Compose
    | CancelJob
    | ExportArticle
    | FindPictures
    | ShowHits
    | DescribePicture
    | MarkPictures
    | EditPicture
    | UsePictures
    | ExplainPick
    | RecordActs
    | ShowLibrary
    | PutFolder
    | DropFolder
    | IndexLibrary
    | ShowSkipped
    | SetPace
    | SetLibrary
    | ListModels
    | PullModel
    | VerifyModel
    | RemoveModel
    | UseModel
    | AllowServer
    | CheckMachine
    | RenewModels
    | Shutdown
)


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
    """The first of the files that cannot be used; ShowSkipped has all of them."""
    unusable: int = 0
    """How many there are."""


class Matched(Report, frozen=True, tag="matched"):
    """What was found: how many in all, and the first of them."""

    search: str
    total: int
    hits: tuple[Hit, ...] = ()
    notice: str = ""
    """Something the writer should know, such as that only words were searched."""


class HitsShown(Report, frozen=True, tag="hits-shown"):
    search: str
    start: int
    hits: tuple[Hit, ...] = ()


class Described(Report, frozen=True, tag="described"):
    details: Details


class LibraryChanged(Report, frozen=True, tag="library-changed"):
    """Pictures of these ids are not as they were; without ids: any may have changed."""

    ids: tuple[str, ...] = ()


class LibraryShown(Report, frozen=True, tag="library-shown"):
    state: LibraryState


class SkippedShown(Report, frozen=True, tag="skipped-shown"):
    folder: str
    files: tuple[Skipped, ...] = ()
    more: bool = False
    """Whether others may follow the last of them."""


class Indexing(Report, frozen=True, tag="indexing"):
    """How far work in the background is."""

    step: Literal["scan", "look", "captions", "screens", "content", "text", "index"]
    done: int
    total: int
    folder: str = ""
    notice: str = ""
    seconds_left: float | None = None


class Exported(Report, frozen=True, tag="exported"):
    """Absolute paths of the files written, the main file of each format first."""

    files: tuple[str, ...]


class Explained(Report, frozen=True, tag="explained"):
    explanation: Explanation


class ModelsListed(Report, frozen=True, tag="models-listed"):
    """Everything the page of models shows."""

    rows: tuple[ModelRow, ...]
    sets: tuple[ModelSet, ...]
    disk: DiskUse
    chosen: dict[Purpose, str]
    """What the settings hold, also where no row is that model."""
    gain: Gain = ""
    """What is known of the re-ranker in use, which may be in no row."""


class Pulling(Report, frozen=True, tag="pulling"):
    """Bytes done of bytes in all, and the file that is coming."""

    name: str
    file: str
    done: int
    total: int


class Verified(Report, frozen=True, tag="verified"):
    """State of each file of the model: ready, missing or damaged."""

    name: str
    files: dict[str, str]


class Removed(Report, frozen=True, tag="removed"):
    """How many bytes are free again."""

    name: str
    bytes: int


class Checked(Report, frozen=True, tag="checked"):
    checks: tuple[Check, ...]


class Done(Report, frozen=True, tag="done"):
    """The job ended well."""


class Stopped(Report, frozen=True, tag="stopped"):
    """The job was cancelled by the writer."""


class Failed(Report, frozen=True, tag="failed"):
    """The job could not go on: what, and what to do next. `details` is for a bug report, not for the writer."""

    message: str
    hint: str = ""
    details: str = ""
    kind: str = ""
    """The kind of error, as composer/errors.py names it: a window may know more to do about some."""


AnyReport = (
    Ready
    | Happened
    | Scanned
    | Matched
    | HitsShown
    | Described
    | LibraryChanged
    | LibraryShown
    | SkippedShown
    | Indexing
    | Exported
    | Explained
    | ModelsListed
    | Pulling
    | Verified
    | Removed
    | Checked
    | Done
    | Stopped
    | Failed
)


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
