"""Starting the window: the one function that main.py calls."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QApplication

from composer import acts, wire
from composer import settings as settings_store
from composer.errors import ComposerError
from composer.settings import Settings
from composer.types import Brief, Composition
from ui.composing import Composing
from ui.engine_client import EngineClient
from ui.images import ImageLoader
from ui.library_model import Library
from ui.main_window import MainWindow
from ui.parts import Parts
from ui.session import Session
from ui.shelf import Shelf
from ui.texts import choose_language
from ui.theme import Theme
from ui.window_state import load_state, save_state

SHOWN = "PICTORIAL_BENCH_SHOWN"
"""When set, the time of the first paint is written to stderr and the window closes: for measuring the start."""


class Shell(QObject):
    """Everything of one run: the engine, the article, and the window around them."""

    def __init__(self, application: QApplication, engine_command: Sequence[str], demo: Brief | None = None) -> None:
        super().__init__()
        self._demo = demo
        self._trouble: ComposerError | None = None
        try:
            self._settings = settings_store.load()
        except ComposerError as error:
            self._settings, self._trouble = Settings(), error
        choose_language(self._settings.interface)
        self.theme = Theme(application, self._settings.theme)
        client = EngineClient(engine_command, self)
        session = Session(self)
        self.parts = Parts(
            client, session, Composing(client, session, self), ImageLoader(self), Shelf(client, self),
            Library(client, self), ImageLoader(self),
        )  # fmt: skip
        session.edited.connect(self._record)
        self._state = load_state()
        self._finished = False
        self.window = self._make_window()

    def show(self, project: Path | None = None) -> None:
        """Show the window, perhaps with an article; the engine starts after the first paint."""
        self.window.painted.connect(self._first_paint)
        if project is not None:
            self.window.open(project)
        if self._trouble is not None:
            self.window.show_trouble(self._trouble)
        self.window.show()

    def finish(self) -> None:
        """Save what is unsaved and end the engine; safe to call twice."""
        if self._finished:
            return
        self._finished = True
        self._state = self.window.state
        self.parts.session.finish()
        self.parts.client.close()
        self.parts.images.close()
        self.parts.thumbnails.close()
        save_state(self._state)

    def _make_window(self) -> MainWindow:
        window = MainWindow(self.parts, self._demo, self._state, lambda: self._settings)
        window.closed.connect(self.finish)
        window.preferences_chosen.connect(self._prefer)
        self.theme.changed.connect(window.restyle)
        return window

    def _first_paint(self) -> None:
        if SHOWN in os.environ:
            sys.stderr.write(f"shown {time.time()}\n")
            sys.stderr.flush()
            self.window.close()
            return
        self.parts.client.start()

    def _record(self, before: Composition, after: Composition) -> None:
        """What was done to pictures is kept by the engine; an engine that is not running is not started for it."""
        if self._settings.record_choices and self.parts.client.running:
            done = acts.between(before, after)
            if done:
                self.parts.client.send(wire.RecordActs(done))

    def _prefer(self, chosen: Settings) -> None:
        before = self._settings
        try:
            # The engine writes the same file: which models are used is as it says.
            chosen = replace(
                settings_store.load(), theme=chosen.theme, interface=chosen.interface, candidates=chosen.candidates,
                record_choices=chosen.record_choices,
            )  # fmt: skip
            settings_store.save(chosen)
        except ComposerError as error:
            self.window.show_trouble(error)
        self._settings = chosen
        if chosen.theme != before.theme:
            self.theme.choose(chosen.theme)
        if chosen.candidates != before.candidates:
            self.parts.client.send(wire.RenewModels())
        if chosen.interface != before.interface:
            choose_language(chosen.interface)
            self._renew_window()

    def _renew_window(self) -> None:
        """The same article in a window of the other language."""
        old = self.window
        self._state = old.state
        geometry = old.geometry()
        old.closed.disconnect(self.finish)
        self.theme.changed.disconnect(old.restyle)
        self.window = self._make_window()
        self.window.setGeometry(geometry)
        self.window.show()
        old.hide()
        old.deleteLater()


def run(engine_command: Sequence[str], project: Path | None = None, demo: Brief | None = None) -> int:
    """Show the window until it is closed; returns the exit status.

    `engine_command` starts the engine process, `project` is an article to open, `demo` the brief of the demo.
    """
    existing = QCoreApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("Pictorial")
    application.setDesktopFileName("pictorial")
    shell = Shell(application, engine_command, demo)
    application.aboutToQuit.connect(shell.finish)
    shell.show(project)
    return application.exec()
