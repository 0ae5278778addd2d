"""One sentence across the top of the page, with what to do next: nothing ever pops up over the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ui.texts import text

Surface = Literal["note", "warning", "error"]


class MessageBar(QWidget):
    """Shows the last message until it is closed or another takes its place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action: Callable[[], object] | None = None
        self._details = ""
        self._frame = QFrame()
        self.label = QLabel(wordWrap=True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.button = QPushButton()
        self.details_button = QToolButton()
        self.details_button.setText(text("Details"))
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setAccessibleName(text("Close this message"))
        self.close_button.setToolTip(self.close_button.accessibleName())
        row = QHBoxLayout(self._frame)
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(self.label, 1)
        row.addWidget(self.button)
        row.addWidget(self.details_button)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.addWidget(self._frame)
        self.button.clicked.connect(self._act)
        self.details_button.clicked.connect(self._show_details)
        self.close_button.clicked.connect(self.hide)
        self.hide()

    def tell(
        self,
        sentence: str,
        hint: str = "",
        *,
        surface: Surface = "note",
        action: tuple[str, Callable[[], object]] | None = None,
        details: str = "",
    ) -> None:
        """Show a sentence and what to do next, perhaps with a button that does it."""
        self.label.setText(f"{sentence} {hint}".strip())
        self.button.setVisible(action is not None)
        self._action = action[1] if action else None
        self.button.setText(action[0] if action else text("Continue"))
        self._details = details
        self.details_button.setVisible(bool(details))
        self._frame.setProperty("surface", surface)
        self._frame.style().polish(self._frame)
        self.show()

    @property
    def message(self) -> str:
        """What is being said, empty when nothing is."""
        return self.label.text() if not self.isHidden() else ""

    def _act(self) -> None:
        action = self._action
        self.hide()
        if action is not None:
            action()

    def _show_details(self) -> None:
        from ui.details_dialog import DetailsDialog

        DetailsDialog(self.label.text(), self._details, self.window()).open()
