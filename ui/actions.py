"""The menus and their shortcuts; what each does is the window's business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence, QUndoStack
from PySide6.QtWidgets import QMainWindow, QMenu

from composer.wire import Format
from ui.texts import text

Shortcut = QKeySequence.StandardKey | str | None


@dataclass(frozen=True)
class Verbs:
    """What the menus can ask for."""

    new: Callable[[], object]
    open: Callable[[], object]
    save: Callable[[], object]
    save_as: Callable[[], object]
    export: Callable[[tuple[Format, ...]], object]
    home: Callable[[], object]
    quit: Callable[[], object]
    preferences: Callable[[], object]
    models: Callable[[], object]
    library: Callable[[], object]
    compose: Callable[[], object]
    cancel: Callable[[], object]
    add_folder: Callable[[], object]
    next_slot: Callable[[], object]
    previous_slot: Callable[[], object]
    copy_shots: Callable[[], object]
    engine_details: Callable[[], object]


class Actions:
    """Builds the menu bar. Actions that depend on the state are attributes."""

    def __init__(self, window: QMainWindow, verbs: Verbs, undo: QUndoStack) -> None:
        self._window = window
        bar = window.menuBar()
        key = QKeySequence.StandardKey
        file = bar.addMenu(text("&File"))
        self.new = self._add(file, text("&New article"), verbs.new, key.New)
        self.open = self._add(file, text("&Open…"), verbs.open, key.Open)
        file.addSeparator()
        self.save = self._add(file, text("&Save"), verbs.save, key.Save)
        self.save_as = self._add(file, text("Save &as…"), verbs.save_as, "Ctrl+Shift+S")
        self.export = file.addMenu(text("&Export"))
        both: tuple[Format, ...] = ("html", "markdown")
        self._add(self.export, text("&Web page…"), lambda: verbs.export(("html",)), None)
        self._add(self.export, text("&Markdown…"), lambda: verbs.export(("markdown",)), None)
        self._add(self.export, text("&Both…"), lambda: verbs.export(both), "Ctrl+E")
        file.addSeparator()
        self.add_folder = self._add(file, text("Add a picture &folder…"), verbs.add_folder, "Ctrl+Shift+O")
        self.home = self._add(file, text("S&tart page"), verbs.home, "Alt+Home")
        file.addSeparator()
        self.quit = self._add(file, text("&Quit"), verbs.quit, key.Quit if not _no_quit_key() else "Ctrl+Q")
        edit = bar.addMenu(text("&Edit"))
        self.undo = undo.createUndoAction(window, text("&Undo"))
        self.undo.setShortcuts(key.Undo)
        self.redo = undo.createRedoAction(window, text("&Redo"))
        self.redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        edit.addActions([self.undo, self.redo])
        edit.addSeparator()
        self.preferences = self._add(edit, text("&Preferences…"), verbs.preferences, "Ctrl+,")
        self.models = self._add(edit, text("&Models…"), verbs.models, "Ctrl+Shift+M")
        self.library = self._add(edit, text("Picture &library…"), verbs.library, "Ctrl+L")
        article = bar.addMenu(text("&Article"))
        self.compose = self._add(article, text("&Compose"), verbs.compose, "Ctrl+Return")
        self.cancel = self._add(article, text("Cance&l"), verbs.cancel, "Ctrl+.")
        article.addSeparator()
        self.next_slot = self._add(article, text("&Next picture"), verbs.next_slot, "Ctrl+Alt+Down")
        self.previous_slot = self._add(article, text("&Previous picture"), verbs.previous_slot, "Ctrl+Alt+Up")
        article.addSeparator()
        self.copy_shots = self._add(article, text("Copy &shot list"), verbs.copy_shots, None)
        about = bar.addMenu(text("&Help"))
        self.engine_details = self._add(about, text("Engine &details…"), verbs.engine_details, None)

    def update(self, *, has_article: bool, has_slots: bool, has_shots: bool, busy: bool) -> None:
        """Offer only what can be done now."""
        for action in (self.save, self.save_as):
            action.setEnabled(has_article)
        self.export.setEnabled(has_article and not busy)
        self.cancel.setEnabled(busy)
        self.compose.setEnabled(not busy)
        self.copy_shots.setEnabled(has_shots)
        for action in (self.new, self.open, self.home):
            action.setEnabled(not busy)
        for action in (self.next_slot, self.previous_slot):
            action.setEnabled(has_slots)

    def _add(self, menu: QMenu, words: str, verb: Callable[[], object], shortcut: Shortcut) -> QAction:
        action = QAction(words, self._window)
        action.triggered.connect(lambda _=False: verb())
        if isinstance(shortcut, str):
            action.setShortcut(QKeySequence(shortcut))
        elif shortcut is not None:
            action.setShortcuts(shortcut)
        menu.addAction(action)
        return action


def _no_quit_key() -> bool:
    return not QKeySequence.keyBindings(QKeySequence.StandardKey.Quit)
