"""The window: start page or open article, the menus, and what the engine's fate means for the writer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QMainWindow, QStackedWidget

from composer import wire
from composer.errors import ComposerError, ModelNotReady
from composer.settings import Settings
from composer.types import Brief, Composition, Picture
from ui import edits
from ui.actions import Actions, Verbs
from ui.library_words import title_of
from ui.parts import Parts
from ui.shots import copy_shots, has_shots
from ui.side_pages import SidePages
from ui.start_page import StartPage, dropped
from ui.texts import text
from ui.window_state import WindowState

if TYPE_CHECKING:
    from ui.documents import Documents
    from ui.library_page import LibraryPage
    from ui.models_page import ModelsPage
    from ui.work_page import WorkPage

NextStep = Literal["fresh", "continue", "again", "pictures"]


class MainWindow(QMainWindow):
    """Joins the views with the session; no work is done here."""

    painted = Signal()
    """Once, after the first paint."""
    closed = Signal()
    preferences_chosen = Signal(object)

    def __init__(self, parts: Parts, demo: Brief | None, state: WindowState, settings: Callable[[], Settings]) -> None:
        super().__init__()
        self._parts, self._demo, self._state, self._settings = parts, demo, state, settings
        self._was_painted = False
        self.setAcceptDrops(True)
        self.setMinimumSize(1000, 620)
        self.start = StartPage(with_demo=demo is not None)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start)
        self.setCentralWidget(self.stack)
        self.side_pages = SidePages(self.stack, self.start, parts, state.thumbnail)
        self.actions_ = Actions(self, self._verbs(), parts.session.undo)
        self._connect()
        self.resize(state.width or 1360, state.height or 860)
        if parts.session.composition is not None:
            self._opened()
        else:
            self.show_start()
        self._refresh()

    # --- pages ---

    @cached_property
    def work(self) -> WorkPage:
        """The page of an open article, made when first needed: without it the start page is there sooner."""
        from ui.explanations import Explanations
        from ui.work_page import WorkPage

        work = WorkPage(self._parts.session, self._parts.composing, self._parts.images)
        self.stack.addWidget(work)
        if self._state.panes:
            work.splitter.setSizes(list(self._state.panes))
        work.form.compose.connect(self.compose)
        work.form.cancel.connect(self._parts.composing.cancel)
        work.form.changed.connect(self._refresh)
        work.candidates.library.connect(self.show_library)
        Explanations(self._parts.client, work.candidates.why)
        return work

    @cached_property
    def documents(self) -> Documents:
        """The file side, which speaks through the page of an open article."""
        from ui.documents import Documents

        parts = self._parts
        return Documents(self, parts, self.work.messages, self._state.folder)

    @property
    def models(self) -> ModelsPage:
        """The page of models."""
        return self.side_pages.models

    @property
    def library(self) -> LibraryPage:
        """The page of the picture library."""
        return self.side_pages.library

    def show_models(self) -> None:
        """The page of models, over whatever was shown; what is being written goes on."""
        self.side_pages.show_models()

    def show_library(self, words: str = "") -> None:
        """The page of the library, perhaps looking for words; it says where a picture would go."""
        composition = self._parts.session.composition
        slots = (composition.slots or ()) if composition else ()
        selected = self.work.selected if slots else ""
        self.side_pages.show_library(next((slot for slot in slots if slot.id == selected), None), words)

    def leave(self) -> None:
        """Back from models or library to what was shown before; does nothing elsewhere."""
        if self.side_pages.shown:
            if self.side_pages.over_start:
                self.show_start()
            else:
                self._show_work()

    def _put_picture(self, picture: Picture) -> None:
        self.work.put_picture(self.work.selected, picture)
        self.library.messages.tell(
            text("“{name}” is in the article now.", name=title_of(picture)),
            action=(text("Back to the article"), self._show_work),
        )

    def show_start(self) -> None:
        """The start page, with the drafts as they are now."""
        if self._parts.composing.busy:
            return
        if self._parts.session.composition is not None:
            self._parts.session.close_article()
            return
        self.start.refresh()
        self.stack.setCurrentWidget(self.start)
        (self.start.new_choice if self._demo is None else self.start.demo_choice).setFocus()

    def new_article(self) -> None:
        """An empty brief with the folders used last."""
        if self._parts.composing.busy:
            return
        folders = tuple(folder for folder in self._state.libraries if Path(folder).is_dir())
        language = "zh" if text("&File") != "&File" else "en"
        if self._parts.session.composition is not None:
            self._parts.session.close_article()
        self.work.show_opened()
        self.work.form.brief = Brief(topic="", language=language, libraries=folders)
        self._show_work()
        self.work.form.focus_first()

    def compose_demo(self) -> None:
        if self._demo is None or self._parts.composing.busy:
            return
        missing = [folder for folder in self._demo.libraries if not Path(folder).is_dir()]
        self.work.show_opened()
        self.work.form.brief = self._demo
        self._show_work()
        if missing:
            self.work.messages.tell(
                text("The demo's pictures are not on this computer yet; run `make setup` first."), surface="warning"
            )
        else:
            self._parts.composing.start(self._demo)

    def add_folder(self) -> None:
        """Ask for a picture folder, look through it, and start an article with it."""
        folder = QFileDialog.getExistingDirectory(self, text("Add a picture folder"), str(Path.home()))
        if folder:
            self.take_folder(Path(folder))

    def take_folder(self, folder: Path) -> None:
        self.leave()
        if self.stack.currentWidget() is self.start:
            self.new_article()
        if not self._parts.composing.busy:
            self.work.form.folders.add(str(folder))
            self._remember_folders()
            self.documents.scan(str(folder))

    def open(self, path: Path) -> None:
        """Open an article; trouble is said in the page that is shown."""
        if self._parts.composing.busy:
            return
        self.leave()
        if not self.documents.open(path) and self.stack.currentWidget() is self.start:
            self._show_work()

    def show_trouble(self, error: ComposerError) -> None:
        """Say what went wrong; the start page has no room for it, so the work page comes forward."""
        self._show_work()
        self.documents.tell_problem(error)

    def _show_work(self) -> None:
        self.stack.setCurrentWidget(self.work)
        self._refresh()

    def _opened(self) -> None:
        composition = self._parts.session.composition
        if composition is None:
            self.show_start()
        else:
            self.work.show_opened()
            self._show_work()
            if not edits.finished(composition):
                self._offer(text("This article is not finished yet."))
        self._refresh()

    # --- composing ---

    def next_step(self) -> NextStep:
        """What composing would mean now: all of it, the rest of it, only the pictures, or another article."""
        composition, brief = self._parts.session.composition, self.work.form.brief
        if composition is None or composition.outline is None:
            return "fresh"
        if composition.brief == brief:
            if edits.edited_since_planned(composition):
                return "pictures"
            return "again" if edits.finished(composition) else "continue"
        written = composition.article is not None and composition.slots is not None
        if written and edits.only_pictures_differ(composition.brief, brief):
            return "pictures"
        return "fresh"

    def compose(self) -> None:
        """Do the next step with the brief as it stands in the form."""
        form, session = self.work.form, self._parts.session
        step, brief, composition = self.next_step(), form.brief, session.composition
        self._remember_folders()
        if step == "again":
            brief = replace(brief, seed=brief.seed + 1)  # the same seed would give the same article
            form.brief = brief
        if step in ("fresh", "again") or composition is None:
            self._parts.composing.start(brief)
        else:
            self._parts.composing.start(brief, replace(composition, brief=brief))

    def _continue(self) -> None:
        composition = self._parts.session.composition
        if composition is not None:
            self.work.form.brief = composition.brief
            self._parts.composing.start(composition.brief, composition)

    def _offer(self, sentence: str, *, warning: bool = False, details: str = "") -> None:
        self.work.messages.tell(
            sentence,
            surface="warning" if warning else "note",
            action=(text("Continue"), self._continue),
            details=details,
        )

    def _lost(self, restarted: bool) -> None:
        if restarted:
            sentence = text("The engine stopped and was started again; no word was lost.")
        else:
            sentence = text("The engine keeps stopping; no word was lost. Look at the details before going on.")
        self._offer(sentence, warning=True, details=self._parts.client.last_errors)

    def _died(self, jobs: list[int], restarted: bool) -> None:
        if jobs:
            return  # whoever waits for a job says so
        if restarted:
            self.work.strip.add_notice(text("The engine stopped and was started again."))
        else:
            self.work.messages.tell(
                text("The engine could not be started; articles can be read and edited, but not composed."),
                surface="error",
                details=self._parts.client.last_errors,
            )

    def _failed(self, report: wire.Failed) -> None:
        details = "\n\n".join(part for part in (report.details, self._parts.client.last_errors) if part)
        models = (text("Models…"), self.show_models) if report.kind == ModelNotReady.__name__ else None
        self.work.messages.tell(report.message, report.hint, surface="error", action=models, details=details)

    def _ended(self, how: str) -> None:
        if how == "stopped" and self._parts.session.composition is not None:
            self._offer(text("Stopped. What is written so far is kept."))
        self._refresh()

    # --- wiring ---

    def _connect(self) -> None:
        parts = self._parts
        self.start.demo.connect(self.compose_demo)
        self.start.new.connect(self.new_article)
        self.start.add_folder.connect(self.add_folder)
        self.start.opened.connect(self.open)
        self.start.models.connect(self.show_models)
        self.start.library.connect(self.show_library)
        self.side_pages.left.connect(self.leave)
        self.side_pages.put.connect(self._put_picture)
        parts.session.opened.connect(self._opened)
        parts.session.changed.connect(self._refresh)
        parts.session.saved.connect(self._refresh)
        parts.composing.state_changed.connect(self._refresh)
        parts.composing.ended.connect(self._ended)
        parts.composing.failed.connect(self._failed)
        parts.composing.lost.connect(self._lost)
        parts.client.died.connect(self._died)

    def _verbs(self) -> Verbs:
        composing = self._parts.composing
        return Verbs(
            new=self.new_article,
            open=self._ask_open,
            save=lambda: self.documents.save(),  # noqa: PLW0108 - `documents` is made when it is needed
            save_as=lambda: self.documents.save_as(),  # noqa: PLW0108 - as above
            export=lambda formats: self.documents.ask_export(formats),  # noqa: PLW0108 - as above
            home=self.show_start,
            quit=self.close,
            preferences=self._show_preferences,
            models=self.show_models,
            library=self.show_library,
            compose=self._press_compose,
            cancel=composing.cancel,
            add_folder=self.add_folder,
            next_slot=lambda: self.work.step(1),
            previous_slot=lambda: self.work.step(-1),
            copy_shots=self._copy_shots,
            engine_details=self._show_engine,
        )

    def _ask_open(self) -> None:
        path = self.documents.ask_open()
        if path is not None:
            self.open(path)

    def _press_compose(self) -> None:
        self.leave()
        if self.stack.currentWidget() is self.start:
            self.new_article()
        else:
            self.work.form.press()

    def _refresh(self) -> None:
        composition: Composition | None = self._parts.session.composition
        busy = self._parts.composing.busy
        has_article = composition is not None and composition.article is not None
        has_slots = bool(composition and composition.slots)
        self.actions_.update(
            has_article=has_article, has_slots=has_slots, has_shots=has_shots(composition), busy=busy
        )  # fmt: skip
        name = self._parts.session.name
        self.setWindowTitle(f"{name}[*] — Pictorial" if name else "Pictorial")
        self.setWindowModified(self._parts.session.unsaved)
        if "work" not in self.__dict__:
            return
        labels = {
            "fresh": text("Compose"),
            "continue": text("Continue"),
            "again": text("Compose another version"),
            "pictures": text("Choose the pictures again"),
        }
        label = labels[self.next_step()]
        if not busy:
            self.work.form.set_button(label)

    def _copy_shots(self) -> None:
        self.leave()
        copy_shots(self._parts.session.composition, self.work.messages)

    def _show_preferences(self) -> None:
        from ui.preferences import PreferencesDialog

        dialog = PreferencesDialog(self._settings(), self)
        dialog.chosen.connect(self.preferences_chosen)
        dialog.open()

    def _show_engine(self) -> None:
        from ui.details_dialog import DetailsDialog

        client = self._parts.client
        sentence = (
            text("The engine is running as process {pid}.", pid=client.pid)
            if client.running
            else text("The engine is not running.")
        )
        DetailsDialog(sentence, client.last_errors, self).open()

    def _remember_folders(self) -> None:
        folders = self.work.form.folders.folders
        if folders and not (self._demo and folders == self._demo.libraries):
            self._state = replace(self._state, libraries=folders)

    # --- the window itself ---

    @property
    def state(self) -> WindowState:
        """What to remember of this window."""
        now = replace(self._state, width=self.width(), height=self.height(), thumbnail=self.side_pages.thumbnail)
        if "documents" in self.__dict__:
            now = replace(now, folder=self.documents.folder)
        if "work" in self.__dict__ and self.work.isVisible():
            now = replace(now, panes=tuple(self.work.splitter.sizes()))
        return now

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self._after_first_paint)

    def restyle(self) -> None:
        """Take the theme's colours again."""
        if "work" in self.__dict__:
            self.work.page.restyle()
        self.side_pages.restyle()

    def _after_first_paint(self) -> None:
        self.painted.emit()
        QTimer.singleShot(0, self, lambda: self.documents)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Never asks: the draft holds everything, and opening the file again brings it back."""
        self.closed.emit()
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        files, folders = dropped([url.toLocalFile() for url in event.mimeData().urls()])
        if (files or folders) and not self._parts.composing.busy:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        files, folders = dropped([url.toLocalFile() for url in event.mimeData().urls()])
        if files:
            self.open(files[0])
        for folder in folders:
            self.take_folder(folder)
