"""A picture on a surface: as large as fits, nothing cut off; alone, or as a button."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from composer.types import Picture
from ui.images import ImageLoader
from ui.library_words import title_of
from ui.painted_button import PaintedButton
from ui.texts import text
from ui.theme import tokens

DECODED = 512
"""Pixels of the longer side that are read: what previews have."""


class PictureView(QWidget):
    """Shows one picture, with room for its shape up to a height."""

    def __init__(self, thumbnails: ImageLoader, tallest: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails, self._tallest = thumbnails, tallest
        self._picture: Picture | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(tallest)
        thumbnails.loaded.connect(self._loaded)

    def show_picture(self, picture: Picture | None) -> None:
        self._picture = picture
        self.setAccessibleName(title_of(picture) if picture else "")
        self._fit()
        self.update()

    def resizeEvent(self, event: object) -> None:  # noqa: ARG002, N802
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if self._picture is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        paint_fitted(painter, QRectF(self.rect()), self._picture, self._thumbnails)

    def _fit(self) -> None:
        picture = self._picture
        if picture is None or picture.width <= 0 or picture.height <= 0:
            return
        height = round(min(self._tallest, self.width() * picture.height / picture.width))
        if abs(height - self.height()) > 1:
            self.setFixedHeight(max(60, height))

    def _loaded(self, path: str) -> None:
        if self._picture is not None and path in (self._picture.preview, self._picture.path):
            self.update()


class PictureButton(PaintedButton):
    """A small picture that leads to more of it."""

    def __init__(self, picture: Picture, thumbnails: ImageLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture, self._thumbnails = picture, thumbnails
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(title_of(picture))
        self.setToolTip(
            text("{name}\n{width} × {height}", name=picture.path, width=picture.width, height=picture.height)
        )
        thumbnails.loaded.connect(self._loaded)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(88, 68)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        lively = self.hasFocus() or self.underMouse()
        painter.setPen(QPen(tokens().color("accent" if lively else "line"), 2.0 if lively else 1.0))
        painter.setBrush(tokens().color("field"))
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4)
        paint_fitted(painter, box.adjusted(4, 4, -4, -4), self.picture, self._thumbnails)

    def _loaded(self, path: str) -> None:
        if path in (self.picture.preview, self.picture.path):
            self.update()


def paint_fitted(painter: QPainter, box: QRectF, picture: Picture, thumbnails: ImageLoader) -> None:
    """The picture in the middle of a box, or its shape in a quiet tone, or that it cannot be read."""
    image = thumbnails.get((picture.preview, picture.path), QSize(DECODED, DECODED))
    shape = QSize(max(1, picture.width), max(1, picture.height))
    if image is not None and not image.isNull():
        shape = image.size()
    size = shape.scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRectF(0, 0, size.width(), size.height())
    place.moveCenter(box.center())
    if image is not None and not image.isNull():
        painter.drawImage(place, image)
        return
    painter.fillRect(place, tokens().color("line"))
    if image is not None:
        painter.setPen(tokens().color("ink"))
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        painter.drawText(place.adjusted(6, 6, -6, -6), flags, text("Cannot be read"))
