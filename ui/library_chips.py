"""What is asked for besides the words, as chips above the pictures: each goes when it is pressed."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from composer.collection import Query
from ui.flow import FlowLayout
from ui.library_words import chips_of
from ui.painted_button import PaintedButton
from ui.texts import text
from ui.theme import tokens

WIDEST = 300


class Chip(PaintedButton):
    """One wish and a cross."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(words)
        self.setAccessibleName(text("Without this: {words}", words=words))
        self.setToolTip(self.accessibleName())
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        metrics = QFontMetricsF(self.font())
        width = min(WIDEST, round(metrics.horizontalAdvance(f"{self.text()}  ✕")) + 24)
        return QSize(width, round(metrics.height()) + 8)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = tokens()
        lively = self.hasFocus() or self.underMouse()
        painter.setPen(QPen(colors.color("accent"), 2.0 if self.hasFocus() else 1.0))
        painter.setBrush(colors.color("field" if lively else "wash"))
        box = self.rect().toRectF().adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        metrics = QFontMetricsF(self.font())
        cross = metrics.horizontalAdvance("✕")
        inner = box.adjusted(11, 0, -11, 0)
        words = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, inner.width() - cross - 6)
        painter.setPen(colors.color("ink"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        painter.setPen(colors.color("quiet"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "✕")


class Chips(QWidget):
    """The chips of a query and a button that clears all of it."""

    changed = Signal(object)
    """The query without what was pressed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chips: list[Chip] = []
        self._flow = FlowLayout(self)
        self._flow.setContentsMargins(12, 0, 12, 8)
        self.clear_button = QToolButton()
        self.clear_button.setText(text("Clear all"))
        self.clear_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clear_button.clicked.connect(lambda: self.changed.emit(Query(order=self._query.order)))
        self._flow.addWidget(self.clear_button)
        self._query = Query()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    def show_query(self, query: Query, names: dict[str, str]) -> None:
        """`names` are titles of pictures that examples refer to, by id."""
        if query == self._query and self.chips:
            return
        self._query = query
        for chip in self.chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._flow.removeWidget(self.clear_button)
        self.chips = [self._chip(words, without) for words, without in _wishes(query, names)]
        self._flow.addWidget(self.clear_button)
        self.setVisible(bool(self.chips))
        for chip in self.chips:
            chip.setVisible(True)
        self.updateGeometry()

    def _chip(self, words: str, without: Query) -> Chip:
        chip = Chip(words)
        chip.clicked.connect(lambda: self.changed.emit(without))
        self._flow.addWidget(chip)
        return chip


def _wishes(query: Query, names: dict[str, str]) -> list[tuple[str, Query]]:
    wishes = [
        (text("Like: {name}", name=names.get(each, each[:8])), replace(query, like=_less(query.like, each)))
        for each in query.like
    ]
    wishes += [
        (text("Not like: {name}", name=names.get(each, each[:8])), replace(query, unlike=_less(query.unlike, each)))
        for each in query.unlike
    ]
    if query.example:
        name = query.example.replace("\\", "/").rpartition("/")[2]
        wishes.append((text("Like the file: {name}", name=name), replace(query, example="")))
    wishes += [(words, replace(query, filter=without)) for words, without in chips_of(query.filter)]
    return wishes


def _less(ids: tuple[str, ...], gone: str) -> tuple[str, ...]:
    return tuple(each for each in ids if each != gone)
