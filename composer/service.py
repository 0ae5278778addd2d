"""The engine process: reads Commands line by line, does them, writes Reports.

Two lanes: what needs models goes one after the other; searching and exporting does not wait for it.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Protocol

from composer.errors import Cancelled, ComposerError
from composer.library.catalogue import Catalogue
from composer.library.scan import scan
from composer.library.search import by_words
from composer.pipeline import Tools, compose
from composer.ports import Cancel
from composer.publish.export import export
from composer.types import Candidate, Notice, StageProgress
from composer.wire import (
    AnyCommand,
    AnyReport,
    CancelJob,
    CommandLine,
    Compose,
    Done,
    ExportArticle,
    Exported,
    Failed,
    Found,
    Happened,
    Ready,
    ReportLine,
    ScanFolder,
    Scanned,
    SearchLibrary,
    Shutdown,
    Stopped,
    decode_command,
    encode,
)


class Source(Protocol):
    """Where the service gets its models from."""

    def catalogue(self) -> Catalogue: ...
    def tools(self) -> Tools: ...
    def close(self) -> None: ...


class Late:
    """A source that is made when it is first asked for tools.

    What is wrong with its settings is then the answer to a job, and the next job tries again.
    """

    def __init__(self, make: Callable[[], Source]) -> None:
        self._make = make
        self._made: Source | None = None

    def catalogue(self) -> Catalogue:
        return self._source().catalogue()

    def tools(self) -> Tools:
        return self._source().tools()

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def _source(self) -> Source:
        if self._made is None:
            self._made = self._make()
        return self._made


class Service:
    """One engine. `models` is asked for tools when the first job needs them."""

    def __init__(self, models: Source, commands: BinaryIO, reports: BinaryIO, version: str) -> None:
        self._models = models
        self._commands = commands
        self._reports = reports
        self._version = version
        self._writing = threading.Lock()
        self._building = threading.Lock()
        self._running: dict[int, Cancel] = {}

    def run(self) -> None:
        """Serve until Shutdown or the end of the input; what runs then is cancelled."""
        self._say(0, Ready(self._version))
        lanes = {name: _Lane(name) for name in ("models", "library")}
        try:
            for line in self._commands:
                if not line.strip():
                    continue
                try:
                    job = decode_command(line)
                except ComposerError as error:
                    self._say(0, Failed(error.message, error.hint))
                    continue
                if isinstance(job.command, Shutdown):
                    break
                self._dispatch(job, lanes)
        finally:
            for cancel in list(self._running.values()):
                cancel.cancel()
            for lane in lanes.values():
                lane.close()
            self._models.close()

    def _dispatch(self, job: CommandLine, lanes: dict[str, _Lane]) -> None:
        if isinstance(job.command, CancelJob):
            cancel = self._running.get(job.command.target)
            if cancel:
                cancel.cancel()
            return
        cancel = self._running[job.job] = Cancel()
        lane = "models" if isinstance(job.command, (Compose, ScanFolder)) else "library"
        lanes[lane].put(lambda: self._do(job.job, job.command, cancel))

    def _do(self, job: int, command: AnyCommand, cancel: Cancel) -> None:
        """One job, ending with exactly one of Done, Stopped and Failed."""
        end: AnyReport = Done()
        try:
            cancel.check()
            self._carry_out(job, command, cancel)
        except Cancelled:
            end = Stopped()
        except ComposerError as error:
            end = Failed(error.message, error.hint, traceback.format_exc())
        except Exception as error:  # noqa: BLE001 - the last resort: the process lives on
            end = Failed(
                f"Something went wrong in the engine ({type(error).__name__}).",
                "Your text is safe. Try again; if it happens again, report it with the details.",
                traceback.format_exc(),
            )
        finally:
            self._running.pop(job, None)
        self._say(job, end)

    def _carry_out(self, job: int, command: AnyCommand, cancel: Cancel) -> None:
        match command:
            case Compose():
                with closing(compose(command.brief, command.composition, self._tools(), cancel)) as events:
                    for event in events:
                        cancel.check()  # nothing is told after the writer gave up
                        self._say(job, Happened(event))
            case ScanFolder():
                self._scan(job, command.folder, cancel)
            case SearchLibrary():
                self._say(job, Found(self._search(command)))
            case ExportArticle():
                files = export(command.composition, Path(command.folder), command.formats)
                self._say(job, Exported(tuple(str(file) for file in files)))
            case _:
                pass

    def _tools(self) -> Tools:
        with self._building:
            return self._models.tools()

    def _scan(self, job: int, folder: str, cancel: Cancel) -> None:
        catalogue = self._models.catalogue()
        added = removed = 0
        for step in scan(catalogue, Path(folder), cancel):
            self._say(job, Happened(StageProgress("index", step.done, step.total)))
            if step.notice:
                self._say(job, Happened(Notice(step.notice)))
            added, removed = step.added, step.removed
        pictures = len(catalogue.rows((folder,)))
        self._say(job, Scanned(folder, pictures, added, removed, catalogue.skipped(folder)))

    def _search(self, command: SearchLibrary) -> tuple[Candidate, ...]:
        catalogue = self._models.catalogue()
        found = by_words(catalogue, command.text, command.libraries, command.limit)
        pictures = catalogue.pictures([row for row, _ in found], command.libraries)
        return tuple(Candidate(picture=pictures[row], words=score, final=score) for row, score in found)

    def _say(self, job: int, report: AnyReport) -> None:
        line = encode(ReportLine(job, report))
        with self._writing:
            self._reports.write(line)
            self._reports.flush()


class _Lane:
    """A thread that does jobs one after the other."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name=f"lane-{name}", daemon=True)
        self._thread.start()

    def put(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def close(self) -> None:
        """Let the running job end, a few seconds at most."""
        self._jobs.put(None)
        self._thread.join(timeout=5)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
