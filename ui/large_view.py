"""A picture over the whole page, to judge it: arrows go on, Space or Escape goes back."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from composer.collection import Hit
from ui.images import ImageLoader
from ui.library_words import rights_words, stars, title_of
from ui.texts import text

FOOT = 62
LARGEST = 2048
"""Pixels of the longer side that are decoded."""


class LargeView(QWidget):
    """Lies over its parent and takes the keyboard while it is shown."""

    stepped = Signal(int)
    rated = Signal(int)
    hidden_pressed = Signal()
    closed = Signal()

    def __init__(self, images: ImageLoader, parent: QWidget) -> None:
        super().__init__(parent)
        self._images, self._page = images, parent
        self._hit: Hit | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(text("Large view"))
        self.hide()
        parent.installEventFilter(self)
        images.loaded.connect(lambda _path: self.update())

    def open(self, hit: Hit) -> None:
        self.show_hit(hit)
        self.setGeometry(self._page.rect())
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_hit(self, hit: Hit) -> None:
        self._hit = hit
        self.setAccessibleDescription(title_of(hit.picture))
        self.update()

    def close_view(self) -> None:
        self.hide()
        self.closed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._page.rect())
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        key = Qt.Key(event.key())
        step = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}.get(key, 0)
        if step:
            self.stepped.emit(step)
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Return):
            self.close_view()
        elif Qt.Key.Key_0 <= key <= Qt.Key.Key_5:
            self.rated.emit(key - Qt.Key.Key_0)
        elif key == Qt.Key.Key_H:
            self.hidden_pressed.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.close_view()
        event.accept()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        # The same dark ground in every theme: pictures are judged against it.
        painter.fillRect(self.rect(), QColor("#141516"))
        if self._hit is None:
            return
        box = QRectF(self.rect()).adjusted(24, 20, -24, -FOOT - 8)
        self._paint_picture(painter, box, self._hit)
        self._paint_words(painter, self._hit)

    def _paint_picture(self, painter: QPainter, box: QRectF, hit: Hit) -> None:
        picture = hit.picture
        image = self._images.get((picture.path, picture.preview), QSize(LARGEST, LARGEST))
        if image is None and picture.preview:  # until the large one is there
            image = self._images.get((picture.preview, picture.path), QSize(512, 512))
        shape = QSize(max(1, picture.width), max(1, picture.height))
        place = QRectF(0, 0, 0, 0)
        room = box.size().toSize()
        fitted = shape.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        if fitted.width() > shape.width():  # small pictures are shown as they are
            fitted = shape
        place.setSize(fitted.toSizeF())
        place.moveCenter(box.center())
        if image is not None and not image.isNull():
            painter.drawImage(place, image)
            return
        painter.fillRect(place, QColor("#2A2C2E"))
        if image is not None:
            painter.setPen(QColor("#D8D5CF"))
            sentence = text("The picture file cannot be read: {path}", path=picture.path)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), sentence)

    def _paint_words(self, painter: QPainter, hit: Hit) -> None:
        picture = hit.picture
        line = QRectF(24, self.height() - FOOT, self.width() - 48, 26)
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor("#F2F0EB"))
        title = QFontMetricsF(font).elidedText(title_of(picture), Qt.TextElideMode.ElideRight, line.width() - 120)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, stars(hit.rating))
        parts = (
            text("Hidden") if hit.hidden else "", f"{picture.width:,} × {picture.height:,}",
            picture.credit or picture.creator, picture.licence or rights_words()[hit.rights],
        )  # fmt: skip
        painter.setFont(self.font())
        painter.setPen(QColor("#B9B5AC"))
        line.translate(0, 26)
        words = " · ".join(part for part in parts if part)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
