"""The sheet: a text editor that looks like paper on a desk, and knows its figures from its text."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
    QTextFrameFormat,
)
from PySide6.QtWidgets import QFrame, QMenu, QTextEdit, QWidget

from ui.page.items import OBJECT
from ui.picture_mime import TYPE, picture_in
from ui.texts import text
from ui.theme import tokens

MEASURE = 660
"""Widest line of text in pixels: about 75 letters at the page's size."""
NARROWEST_MARGIN = 30
DESK = 22
"""Desk seen around the paper."""
HEAD = 54


class Sheet(QTextEdit):
    """Paints the paper, lays the text out in a readable measure, and keeps the keyboard away from figures."""

    figure_clicked = Signal(str)
    figure_hovered = Signal(str)
    measure_changed = Signal(float)
    dropped = Signal(object, str, str)
    """A composer.types.Picture, the slot it fell on, or else the block it fell behind."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.empty_hint = ""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptRichText(False)
        self.setUndoRedoEnabled(False)  # the session undoes: texts, swaps and captions alike
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(text("Article"))
        self.document().setDocumentMargin(0)
        self._measure = 0.0
        self._drop_line: float | None = None
        """Height in the viewport where a dragged picture would go in between."""

    # --- layout ---

    @property
    def measure(self) -> float:
        return self._measure

    def fit(self) -> None:
        """Centre the text column in the sheet; called when the width changes and after the document was filled."""
        width = self.viewport().width()
        paper = min(width - 2 * DESK, MEASURE + 2 * 60)
        inner = min(MEASURE, paper - 2 * NARROWEST_MARGIN)
        side = (width - inner) / 2
        root = self.document().rootFrame()
        fmt = QTextFrameFormat(root.frameFormat())
        wanted = (side, side, float(DESK + HEAD), float(DESK + HEAD + 16))
        if (fmt.leftMargin(), fmt.rightMargin(), fmt.topMargin(), fmt.bottomMargin()) != wanted:
            fmt.setLeftMargin(side)
            fmt.setRightMargin(side)
            fmt.setTopMargin(wanted[2])
            fmt.setBottomMargin(wanted[3])
            root.setFrameFormat(fmt)
        if inner != self._measure:
            self._measure = float(inner)
            self.measure_changed.emit(self._measure)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.fit()

    # --- paint ---

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), tokens().color("desk"))
        width = self.viewport().width()
        across = min(width - 2 * DESK, MEASURE + 2 * 60)
        top = DESK - self.verticalScrollBar().value()
        height = max(self.document().size().height(), float(self.viewport().height())) - 2 * DESK
        paper = QRectF((width - across) / 2, top, across, height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shade = QColor(0, 0, 0, 10)
        for spread in (4, 2, 1):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            painter.drawRoundedRect(paper.adjusted(-spread, -spread + 1, spread, spread + 1), 4, 4)
        painter.setBrush(tokens().color("paper"))
        painter.setPen(QPen(tokens().color("line"), 1) if tokens().dark else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(paper, 3, 3)
        if self.empty_hint and self.document().isEmpty():
            painter.setPen(tokens().color("quiet"))
            font = self.font()
            font.setPointSizeF(font.pointSizeF() * 1.1)
            painter.setFont(font)
            flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
            painter.drawText(paper.adjusted(80, 120, -80, 0), flags, self.empty_hint)
        painter.end()
        super().paintEvent(event)
        if self._drop_line is not None:
            line = QPainter(self.viewport())
            line.setPen(QPen(tokens().color("accent"), 3))
            side = (width - self._measure) / 2
            line.drawLine(QPointF(side, self._drop_line), QPointF(width - side, self._drop_line))

    # --- figures under the pointer ---

    def figure_at(self, point: QPointF) -> str:
        """The slot under a point of the viewport, or nothing."""
        block = self.document().begin()
        layout = self.document().documentLayout()
        y = point.y() + self.verticalScrollBar().value()
        x = point.x()
        while block.isValid():
            if is_figure(block):
                rect = layout.blockBoundingRect(block)
                if rect.top() <= y <= rect.bottom() and rect.left() <= x <= rect.right():
                    return slot_of(block)
            block = block.next()
        return ""

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        slot = self.figure_at(event.position()) if event.button() == Qt.MouseButton.LeftButton else ""
        if slot:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.figure_clicked.emit(slot)
            event.accept()
            return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        super().mouseMoveEvent(event)
        if event.buttons() == Qt.MouseButton.NoButton:
            slot = self.figure_at(event.position())
            self.figure_hovered.emit(slot)
            shape = Qt.CursorShape.PointingHandCursor if slot else Qt.CursorShape.IBeamCursor
            self.viewport().setCursor(shape)

    # --- keys and menus that are the window's ---

    def event(self, event: QEvent) -> bool:
        """Leave undo and redo to the window: a text editor would claim them for itself."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            key = QKeySequence.StandardKey
            if event.matches(key.Undo) or event.matches(key.Redo):
                event.ignore()
                return False
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        menu = QMenu(self)
        chosen = self.textCursor().hasSelection()
        for words, verb, possible in (
            (text("Cut"), self.cut, chosen and not self.isReadOnly()),
            (text("Copy"), self.copy, chosen),
            (text("Paste"), self.paste, self.canPaste()),
            (text("Select all"), self.selectAll, True),
        ):
            action = menu.addAction(words)
            action.setEnabled(possible)
            action.triggered.connect(lambda _=False, do=verb: do())
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    # --- pictures dropped into the article ---

    def place_at(self, point: QPointF) -> tuple[str, str, float | None]:
        """Where a picture dropped at a point goes: a slot, or else a block and the height of the gap behind it."""
        slot = self.figure_at(point)
        if slot:
            return slot, "", None
        layout = self.document().documentLayout()
        y = point.y() + self.verticalScrollBar().value()
        behind, bottom = "", 0.0
        block = self.document().begin()
        while block.isValid():
            rect = layout.blockBoundingRect(block)
            if rect.center().y() > y and behind:
                break
            if kind_of(block) in ("heading", "paragraph"):
                behind = slot_of(block)
            bottom = rect.bottom()
            block = block.next()
        return "", behind, bottom - self.verticalScrollBar().value() + 4 if behind else None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if event.mimeData().hasFormat(TYPE):
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        if not event.mimeData().hasFormat(TYPE):
            super().dragMoveEvent(event)
            return
        slot, block, line = self.place_at(event.position())
        self._show_drop(slot, line)
        event.setAccepted(bool(slot) or (bool(block) and not self.isReadOnly()))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        self._show_drop("", None)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        picture = picture_in(event.mimeData())
        if picture is None:
            super().dropEvent(event)
            return
        slot, block, _ = self.place_at(event.position())
        self._show_drop("", None)
        if slot or (block and not self.isReadOnly()):
            event.acceptProposedAction()
            self.dropped.emit(picture, slot, block)

    def _show_drop(self, slot: str, line: float | None) -> None:
        if line != self._drop_line:
            self._drop_line = None if self.isReadOnly() else line
            self.viewport().update()
        self.figure_hovered.emit(slot)

    # --- the keyboard stays out of figures ---

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        cursor = self.textCursor()
        if not self.isReadOnly() and not cursor.hasSelection():
            block = cursor.block()
            if is_figure(block):
                if self._in_figure(event, block):
                    return
            elif (event.key() == Qt.Key.Key_Backspace and cursor.atBlockStart() and is_figure(block.previous())) or (
                event.key() == Qt.Key.Key_Delete and cursor.atBlockEnd() and is_figure(block.next())
            ):
                return
        super().keyPressEvent(event)

    def _in_figure(self, event: QKeyEvent, block: QTextBlock) -> bool:
        """Return opens a paragraph below the figure and a space selects it; other letters have no place there."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            cursor = QTextCursor(block)
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
            self.setTextCursor(cursor)
            return False
        if event.key() == Qt.Key.Key_Space:
            self.figure_clicked.emit(slot_of(block))
            return True
        return bool(event.text()) and event.text().isprintable()

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802
        """Paste words only: styles of other programs have no place in the article."""
        if not is_figure(self.textCursor().block()):
            self.textCursor().insertText(source.text().replace("\r\n", "\n").replace(OBJECT, ""))


def is_figure(block: QTextBlock) -> bool:
    return kind_of(block) == "figure"


def kind_of(block: QTextBlock) -> str:
    from ui.page.styles import KIND

    return str(block.blockFormat().property(KIND) or "") if block.isValid() else ""


def slot_of(block: QTextBlock) -> str:
    from ui.page.styles import KEY

    return str(block.blockFormat().property(KEY) or "")
