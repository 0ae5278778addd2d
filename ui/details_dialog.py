"""The technical side of a failure, for a bug report: to read and to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from ui.texts import text


class DetailsDialog(QDialog):
    """The sentence, and under it what the engine wrote."""

    def __init__(self, sentence: str, details: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Details"))
        self.resize(680, 420)
        label = QLabel(sentence, wordWrap=True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        written = QPlainTextEdit(details, readOnly=True)
        written.setAccessibleName(text("Details"))
        written.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setText(text("Close"))
        copy = buttons.addButton(text("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(f"{sentence}\n\n{details}"))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 18, 18, 14)
        layout.setSpacing(12)
        layout.addWidget(label)
        layout.addWidget(written, 1)
        layout.addWidget(buttons)
