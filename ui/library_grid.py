"""The grid of the library. Places are computed, never stored: ten million pictures scroll like a hundred."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPoint, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QDrag, QImage, QKeyEvent, QPainter, QPaintEvent, QPixmap, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QWidget

from composer.collection import Hit
from ui.images import ImageLoader
from ui.library_hits import HitsModel
from ui.library_tile import PAD, Look, TilePainter
from ui.picture_mime import mime_of
from ui.texts import text
from ui.theme import tokens

SPACE = 6
SMALLEST, LARGEST, STEP = 110, 310, 20
"""Widths of a thumbnail; whole steps, so that each is decoded once for its size."""
LOOK_MS = 30
MOST_PIXELS = 2**31 - 1
"""What a scroll bar can count."""


class LibraryGrid(QAbstractItemView):
    """Shows a HitsModel; tells of keys that mean something to the page."""

    rated = Signal(int)
    hidden_pressed = Signal()
    tag_pressed = Signal()
    details_pressed = Signal()
    large_pressed = Signal()
    search_pressed = Signal()
    settled = Signal()
    """Another picture or other pictures are chosen."""

    def __init__(self, hits: HitsModel, thumbnails: ImageLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hits, self._thumbnails = hits, thumbnails
        self._side, self._scores, self._columns = SMALLEST + 3 * STEP, False, 2
        self._look = Look(self._side)
        self._painter = TilePainter(self.font(), self._look)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(text("Pictures"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._settling = QTimer(self, singleShot=True, interval=0)
        self._settling.timeout.connect(self.settled)
        self._looking = QTimer(self, singleShot=True, interval=LOOK_MS)
        self._looking.timeout.connect(self._tell_seen)
        thumbnails.loaded.connect(self._loaded)
        self.setModel(hits)

    # --- what is chosen ---

    def current_hit(self) -> Hit | None:
        return self._hits.hit(self.currentIndex().row()) if self.currentIndex().isValid() else None

    def chosen_spans(self) -> list[tuple[int, int]]:
        """First and last row of each stretch that is chosen; the current row when none is."""
        spans = _spans(self.selectionModel().selection())
        row = self.currentIndex().row()
        return spans or ([(row, row)] if row >= 0 else [])

    @property
    def chosen_count(self) -> int:
        return sum(last - first + 1 for first, last in self.chosen_spans())

    def choose(self, row: int) -> None:
        """Make one row the current one and show it."""
        if 0 <= row < self._hits.rowCount():
            self.setCurrentIndex(self._hits.index(row))

    # --- looks ---

    @property
    def look(self) -> Look:
        return self._look

    def set_look(self, side: int, *, scores: bool) -> None:
        """Another size of thumbnails, at least `side` pixels wide; what is at the top stays there."""
        top = self._row_at(self.verticalScrollBar().value())
        self._side, self._scores = side, scores
        self._fill_width()
        self.verticalScrollBar().setValue(self._top_of(top))
        self.viewport().update()
        self._looking.start()

    # --- where things are ---

    def _fill_width(self) -> None:
        """So many columns as the size allows, and thumbnails so large that they fill the width."""
        room = self.viewport().width() - SPACE
        self._columns = max(2, room // (self._side + 2 * PAD + SPACE))
        side = max(SMALLEST // 2, room // self._columns - SPACE - 2 * PAD)
        look = Look(side, self._scores, self.devicePixelRatioF())
        if look != self._look:
            self._look = look
            self._painter = TilePainter(self.font(), look)
        self.updateGeometries()

    @property
    def _row_height(self) -> int:
        return self._painter.size.height() + SPACE

    def _row_at(self, y: int) -> int:
        """The first picture of the line at this height of the whole."""
        return max(0, (y - SPACE) // self._row_height) * self._columns

    def _top_of(self, row: int) -> int:
        return row // self._columns * self._row_height

    @property
    def seen(self) -> tuple[int, int]:
        """First and last row on the screen."""
        top = self.verticalScrollBar().value()
        last = self._row_at(top + self.viewport().height()) + self._columns - 1
        return self._row_at(top), min(last, self._hits.rowCount() - 1)

    def _tile(self, row: int) -> QRect:
        across = (self.viewport().width() - SPACE) / self._columns
        size = self._painter.size
        left = SPACE + round(row % self._columns * across + (across - SPACE - size.width()) / 2)
        top = SPACE + self._top_of(row) - self.verticalScrollBar().value()
        return QRect(left, top, size.width(), size.height())

    def _row_under(self, point: QPoint) -> int:
        """The row nearest to a point, within the list."""
        across = (self.viewport().width() - SPACE) / self._columns
        column = min(self._columns - 1, max(0, int((point.x() - SPACE) / across)))
        row = self._row_at(point.y() + self.verticalScrollBar().value()) + column
        return min(row, self._hits.rowCount() - 1)

    def visualRect(self, index: QModelIndex) -> QRect:  # type: ignore[override] # noqa: N802
        return self._tile(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:  # noqa: N802
        row = self._row_under(point)
        return self._hits.index(row) if row >= 0 and self._tile(row).contains(point) else QModelIndex()

    def scrollTo(  # type: ignore[override] # noqa: N802
        self, index: QModelIndex, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        tile, view = self._tile(index.row()), self.viewport().height()
        bar = self.verticalScrollBar()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(bar.value() + tile.center().y() - view // 2)
        elif tile.top() < 0:
            bar.setValue(bar.value() + tile.top() - SPACE)
        elif tile.bottom() > view:
            bar.setValue(bar.value() + tile.bottom() - view + SPACE)

    def moveCursor(  # noqa: N802
        self, action: QAbstractItemView.CursorAction, _modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        move = QAbstractItemView.CursorAction
        screen = max(1, self.viewport().height() // self._row_height) * self._columns
        step = {
            move.MoveLeft: -1, move.MovePrevious: -1, move.MoveRight: 1, move.MoveNext: 1,
            move.MoveUp: -self._columns, move.MoveDown: self._columns,
            move.MovePageUp: -screen, move.MovePageDown: screen,
        }.get(action, 0)  # fmt: skip
        last = self._hits.rowCount() - 1
        if last < 0:
            return QModelIndex()
        now = self.currentIndex().row() if self.currentIndex().isValid() else -1
        row = 0 if now < 0 or action == move.MoveHome else last if action == move.MoveEnd else now + step
        if not 0 <= row <= last:
            row = now if abs(step) == self._columns else max(0, min(last, row))
        return self._hits.index(row)

    def horizontalOffset(self) -> int:  # noqa: N802
        return 0

    def verticalOffset(self) -> int:  # noqa: N802
        return self.verticalScrollBar().value()

    def isIndexHidden(self, _index: QModelIndex) -> bool:  # type: ignore[override] # noqa: N802
        return False

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:  # noqa: N802
        """From the picture where the pointer or the keyboard began to the one where it is: in reading order."""
        if self._hits.rowCount():
            ends = sorted((self._row_under(rect.topLeft()), self._row_under(rect.bottomRight())))
            span = QItemSelection(self._hits.index(ends[0]), self._hits.index(ends[1]))
            self.selectionModel().select(span, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:  # noqa: N802
        region = QRegion()
        first, last = self.seen
        for top, bottom in _spans(selection):
            for row in range(max(first, top), min(last, bottom) + 1):
                region += self._tile(row)
        return region

    def updateGeometries(self) -> None:  # noqa: N802
        lines = -(-self._hits.rowCount() // self._columns)
        height = min(MOST_PIXELS, lines * self._row_height + SPACE)
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(20, self._row_height // 4))
        bar.setRange(0, max(0, height - self.viewport().height()))
        super().updateGeometries()

    # --- events ---

    def reset(self) -> None:
        super().reset()
        self.updateGeometries()
        self.verticalScrollBar().setValue(0)
        self._looking.start()
        self._settling.start()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        top = self._row_at(self.verticalScrollBar().value() + SPACE)
        super().resizeEvent(event)
        self._fill_width()
        if event.oldSize().width() != event.size().width():
            self.verticalScrollBar().setValue(self._top_of(top))
        self._looking.start()

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802
        self.scrollDirtyRegion(dx, dy)
        self.viewport().scroll(dx, dy)
        if not self._looking.isActive():
            self._looking.start()

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:  # noqa: N802
        super().selectionChanged(selected, deselected)
        self._settling.start()

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:  # type: ignore[override] # noqa: N802
        super().currentChanged(current, previous)
        for index in (current, previous):
            if index.isValid():
                self.viewport().update(self._tile(index.row()))
        self._settling.start()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        key = Qt.Key(event.key())
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
        verbs = {
            Qt.Key.Key_H: self.hidden_pressed, Qt.Key.Key_T: self.tag_pressed, Qt.Key.Key_Slash: self.search_pressed,
            Qt.Key.Key_Space: self.large_pressed, Qt.Key.Key_Return: self.details_pressed,
            Qt.Key.Key_Enter: self.details_pressed,
        }  # fmt: skip
        if plain and Qt.Key.Key_0 <= key <= Qt.Key.Key_5:
            self.rated.emit(key - Qt.Key.Key_0)
        elif plain and key in verbs:
            verbs[key].emit()
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, _words: str) -> None:  # noqa: N802
        """Letters are commands here; the search field looks for names."""

    def startDrag(self, _actions: Qt.DropAction) -> None:  # noqa: N802
        hit = self.current_hit()
        if hit is None:
            return
        drag = QDrag(self)
        drag.setMimeData(mime_of(hit.picture))
        image = self._thumbnails.get((hit.picture.preview, hit.picture.path), self._look.pixels)
        if image is not None and not image.isNull():
            drag.setPixmap(QPixmap.fromImage(image.scaledToHeight(90, Qt.TransformationMode.SmoothTransformation)))
            drag.setHotSpot(QPoint(20, 20))
        drag.exec(Qt.DropAction.CopyAction)

    # --- paint ---

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(event.rect(), tokens().color("desk"))
        chosen, current = self.selectionModel(), self.currentIndex().row() if self.currentIndex().isValid() else -1
        for row in self._rows_in(event.rect()):
            hit = self._hits.hit(row)
            image, stand_in = self._image_of(hit) if hit is not None else (None, False)
            self._painter.paint(
                painter, QRectF(self._tile(row)), hit, image,
                chosen=chosen.isRowSelected(row, QModelIndex()), current=row == current, stand_in=stand_in,
            )  # fmt: skip
        painter.end()

    def _image_of(self, hit: Hit) -> tuple[QImage | None, bool]:
        """The thumbnail, and whether it is one of another size."""
        paths = (hit.picture.preview, hit.picture.path)
        image = self._thumbnails.get(paths, self._look.pixels)
        return (image, False) if image is not None else (self._thumbnails.nearest(paths), True)

    def _rows_in(self, rect: QRect) -> Iterator[int]:
        first, last = self.seen
        return (row for row in range(first, last + 1) if self._tile(row).intersects(rect))

    def _loaded(self, path: str) -> None:
        first, last = self.seen
        for row in range(first, last + 1):
            hit = self._hits.hit(row)
            if hit is not None and path in (hit.picture.preview, hit.picture.path):
                self.viewport().update(self._tile(row))

    def _tell_seen(self) -> None:
        first, last = self.seen
        if last >= first:
            self._hits.look(first, last)


def _spans(selection: QItemSelection) -> list[tuple[int, int]]:
    return [(selection.at(at).top(), selection.at(at).bottom()) for at in range(selection.count())]
