"""Work on the library in the background: folders are scanned, and what is new is looked at, step by step."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, Protocol

from composer.errors import ComposerError, LibraryError
from composer.library.catalogue import Catalogue, absolute
from composer.library.database import below
from composer.library.filling.content import screen_content
from composer.library.filling.embed import embed, embed_captions
from composer.library.filling.pace import Pace
from composer.library.filling.reading import read_texts
from composer.library.filling.scan import ScanProgress, scan
from composer.library.finding.query import Finders
from composer.library.looks.screens import screen
from composer.ports import Cancel, ContentScreen, TextReader
from composer.wire import AnyReport, Indexing, Scanned

Step = Literal["scan", "look", "captions", "screens", "content", "text", "index"]
EVERY = 0.25
"""Seconds between two reports of one step, so that millions of pictures do not make millions of lines."""
SURE = 0.03
"""Share of a step after which the time left is told."""
TOLD = 1_000
"""Files not used that are told one by one."""


class Shelves(Protocol):
    """Where the library's work gets what it works with."""

    def catalogue(self) -> Catalogue: ...
    def tools(self) -> Finders:
        """Raises ModelNotReady when an encoder is not there."""
        ...

    def reader(self) -> TextReader | None:
        """What reads the writing in pictures; None when the writer does not wish for that, or it is not installed."""
        ...

    def content_screen(self) -> ContentScreen | None:
        """What looks for faces and unsafe pictures; None when the writer does not wish for that.

        Raises ModelNotReady when it is wished for and not there.
        """
        ...

    def problems(self) -> list[str]:
        """What is wrong with the indexes, a sentence each. Loads nothing."""
        ...


def index(shelves: Shelves, folders: Sequence[str], cancel: Cancel, pace: Pace) -> Iterator[AnyReport]:
    """Scan the folders (all of the library if none is named), look at what is new, bring the indexes up to date.

    Every step goes on where it was stopped. A folder that cannot be scanned, an encoder that is not there or fails is
    told in a notice, and the rest is done. Raises LibraryError when the only folder cannot be scanned, Cancelled when
    the writer gave up.
    """
    catalogue = shelves.catalogue()
    places = [absolute(folder) for folder in folders] or [folder.path for folder in catalogue.folders.all()]
    for place in places:
        try:
            yield from scanned(catalogue, place, cancel, pace)
        except LibraryError as error:
            if len(places) == 1:
                raise
            yield Indexing("scan", 0, 0, place, str(error))
    if places:
        yield from _tried("look", _looked(shelves, places, cancel, pace), "Pictures were not looked at")
        yield from told("screens", _screened(catalogue, places, cancel, pace))
        yield from _tried("content", _judged(shelves, places, cancel, pace), "Faces and unsafe pictures were not told")
        yield from _tried("text", _read(shelves, places, cancel, pace), "Text in pictures was not read")
        yield from _tried("index", _filled(shelves, cancel, pace), "The index was not filled")


def scanned(catalogue: Catalogue, place: str, cancel: Cancel, pace: Pace) -> Iterator[AnyReport]:
    """Scan one folder. Raises LibraryError and Cancelled as `scan` does."""
    last = yield from told("scan", scan(catalogue, Path(place), cancel, pace), place)
    skipped, unusable = catalogue.skipped(place, count=TOLD), catalogue.count_skipped(place)
    yield Scanned(place, count_in(catalogue, place), last.added, last.removed, skipped, unusable)


def _tried(step: Step, work: Iterator[Indexing], failure: str) -> Iterator[Indexing]:
    """A step that needs a model; one that is not there or fails is told of, and the other steps are done."""
    try:
        yield from work
    except LibraryError:
        raise
    except ComposerError as error:
        yield Indexing(step, 0, 0, "", f"{failure}: {error}")


def _looked(shelves: Shelves, places: Sequence[str], cancel: Cancel, pace: Pace) -> Iterator[Indexing]:
    """What pictures show and say, as vectors."""
    catalogue, encoder = shelves.catalogue(), shelves.tools().encoder
    yield from told("look", embed(catalogue, places, encoder, cancel, pace=pace))
    yield from told("captions", embed_captions(catalogue, places, encoder, cancel, pace=pace))


def _screened(catalogue: Catalogue, places: Sequence[str], cancel: Cancel, pace: Pace) -> Iterator[ScanProgress]:
    for step in screen(catalogue, places, cancel, pace):
        yield ScanProgress(step.done, step.total, "")


def _judged(shelves: Shelves, places: Sequence[str], cancel: Cancel, pace: Pace) -> Iterator[Indexing]:
    screen = shelves.content_screen()
    if screen is not None:
        yield from told("content", screen_content(shelves.catalogue(), places, screen, cancel, pace))


def _read(shelves: Shelves, places: Sequence[str], cancel: Cancel, pace: Pace) -> Iterator[Indexing]:
    reader = shelves.reader()
    if reader is not None:
        yield from told("text", read_texts(shelves.catalogue(), places, reader, cancel, pace))


def _filled(shelves: Shelves, cancel: Cancel, pace: Pace) -> Iterator[Indexing]:
    finders = shelves.tools()
    follow = chain(finders.search.follow(cancel), finders.captions.follow(cancel))
    yield from told("index", _paced(follow, cancel, pace))


def _paced(follow: Iterable[tuple[int, int]], cancel: Cancel, pace: Pace) -> Iterator[ScanProgress]:
    for done, total in follow:
        yield ScanProgress(done, total, "")
        pace.step(cancel)


def told(step: Step, progress: Iterable[ScanProgress], folder: str = "") -> Generator[Indexing, None, ScanProgress]:
    """Progress of a step as reports: now and then, every notice, and the last. Returns where the step ended."""
    start = said = time.monotonic()
    waiting: Indexing | None = None
    each = ScanProgress(0, 0, folder)
    for each in progress:
        now = time.monotonic()
        if each.done <= 0:
            start = now  # a folder is being listed: how long that takes says nothing of how long pictures take
        left = _left(now - start, each.done, each.total)
        report = Indexing(step, each.done, each.total, folder, each.notice, left)
        if each.notice or now - said >= EVERY:
            yield report
            waiting, said = None, now
        else:
            waiting = report
    if waiting is not None:
        yield waiting
    return each


def _left(seconds: float, done: int, total: int) -> float | None:
    """Seconds left at the pace so far; None while too little is done to say."""
    if done <= 0 or done < SURE * total:
        return None
    return seconds * (total - done) / done


def count_in(catalogue: Catalogue, folder: str) -> int:
    """How many pictures have a usable file below a folder."""
    where, values = below([folder])
    sql = (
        "SELECT count(DISTINCT picture) FROM files JOIN directories ON number = directory"  # noqa: S608 - a constant
        f" WHERE picture IS NOT NULL AND reason IS NULL AND {where}"
    )
    return catalogue.database.number(sql, values)
