"""The page of the library: filters or folders on the left, the pictures in the middle, the chosen one on the right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from composer import wire
from composer.collection import Details, Filter, Hit, LibraryFolder, Query
from composer.types import Picture
from ui.images import ImageLoader
from ui.large_view import LargeView
from ui.library_chips import Chips
from ui.library_details import LibraryDetails
from ui.library_dialogs import EditDialog, TagDialog
from ui.library_filters import LibraryFilters
from ui.library_folders import LibraryFolders
from ui.library_frame import LibraryFrame
from ui.library_grid import LibraryGrid
from ui.library_model import Library
from ui.library_skipped import SkippedDialog
from ui.library_toolbar import LibraryToolbar
from ui.library_words import found_words, title_of
from ui.message_bar import MessageBar
from ui.model_dialogs import Question
from ui.picture_mime import TYPE
from ui.texts import text

DESCRIBE_MS = 120
"""The current picture is described when it stays the current one for so long."""


class LibraryPage(QWidget):
    """Shows the library; every control asks it for something."""

    left = Signal()
    put = Signal(object)
    """A composer.types.Picture for the article."""

    def __init__(
        self, library: Library, images: ImageLoader, thumbnails: ImageLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("surface", "desk")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAcceptDrops(True)
        self._library = library
        self._current = ""
        """Id of the picture that was the current one last."""
        self._names: dict[str, str] = {}
        """Titles of the pictures that examples of the query refer to."""
        self.messages = MessageBar()
        self.toolbar = LibraryToolbar()
        self.chips = Chips()
        self.grid = LibraryGrid(library.hits, thumbnails)
        self.filters = LibraryFilters()
        self.folders = LibraryFolders(library)
        self.details = LibraryDetails(thumbnails)
        self.add_button = QPushButton(text("Add a picture folder"))
        self.add_button.setProperty("primary", "true")
        self.details.can_put("")
        self.frame = LibraryFrame(self.grid, self.add_button)
        above = (self.messages, self.toolbar.line, self.chips)
        self.frame.lay_out(self, self.toolbar, above, (self.filters, self.folders), self.details)
        self.large = LargeView(images, self)
        self._describing = QTimer(self, singleShot=True, interval=DESCRIBE_MS)
        self._describing.timeout.connect(self._describe)
        self._connect()
        self._show_query()
        self._refresh()
        self._settled()

    def opened(self) -> None:
        """The page is shown: look at the state again; what was searched and chosen stays."""
        self._library.refresh()
        self.grid.setFocus(Qt.FocusReason.OtherFocusReason)

    def look_for(self, words: str) -> None:
        """Search for words, with nothing else asked for."""
        self._ask(Query(text=words))

    def can_put(self, sentence: str) -> None:
        """Where a picture would go; empty when there is no place for it."""
        self.details.can_put(sentence)

    # --- asking ---

    def _ask(self, query: Query, *, typing: bool = False) -> None:
        self._library.ask(query, typing=typing)
        self._show_query()

    def _type(self, words: str) -> None:
        self._ask(replace(self._library.query, text=words.strip()), typing=True)

    def _like(self, picture: Picture) -> None:
        """From here on words say what should be different: like this, but at night."""
        self._names[picture.id] = title_of(picture)
        query = self._library.query
        self._ask(replace(query, text="", like=(picture.id,), unlike=(), example="", order="best"))

    def _unlike(self, picture: Picture) -> None:
        self._names[picture.id] = title_of(picture)
        query = self._library.query
        if picture.id not in query.unlike:
            like = tuple(each for each in query.like if each != picture.id)
            self._ask(replace(query, like=like, unlike=(*query.unlike, picture.id), order="best"))

    def _show_folder(self, path: str) -> None:
        self._ask(replace(self._library.query, filter=Filter(folders=(path,))))

    def _show_query(self) -> None:
        query = self._library.query
        self.toolbar.show_query(query)
        self.filters.chosen = query.filter
        self.chips.show_query(query, self._names)

    # --- marking and editing ---

    def rate(self, rating: int) -> None:
        self._mark(wire.MarkPictures((), rating=rating))

    def toggle_hidden(self) -> None:
        """Hide what is chosen, or show it again if the current picture is hidden."""
        hit = self.grid.current_hit()
        if hit is not None:
            self._mark(wire.MarkPictures((), hidden=not hit.hidden))

    def ask_tags(self) -> None:
        hit, count = self.grid.current_hit(), self.grid.chosen_count
        if hit is None:
            return
        state = self._library.state
        dialog = TagDialog(count, hit.tags if count == 1 else (), state.tags if state else (), self)
        dialog.given.connect(lambda add, remove: self._mark(wire.MarkPictures((), add_tags=add, remove_tags=remove)))
        dialog.open()

    def _mark(self, mark: wire.MarkPictures) -> None:
        self._library.mark(self.grid.chosen_spans(), mark)
        self._settled()

    def _edit(self, details: Details) -> None:
        dialog = EditDialog(details, self)
        dialog.given.connect(lambda edit: self._library.edit(details.picture.id, edit))
        dialog.open()

    def _ask_remove(self, folder: LibraryFolder) -> None:
        name = Path(folder.path).name or folder.path
        dialog = Question(
            text("Take {folder} out of the library?", folder=name),
            text("Its files stay where they are. Its pictures are no longer found; stars and tags come back with it."),
            text("Take out"),
            self,
        )
        dialog.setWindowTitle(text("Library"))
        dialog.agreed.connect(lambda: self._library.drop_folder(folder.path))
        dialog.open()

    def _show_skipped(self, folder: LibraryFolder) -> None:
        SkippedDialog(self._library, folder, self).open()

    # --- the chosen picture ---

    def _settled(self) -> None:
        hit = self.grid.current_hit()
        self.details.show_hit(hit, self.grid.chosen_count)
        if hit is not None:
            self._current = hit.picture.id
            self._describing.start()
            if self.large.isVisible():
                self.large.show_hit(hit)

    def _describe(self) -> None:
        hit = self.grid.current_hit()
        if hit is not None and self.isVisible() and not self.details.complete:
            self._library.describe(hit.picture.id)

    def _data_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        """What is shown of the current picture may be new."""
        if first.row() <= self.grid.currentIndex().row() <= last.row():
            self._settled()

    def _spoiled(self, ids: tuple[str, ...]) -> None:
        if self._current and (not ids or self._current in ids):
            self.details.forget()
            self._describing.start()

    def _show_large(self) -> None:
        hit = self.grid.current_hit()
        if hit is not None:
            self.large.open(hit)

    def _step(self, by: int) -> None:
        self.grid.choose(self.grid.currentIndex().row() + by)

    def _other(self, picture: Picture) -> None:
        """A near-duplicate: shown in the grid if it is there, else all of its group are asked for."""
        row = self._library.hits.row_of(picture.id)
        if row >= 0:
            self.grid.choose(row)
            return
        query = self._library.query
        self._names[picture.id] = title_of(picture)
        self._ask(replace(query, like=(picture.id,), text="", filter=replace(query.filter, copies=True)))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        hit = self.grid.current_hit()
        if hit is None or not self.grid.viewport().rect().contains(
            self.grid.viewport().mapFromGlobal(event.globalPos())
        ):
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for words, verb in self._verbs(hit):
            if words:
                menu.addAction(words).triggered.connect(lambda _=False, do=verb: do())
            else:
                menu.addSeparator()
        menu.popup(event.globalPos())

    def _verbs(self, hit: Hit) -> list[tuple[str, Callable[[], object]]]:
        verbs: list[tuple[str, Callable[[], object]]] = []
        if self.details.put_button.isEnabled():
            verbs += [(text("Put into article"), lambda: self.put.emit(hit.picture)), ("", self.update)]
        return [
            *verbs,
            (text("Large view"), self._show_large),
            (text("More like this"), lambda: self._like(hit.picture)),
            (text("Not like this"), lambda: self._unlike(hit.picture)),
            ("", self.update),
            (text("Tags…"), self.ask_tags),
            (text("Show again") if hit.hidden else text("Hide"), self.toggle_hidden),
        ]

    # --- what the library says ---

    def _answered(self) -> None:
        """The full answer may follow one by words alone: what was chosen stays chosen if it is near the top."""
        row = self._library.hits.row_of(self._current) if not self.grid.currentIndex().isValid() else -1
        if 0 <= row <= self.grid.seen[1]:
            self.grid.choose(row)
        self._settled()
        self._refresh()

    def _refresh(self) -> None:
        library = self._library
        total, state = library.total, library.state
        if state is not None:
            self.filters.show_state(state)
        searching = library.searching
        words = found_words(total, everything=library.everything) if total is not None else ""
        if searching:  # what is shown is still the answer before
            words = " · ".join(part for part in (words if total else "", text("Searching…")) if part)
        self.toolbar.show_found(words, library.notice)
        empty = self._empty_words() if total == 0 and not searching else ""
        without_folders = state is not None and not state.folders and not state.pictures
        self.frame.show_empty(empty, with_button=bool(empty) and without_folders)
        self.toolbar.show_work(library.is_indexing or bool(state and state.paused), paused=bool(state and state.paused))

    def _empty_words(self) -> str:
        library = self._library
        if library.state is not None and not library.state.folders and not library.state.pictures:
            return text("The library has no pictures yet. Add a folder, and it is looked through on this computer.")
        if library.everything:
            return text("The folders of the library hold no picture that can be used.")
        if library.query.filter != Filter():
            return text("No picture is like that. Take away a wish, or clear all.")
        return text("No picture was found for these words. Try other or fewer words.")

    def _failed(self, report: wire.Failed) -> None:
        self.messages.tell(report.message, report.hint, surface="error", details=report.details)

    def _lost(self) -> None:
        self.messages.tell(
            text("The engine stopped before this was done and was started again. Please try again."),
            surface="warning",
        )

    # --- wiring ---

    def _connect(self) -> None:
        bar, grid, details, library = self.toolbar, self.grid, self.details, self._library
        bar.back.clicked.connect(self.left)
        bar.back_rested.connect(self.left)
        bar.typed.connect(self._type)
        bar.entered.connect(self._enter_grid)
        bar.order_chosen.connect(lambda order: self._ask(replace(library.query, order=order)))
        bar.look_chosen.connect(lambda side, scores: grid.set_look(side, scores=scores))
        bar.work_pressed.connect(self.frame.show_folders)
        self.chips.changed.connect(self._ask)
        self.filters.changed.connect(lambda chosen: self._ask(replace(library.query, filter=chosen)))
        self.folders.shown.connect(self._show_folder)
        self.folders.asked_remove.connect(self._ask_remove)
        self.folders.asked_skipped.connect(self._show_skipped)
        self.add_button.clicked.connect(self.folders.ask_folder)
        grid.settled.connect(self._settled)
        grid.rated.connect(self.rate)
        grid.hidden_pressed.connect(self.toggle_hidden)
        grid.tag_pressed.connect(self.ask_tags)
        grid.details_pressed.connect(details.focus_first)
        grid.large_pressed.connect(self._show_large)
        grid.doubleClicked.connect(lambda _index: self._show_large())
        grid.search_pressed.connect(bar.focus_search)
        self.large.stepped.connect(self._step)
        self.large.rated.connect(self.rate)
        self.large.hidden_pressed.connect(self.toggle_hidden)
        self.large.closed.connect(lambda: grid.setFocus(Qt.FocusReason.OtherFocusReason))
        details.put.connect(self.put)
        details.like.connect(self._like)
        details.unlike.connect(self._unlike)
        details.rated.connect(self.rate)
        details.hidden_pressed.connect(self.toggle_hidden)
        details.tag_pressed.connect(self.ask_tags)
        details.edit_pressed.connect(self._edit)
        details.other.connect(self._other)
        library.answered.connect(self._answered)
        library.changed.connect(self._refresh)
        library.described.connect(details.show_details)
        library.spoiled.connect(self._spoiled)
        library.told.connect(self.messages.tell)
        library.failed.connect(self._failed)
        library.lost.connect(self._lost)
        library.hits.dataChanged.connect(self._data_changed)
        QShortcut(QKeySequence.StandardKey.Find, self, bar.focus_search)

    def _enter_grid(self) -> None:
        """From the search field to the pictures."""
        self.grid.setFocus(Qt.FocusReason.OtherFocusReason)
        if not self.grid.currentIndex().isValid():
            self.grid.choose(0)

    # --- folders and pictures dropped here ---

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if not event.mimeData().hasFormat(TYPE) and event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Folders are added to the library; a picture file becomes what the pictures should be like."""
        for path in (Path(url.toLocalFile()) for url in event.mimeData().urls()):
            if path.is_dir():
                self.folders.add(str(path))
                self.frame.show_folders()
            elif path.is_file():
                self._ask(replace(self._library.query, text="", like=(), unlike=(), example=str(path), order="best"))
        event.acceptProposedAction()
