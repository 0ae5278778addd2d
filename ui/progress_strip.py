"""How far the article is: the stages in a writer's words, the time left, and what the writer should know."""

from __future__ import annotations

import time

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.texts import plural, text
from ui.theme import tokens

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Folders", ("index",)),
    ("Outline", ("outline",)),
    ("Writing", ("write",)),
    ("Planning", ("plan",)),
    ("Choosing", ("retrieve", "rank", "assign")),
    ("Captions", ("caption",)),
)
"""What a writer calls the stages of the engine."""


SILENT_SECONDS = 4


def step_of(stage: str) -> int:
    return next((at for at, (_, stages) in enumerate(STEPS) if stage in stages), -1)


def time_left(seconds: float) -> str:
    """Rounded as people say it."""
    if seconds < 8:
        return text("a few seconds left")
    if seconds < 55:
        return text("about {count} seconds left", count=round(seconds / 5) * 5)
    return plural("about {count} minute left", "about {count} minutes left", max(1, round(seconds / 60)))


def time_taken(seconds: float) -> str:
    """What to say while nobody knows how long it will take; nothing in the first seconds."""
    if seconds < SILENT_SECONDS:
        return ""
    if seconds < 60:
        return text("{count} seconds so far", count=int(seconds))
    return plural("{count} minute so far", "{count} minutes so far", int(seconds / 60))


def pictures_seen(done: float, total: float) -> str:
    """How far the picture folders have been read; while they are still being listed only the total grows."""
    if total <= 1 or done >= total:
        return ""
    if done <= 0:
        return text("{count} pictures found", count=f"{total:,.0f}")
    return text("picture {done} of {total}", done=f"{done:,.0f}", total=f"{total:,.0f}")


class Steps(QWidget):
    """The stages as a line of dots, painted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.current = -1
        self.done: set[int] = set()
        self.part = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text("Progress"))

    def names(self) -> list[str]:
        return [text(name) for name, _ in STEPS]

    def sizeHint(self) -> QSize:  # noqa: N802
        metrics = QFontMetricsF(self.font())
        width = sum(metrics.horizontalAdvance(name) + 58 for name in self.names())
        return QSize(round(width), 30)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = tokens()
        bold = QFont(self.font())
        bold.setBold(True)
        x, middle = 8.0, self.height() / 2
        for at, name in enumerate(self.names()):
            done, current = at in self.done, at == self.current
            font = bold if current else self.font()
            metrics = QFontMetricsF(font)
            if at:
                painter.setPen(QPen(colors.color("accent" if done or current else "line"), 1.5))
                painter.drawLine(QPointF(x, middle), QPointF(x + 18, middle))
                x += 26
            self._dot(painter, QPointF(x + 4, middle), done, current)
            x += 15
            painter.setFont(font)
            painter.setPen(colors.color("ink" if current or done else "quiet"))
            wide = metrics.horizontalAdvance(name)
            painter.drawText(QRectF(x, 0, wide + 4, self.height()), Qt.AlignmentFlag.AlignVCenter, name)
            x += wide + 8

    def _dot(self, painter: QPainter, at: QPointF, done: bool, current: bool) -> None:
        colors = tokens()
        if done:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("accent"))
            painter.drawEllipse(at, 4.5, 4.5)
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colors.color("line" if not current else "wash"), 2.6 if current else 1.6))
        painter.drawEllipse(at, 5.0 if current else 4.0, 5.0 if current else 4.0)
        if current:
            painter.setPen(QPen(colors.color("accent"), 2.6))
            box = QRectF(at.x() - 5, at.y() - 5, 10, 10)
            painter.drawArc(box, 90 * 16, -round(360 * 16 * max(0.08, self.part)))


class ProgressStrip(QFrame):
    """The bottom of the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "bar")
        self.steps = Steps()
        self.left = QLabel()
        self.left.setProperty("rank", "quiet")
        self.notices_button = QToolButton()
        self.notices_button.setCheckable(True)
        self.notices_button.setAccessibleName(text("Notices"))
        self.notices = QListWidget()
        self.notices.setAccessibleName(text("Notices"))
        self.notices.setWordWrap(True)
        self.notices.setFixedHeight(116)
        self.notices.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.notices.hide()
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(self.steps)
        row.addWidget(self.left, 1)
        row.addWidget(self.notices_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 6, 14, 6)
        layout.setSpacing(6)
        layout.addWidget(self.notices)
        layout.addLayout(row)
        self.notices_button.toggled.connect(self.notices.setVisible)
        self._stage, self._since, self._known = "", 0.0, ""
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self._tell)
        self._count()

    def begin(self) -> None:
        self.notices.clear()
        self.notices_button.setChecked(False)
        self._count()
        self.steps.done, self.steps.current, self.steps.part = set(), -1, 0.0
        self._stage = ""
        self.left.setText(text("Getting ready…"))
        self.steps.update()

    def clear(self) -> None:
        self.begin()
        self.pause("")

    def pause(self, words: str) -> None:
        """Say this and count no time any more."""
        self._clock.stop()
        self.left.setText(words)

    def stage(self, stage: str, done: float, total: float, seconds_left: float | None) -> None:
        at = step_of(stage)
        if at < 0:
            return
        if stage != self._stage:
            self._stage, self._since = stage, time.monotonic()
            self._clock.start()
        self.steps.current, self.steps.part = at, min(1.0, done / total) if total > 0 else 0.0
        self.steps.done = {step for step in self.steps.done if step != at} | set(range(at))
        count = pictures_seen(done, total) if stage == "index" else ""
        left = time_left(seconds_left) if seconds_left is not None and done < total else ""
        self._known = " · ".join(part for part in (count, left) if part)
        self._tell()
        self.steps.update()

    def _tell(self) -> None:
        """What is known of the stage; the time taken where nothing is, so that a slow stage is seen to live."""
        words = self._known or time_taken(time.monotonic() - self._since)
        name = text(STEPS[step_of(self._stage)][0]) if self._stage else ""
        self.left.setText(text("{stage}: {words}", stage=name, words=words) if words and name else words)

    def finished_stage(self, stage: str) -> None:
        at = step_of(stage)
        if at >= 0 and stage == STEPS[at][1][-1]:
            self.steps.done.add(at)
            self.steps.part = 1.0
            self.steps.update()

    def end(self, words: str, *, complete: bool) -> None:
        """How it ended, in a few words."""
        if complete:
            self.steps.done = set(range(len(STEPS)))
        self.steps.current = -1
        self.pause(words)
        self.steps.update()

    def add_notice(self, message: str, hint: str = "") -> None:
        item = QListWidgetItem(f"{message} {hint}".strip())
        self.notices.addItem(item)
        self._count()

    def _count(self) -> None:
        count = self.notices.count()
        self.notices_button.setText(plural("{count} notice", "{count} notices", count))
        self.notices_button.setVisible(count > 0)
        if not count:
            self.notices.hide()
