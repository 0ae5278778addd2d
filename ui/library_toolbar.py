"""The line above the pictures: search, order, size of the thumbnails, scores, and the work in the background."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QToolButton,
    QWidget,
)

from composer.collection import Query
from ui.library_grid import LARGEST, SMALLEST, STEP
from ui.library_words import orders
from ui.named import name_clear_button
from ui.picture_mime import TYPE
from ui.texts import language, text
from ui.theme import page_font

REST_MS = 500
FIRST_SIDE = SMALLEST + 3 * STEP


class LibraryToolbar(QWidget):
    """Tells what the writer wants; shows what was asked and how much was found."""

    typed = Signal(str)
    entered = Signal()
    """From the search field into the pictures."""
    order_chosen = Signal(str)
    look_chosen = Signal(int, bool)
    """Width of the thumbnails and whether scores are shown."""
    work_pressed = Signal()
    back_rested = Signal()
    """A picture is dragged and rests on the way back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self._make()
        self._lay_out()

    def focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def show_query(self, query: Query) -> None:
        """What is asked, as it may have been set elsewhere."""
        self._filling = True
        if self.search.text().strip() != query.text:
            self.search.setText(query.text)
        self.order.setCurrentIndex(self.order.findData(query.order))
        self._filling = False
        like = bool(query.like or query.example)
        self.search.setPlaceholderText(
            text("Like this, but … (for example: at night)") if like else text("Search pictures by what they show")
        )

    def show_found(self, words: str, notice: str) -> None:
        self.found.setText(words)
        self.notice.setText(notice)
        self.notice.setVisible(bool(notice))

    def show_work(self, busy: bool, *, paused: bool) -> None:
        self.work_button.setVisible(busy)
        self.work_button.setText(text("Paused") if paused else text("Looking at pictures…"))

    @property
    def side(self) -> int:
        """Width of the thumbnails in pixels."""
        return SMALLEST + self.slider.value() * STEP

    @side.setter
    def side(self, pixels: int) -> None:
        self.slider.setValue((min(LARGEST, max(SMALLEST, pixels)) - SMALLEST) // STEP)

    def _make(self) -> None:
        self.back = _RestingButton()
        self.back.setText(text("‹ Back"))
        self.back.setAccessibleName(text("Back"))
        self.back.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.back.rested.connect(self.back_rested)
        self.search = _SearchEdit()
        self.search.setAccessibleName(text("Search"))
        name_clear_button(self.search)
        self.search.textChanged.connect(lambda words: self._filling or self.typed.emit(words))
        self.search.left_downwards.connect(self.entered)
        self.order = QComboBox()
        self.order.setAccessibleName(text("Order"))
        for order, words in orders().items():
            self.order.addItem(words, order)
        self.order.currentIndexChanged.connect(
            lambda _at: self._filling or self.order_chosen.emit(self.order.currentData())
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, (LARGEST - SMALLEST) // STEP)
        self.slider.setPageStep(2)
        self.slider.setFixedWidth(110)
        self.slider.setAccessibleName(text("Size of the thumbnails"))
        self.slider.setToolTip(self.slider.accessibleName())
        self.side = FIRST_SIDE
        self.scores = QCheckBox(text("Scores"))
        self.slider.valueChanged.connect(self._look)
        self.scores.toggled.connect(self._look)
        self.line = QWidget()
        """How much was found and what is going on: stands over the pictures."""
        self.work_button = QPushButton()
        self.work_button.setAccessibleDescription(text("Show how far it is"))
        self.work_button.clicked.connect(self.work_pressed)
        self.work_button.hide()
        self.found, self.notice = QLabel(), QLabel()
        self.found.setProperty("rank", "quiet")
        self.notice.setProperty("rank", "warning")
        self.notice.setTextFormat(Qt.TextFormat.PlainText)
        self.notice.hide()

    def _look(self) -> None:
        self.look_chosen.emit(self.side, self.scores.isChecked())

    def _lay_out(self) -> None:
        title = QLabel(text("Library"))
        title.setFont(page_font(language(), 19, bold=True))
        row = QHBoxLayout(self)
        row.setSpacing(12)
        row.addWidget(self.back)
        row.addWidget(title)
        row.addWidget(self.search, 1)
        row.addWidget(self.order)
        row.addWidget(self.slider)
        row.addWidget(self.scores)
        second = QHBoxLayout(self.line)
        second.setContentsMargins(14, 8, 14, 6)
        second.setSpacing(14)
        second.addWidget(self.found)
        second.addWidget(self.notice, 1)
        second.addStretch(0)
        second.addWidget(self.work_button)
        row.setContentsMargins(14, 9, 14, 9)


class _SearchEdit(QLineEdit):
    """Return or the arrow down goes on to the pictures, Escape empties it."""

    left_downwards = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
            self.left_downwards.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.clear()
        else:
            super().keyPressEvent(event)


class _RestingButton(QToolButton):
    """A button that is also pressed by a picture that is dragged onto it and rests there."""

    rested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.setToolTip(text("Rest a dragged picture here to take it into the article."))
        self._timer = QTimer(self, singleShot=True, interval=REST_MS)
        self._timer.timeout.connect(self.rested)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if event.mimeData().hasFormat(TYPE):
            event.acceptProposedAction()
            self._timer.start()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:  # noqa: N802
        self._timer.stop()
