"""The picture library as the window knows it: what is asked, what was found, and what is being done about it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from composer import wire
from composer.collection import Details, Edit, Hit, LibraryFolder, LibraryState, Query
from ui.engine_client import EngineClient
from ui.library_hits import PAGE, HitsModel
from ui.texts import plural, text

SEARCH = "library"
"""The name under which the engine keeps the page's answer."""
TYPING_MS = 200
RENEWAL_MS = 1500
MARKED_AT_ONCE = 1000
SKIPPED_AT_ONCE = 2000
PATIENCE_SECONDS = 10.0
GENTLE = 0.5


@dataclass
class _Job:
    command: wire.AnyCommand
    mark: wire.MarkPictures | None = None
    """What to do with the hits that come: for pictures that are chosen but not in memory."""
    asked_again: bool = False


class Library(QObject):
    """Everything here is a question to the engine; the answers come as signals. It outlives the page."""

    answered = Signal()
    """A search has its answer."""
    changed = Signal()
    """State of the library, of searching or of the work in the background."""
    described = Signal(object)
    """A composer.collection.Details."""
    spoiled = Signal(object)
    """Ids of pictures that are not as they were."""
    told = Signal(str)
    failed = Signal(object)
    """A wire.Failed."""
    lost = Signal()
    skipped_shown = Signal(object)
    """A wire.SkippedShown."""
    arranged = Signal()
    """The settings of the library are as they were asked for."""
    refused = Signal(object)
    """They are not, and nothing changed: a wire.Failed."""

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._jobs: dict[int, _Job] = {}
        self.query = Query()
        self.total: int | None = None
        """None before the first answer."""
        self.notice = ""
        self.hits = HitsModel(self)
        self.hits.wanted.connect(self._fetch)
        self.state: LibraryState | None = None
        self.indexing: wire.Indexing | None = None
        self._to_mark: deque[tuple[int, int, wire.MarkPictures]] = deque()
        self._asked_anew = -PATIENCE_SECONDS
        self._renewal = QTimer(self, singleShot=True, interval=RENEWAL_MS)
        self._renewal.timeout.connect(self.ask_again)
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typing.timeout.connect(self.search_now)
        self._connect()

    # --- what is going on ---

    @property
    def searching(self) -> bool:
        return self._typing.isActive() or self._has(wire.FindPictures)

    @property
    def is_indexing(self) -> bool:
        return self._has(wire.IndexLibrary)

    @property
    def everything(self) -> bool:
        """Whether nothing is asked for in particular."""
        return self.query == Query(order=self.query.order)

    # --- searching ---

    def ask(self, query: Query, *, typing: bool = False) -> None:
        """Look for something else; while it is being typed, a moment after the last letter."""
        if query == self.query and (self.total is not None or self.searching):
            return
        self.query = query
        if typing:
            self._typing.start()
            self.changed.emit()
        else:
            self.search_now()

    def search_now(self) -> None:
        """Ask the engine; the search before is given up."""
        self._typing.stop()
        self._to_mark.clear()
        self._drop(wire.FindPictures)
        self._drop(wire.ShowHits)
        self._send(wire.FindPictures(self.query, SEARCH, PAGE))
        self.changed.emit()

    def ask_again(self) -> None:
        """The same once more, as pictures may have come or gone; places and selection stay."""
        if self.total is not None and not self.searching:
            number = self._send(wire.FindPictures(self.query, SEARCH, PAGE))
            self._jobs[number].asked_again = True

    def refresh(self) -> None:
        """State of the library; the first time also its pictures."""
        if not self._has(wire.ShowLibrary):
            self._send(wire.ShowLibrary())
        if self.total is None and not self.searching:
            self.search_now()

    def describe(self, picture: str) -> None:
        self._drop(wire.DescribePicture)
        self._send(wire.DescribePicture(picture))

    # --- marks and words ---

    def mark(self, spans: Sequence[tuple[int, int]], mark: wire.MarkPictures) -> None:
        """Mark rows, given as first and last of each span; `mark` says how, its ids are filled in here."""
        known: list[str] = []
        for first, last in spans:
            row = first
            while row <= last:
                hit = self.hits.hit(row)
                if hit is not None:
                    known.append(hit.picture.id)
                    row += 1
                else:
                    count = min(MARKED_AT_ONCE, last - row + 1)
                    self._to_mark.append((row, count, mark))
                    row += count
        if known:
            self._mark(known, mark)
        self._mark_next()

    def _mark_next(self) -> None:
        """Chosen pictures that are not in memory are fetched and marked in one portion after the other."""
        if self._to_mark and not any(job.mark is not None for job in self._jobs.values()):
            start, count, mark = self._to_mark.popleft()
            self._send(wire.ShowHits(SEARCH, start, count), mark)

    def _mark(self, pictures: Sequence[str], mark: wire.MarkPictures) -> None:
        self.hits.change(pictures, lambda hit: _marked(hit, mark))
        for at in range(0, len(pictures), MARKED_AT_ONCE):
            self._send(replace(mark, ids=tuple(pictures[at : at + MARKED_AT_ONCE])))

    def edit(self, picture: str, edit: Edit) -> None:
        """Change what is said of a picture; its file stays as it is."""
        self._send(wire.EditPicture(picture, edit))

    # --- folders and the work on them ---

    def put_folder(self, folder: LibraryFolder, *, scan: bool = False) -> None:
        self._send(wire.PutFolder(folder))
        if scan:
            self.index((folder.path,))

    def drop_folder(self, path: str) -> None:
        self._send(wire.DropFolder(path))

    def index(self, folders: tuple[str, ...] = ()) -> int:
        """Take folders in or look through them again, all if none is named; returns the job's number."""
        number = self._send(wire.IndexLibrary(folders))
        self.changed.emit()
        return number

    def show_skipped(self, folder: str, after: str = "") -> None:
        """More of the files that are not in the library, from the one that follows `after`."""
        self._send(wire.ShowSkipped(folder, after, SKIPPED_AT_ONCE))

    def stop_indexing(self) -> None:
        """What was done is kept."""
        for number in self._of(wire.IndexLibrary):
            self._client.cancel(number, patient=True)

    def pace(self, *, paused: bool | None = None, gentle: bool | None = None) -> None:
        state = self.state or LibraryState()
        stop = state.paused if paused is None else paused
        share = state.share if gentle is None else GENTLE if gentle else 1.0
        self.state = replace(state, paused=stop, share=share)  # the next press goes on from here
        self._send(wire.SetPace(stop, share))
        self.changed.emit()

    def arrange(self, index: str, read_texts: bool, screen_content: bool, *, allow: str = "") -> None:
        """Where to search by vector, whether to read writing and look for faces: `arranged` or `refused` follows.

        `allow` is a host:port that the writer said yes to.
        """
        if allow:
            self._send(wire.AllowServer(allow))
        self._send(wire.SetLibrary(index, read_texts, screen_content))

    # --- what the engine answers ---

    def _connect(self) -> None:
        client = self._client
        client.matched.connect(self._matched)
        client.hits_shown.connect(self._shown)
        client.described.connect(self._described)
        client.library_changed.connect(self._pictures_changed)
        client.library_shown.connect(self._state_shown)
        client.skipped_shown.connect(self._skipped)
        client.indexing.connect(self._indexing)
        client.scanned.connect(self._scanned)
        client.done.connect(self._done)
        client.stopped.connect(self._take)
        client.failed.connect(self._failed)
        client.died.connect(self._died)

    def _matched(self, number: int, report: wire.Matched) -> None:
        job = self._jobs.get(number)
        if job is None or report.search != SEARCH:
            return
        self.total, self.notice = report.total, report.notice
        if job.asked_again:
            self.hits.renew(report.total)
        else:
            self.hits.start(report.total, report.hits)
        self.answered.emit()

    def _shown(self, number: int, report: wire.HitsShown) -> None:
        job = self._jobs.get(number)
        if job is None or report.search != SEARCH:
            return
        if job.mark is not None:
            self._mark([hit.picture.id for hit in report.hits], job.mark)
        else:
            self.hits.take(report.start, report.hits)

    def _described(self, number: int, report: wire.Described) -> None:
        job = self._jobs.get(number)
        if job is None:
            return
        if isinstance(job.command, wire.EditPicture):
            details: Details = report.details
            self.hits.change([details.picture.id], lambda hit: replace(hit, picture=details.picture))
            self.told.emit(text("Kept in {path}. The picture file is as it was.", path=details.sidecar))
        self.described.emit(report.details)

    def _pictures_changed(self, _number: int, report: wire.LibraryChanged) -> None:
        if report.ids:
            self.hits.spoil(report.ids)
        elif self.total is not None and not self._renewal.isActive():
            self._renewal.start()  # many such reports in a row are answered once
        self.spoiled.emit(report.ids)

    def _state_shown(self, _number: int, report: wire.LibraryShown) -> None:
        known = self.state.problems if self.state is not None else ()
        self.state = report.state
        if new := [problem for problem in report.state.problems if problem not in known]:
            self.told.emit(" ".join(new))
        self.changed.emit()

    def _skipped(self, number: int, report: wire.SkippedShown) -> None:
        if number in self._jobs:
            self.skipped_shown.emit(report)

    def _indexing(self, number: int, report: wire.Indexing) -> None:
        if number in self._jobs:
            if report.notice and (self.indexing is None or report.notice != self.indexing.notice):
                self.told.emit(report.notice)
            self.indexing = report
            self.changed.emit()

    def _scanned(self, number: int, report: wire.Scanned) -> None:
        job = self._jobs.get(number)
        if job is None:
            return
        if report.added or report.removed:
            self.told.emit(
                plural(
                    "{count} picture is in {folder} now.", "{count} pictures are in {folder} now.", report.pictures,
                    folder=report.folder,
                )
            )  # fmt: skip
            self.ask_again()

    def _done(self, number: int) -> None:
        job = self._take(number)
        if job is None:
            return
        self._mark_next()
        if isinstance(job.command, wire.IndexLibrary):
            self.ask_again()
        elif isinstance(job.command, wire.DropFolder):
            self.search_now()
        elif isinstance(job.command, wire.SetLibrary):
            self.arranged.emit()
            if self.state is not None and self.state.folders:
                self.index()  # what was chosen has something to do

    def _failed(self, number: int, report: wire.Failed) -> None:
        job = self._take(number)
        if job is None:
            return
        if isinstance(job.command, wire.ShowHits):
            self.hits.give_up(job.command.start)
            if time.monotonic() - self._asked_anew > PATIENCE_SECONDS:
                # The engine keeps a few answers only: this one was forgotten, so it is asked for again, once.
                self._asked_anew = time.monotonic()
                self.ask_again()
                return
        if isinstance(job.command, wire.FindPictures) and self.total is None:
            self.total = 0
        if isinstance(job.command, wire.MarkPictures):
            self.hits.spoil(job.command.ids)
        if isinstance(job.command, wire.SetLibrary | wire.AllowServer):
            self.refused.emit(report)
        else:
            self.failed.emit(report)
        self.changed.emit()

    def _died(self, numbers: list[int], restarted: bool) -> None:
        jobs = [job for job in (self._take(number) for number in numbers) if job is not None]
        if self.total is not None and restarted:
            self.ask_again()  # the answer was lost with the process
        if jobs:
            self.lost.emit()
        self.changed.emit()

    # --- jobs ---

    def _fetch(self, start: int, count: int) -> None:
        self._send(wire.ShowHits(SEARCH, start, count))

    def _send(self, command: wire.AnyCommand, mark: wire.MarkPictures | None = None) -> int:
        number = self._client.send(command)
        self._jobs[number] = _Job(command, mark)
        return number

    def _take(self, number: int) -> _Job | None:
        job = self._jobs.pop(number, None)
        if job is not None:
            if isinstance(job.command, wire.IndexLibrary) and not self.is_indexing:
                self.indexing = None
            self.changed.emit()
        return job

    def _drop(self, kind: type[wire.Command]) -> None:
        """Give up what was asked of this kind: its answer is of no use any more."""
        for number in self._of(kind):
            if self._jobs[number].mark is None:
                self._jobs.pop(number)
                self._client.cancel(number, patient=True)

    def _of(self, kind: type[wire.Command]) -> list[int]:
        return [number for number, job in self._jobs.items() if isinstance(job.command, kind)]

    def _has(self, kind: type[wire.Command]) -> bool:
        return bool(self._of(kind))


def _marked(hit: Hit, mark: wire.MarkPictures) -> Hit:
    """A hit as it will be when the engine has done it."""
    tags = hit.tags if mark.tags is None else mark.tags
    tags = tuple(tag for tag in tags if tag not in mark.remove_tags)
    tags += tuple(tag for tag in mark.add_tags if tag not in tags)
    return replace(
        hit,
        rating=hit.rating if mark.rating is None else mark.rating,
        hidden=hit.hidden if mark.hidden is None else mark.hidden,
        tags=tags,
    )
