"""Where a writer begins: three ways to start, and the drafts to go on with."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QDateTime, QLocale, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ui import texts
from ui.drafts import Recent, recent_drafts
from ui.painted_button import PaintedButton
from ui.texts import text
from ui.theme import page_font, tokens

WIDTH = 780


class Choice(PaintedButton):
    """A large friendly button: a heading and a sentence."""

    def __init__(self, heading: str, sentence: str, *, first: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(heading)
        self._sentence, self._first = sentence, first
        self.setAccessibleName(heading)
        self.setAccessibleDescription(sentence)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(220, 112)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = tokens()
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        lively = self.underMouse() or self.hasFocus()
        ground, ink, quiet = ("accent", "on_accent", "on_accent") if self._first else ("field", "ink", "quiet")
        painter.setBrush(colors.color(ground if self._first or not lively else "wash"))
        edge = "accent" if lively or self._first else "line"
        if self._first and self.hasFocus():
            edge = "ink"
        painter.setPen(QPen(colors.color(edge), 2.0 if self.hasFocus() else 1.0))
        painter.drawRoundedRect(box, 10, 10)
        inner = box.adjusted(18, 18, -16, -12)
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.3)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(colors.color(ink))
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
        painter.drawText(inner, flags, self.text())
        used = QFontMetricsF(font).boundingRect(inner, flags, self.text()).height()
        painter.setFont(self.font())
        painter.setPen(colors.color(quiet))
        painter.drawText(inner.adjusted(0, used + 8, 0, 0), flags, self._sentence)


class RecentRow(PaintedButton):
    """A draft: its title on the left, when it changed on the right."""

    def __init__(self, recent: Recent, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.recent = recent
        self.setText(recent.title)
        moment = QDateTime.fromSecsSinceEpoch(int(recent.changed))
        locale = QLocale(QLocale.Language.Chinese if texts.language() == "zh" else QLocale.Language.English)
        pattern = "M月d日 HH:mm" if texts.language() == "zh" else "d MMM, HH:mm"
        self._when = locale.toString(moment, pattern)
        self.setAccessibleName(text("{title}, changed {when}", title=recent.title, when=self._when))
        self.setToolTip(str(recent.path))

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(300, 40)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = tokens()
        box = QRectF(self.rect())
        if self.underMouse() or self.hasFocus():
            painter.setPen(QPen(colors.color("accent"), 1.0) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("wash"))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        inner = box.adjusted(12, 0, -12, 0)
        metrics = QFontMetricsF(self.font())
        late = metrics.horizontalAdvance(self._when)
        painter.setPen(colors.color("quiet"))
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), self._when)
        painter.setPen(colors.color("ink"))
        title = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, inner.width() - late - 24)
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), title)


class StartPage(QWidget):
    """Shown while no article is open."""

    demo = Signal()
    new = Signal()
    add_folder = Signal()
    models = Signal()
    library = Signal()
    opened = Signal(object)

    def __init__(self, *, with_demo: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "desk")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.rows: list[RecentRow] = []
        self.demo_choice = Choice(
            text("Compose the demo"), text("Watch an article about castles and windmills being made."), first=True
        )
        self.demo_choice.setVisible(with_demo)
        self.new_choice = Choice(
            text("New article"),
            text("Say what it is about; Pictorial drafts it on this computer."),
            first=not with_demo,
        )
        self.folder_choice = Choice(
            text("Add a picture folder"), text("Let your own photographs illustrate your articles.")
        )
        self.demo_choice.clicked.connect(self.demo)
        self.new_choice.clicked.connect(self.new)
        self.folder_choice.clicked.connect(self.add_folder)
        self.models_button = QPushButton(text("Models…"))
        self.models_button.clicked.connect(self.models)
        self.library_button = QPushButton(text("Library…"))
        self.library_button.clicked.connect(self.library)
        self._make()

    def refresh(self) -> None:
        """Read the drafts again."""
        for row in self.rows:
            self._drafts.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = []
        for recent in recent_drafts():
            row = RecentRow(recent)
            row.clicked.connect(lambda _=False, path=recent.path: self.opened.emit(path))
            self._drafts.addWidget(row)
            self.rows.append(row)
        self._heading.setVisible(bool(self.rows))
        self._hint.setText(text("You can also drop a Pictorial file or a folder of pictures anywhere on this window."))

    def _more(self) -> QGridLayout:
        """What is there besides articles."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setColumnStretch(1, 1)
        lines = (
            (self.library_button, text("Look through your pictures, judge them, and see what may be printed.")),
            (
                self.models_button,
                text("See what writes, finds and judges on this computer, and get better models for it."),
            ),
        )
        for line, (button, words) in enumerate(lines):
            about = QLabel(words)
            about.setProperty("rank", "quiet")
            grid.addWidget(button, line, 0)
            grid.addWidget(about, line, 1)
        return grid

    def _make(self) -> None:
        name = QLabel("Pictorial")
        name.setFont(page_font("en", 34, bold=True))
        line = QLabel(text("Long articles with the right pictures, made on your own computer."))
        font = line.font()
        font.setPointSizeF(font.pointSizeF() * 1.15)
        line.setFont(font)
        line.setProperty("rank", "quiet")
        choices = QHBoxLayout()
        choices.setSpacing(14)
        for choice in (self.demo_choice, self.new_choice, self.folder_choice):
            choices.addWidget(choice, 1)
        self._heading = QLabel(text("Your drafts"))
        self._heading.setProperty("rank", "heading")
        self._drafts = QVBoxLayout()
        self._drafts.setSpacing(2)
        self._hint = QLabel(wordWrap=True)
        self._hint.setProperty("rank", "quiet")
        inside = QWidget()
        inside.setProperty("surface", "desk")
        column = QVBoxLayout(inside)
        column.setContentsMargins(28, 64, 28, 32)
        column.setSpacing(8)
        column.addWidget(name)
        column.addWidget(line)
        column.addSpacing(26)
        column.addLayout(choices)
        column.addSpacing(8)
        column.addLayout(self._more())
        column.addSpacing(24)
        column.addWidget(self._heading)
        column.addLayout(self._drafts)
        column.addSpacing(16)
        column.addWidget(self._hint)
        column.addStretch(1)
        inside.setMaximumWidth(WIDTH)
        centred = QWidget()
        centred.setProperty("surface", "desk")
        row = QHBoxLayout(centred)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(inside, 100)
        row.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(centred)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)


def dropped(paths: list[str]) -> tuple[list[Path], list[Path]]:
    """Project files and folders among dropped paths."""
    from composer.project import SUFFIX

    files = [Path(path) for path in paths if path.endswith(SUFFIX) and Path(path).is_file()]
    return files, [Path(path) for path in paths if Path(path).is_dir()]
