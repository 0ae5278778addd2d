"""The engine process seen from the window: starts it, speaks to it, survives its death.

Everything arrives as Qt signals. Reading is bounded: at most a few milliseconds of lines in one turn of the event loop.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from composer import wire
from composer.errors import ComposerError

TURN_SECONDS = 0.008
PATIENCE_MS = 5000
"""How long a cancelled job may take to answer before the process is ended."""
STDERR_LINES = 200
DEATHS, DEATHS_WITHIN = 3, 30.0
"""So many ends in so many seconds, and the engine is not started again by itself."""


class EngineClient(QObject):
    """One engine process at a time; job numbers stay unique over restarts."""

    ready = Signal(str)
    happened = Signal(int, object)
    scanned = Signal(int, object)
    exported = Signal(int, object)
    explained = Signal(int, object)
    listed = Signal(int, object)
    pulling = Signal(int, object)
    verified = Signal(int, object)
    removed = Signal(int, object)
    checked = Signal(int, object)
    matched = Signal(int, object)
    hits_shown = Signal(int, object)
    described = Signal(int, object)
    library_changed = Signal(int, object)
    library_shown = Signal(int, object)
    skipped_shown = Signal(int, object)
    indexing = Signal(int, object)
    done = Signal(int)
    stopped = Signal(int)
    failed = Signal(int, object)
    died = Signal(list, bool)
    """Jobs that were lost with the process, and whether it was started again."""

    def __init__(self, command: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = list(command)
        self._process: QProcess | None = None
        self._job = 0
        self._active: set[int] = set()
        self._cancelled: set[int] = set()
        self._pressed: set[int] = set()
        """Those of the cancelled that must answer soon."""
        self._own: set[int] = set()
        self._buffer = bytearray()
        self._lines: deque[bytes] = deque()
        self._errors: deque[str] = deque(maxlen=STDERR_LINES)
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._closing = False
        self._answers = {
            wire.Scanned: self.scanned,
            wire.Exported: self.exported,
            wire.Explained: self.explained,
            wire.ModelsListed: self.listed,
            wire.Pulling: self.pulling,
            wire.Verified: self.verified,
            wire.Removed: self.removed,
            wire.Checked: self.checked,
            wire.Matched: self.matched,
            wire.HitsShown: self.hits_shown,
            wire.Described: self.described,
            wire.LibraryChanged: self.library_changed,
            wire.LibraryShown: self.library_shown,
            wire.SkippedShown: self.skipped_shown,
            wire.Indexing: self.indexing,
        }
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._work)
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._patience.timeout.connect(self._give_up)

    # --- commands ---

    def start(self) -> None:
        """Start the process if it is not running."""
        if self._process is not None or self._closing:
            return
        process = QProcess(self)
        process.setProgram(self._command[0])
        process.setArguments(self._command[1:])
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_errors)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._not_started)
        self._process = process
        process.start()

    def send(self, command: wire.AnyCommand) -> int:
        """Give the engine a job, starting the process if need be; the number comes back in the signals."""
        self.start()
        self._job += 1
        self._active.add(self._job)
        if self._process is not None:
            self._process.write(wire.encode(wire.CommandLine(self._job, command)))
        return self._job

    def cancel(self, job: int, *, patient: bool = False) -> None:
        """Give a job up: nothing of it is reported any more but `stopped`.

        An engine that does not answer is ended, unless `patient`: for jobs whose end nobody waits for.
        """
        if job not in self._active or job in self._cancelled:
            return
        self._cancelled.add(job)
        self._own.add(self.send(wire.CancelJob(target=job)))
        if not patient:
            self._pressed.add(job)
            self._patience.start()

    def restart(self) -> None:
        """End the process, if any, and start a fresh one; jobs under way are lost silently."""
        self._end()
        self.start()

    def close(self) -> None:
        """Ask the engine to end, wait a moment, then end it. No process stays behind."""
        self._closing = True
        process = self._process
        if process is None:
            return
        process.finished.disconnect(self._ended)
        for job in self._active - self._cancelled - self._own:
            process.write(wire.encode(wire.CommandLine(0, wire.CancelJob(target=job))))
        process.write(wire.encode(wire.CommandLine(0, wire.Shutdown())))
        process.closeWriteChannel()
        if not process.waitForFinished(1500):
            process.kill()
            process.waitForFinished(2000)
        self._process = None
        self._turn.stop()  # what it said at the last moment is for nobody
        self._forget()

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process id, 0 when none runs."""
        return self._process.processId() if self._process else 0

    @property
    def last_errors(self) -> str:
        """What the engine wrote to its error stream lately, for a bug report."""
        return "\n".join(self._errors)

    # --- reports ---

    def _read(self) -> None:
        if self._process is None:
            return
        self._buffer += self._process.readAllStandardOutput().data()
        end = self._buffer.rfind(b"\n")
        if end < 0:
            return
        self._lines.extend(bytes(self._buffer[:end]).split(b"\n"))
        del self._buffer[: end + 1]
        if not self._turn.isActive():
            self._turn.start()

    def _work(self) -> None:
        until = time.perf_counter() + TURN_SECONDS
        while self._lines and time.perf_counter() < until:
            line = self._lines.popleft()
            if line.strip():
                self._take(line)
        if self._lines:
            self._turn.start()

    def _take(self, line: bytes) -> None:
        try:
            said = wire.decode_report(line)
        except ComposerError as error:
            # A stray print of some library must not stop the work; it is kept for the details.
            self._errors.append(f"{error.message} {line[:200].decode('utf-8', 'replace')}")
            return
        job, report = said.job, said.report
        if job in self._own:
            if isinstance(report, wire.Done | wire.Stopped | wire.Failed):
                self._own.discard(job)
                self._active.discard(job)
            return
        if job in self._cancelled:
            if isinstance(report, wire.Done | wire.Stopped | wire.Failed):
                self._finish_cancelled(job)
            return
        self._tell(job, report)

    def _tell(self, job: int, report: wire.AnyReport) -> None:
        match report:
            case wire.Ready():
                self.ready.emit(report.version)
            case wire.Happened():
                self.happened.emit(job, report.event)
            case wire.Done():
                self._active.discard(job)
                self.done.emit(job)
            case wire.Stopped():
                self._active.discard(job)
                self.stopped.emit(job)
            case wire.Failed():
                self._active.discard(job)
                self.failed.emit(job, report)
            case _:
                self._answers[type(report)].emit(job, report)

    def _finish_cancelled(self, job: int) -> None:
        self._cancelled.discard(job)
        self._pressed.discard(job)
        self._active.discard(job)
        if not self._pressed:
            self._patience.stop()
        self.stopped.emit(job)

    def _give_up(self) -> None:
        """A cancelled job did not answer: end the process, tell that the job stopped, start anew."""
        waiting = sorted(self._cancelled)
        others = sorted(self._active - self._cancelled - self._own)
        self._end()
        self.start()
        for job in waiting:
            self.stopped.emit(job)
        if others:
            self.died.emit(others, True)

    # --- the process ---

    def _end(self) -> None:
        process, self._process = self._process, None
        self._forget()
        if process is None:
            return
        process.finished.disconnect(self._ended)
        process.errorOccurred.disconnect(self._not_started)
        process.kill()
        process.waitForFinished(2000)
        process.deleteLater()

    def _forget(self) -> None:
        self._active.clear()
        self._cancelled.clear()
        self._pressed.clear()
        self._own.clear()
        self._lines.clear()
        self._buffer.clear()
        self._patience.stop()

    def _read_errors(self) -> None:
        if self._process is not None:
            said = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
            self._errors.extend(said.splitlines())

    def _ended(self) -> None:
        """The process ended without being asked to."""
        self._read()
        while self._lines:  # what it still said is not lost
            self._take(self._lines.popleft())
        stopped = sorted(self._cancelled)
        lost = sorted(self._active - self._cancelled - self._own)
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self._forget()
        self._deaths.append(time.monotonic())
        often = len(self._deaths) == DEATHS and self._deaths[-1] - self._deaths[0] < DEATHS_WITHIN
        if not often:
            self.start()
        for job in stopped:
            self.stopped.emit(job)
        self.died.emit(lost, not often)

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error is not QProcess.ProcessError.FailedToStart:
            return  # every other error is followed by `finished`
        if self._process is not None:
            self._errors.append(self._process.errorString())
            self._process.deleteLater()
            self._process = None
        lost = sorted(self._active - self._own)
        self._forget()
        self.died.emit(lost, False)
