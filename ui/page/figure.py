"""Figures on the page: what each shows, how tall it is, and how it is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPyTextObject, QTextDocument, QTextFormat

from composer.draft import caption_of
from composer.types import Composition, Picture
from ui.images import ImageLoader
from ui.reasons import reason_of
from ui.shots import shot_words
from ui.texts import text
from ui.theme import page_font, tokens

State = Literal["waiting", "choosing", "picture", "empty"]
OBJECT_TYPE = QTextFormat.ObjectTypes.UserObject + 1
SLOT = QTextFormat.Property.UserProperty + 2
TALLEST = 560.0
SHAPE_WHILE_CHOOSING = 0.58
"""Height over width of a placeholder: near most photographs, so that little moves when the picture comes."""
PAD, GAP = 12.0, 9.0
INSET, BETWEEN = 24.0, 5.0
"""Around and between the small words in an empty place."""


@dataclass(frozen=True)
class Figure:
    """One slot as the page shows it."""

    slot: str
    state: State
    caption: str
    language: str
    picture: Picture | None = None
    note: str = ""
    """Why it is empty."""
    shot: str = ""
    """What is to be taken for it."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is said in small words where the picture would be."""
        return tuple(words for words in (self.note, self.shot) if words)

    @property
    def credit(self) -> str:
        if self.picture is None:
            return ""
        return " · ".join(part for part in (self.picture.credit, self.picture.licence) if part)


def figures_of(composition: Composition | None, *, working: bool) -> dict[str, Figure]:
    """All figures of a composition by slot id."""
    if composition is None:
        return {}
    made = {}
    for slot in composition.slots or ():
        pick = composition.picks.get(slot.id)
        language = composition.brief.language
        if pick is not None and pick.picture is not None:
            made[slot.id] = Figure(slot.id, "picture", caption_of(slot, pick), language, pick.picture)
        elif pick is not None:
            note, shot = reason_of(composition, slot.id), shot_words(composition, slot, quoting=False)
            made[slot.id] = Figure(slot.id, "empty", slot.caption, language, note=note, shot=shot)
        else:
            state: State = "choosing" if working else "waiting"
            made[slot.id] = Figure(slot.id, state, slot.caption, language)
    return made


class FigurePainter(QPyTextObject):
    """The document's handler for figures."""

    def __init__(self, images: ImageLoader, parent: QObject) -> None:
        super().__init__(parent)
        self._images = images
        self.figures: dict[str, Figure] = {}
        self.selected = ""
        self.hovered = ""
        self.measure = 640.0
        self.points = 12.0
        self.ratio = 1.0
        """Device pixels per pixel."""

    # --- sizes ---

    def intrinsicSize(self, _doc: QTextDocument, _position: int, fmt: QTextFormat) -> QSizeF:  # noqa: N802
        figure = self.figures.get(str(fmt.property(SLOT)))
        return QSizeF(self.measure - 1, self.height_of(figure) if figure else 1.0)

    def height_of(self, figure: Figure) -> float:
        body = self._body(figure).height()
        return body + 2 * PAD + self._words_height(figure)

    def _body(self, figure: Figure) -> QSizeF:
        width = self.measure - 2 * PAD - 1
        if figure.state == "empty":
            heights = self._remark_heights(figure, width - 2 * INSET)
            return QSizeF(width, max(84.0, 57.0 + sum(height + BETWEEN for height in heights)))
        picture = figure.picture
        if picture is not None and picture.width > 0 and picture.height > 0:
            height = width * picture.height / picture.width
            if height > TALLEST:
                return QSizeF(width * TALLEST / height, TALLEST)
            return QSizeF(width, height)
        return QSizeF(width, width * SHAPE_WHILE_CHOOSING)

    def _remark_heights(self, figure: Figure, width: float) -> list[float]:
        metrics, box = QFontMetricsF(self._small(figure)), QRectF(0, 0, width, 1e5)
        return [metrics.boundingRect(box, int(Qt.TextFlag.TextWordWrap), words).height() for words in figure.remarks]

    def _words_height(self, figure: Figure) -> float:
        height = 0.0
        width = self.measure - 2 * PAD - 1
        for words, font in ((figure.caption, self._caption(figure)), (figure.credit, self._small(figure))):
            if words:
                box = QRectF(0, 0, width, 1e5)
                height += QFontMetricsF(font).boundingRect(box, int(Qt.TextFlag.TextWordWrap), words).height()
        return height + (GAP if height else 0.0)

    def _caption(self, figure: Figure) -> QFont:
        font = page_font(figure.language, self.points * 0.88)
        font.setItalic(figure.language == "en")
        return font

    def _small(self, figure: Figure) -> QFont:
        return page_font(figure.language, self.points * 0.74)

    # --- paint ---

    def drawObject(  # noqa: N802
        self, painter: QPainter, rect: QRectF | QRect, _doc: QTextDocument, _position: int, fmt: QTextFormat
    ) -> None:
        figure = self.figures.get(str(fmt.property(SLOT)))
        if figure is None:
            return
        rect = QRectF(rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._draw_frame(painter, rect, figure)
        body = self._body(figure)
        left = rect.left() + (rect.width() - body.width()) / 2
        box = QRectF(left, rect.top() + PAD, body.width(), body.height())
        if figure.state == "picture":
            self._draw_picture(painter, box, figure)
        else:
            self._draw_placeholder(painter, box, figure)
        self._draw_words(painter, rect, box.bottom() + GAP, figure)
        painter.restore()

    def _draw_frame(self, painter: QPainter, rect: QRectF, figure: Figure) -> None:
        if figure.slot not in (self.selected, self.hovered):
            return
        chosen = figure.slot == self.selected
        color = tokens().color("accent" if chosen else "line")
        painter.setPen(QPen(color, 2.0 if chosen else 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(1.5, 1.5, -1.5, -1.5), 7, 7)

    def _draw_picture(self, painter: QPainter, box: QRectF, figure: Figure) -> None:
        assert figure.picture is not None  # noqa: S101 - for the type checker: the state says so
        picture = figure.picture
        # Always the same box, so that a wider window reuses what was read.
        side = round(720 * self.ratio)
        image = self._images.get((picture.path, picture.preview), QSize(side, side))
        if image is not None and not image.isNull():
            painter.drawImage(box, image)
            return
        painter.fillRect(box, self._ground())
        if image is not None:
            painter.setPen(tokens().color("quiet"))
            painter.setFont(self._small(figure))
            sentence = text("The picture file cannot be read: {path}", path=picture.path)
            painter.drawText(box.adjusted(24, 0, -24, 0), self._centred(), sentence)

    def _draw_placeholder(self, painter: QPainter, box: QRectF, figure: Figure) -> None:
        painter.setPen(QPen(tokens().color("line"), 1.0, Qt.PenStyle.DashLine))
        painter.setBrush(self._ground())
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        headline = {
            "choosing": text("Choosing a picture…"),
            "waiting": text("A picture goes here"),
            "empty": text("Still without a picture"),
        }[figure.state]
        font = page_font(figure.language, self.points * 0.88)
        painter.setFont(font)
        painter.setPen(tokens().color("quiet"))
        if figure.state != "empty" or not figure.remarks:
            painter.drawText(box, self._centred(), headline)
            return
        top = QRectF(box.left(), box.top() + 16, box.width(), QFontMetricsF(font).height())
        painter.drawText(top, self._centred(), headline)
        painter.setFont(self._small(figure))
        line = top.bottom() + BETWEEN
        for words, height in zip(figure.remarks, self._remark_heights(figure, box.width() - 2 * INSET), strict=True):
            place = QRectF(box.left() + INSET, line, box.width() - 2 * INSET, height)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap), words)
            line += height + BETWEEN

    def _draw_words(self, painter: QPainter, rect: QRectF, top: float, figure: Figure) -> None:
        box = QRectF(rect.left() + PAD, top, self.measure - 2 * PAD - 1, rect.bottom() - top)
        flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
        if figure.caption:
            font = self._caption(figure)
            painter.setFont(font)
            painter.setPen(tokens().color("ink" if figure.state == "picture" else "quiet"))
            painter.drawText(box, flags, figure.caption)
            box.setTop(
                box.top()
                + QFontMetricsF(font).boundingRect(box, int(Qt.TextFlag.TextWordWrap), figure.caption).height()
            )
        if figure.credit:
            painter.setFont(self._small(figure))
            painter.setPen(tokens().color("quiet"))
            painter.drawText(box, flags, figure.credit)

    def _ground(self) -> QColor:
        ground = tokens().color("panel")
        ground.setAlpha(150)
        return ground

    def _centred(self) -> int:
        return int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
