"""What each signal gave to a score, as bars: the track is what it could have given, the filled part what it gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import tokens

GAP, THICK = 8.0, 6.0
MOST_NAME = 0.55
"""Of the width: "Words, paragraph (not known)" fits beside a bar that can still be read."""


@dataclass(frozen=True)
class Bar:
    """One signal, in points of 100."""

    name: str
    share: int
    weight: int
    known: bool = True
    """Whether anything was measured."""

    @property
    def figures(self) -> str:
        return f"{self.share} / {self.weight}"


class PointBars(QWidget):
    """One line a signal: its name, its bar, its figures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bars: tuple[Bar, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_bars(self, bars: Sequence[Bar], words: str) -> None:
        """`words` say the same to those who do not see it."""
        self.bars = tuple(bars)
        self.setAccessibleName(words)
        self.setVisible(bool(bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(240, round(self._line() * len(self.bars)))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font())
        metrics = QFontMetricsF(self._font())
        most = max((bar.weight for bar in self.bars), default=0)
        names = min(
            max((metrics.horizontalAdvance(bar.name) for bar in self.bars), default=0.0), self.width() * MOST_NAME
        )
        figures = metrics.horizontalAdvance("100 / 100")
        room = QRectF(names + GAP, 0, self.width() - names - figures - 2 * GAP, self._line())
        for at, bar in enumerate(self.bars):
            self._paint_bar(painter, bar, room.translated(0, at * self._line()), most)

    def _paint_bar(self, painter: QPainter, bar: Bar, room: QRectF, most: int) -> None:
        colors, middle = tokens(), Qt.AlignmentFlag.AlignVCenter
        metrics = QFontMetricsF(self._font())
        name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, room.left() - GAP)
        painter.setPen(colors.color("quiet"))
        painter.drawText(QRectF(0, room.top(), room.left() - GAP, room.height()), middle, name)
        ends = QRectF(room.right() + GAP, room.top(), self.width() - room.right() - GAP, room.height())
        painter.drawText(ends, middle | Qt.AlignmentFlag.AlignRight, bar.figures)
        painter.setPen(Qt.PenStyle.NoPen)
        track = QRectF(room.left(), room.center().y() - THICK / 2, room.width() * bar.weight / max(1, most), THICK)
        painter.setBrush(colors.color("line"))
        painter.drawRoundedRect(track, THICK / 2, THICK / 2)
        if bar.share > 0:
            painter.setBrush(colors.color("accent" if bar.known else "quiet"))
            filled = max(THICK, track.width() * bar.share / max(1, bar.weight))
            painter.drawRoundedRect(QRectF(track.left(), track.top(), filled, THICK), THICK / 2, THICK / 2)

    def _font(self) -> QFont:
        small = QFont(self.font())
        small.setPointSizeF(self.font().pointSizeF() * 0.9)
        return small

    def _line(self) -> float:
        return QFontMetricsF(self._font()).height() + 4
