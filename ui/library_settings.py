"""Settings of the library: whether writing and faces are looked for, and where pictures are searched."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from composer import wire
from ui.library_model import Library
from ui.model_dialogs import Question
from ui.model_words import server_of
from ui.texts import text

SCHEMES = ("milvus://", "milvus+tls://")
PORT = 19530
"""Milvus's own, where an address names none."""


class LibrarySettings(QDialog):
    """Stays open, with all that was typed, until the engine has taken the settings."""

    def __init__(self, library: Library, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Settings of the library"))
        self.setMinimumWidth(500)
        self._library = library
        self._make()
        self._lay_out()
        state = library.state
        if state is not None:
            self.read_texts.setChecked(state.read_texts)
            self.screen_content.setChecked(state.screen_content)
            (self.elsewhere if state.index else self.here).setChecked(True)
            self.address.setText(state.index)
        self._refresh()
        library.arranged.connect(self.accept)
        library.refused.connect(self._refused)
        library.lost.connect(self._lost)

    def agree(self) -> None:
        """Hand the settings to the engine; a server elsewhere only after the writer said yes."""
        index = self.address.text().strip() if self.elsewhere.isChecked() else ""
        if self.elsewhere.isChecked() and not index:
            self._tell(text("Write the address, or choose this computer."))
            return
        known = self._library.state.index if self._library.state else ""
        host = host_elsewhere(index) if index != known else ""
        if not host:
            self._send(index)
            return
        question = Question(
            text("Send data about your pictures to {host}?", host=host),
            text("It is not this computer. The numbers that stand for your pictures go there, not the pictures."),
            text("Send them"),
            self,
        )
        question.setWindowTitle(self.windowTitle())
        question.agreed.connect(lambda: self._send(index, host))
        question.open()

    def _send(self, index: str, host: str = "") -> None:
        self.problem.hide()
        self.keep_button.setEnabled(False)
        self._library.arrange(index, self.read_texts.isChecked(), self.screen_content.isChecked(), allow=host)

    def _refused(self, report: wire.Failed) -> None:
        self._tell(f"{report.message} {report.hint}".strip())

    def _lost(self) -> None:
        self._tell(text("The engine stopped before this was done and was started again. Please try again."))

    def _tell(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.show()
        self.resize(self.width(), max(self.height(), self.heightForWidth(self.width())))
        self.keep_button.setEnabled(True)
        if self.elsewhere.isChecked():
            self.address.setFocus()

    def _refresh(self) -> None:
        self.address.setEnabled(self.elsewhere.isChecked())

    def _make(self) -> None:
        self.read_texts = QCheckBox(text("Read the writing in pictures"))
        self.screen_content = QCheckBox(text("Look for faces and unsafe pictures"))
        self.here = QRadioButton(text("On this computer"))
        self.elsewhere = QRadioButton(text("On Milvus, for libraries past one computer’s memory"))
        self.address = QLineEdit(placeholderText="milvus://127.0.0.1:19530/pictures")
        self.address.setAccessibleName(text("Address"))
        self.elsewhere.toggled.connect(self._refresh)
        self.problem = _label("", "problem")
        self.problem.hide()
        self._buttons = QDialogButtonBox()
        self._buttons.addButton(text("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self.keep_button = self._buttons.addButton(text("Keep"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.keep_button.setDefault(True)
        self._buttons.accepted.connect(self.agree)
        self._buttons.rejected.connect(self.reject)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(self.read_texts)
        layout.addWidget(
            _label(text("Signs, posters and scans are then found by what stands on them. It makes indexing slower."))
        )
        layout.addWidget(self.screen_content)
        layout.addWidget(
            _label(
                text("People are then found by their faces, and unsafe pictures can be left out. Neither finds all.")
            )
        )
        layout.addSpacing(6)
        layout.addWidget(_label(text("Where pictures are searched by what they show"), "heading"))
        layout.addWidget(self.here)
        layout.addWidget(self.elsewhere)
        layout.addWidget(self.address)
        layout.addWidget(
            _label(text("milvus://HOST:PORT/NAME is a server, milvus:/FOLDER/FILE.db a file. It is filled anew."))
        )
        layout.addWidget(self.problem)
        layout.addWidget(self._buttons)


def host_elsewhere(index: str) -> str:
    """host:port of a server that is not this computer; empty for every other setting. The engine has the last word."""
    scheme = next((each for each in SCHEMES if index.startswith(each)), "")
    host = re.split(r"[/?]", index.removeprefix(scheme))[0] if scheme else ""
    if not host or "@" in host:
        return ""
    server = server_of(f"http://{host}" if re.search(r":\d+$", host) else f"http://{host}:{PORT}", "")
    return server.place if server is not None and not server.here else ""


def _label(words: str, rank: str = "quiet") -> QLabel:
    label = QLabel(words, wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("rank", rank)
    return label
