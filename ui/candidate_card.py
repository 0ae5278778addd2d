"""One picture to choose from: thumbnail, how well it fits, and the figures behind that."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from composer.types import Candidate
from ui.images import ImageLoader, name_of
from ui.painted_button import PaintedButton
from ui.texts import text
from ui.theme import tokens

THUMB = QSize(108, 84)
PAD = 10


class CandidateCard(PaintedButton):
    """A button that shows a candidate; checked when it is the slot's picture."""

    def __init__(self, candidate: Candidate, images: ImageLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.candidate = candidate
        self._images = images
        self.setCheckable(True)
        percent = round(candidate.final * 100)
        name = text("{name}, fits {percent} percent", name=self.title, percent=percent) if self.judged else self.title
        self.setAccessibleName(name)
        picture = candidate.picture
        rights = " · ".join(part for part in (picture.credit, picture.licence) if part)
        self.setToolTip("\n".join(part for part in (picture.caption, picture.path, rights) if part))

    @property
    def title(self) -> str:
        picture = self.candidate.picture
        return picture.caption or name_of(picture.path)

    @property
    def judged(self) -> bool:
        """Whether all its scores were joined yet."""
        return self.candidate.final > 0 or "rerank" in self.candidate.signals

    @property
    def figures(self) -> str:
        """The scores behind the percentage; what was not scored is left out."""
        given = self.candidate.signals
        names = {
            text("Look"): given.get("vector"),
            text("Words"): given.get("words"),
            text("Judge"): given.get("rerank"),
        }
        return "  ".join(f"{name} {value:.2f}" for name, value in names.items() if value is not None)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(280, THUMB.height() + 2 * PAD)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        colors = tokens()
        edge = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        lively = self.underMouse() and self.isEnabled()
        painter.setBrush(colors.color("wash" if self.isChecked() or lively else "field"))
        strong = self.isChecked() or self.hasFocus()
        painter.setPen(QPen(colors.color("accent" if strong else "line"), 2.0 if self.isChecked() else 1.0))
        painter.drawRoundedRect(edge, 8, 8)
        self._paint_thumb(painter)
        self._paint_words(painter)

    def _paint_thumb(self, painter: QPainter) -> None:
        box = QRectF(PAD, PAD, THUMB.width(), THUMB.height())
        colors = tokens()
        path = QPainterPath()
        path.addRoundedRect(box, 5, 5)
        painter.fillPath(path, colors.color("panel"))
        side = round(256 * self.devicePixelRatioF())
        picture = self.candidate.picture
        image = self._images.get((picture.preview, picture.path), QSize(side, side))
        if image is not None and not image.isNull():
            # Fill the box and crop what is over: even rows are easier to compare.
            source = QRectF(image.rect())
            if source.width() * box.height() > source.height() * box.width():
                width = source.height() * box.width() / box.height()
                source = QRectF((source.width() - width) / 2, 0, width, source.height())
            else:
                height = source.width() * box.height() / box.width()
                source = QRectF(0, (source.height() - height) / 3, source.width(), height)
            painter.save()
            painter.setClipPath(path)
            painter.drawImage(box, image, source)
            painter.restore()
        if self.isChecked():
            self._paint_tick(painter, box)

    def _paint_tick(self, painter: QPainter, box: QRectF) -> None:
        colors = tokens()
        disc = QRectF(box.left() + 5, box.top() + 5, 20, 20)
        painter.setPen(QPen(colors.color("on_accent"), 1.2))
        painter.setBrush(colors.color("accent"))
        painter.drawEllipse(disc)
        pen = QPen(colors.color("on_accent"), 2.0)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        tick = QPainterPath()
        tick.moveTo(disc.left() + 5.5, disc.top() + 10.5)
        tick.lineTo(disc.left() + 8.8, disc.top() + 13.6)
        tick.lineTo(disc.left() + 14.5, disc.top() + 6.8)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(tick)

    def _paint_words(self, painter: QPainter) -> None:
        colors = tokens()
        left = PAD + THUMB.width() + 12
        width = self.width() - left - PAD - 2
        font = self.font()
        painter.setFont(font)
        painter.setPen(colors.color("ink"))
        metrics = QFontMetricsF(font)
        lines = _two_lines(self.title, metrics, width)
        y = PAD + 1.0
        for line in lines:
            painter.drawText(QRectF(left, y, width, metrics.height()), Qt.AlignmentFlag.AlignLeft, line)
            y += metrics.height()
        small = QFont(font)
        small.setPointSizeF(font.pointSizeF() * 0.8)
        little = QFontMetricsF(small)
        foot = self.height() - PAD - 1.0
        painter.setFont(small)
        painter.setPen(colors.color("quiet"))
        figures = little.elidedText(self.figures, Qt.TextElideMode.ElideRight, width)
        painter.drawText(
            QRectF(left, foot - little.height(), width, little.height()), Qt.AlignmentFlag.AlignLeft, figures
        )
        if self.judged:
            self._paint_bar(painter, QRectF(left, foot - little.height() - 16, width, 10), font)

    def _paint_bar(self, painter: QPainter, box: QRectF, font: QFont) -> None:
        colors = tokens()
        bold = QFont(font)
        bold.setPointSizeF(font.pointSizeF() * 0.9)
        bold.setBold(True)
        metrics = QFontMetricsF(bold)
        number = f"{round(self.candidate.final * 100)} %"
        room = metrics.horizontalAdvance("100 %")
        track = QRectF(box.left(), box.center().y() - 3, box.width() - room - 8, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("line"))
        painter.drawRoundedRect(track, 3, 3)
        fit = max(0.0, min(1.0, self.candidate.final))
        if fit > 0.01:
            painter.setBrush(QColor(colors.accent))
            painter.drawRoundedRect(QRectF(track.left(), track.top(), max(6.0, track.width() * fit), 6), 3, 3)
        painter.setFont(bold)
        painter.setPen(colors.color("ink"))
        where = QRectF(box.right() - room, box.center().y() - metrics.height() / 2, room, metrics.height())
        painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)


def _two_lines(words: str, metrics: QFontMetricsF, width: float) -> list[str]:
    """The words broken into two lines at most; the second ends in an ellipsis if need be."""
    if metrics.horizontalAdvance(words) <= width:
        return [words]
    cut = len(words)
    while cut > 1 and metrics.horizontalAdvance(words[:cut]) > width:
        cut -= 1
    space = words.rfind(" ", 0, cut + 1)
    if space > cut // 2:
        cut = space
    return [words[:cut].rstrip(), metrics.elidedText(words[cut:].strip(), Qt.TextElideMode.ElideRight, width)]
