"""How one picture looks in the grid: the whole of it, its name, and what an editor must see at once."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from composer.collection import Hit
from ui.library_words import figures_of, rights_words, stars, title_of
from ui.texts import text
from ui.theme import Tokens, tokens

PAD = 8
SHAPE = 0.76
"""Height over width of the box that a picture is fitted into."""
GAP = 5.0


@dataclass(frozen=True)
class Look:
    """What all tiles of a grid share."""

    side: int
    """Width of the box for the picture, in pixels."""
    scores: bool = False
    ratio: float = 1.0
    """Device pixels per pixel."""

    @property
    def box(self) -> QSize:
        return QSize(self.side, round(self.side * SHAPE))

    @property
    def pixels(self) -> QSize:
        """What to decode for it."""
        return QSize(round(self.box.width() * self.ratio), round(self.box.height() * self.ratio))


class TilePainter:
    """Paints tiles in one font; measured once, used for thousands."""

    def __init__(self, font: QFont, look: Look) -> None:
        self.look = look
        self._font = font
        self._small = QFont(font)
        self._small.setPointSizeF(font.pointSizeF() * 0.82)
        self._metrics, self._little = QFontMetricsF(self._font), QFontMetricsF(self._small)

    @property
    def size(self) -> QSize:
        """The tile without the space between tiles."""
        words = self._metrics.height() + self._little.height() * (2 if self.look.scores else 1)
        return QSize(self.look.side + 2 * PAD, round(self.look.box.height() + 2 * PAD + GAP + words))

    def paint(
        self,
        painter: QPainter,
        tile: QRectF,
        hit: Hit | None,
        image: QImage | None,
        *,
        chosen: bool,
        current: bool,
        stand_in: bool = False,
    ) -> None:
        """A tile; without a hit only its place, without an image a quiet tone in the picture's shape.

        A stand-in is an image that was read for another size.
        """
        colors = tokens()
        if chosen or current:
            painter.setPen(QPen(colors.color("accent"), 2.0) if current else Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("wash") if chosen else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(tile.adjusted(1, 1, -1, -1), 7, 7)
        box = QRectF(tile.left() + (tile.width() - self.look.side) / 2, tile.top() + PAD, self.look.side, 0)
        box.setHeight(self.look.box.height())
        if hit is None:
            painter.fillRect(box, _tone("", colors))
            return
        if hit.hidden:
            painter.setOpacity(0.35)
        self._paint_picture(painter, box, hit, image, stand_in=stand_in)
        painter.setOpacity(1.0)
        self._paint_badges(painter, box, hit)
        self._paint_words(
            painter, QRectF(box.left(), box.bottom() + GAP, box.width(), tile.bottom() - box.bottom()), hit
        )

    def _paint_picture(self, painter: QPainter, box: QRectF, hit: Hit, image: QImage | None, *, stand_in: bool) -> None:
        if image is not None and not image.isNull():
            shown = QSize(image.width(), image.height()) / self.look.ratio
            if stand_in:  # it was read for another size
                shown = image.size().scaled(self.look.box, Qt.AspectRatioMode.KeepAspectRatio)
            painter.drawImage(_middle(box, shown.width(), shown.height()), image)
            return
        picture = hit.picture
        shape = QSize(max(1, picture.width), max(1, picture.height))
        fitted = shape.scaled(self.look.box, Qt.AspectRatioMode.KeepAspectRatio)
        place = _middle(box, fitted.width(), fitted.height())
        painter.fillRect(place, _tone(picture.id, tokens()))
        if image is not None:
            painter.setPen(tokens().color("quiet"))
            painter.setFont(self._small)
            flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
            painter.drawText(place.adjusted(4, 4, -4, -4), flags, text("Cannot be read"))

    def _paint_badges(self, painter: QPainter, box: QRectF, hit: Hit) -> None:
        """Words over a corner: that it is hidden, how many near-duplicates it stands for."""
        words = [text("Hidden")] if hit.hidden else []
        if hit.copies:
            words.append(f"+{hit.copies}")
        right = box.right()
        painter.setFont(self._small)
        for word in words:
            width = self._little.horizontalAdvance(word) + 10
            badge = QRectF(right - width, box.top(), width, self._little.height() + 2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 175))
            painter.drawRoundedRect(badge, 4, 4)
            painter.setPen(QColor("#FFFFFF"))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, word)
            right -= width + 4

    def _paint_words(self, painter: QPainter, box: QRectF, hit: Hit) -> None:
        colors = tokens()
        left, elide = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, Qt.TextElideMode.ElideRight
        line = QRectF(box.left(), box.top(), box.width(), self._metrics.height())
        painter.setFont(self._font)
        painter.setPen(colors.color("ink"))
        painter.drawText(line, left, self._metrics.elidedText(title_of(hit.picture), elide, line.width()))
        line = QRectF(box.left(), line.bottom(), box.width(), self._little.height())
        painter.setFont(self._small)
        room = line.width()
        if hit.rating:
            painter.setPen(colors.color("accent"))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, stars(hit.rating))
            room -= self._little.horizontalAdvance(stars(hit.rating)) + 6
        unknown = hit.rights == "unknown"
        words = rights_words()["unknown"] if unknown else hit.picture.licence or rights_words()[hit.rights]
        painter.setPen(colors.color("warning" if unknown else "quiet"))
        painter.drawText(line, left, self._little.elidedText(words, elide, room))
        if self.look.scores:
            line.translate(0, self._little.height())
            painter.setPen(colors.color("quiet"))
            painter.drawText(line, left, self._little.elidedText(figures_of(hit), elide, line.width()))


def _middle(box: QRectF, width: float, height: float) -> QRectF:
    """Centred, on whole pixels: an image that lies between pixels is blurred."""
    left, top = round(box.left() + (box.width() - width) / 2), round(box.top() + (box.height() - height) / 2)
    return QRectF(left, top, width, height)


def _tone(picture: str, colors: Tokens) -> QColor:
    """A quiet tone while the picture is on its way; each has its own, so that scrolling is felt."""
    if not picture:
        return colors.color("line")
    hue = int.from_bytes(picture.encode()[:2], "big") % 360
    return QColor.fromHsl(hue, 26, 62 if colors.dark else 205)
