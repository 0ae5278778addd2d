"""The engine process: reads Commands line by line, does them, writes Reports.

Five lanes: what needs models goes one after the other; finding pictures and exporting does not wait for it, work on the
library goes on in the background, fetching models waits for none of them, and questions are answered meanwhile.
"""

from __future__ import annotations

import locale
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

from composer import settings, shelving
from composer.acts import standing
from composer.errors import Cancelled, ComposerError, SettingsError
from composer.evaluation import recording
from composer.explanation import explain
from composer.gate import Gate, Within
from composer.lane import Lane
from composer.librarian import Librarian, LibraryCommand
from composer.library.catalogue import Catalogue
from composer.library.filling.pace import Pace
from composer.library.filling.watch import Change
from composer.pipeline import Tools, compose
from composer.ports import Cancel, ContentScreen, ModelShelf, TextReader
from composer.preparation import Preparation
from composer.publish.export import export
from composer.settings import Settings
from composer.source import Source
from composer.types import Composed, Language
from composer.wire import (
    AnyCommand,
    AnyReport,
    CancelJob,
    CommandLine,
    Compose,
    Done,
    Explained,
    ExplainPick,
    ExportArticle,
    Exported,
    Failed,
    Happened,
    Indexing,
    IndexLibrary,
    LibraryChanged,
    Ready,
    RecordActs,
    RenewModels,
    ReportLine,
    Scanned,
    SetLibrary,
    SetPace,
    ShowLibrary,
    Shutdown,
    Stopped,
    decode_command,
    encode,
)

IDLE = 20.0
"""Seconds without a job for the models before the re-ranker may look ahead: a writer who goes on at once has none of
it, one who reads has all of it."""


class Service:
    """One engine. `models` is asked for tools when the first job needs them, `shelf` for every command about models."""

    def __init__(
        self,
        models: Source,
        shelf: Callable[[], ModelShelf],
        commands: BinaryIO,
        reports: BinaryIO,
        version: str,
        idle: float = IDLE,
    ) -> None:
        self._models, self._shelf = models, shelf
        self._commands = commands
        self._reports = reports
        self._version = version
        self._idle = idle
        self._writing = threading.Lock()
        self._building = threading.Lock()
        self._gate = Gate()
        """Whoever works with the catalogue outside the lane of the models, which may close it, is inside."""
        self._starting = threading.Lock()
        self._waiting: dict[int, Cancel] = {}
        self._running: dict[int, Cancel] = {}
        self._ahead: Preparation | None = None
        self._composing = threading.Event()
        shelves = _Shelves(self._catalogue, self._tools, self._reader, self._content_screen, self._problems)
        self._librarian = Librarian(
            shelves, Pace(self._composing.is_set, _share()), self._gate, _language, self._changed
        )
        self._ending = Cancel()
        self._due: set[str] = set()
        """Watched folders that changed and wait to be indexed."""
        self._lanes: dict[str, Lane] = {}

    def run(self) -> None:
        """Serve until Shutdown or the end of the input; what runs then is cancelled."""
        self._say(0, Ready(self._version))
        self._lanes = {name: Lane(name) for name in ("library", "indexing", "shelf", "desk")}
        self._lanes["models"] = Lane("models", self._look_ahead, self._idle)
        try:
            for line in self._commands:
                if not line.strip():
                    continue
                try:
                    job = decode_command(line)
                except ComposerError as error:
                    self._say(0, Failed(error.message, error.hint, kind=type(error).__name__))
                    continue
                if isinstance(job.command, Shutdown):
                    break
                self._dispatch(job)
        finally:
            with self._starting:
                cancels = [*self._waiting.values(), *self._running.values()]
            for cancel in (*cancels, self._ending):
                cancel.cancel()
            for lane in self._lanes.values():
                lane.close()
            self._librarian.close()
            self._models.close()

    def _dispatch(self, job: CommandLine) -> None:
        if isinstance(job.command, CancelJob):
            self._cancel(job.command.target)
            return
        cancel = Cancel()
        with self._starting:
            self._waiting[job.job] = cancel
        self._lanes[_lane(job.command)].put(lambda: self._do(job.job, job.command, cancel))

    def _cancel(self, job: int) -> None:
        """A job that waits has stopped with this; one that runs says so itself."""
        with self._starting:
            waited = self._waiting.pop(job, None)
            running = self._running.get(job)
        if waited is not None:
            self._say(job, Stopped())
        elif running is not None:
            running.cancel()

    def _begin(self, job: int, cancel: Cancel) -> bool:
        """Whether the job is still wanted."""
        with self._starting:
            if self._waiting.pop(job, None) is None:
                return False
            self._running[job] = cancel
            return True

    def _do(self, job: int, command: AnyCommand, cancel: Cancel) -> None:
        """One job, ending with exactly one of Done, Stopped and Failed."""
        if not self._begin(job, cancel):
            return
        end: AnyReport = Done()
        try:
            cancel.check()
            self._carry_out(job, command, cancel)
        except Cancelled:
            end = Stopped()
        except ComposerError as error:
            end = Failed(error.message, error.hint, traceback.format_exc(), type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the last resort: the process lives on
            end = Failed(
                f"Something went wrong in the engine ({type(error).__name__}).",
                "Your text is safe. Try again; if it happens again, report it with the details.",
                traceback.format_exc(),
            )
        finally:
            with self._starting:
                self._running.pop(job, None)
        self._say(job, end)

    def _carry_out(self, job: int, command: AnyCommand, cancel: Cancel) -> None:
        if isinstance(command, LibraryCommand):
            self._say_all(job, self._tended(command, cancel))
            return
        match command:
            case Compose():
                self._compose(job, command, cancel)
            case ExportArticle():
                files = export(command.composition, Path(command.folder), command.formats)
                with suppress(ComposerError):  # the article is written: that it was taken as it is may be lost
                    recording.record(standing(command.composition))
                self._say(job, Exported(tuple(str(file) for file in files)))
            case ExplainPick():
                self._say(job, Explained(explain(command.composition, command.slot)))
            case RecordActs():
                recording.record(command.acts)
            case RenewModels():
                self._renew()
            case SetLibrary():
                self._shelf().set_library(command.index, command.read_texts, command.screen_content)
                self._lanes["models"].put(self._renew)
                self._say_all(job, self._tended(ShowLibrary(), cancel))
            case CancelJob() | Shutdown():
                pass  # never on a lane
            case _:
                self._say_all(job, shelving.carry_out(command, self._shelf, cancel))
                if isinstance(command, shelving.RENEWING):
                    self._lanes["models"].put(self._renew)

    def _compose(self, job: int, command: Compose, cancel: Cancel) -> None:
        tools = self._tools()
        self._composing.set()
        try:
            self._composed(job, command, tools, cancel)
        finally:
            self._composing.clear()

    def _composed(self, job: int, command: Compose, tools: Tools, cancel: Cancel) -> None:
        with closing(compose(command.brief, command.composition, tools, cancel)) as events:
            for event in events:
                cancel.check()  # nothing is told after the writer gave up
                self._say(job, Happened(event))
                if isinstance(event, Composed) and tools.judge is not None:
                    self._ahead = Preparation(tools, tools.judge, event.composition)

    def _renew(self) -> None:
        """On the lane of the models, so that no job loses what it works with."""
        self._ahead = None
        with self._gate.alone():
            self._librarian.forget()
            self._models.renew()

    def _tended(self, command: LibraryCommand, cancel: Cancel) -> Iterator[AnyReport]:
        """The library's commands. Work in the background leaves when the models are renewed, to go on with new ones."""
        while True:
            inner = Within(cancel)
            try:
                with self._gate.using(inner.cancel if isinstance(command, IndexLibrary) else None):
                    yield from self._librarian.carry_out(command, inner)
                    return
            except Cancelled:
                cancel.check()

    def _changed(self, change: Change) -> None:
        """A watched folder is indexed when the lane is free, once however often it changed by then."""
        if change.notice:
            self._say(0, Indexing("scan", 0, 0, change.folder, change.notice))
        elif change.folder not in self._due:
            self._due.add(change.folder)
            self._lanes["indexing"].put(lambda: self._catch_up(change.folder))

    def _catch_up(self, folder: str) -> None:
        self._due.discard(folder)
        changed = False
        try:
            for report in self._tended(IndexLibrary((folder,)), self._ending):
                changed |= isinstance(report, Scanned) and bool(report.added or report.removed)
        except Cancelled:
            return
        except ComposerError as error:
            self._say(0, Indexing("scan", 0, 0, folder, str(error)))
        if changed:
            self._say(0, LibraryChanged())

    def _look_ahead(self, cancel: Cancel) -> None:
        """While nobody waits. Nothing of it is told, and nothing depends on it."""
        if self._ahead is None:
            return
        try:
            self._ahead.go_on(cancel)
        except Cancelled:
            return  # to be gone on with
        except Exception:  # noqa: BLE001 - a picture that cannot be prepared is judged, or complained of, when it is asked for
            traceback.print_exc(file=sys.stderr)
        self._ahead = None

    def _tools(self) -> Tools:
        with self._building:
            return self._models.tools()

    def _reader(self) -> TextReader | None:
        with self._building:
            return self._models.reader()

    def _content_screen(self) -> ContentScreen | None:
        with self._building:
            return self._models.content_screen()

    def _problems(self) -> list[str]:
        with self._building:
            return self._models.problems()

    def _catalogue(self) -> Catalogue:
        with self._building:
            return self._models.catalogue()

    def _say_all(self, job: int, reports: Iterable[AnyReport]) -> None:
        for report in reports:
            self._say(job, report)

    def _say(self, job: int, report: AnyReport) -> None:
        line = encode(ReportLine(job, report))
        with self._writing:
            self._reports.write(line)
            self._reports.flush()


class _Shelves:
    """The source, as the librarian asks it from several threads."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        tools: Callable[[], Tools],
        reader: Callable[[], TextReader | None],
        content_screen: Callable[[], ContentScreen | None],
        problems: Callable[[], list[str]],
    ) -> None:
        self.catalogue, self.tools, self.reader = catalogue, tools, reader
        self.content_screen, self.problems = content_screen, problems


def _share() -> float:
    """Part of the time for work in the background, as it was when the writer set it last."""
    try:
        return settings.load().background_share
    except SettingsError:
        return Settings().background_share  # the first job that needs the settings tells what is wrong with them


def _language() -> Language:
    """What sentences about pictures are in: as the window's, by the settings, else by the system's language."""
    chosen = settings.load().interface
    if chosen == "system":
        return "zh" if (locale.getlocale()[0] or "").startswith(("zh", "Chinese")) else "en"
    return chosen


def _lane(command: AnyCommand) -> str:
    if isinstance(command, Compose | RenewModels):
        return "models"
    if isinstance(command, shelving.BYTES):
        return "shelf"
    if isinstance(command, IndexLibrary):
        return "indexing"
    if isinstance(command, LibraryCommand) and not isinstance(command, SetPace):
        return "library"
    return "library" if isinstance(command, ExportArticle) else "desk"
