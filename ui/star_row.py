"""Five stars to press: how good a picture is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from ui.library_words import NO_STAR, STAR
from ui.texts import plural, text


class StarRow(QWidget):
    """Pressing the star that is the rating takes the rating away."""

    rated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rating = 0
        self.buttons: list[QToolButton] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for count in range(1, 6):
            button = QToolButton()
            button.setProperty("star", "true")
            button.setAccessibleName(plural("{count} star", "{count} stars", count))
            button.setToolTip(text("{stars} (press {key} in the grid)", stars=button.accessibleName(), key=count))
            button.clicked.connect(lambda _=False, given=count: self._press(given))
            row.addWidget(button)
            self.buttons.append(button)
        self.show_rating(0)

    def show_rating(self, rating: int) -> None:
        self._rating = rating
        for count, button in enumerate(self.buttons, 1):
            button.setText(STAR if count <= rating else NO_STAR)

    def _press(self, given: int) -> None:
        self.rated.emit(0 if given == self._rating else given)
