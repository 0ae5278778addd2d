"""The page of models: what writes, finds and judges on this computer, and how to have better ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from composer import wire
from composer.shelf import ModelRow, Purpose
from ui.machine_checks import MachineChecks
from ui.message_bar import MessageBar
from ui.model_dialogs import Question, ServerDialog, SourceDialog
from ui.model_section import ModelSection
from ui.model_words import Server, remote_of, size
from ui.recommended import Recommended
from ui.shelf import PURPOSES, Shelf
from ui.texts import language, text
from ui.theme import page_font

WIDTH = 880


class ModelsPage(QWidget):
    """Shows the shelf; every button asks it for something."""

    left = Signal()
    """The writer goes back to where they came from."""

    def __init__(self, shelf: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "desk")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._shelf = shelf
        self.messages = MessageBar()
        self.back = QToolButton()
        self.back.setText(text("‹ Back"))
        self.back.setAccessibleName(text("Back"))
        self.back.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.waiting = QLabel(text("Looking at the models on this computer…"))
        self.waiting.setProperty("rank", "quiet")
        self.remote = QLabel(wordWrap=True)
        self.remote.setTextFormat(Qt.TextFormat.PlainText)
        self._remote_frame = QFrame()
        self._remote_frame.setProperty("surface", "warning")
        self.recommended = Recommended(shelf)
        self.sections = {purpose: ModelSection(purpose, shelf, self._favoured) for purpose in PURPOSES}
        self.checks = MachineChecks(shelf)
        self.disk = QLabel(wordWrap=True)
        self.disk.setProperty("rank", "quiet")
        self._lay_out()
        self._connect()
        self._refresh()

    def opened(self) -> None:
        """The page is shown: look again, as files may have come or gone meanwhile."""
        self._shelf.refresh()
        self.back.setFocus(Qt.FocusReason.OtherFocusReason)

    # --- what the writer asks for ---

    def add_file(self, purpose: Purpose) -> None:
        """A .gguf file; for a judge a second one, with which it sees."""
        name = self._ask_file(text("Add a model file"))
        if not name:
            return
        if purpose == "reranker":
            eyes = self._ask_file(text("Its file for seeing pictures (its name holds “mmproj”)"))
            if eyes:
                self._shelf.use(f"gguf:{name}+{eyes}", purpose)
            return
        self._shelf.use(f"gguf:{name}", purpose)

    def add_folder(self, purpose: Purpose) -> None:
        folder = QFileDialog.getExistingDirectory(self, text("Add a model folder"), str(Path.home()))
        if folder:
            kind = "open_clip" if purpose == "encoder" else "transformers"
            self._shelf.use(f"{kind}:{folder}", purpose)

    def add_server(self, purpose: Purpose) -> None:
        dialog = ServerDialog(self)
        dialog.given.connect(lambda server: self.take_server(server, purpose))
        dialog.open()

    def add_source(self, purpose: Purpose) -> None:
        dialog = SourceDialog(self)
        dialog.given.connect(lambda source: self._shelf.fetch(source, purpose))
        dialog.open()

    def take_server(self, server: Server, purpose: Purpose) -> None:
        """Use it if it is here; ask first if texts would leave this computer."""
        if server.here:
            self._shelf.use_server(server, purpose)
            return
        what = text("Your texts") if purpose == "writer" else text("Your texts and pictures")
        dialog = Question(
            text("{what} would be sent to {place}.", what=what, place=server.place),
            text("That is not this computer. Whoever runs it can read what is sent. Say yes only if you trust it."),
            text("Send to {place}", place=server.place),
            self,
        )
        dialog.agreed.connect(lambda: self._shelf.use_server(server, purpose))
        dialog.open()

    def ask_remove(self, row: ModelRow) -> None:
        """Deleting cannot be undone; a model that is in use is missed at once."""
        details = text(
            "Its files ({size}) are deleted from this computer. It can be fetched again.", size=size(row.megabytes)
        )
        if row.chosen:
            details = f"{details} {text('It is in use: choose another one before you compose again.')}"
        dialog = Question(text("Remove {title}?", title=row.title), details, text("Remove"), self)
        dialog.agreed.connect(lambda: self._shelf.remove(row.name))
        dialog.open()

    def _ask_file(self, title: str) -> str:
        name, _ = QFileDialog.getOpenFileName(self, title, str(Path.home()), text("Models (*.gguf)"))
        return name

    def _favoured(self) -> tuple[str, ...]:
        chosen = self.recommended.chosen
        return chosen.models if chosen is not None else ()

    # --- what the shelf says ---

    def _refresh(self) -> None:
        known = self._shelf.disk is not None
        self.waiting.setVisible(not known)
        self._body.setVisible(known)
        self._tell_remote()
        disk = self._shelf.disk
        if disk is None:
            return
        models, free = size(disk.models / 1e6), size(disk.free / 1e6)
        parts = [text("The models take {size} of the disk; {free} are free.", size=models, free=free)]
        if disk.unfinished:
            parts.append(text("Unfinished fetches take {size}.", size=size(disk.unfinished / 1e6)))
        if disk.caches:
            parts.append(text("What is remembered of pictures takes {size}.", size=size(disk.caches / 1e6)))
        self.disk.setText(" ".join(parts))

    def _tell_remote(self) -> None:
        """As long as anything is sent elsewhere, the page says what and where."""
        chosen = self._shelf.chosen
        writer, judge = remote_of(chosen.get("writer", "")), remote_of(chosen.get("reranker", ""))
        sentences = []
        if writer and writer != judge:
            sentences.append(text("Your texts are sent to {place}.", place=writer))
        if judge:
            sentences.append(text("Your texts and pictures are sent to {place}.", place=judge))
        if sentences:
            sentences.append(text("Use another model to end that."))
        self.remote.setText(" ".join(sentences))
        self._remote_frame.setVisible(bool(sentences))

    def _failed(self, report: wire.Failed) -> None:
        self.messages.tell(report.message, report.hint, surface="error", details=report.details)

    def _lost(self) -> None:
        self.messages.tell(
            text("The engine stopped before this was done. What was fetched is kept; please try again."),
            surface="warning",
        )

    # --- making ---

    def _connect(self) -> None:
        self.back.clicked.connect(self.left)
        for section in self.sections.values():
            self.recommended.language.currentIndexChanged.connect(section.refresh)
        self._shelf.changed.connect(self._refresh)
        self._shelf.begun.connect(self.messages.hide)
        self._shelf.told.connect(self.messages.tell)
        self._shelf.failed.connect(self._failed)
        self._shelf.lost.connect(self._lost)
        for purpose in PURPOSES:
            section = self.sections[purpose]
            section.remove.connect(self.ask_remove)
            section.add_file.connect(partial(self.add_file, purpose))
            section.add_folder.connect(partial(self.add_folder, purpose))
            section.add_server.connect(partial(self.add_server, purpose))
            section.add_source.connect(partial(self.add_source, purpose))

    def _lay_out(self) -> None:
        title = QLabel(text("Models"))
        title.setFont(page_font(language(), 26, bold=True))
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.back, 0, Qt.AlignmentFlag.AlignVCenter)
        line = QLabel(
            text(
                "What writes your articles, and what finds and judges their pictures. "
                "All of it runs on this computer unless you add a server."
            ),
            wordWrap=True,
        )
        line.setProperty("rank", "quiet")
        inside = QHBoxLayout(self._remote_frame)
        inside.setContentsMargins(14, 10, 14, 10)
        inside.addWidget(self.remote)
        self._body = QWidget()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 8, 0, 0)
        body.setSpacing(22)
        for widget in (self.recommended, *self.sections.values(), self.checks, self.disk):
            body.addWidget(widget)
        content = QWidget()
        content.setMaximumWidth(WIDTH)
        column = QVBoxLayout(content)
        column.setContentsMargins(28, 28, 28, 32)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(line)
        column.addWidget(self._remote_frame)
        column.addWidget(self.waiting)
        column.addWidget(self._body)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.messages)
        layout.addWidget(_scrolled(content), 1)


def _scrolled(content: QWidget) -> QScrollArea:
    centred = QWidget()
    row = QHBoxLayout(centred)
    row.setContentsMargins(0, 0, 0, 0)
    row.addStretch(1)
    row.addWidget(content, 100)
    row.addStretch(1)
    for widget in (content, centred):
        widget.setProperty("surface", "desk")
    scroll = QScrollArea(widgetResizable=True)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidget(centred)
    return scroll
