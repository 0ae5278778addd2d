"""The topic: one sentence, shown on two lines where it is long."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit


class TopicEdit(QPlainTextEdit):
    """A field that wraps but has no lines of its own: Return asks for what the form does."""

    returnPressed = Signal()  # noqa: N815 - as the line edit calls it

    def __init__(self, placeholder: str) -> None:
        super().__init__()
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(2 * self.fontMetrics().lineSpacing() + 22)

    def text(self) -> str:
        """The topic without line breaks."""
        return " ".join(self.toPlainText().split())

    def setText(self, words: str) -> None:  # noqa: N802
        if words != self.text():
            self.setPlainText(words)
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.returnPressed.emit()
        else:
            super().keyPressEvent(event)
