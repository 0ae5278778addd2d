"""Whether all that Pictorial needs is on this machine, and what to do where it is not."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from composer.shelf import Check
from ui.shelf import Shelf
from ui.texts import plural, text


class MachineChecks(QWidget):
    """A button, and what it found."""

    def __init__(self, shelf: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shelf = shelf
        self.button = QPushButton(text("Check this machine"))
        self.summary = QLabel()
        self.summary.setProperty("rank", "quiet")
        self.lines: list[QLabel] = []
        self._found = QWidget()
        self._grid = QGridLayout(self._found)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(2, 1)
        self._found.hide()
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(self.button)
        row.addWidget(self.summary, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(row)
        column.addWidget(self._found)
        self.button.clicked.connect(shelf.check)
        shelf.checked.connect(self.show_checks)
        shelf.changed.connect(self._refresh)

    def show_checks(self, checks: tuple[Check, ...]) -> None:
        """What is not right first: that is what the writer can do something about."""
        for label in self._found.findChildren(QLabel):
            self._grid.removeWidget(label)
            label.hide()
            label.deleteLater()
        self.lines = []
        for at, check in enumerate(sorted(checks, key=lambda each: each.ok)):
            self._add(at, check)
        wrong = sum(not check.ok for check in checks)
        if wrong:
            self.summary.setText(plural("{count} thing needs you.", "{count} things need you.", wrong))
        else:
            self.summary.setText(text("Everything is as it should be."))
        self._found.show()

    def _add(self, at: int, check: Check) -> None:
        mark, name = QLabel("✓" if check.ok else "✕"), QLabel(check.name)
        mark.setProperty("rank", "good" if check.ok else "problem")
        mark.setAccessibleName(text("right") if check.ok else text("not right"))
        words = check.detail if check.ok else f"{check.detail} {check.hint}".strip()
        detail = QLabel(words, wordWrap=True)
        detail.setTextFormat(Qt.TextFormat.PlainText)
        detail.setProperty("rank", "quiet" if check.ok else "")
        self.lines.append(detail)
        for column, label in enumerate((mark, name, detail)):
            self._grid.addWidget(label, at, column, Qt.AlignmentFlag.AlignTop)

    def _refresh(self) -> None:
        self.button.setEnabled(not self._shelf.checking)
        if self._shelf.checking:
            self.summary.setText(text("Checking…"))
        elif self.summary.text() == text("Checking…"):
            self.summary.setText("")
