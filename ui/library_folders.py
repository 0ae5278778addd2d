"""The folders of the library: what is in each, what is done with it, and the work in the background."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from composer.collection import LibraryFolder, LibraryState
from ui.flow import FlowLayout
from ui.library_dialogs import FolderRules
from ui.library_model import Library
from ui.library_settings import LibrarySettings
from ui.library_words import indexing_words, size_words
from ui.texts import plural, text


class FolderCard(QFrame):
    """One folder of the library."""

    scan = Signal(str)
    rules = Signal(object)
    remove = Signal(object)
    watch = Signal(object)
    skipped = Signal(object)
    shown = Signal(str)
    """Its pictures are to be shown."""

    def __init__(self, folder: LibraryFolder, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self.setProperty("surface", "card")
        name = Path(folder.path).name or folder.path
        self.name = QToolButton()
        self.name.setText(name)
        self.name.setProperty("rank", "heading")
        self.name.setAccessibleName(text("Show the pictures of {folder}", folder=name))
        self.name.setToolTip(folder.path)
        self.path = QLabel(str(Path(folder.path).parent), wordWrap=True)
        self.path.setTextFormat(Qt.TextFormat.PlainText)
        self.path.setProperty("rank", "quiet")
        self.facts = QLabel(wordWrap=True)
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setProperty("rank", "quiet" if folder.there else "warning")
        self.facts.setText(_facts(folder))
        self.watched = QCheckBox(text("Watch for changes"))
        self.watched.setChecked(folder.watched)
        self.watched.setAccessibleName(text("Watch for changes: {folder}", folder=name))
        self.scan_button = self._tool(text("Look now"), name)
        self.rules_button = self._tool(text("Rules…"), name)
        self.remove_button = self._tool(text("Remove"), name)
        self.skipped_button = self._tool(text("Why skipped?"), name)
        self.skipped_button.setVisible(folder.skipped > 0)
        self.scan_button.setEnabled(folder.there)
        self._lay_out()
        self.name.clicked.connect(lambda: self.shown.emit(folder.path))
        self.scan_button.clicked.connect(lambda: self.scan.emit(folder.path))
        self.rules_button.clicked.connect(lambda: self.rules.emit(folder))
        self.remove_button.clicked.connect(lambda: self.remove.emit(folder))
        self.skipped_button.clicked.connect(lambda: self.skipped.emit(folder))
        self.watched.toggled.connect(lambda on: self.watch.emit(replace(folder, watched=on)))

    def _tool(self, words: str, folder: str) -> QToolButton:
        button = QToolButton()
        button.setText(words)
        button.setAccessibleName(text("{action}: {title}", action=words, title=folder))
        return button

    def _lay_out(self) -> None:
        holder = QWidget()
        buttons = FlowLayout(holder, 0)
        for button in (self.scan_button, self.rules_button, self.remove_button):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            buttons.addWidget(button)
        for button in (self.name, self.skipped_button):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 7, 8, 7)
        column.setSpacing(3)
        column.addWidget(self.name, 0, Qt.AlignmentFlag.AlignLeft)
        facts = QVBoxLayout()
        facts.setContentsMargins(6, 0, 0, 0)
        facts.addWidget(self.path)
        facts.addWidget(self.facts)
        column.addLayout(facts)
        column.addWidget(self.skipped_button, 0, Qt.AlignmentFlag.AlignLeft)
        watch = QHBoxLayout()
        watch.setContentsMargins(6, 0, 0, 0)
        watch.addWidget(self.watched)
        column.addLayout(watch)
        column.addWidget(holder)


class LibraryFolders(QScrollArea):
    """The cards, a button for more, and how the work in the background goes."""

    shown = Signal(str)
    """A folder whose pictures are to be shown."""
    asked_remove = Signal(object)
    asked_skipped = Signal(object)

    def __init__(self, library: Library, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._state: LibraryState | None = None
        self.cards: dict[str, FolderCard] = {}
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._make()
        self._lay_out()
        library.changed.connect(self._refresh)
        self._refresh()

    # --- what the writer asks for ---

    def ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, text("Add a picture folder"), str(Path.home()))
        if folder:
            self.add(folder)

    def add(self, folder: str) -> None:
        """Put a folder into the library and look through it."""
        self._library.put_folder(LibraryFolder(path=str(Path(folder).absolute())), scan=True)

    def _ask_rules(self, folder: LibraryFolder) -> None:
        dialog = FolderRules(folder, self)
        dialog.given.connect(lambda changed: self._library.put_folder(changed, scan=True))
        dialog.open()

    # --- showing ---

    def _refresh(self) -> None:
        state = self._library.state
        if state is not None and state != self._state:
            self._state = state
            self._show_folders(state)
            self._gently.setChecked(state.share < 1.0)
            self._summary.setText(_summary(state))
            self._problems.setText("\n".join(state.problems))
            self._problems.setVisible(bool(state.problems))
        busy, paused = self._library.is_indexing, bool(state and state.paused)
        self._empty.setVisible(state is not None and not state.folders)
        self.settings_button.setEnabled(state is not None)
        self.look_button.setEnabled(bool(state and state.folders) and not busy)
        self._work.setVisible(busy or paused)
        self.pause_button.setText(text("Go on") if paused else text("Pause"))
        self.stop_button.setVisible(busy)
        report = self._library.indexing
        words = indexing_words(report) if report else text("Getting ready…")
        self._progress_words.setText(text("Paused. What was done is kept.") if paused else words)
        self._bar.setVisible(busy and not paused)
        self._bar.setRange(0, max(0, report.total) if report else 0)
        if report:
            self._bar.setValue(min(report.done, report.total))

    def _show_folders(self, state: LibraryState) -> None:
        for card in self.cards.values():
            self._list.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = {folder.path: FolderCard(folder) for folder in state.folders}
        for card in self.cards.values():
            card.scan.connect(lambda path: self._library.index((path,)))
            card.rules.connect(self._ask_rules)
            card.remove.connect(self.asked_remove)
            card.skipped.connect(self.asked_skipped)
            card.watch.connect(self._library.put_folder)
            card.shown.connect(self.shown)
            self._list.addWidget(card)

    # --- making ---

    def _make(self) -> None:
        self.add_button = QPushButton(text("Add folder…"))
        self.add_button.clicked.connect(self.ask_folder)
        self.look_button = QPushButton(text("Look through all"))
        self.look_button.clicked.connect(lambda _=False: self._library.index())
        self.settings_button = QPushButton(text("Settings…"))
        self.settings_button.setAccessibleDescription(text("Settings of the library"))
        self.settings_button.clicked.connect(lambda _=False: LibrarySettings(self._library, self).open())
        self._empty = QLabel(text("No folder yet. Add one, or drop it here."), wordWrap=True)
        self._empty.setProperty("rank", "quiet")
        self._summary = QLabel(wordWrap=True)
        self._summary.setProperty("rank", "quiet")
        self._problems = QLabel(wordWrap=True)
        self._problems.setTextFormat(Qt.TextFormat.PlainText)
        self._problems.setProperty("rank", "warning")
        self._problems.hide()
        self._progress_words = QLabel(wordWrap=True)
        self._progress_words.setTextFormat(Qt.TextFormat.PlainText)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self._bar.setAccessibleName(text("Progress"))
        self.pause_button, self.stop_button = QPushButton(text("Pause")), QPushButton(text("Stop"))
        self.pause_button.clicked.connect(
            lambda: self._library.pace(paused=not (self._library.state or LibraryState()).paused)
        )
        self.stop_button.clicked.connect(self._library.stop_indexing)
        self._gently = QCheckBox(text("Gently: half the time"))
        self._gently.setToolTip(text("Work in the background takes half of the time; other programs stay quick."))
        self._gently.clicked.connect(lambda on: self._library.pace(gentle=on))

    def _lay_out(self) -> None:
        self._work = QFrame()
        self._work.setProperty("surface", "note")
        work = QVBoxLayout(self._work)
        work.setContentsMargins(10, 9, 10, 9)
        work.addWidget(self._progress_words)
        work.addWidget(self._bar)
        row = QHBoxLayout()
        row.addWidget(self.pause_button)
        row.addWidget(self.stop_button)
        row.addStretch(1)
        work.addLayout(row)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(14, 12, 12, 16)
        column.setSpacing(9)
        column.addWidget(self.add_button)
        column.addWidget(self.look_button)
        column.addWidget(self.settings_button)
        column.addWidget(self._gently)
        column.addWidget(self._work)
        column.addWidget(self._problems)
        column.addWidget(self._empty)
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        column.addLayout(self._list)
        column.addWidget(self._summary)
        column.addStretch(1)
        self.setWidget(inside)


def _facts(folder: LibraryFolder) -> str:
    if not folder.there:
        return text("Cannot be reached: is its drive plugged in? Its pictures are kept in mind.")
    parts = [plural("{count} picture", "{count} pictures", folder.pictures)]
    if folder.skipped:
        parts.append(plural("{count} file was skipped.", "{count} files were skipped.", folder.skipped))
    if folder.include or folder.exclude:
        parts.append(text("with rules"))
    return " · ".join(parts)


def _summary(state: LibraryState) -> str:
    if not state.pictures:
        return ""
    parts = [
        plural("{count} picture in all", "{count} pictures in all", state.pictures),
        plural("{count} file", "{count} files", state.files),
        size_words(state.bytes) if state.bytes else "",
    ]
    words = text(", ").join(part for part in parts if part)
    if state.without_vectors:
        words += "\n" + plural(
            "{count} is found by its words only, until it was looked at.",
            "{count} are found by their words only, until they were looked at.",
            state.without_vectors,
        )
    return words
