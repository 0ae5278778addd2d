"""Carries out the commands about the picture library, and works on it in the background."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Unfinished
from contextlib import suppress
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from composer import holdings, settings
from composer.collection import LibraryFolder, Query
from composer.errors import LibraryError
from composer.gate import Gate
from composer.indexing import Shelves, index
from composer.library.catalogue import Catalogue, absolute
from composer.library.filling.folders import Folder
from composer.library.filling.pace import Pace
from composer.library.filling.walk import check_folder
from composer.library.filling.watch import Change
from composer.library.finding.details import describe
from composer.library.finding.query import Aim, Found, aim, find, hits, is_ranked
from composer.library.marks import Marked
from composer.library.words.sidecars import edit_picture
from composer.ports import Cancel
from composer.types import Language
from composer.watching import Watchman
from composer.wire import (
    AnyReport,
    Described,
    DescribePicture,
    DropFolder,
    EditPicture,
    FindPictures,
    HitsShown,
    IndexLibrary,
    LibraryChanged,
    LibraryShown,
    MarkPictures,
    Matched,
    PutFolder,
    SetPace,
    ShowHits,
    ShowLibrary,
    ShowSkipped,
    SkippedShown,
    UsePictures,
)

LibraryCommand = (
    FindPictures | ShowHits | DescribePicture | MarkPictures | EditPicture | UsePictures | ShowLibrary | PutFolder
    | DropFolder | IndexLibrary | ShowSkipped | SetPace
)  # fmt: skip
"""What is carried out here."""

SEARCHES = 4
"""Answers kept, by name; one to ten million pictures takes 80 MB."""
SOON = 0.15
"""Seconds that vectors may take before words alone are answered with: less is not worth showing the list twice."""
LOOK = 0.05
"""Seconds between two looks at whether the search is still wanted."""
MOST_HITS = 1_000
"""Hits that come at once."""
MOST_SKIPPED = 5_000
"""Files not used that come at once."""


class Librarian:
    """Does the library's commands, from any thread; whoever calls is inside the gate."""

    def __init__(
        self,
        shelves: Shelves,
        pace: Pace,
        gate: Gate,
        language: Callable[[], Language] = lambda: "en",
        changed: Callable[[Change], None] = lambda _: None,
    ) -> None:
        """`language` is asked for what sentences about pictures are to be in.

        `changed` is told, from a thread of its own, of watched folders that should be indexed again.
        """
        self._shelves, self._language = shelves, language
        self._pace, self._gate = pace, gate
        self._kept: OrderedDict[str, Found] = OrderedDict()
        self._aiming = ThreadPoolExecutor(1, "aim")
        self._census = holdings.Census()
        self._changed, self._watchman = changed, Watchman(changed)
        self._begun = False

    def close(self) -> None:
        self._watchman.close()
        self._aiming.shutdown(wait=False, cancel_futures=True)

    def forget(self) -> None:
        """Let go of the models that found something: they are made anew. What was found stays, without more scores."""
        for name, found in self._kept.items():
            self._kept[name] = replace(found, aim=Aim(notice=found.notice))

    def carry_out(self, command: LibraryCommand, cancel: Cancel) -> Iterator[AnyReport]:
        """Do one command; yields its reports, not the Done at its end. Raises ComposerError and Cancelled."""
        match command:
            case FindPictures():
                yield from self._find(command, cancel)
            case ShowHits():
                yield self._show(command)
            case DescribePicture():
                yield Described(describe(self._catalogue(), command.id, self._language()))
            case MarkPictures():
                yield self._mark(command)
            case EditPicture():
                edit_picture(self._catalogue(), command.id, command.edit)
                yield Described(describe(self._catalogue(), command.id, self._language()))
            case UsePictures():
                self._catalogue().marks.use(command.article, command.title, command.ids)
                yield LibraryChanged(command.ids)
            case IndexLibrary():
                yield from index(self._shelves, command.folders, cancel, self._pace)
                self._census.forget()
                yield self._state()
            case ShowSkipped():
                yield self._skipped(command)
            case ShowLibrary() | PutFolder() | DropFolder() | SetPace():
                yield self._arranged(command, cancel)

    # --- finding --------------------------------------------------------------------------------------------------

    def _find(self, command: FindPictures, cancel: Cancel) -> Iterator[Matched]:
        """Words first where vectors take long, then everything."""
        catalogue, query = self._catalogue(), command.query
        aimed: Aim | None = None
        if is_ranked(query):
            waiting = self._aim(catalogue, query, cancel)
            with suppress(Unfinished):
                aimed = waiting.result(SOON)
            if aimed is None:
                if query.text.strip():
                    yield self._matched(command, find(catalogue, query, cancel))
                aimed = _awaited(waiting, cancel)
        yield self._matched(command, find(catalogue, query, cancel, aimed))

    def _aim(self, catalogue: Catalogue, query: Query, cancel: Cancel) -> Future[Aim]:
        """On a thread of its own: what loads a model or waits for one cannot look whether it is still wanted."""
        self._gate.again()
        future = self._aiming.submit(aim, catalogue, self._shelves.tools, query, cancel)
        future.add_done_callback(lambda _: self._gate.leave())
        return future

    def _matched(self, command: FindPictures, found: Found) -> Matched:
        self._kept[command.search] = found
        self._kept.move_to_end(command.search)
        while len(self._kept) > SEARCHES:
            self._kept.popitem(last=False)
        first = hits(self._catalogue(), found, 0, min(command.count, MOST_HITS))
        return Matched(command.search, len(found.rows), first, found.notice)

    def _show(self, command: ShowHits) -> HitsShown:
        found = self._kept.get(command.search)
        if found is None:
            raise LibraryError("That search is not kept any more.", "Search again.")
        page = hits(self._catalogue(), found, command.start, min(command.count, MOST_HITS))
        return HitsShown(command.search, command.start, page)

    # --- pictures -------------------------------------------------------------------------------------------------

    def _mark(self, command: MarkPictures) -> LibraryChanged:
        marks = self._catalogue().marks
        rating = UNSET if command.rating is None else command.rating
        hidden = UNSET if command.hidden is None else command.hidden
        marks.put(command.ids, rating=rating, hidden=hidden, tags=UNSET if command.tags is None else command.tags)
        if command.add_tags or command.remove_tags:
            before = marks.of(command.ids)
            wanted: dict[tuple[str, ...], list[str]] = {}
            for id_ in command.ids:
                tags = (*before.get(id_, Marked()).tags, *command.add_tags)
                kept = tuple(dict.fromkeys(tag for tag in tags if tag not in command.remove_tags))
                wanted.setdefault(kept, []).append(id_)
            for tags, ids in wanted.items():
                marks.put(ids, tags=tags)
        return LibraryChanged(command.ids)

    # --- the library as a whole -----------------------------------------------------------------------------------

    def _arranged(self, command: ShowLibrary | PutFolder | DropFolder | SetPace, cancel: Cancel) -> LibraryShown:
        match command:
            case PutFolder():
                put_folder(self._catalogue(), command.folder)
            case DropFolder():
                holdings.drop(self._catalogue(), command.path, cancel)
                self._census.forget()
            case SetPace():
                self._set_pace(command)
            case ShowLibrary():
                self._catch_up()
        self._watch()
        return self._state()

    def _set_pace(self, command: SetPace) -> None:
        """The share is kept for the next time. A pause is not: work that nobody goes on with looks like a fault."""
        share = min(1.0, max(0.01, command.share))
        self._pace.share = share
        (self._pace.pause if command.paused else self._pace.resume)()
        now = settings.load()
        if now.background_share != share:
            settings.save(replace(now, background_share=share))

    def _skipped(self, command: ShowSkipped) -> SkippedShown:
        count = max(1, min(command.count, MOST_SKIPPED))
        files = self._catalogue().skipped(command.folder, command.after, count)
        return SkippedShown(command.folder, files, more=len(files) == count)

    def _watch(self) -> tuple[str, ...]:
        """Returns the folders that were not watched before."""
        return self._watchman.follow([folder.path for folder in self._catalogue().folders.all() if folder.watched])

    def _catch_up(self) -> None:
        """Once: what changed in watched folders while no engine was running."""
        if not self._begun:
            self._begun = True
            for folder in self._watch():
                self._changed(Change(folder))

    def _state(self) -> LibraryShown:
        state = self._census.state(self._catalogue(), self._pace)
        now = settings.load()
        problems = tuple(self._shelves.problems())
        told = replace(state, index=now.index, read_texts=now.read_texts, screen_content=now.screen_content)
        return LibraryShown(replace(told, problems=problems))

    def _catalogue(self) -> Catalogue:
        return self._shelves.catalogue()


def put_folder(catalogue: Catalogue, folder: LibraryFolder) -> None:
    """Make it a folder of the library, or change its rules. Raises LibraryError when a new one cannot be read."""
    path = absolute(Path(folder.path))
    if path not in {known.path for known in catalogue.folders.all()}:
        check_folder(path)
    catalogue.folders.put(Folder(path, folder.include, folder.exclude, folder.watched))


def _awaited(waiting: Future[Aim], cancel: Cancel) -> Aim:
    while True:
        cancel.check()
        with suppress(Unfinished):
            return waiting.result(LOOK)
