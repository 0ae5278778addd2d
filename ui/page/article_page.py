"""The article's view: keeps the document equal to the composition, touching only what changed."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QTextBlock, QTextCursor
from PySide6.QtWidgets import QTextEdit, QVBoxLayout, QWidget

from composer.types import Composition
from ui import edits
from ui.images import ImageLoader
from ui.page.figure import OBJECT_TYPE, FigurePainter, figures_of
from ui.page.items import Item, Line, items_of, read_back, sentence_of
from ui.page.sheet import Sheet, is_figure, slot_of
from ui.page.styles import KEY, KIND, POINTS, block_format, char_format, figure_format
from ui.texts import text
from ui.theme import tokens

FLUSH_MS = 40
"""Streamed text is shown in batches of this many milliseconds."""


class ArticlePage(QWidget):
    """Shows a composition; tells of edits and of the figure the writer points at."""

    edited = Signal(object, str, str)
    """The composition after the edit, what it was, and what it may be joined with in one undo step."""
    slot_selected = Signal(str)
    dropped = Signal(object, str, str)
    """A composer.types.Picture, the slot it fell on, or else the block it fell behind."""

    def __init__(self, images: ImageLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sheet = Sheet(self)
        self._painter = FigurePainter(images, self)
        self._painter.points = POINTS
        self.sheet.document().documentLayout().registerHandler(OBJECT_TYPE, self._painter)
        self._items: list[Item] = []
        self._language = "en"
        self._composition: Composition | None = None
        self._pending: Composition | None = None
        self._working = False
        self._filling = False
        self._flush = QTimer(self, singleShot=True, interval=FLUSH_MS)
        self._flush.timeout.connect(self.flush)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.sheet)
        self.setFocusProxy(self.sheet)
        self.sheet.setReadOnly(True)
        self.sheet.textChanged.connect(self._text_changed)
        self.sheet.figure_clicked.connect(self.slot_selected)
        self.sheet.figure_hovered.connect(self._hover)
        self.sheet.measure_changed.connect(self._measured)
        self.sheet.dropped.connect(self.dropped)
        images.loaded.connect(self._image_loaded)

    # --- what it shows ---

    def show_soon(self, composition: Composition | None) -> None:
        """Show the composition at the next flush: many small steps of streaming become one."""
        self._pending = composition
        if not self._flush.isActive():
            self._flush.start()

    def show_now(self, composition: Composition | None) -> None:
        self._pending = composition
        self.flush()

    def flush(self) -> None:
        """Bring the document up to the composition last handed in."""
        self._flush.stop()
        composition = self._pending
        language = composition.brief.language if composition else "en"
        afresh = language != self._language
        self._composition, self._language = composition, language
        self._refresh_editable()
        figures = figures_of(composition, working=self._working)
        new = items_of(composition)
        if not afresh and new == self._items and figures == self._painter.figures:
            self._mark_sentence()
            return
        follow = self.at_end
        anchor = None if follow else self._anchor()
        self._filling = True
        try:
            changed = {slot for slot, figure in figures.items() if self._painter.figures.get(slot) != figure}
            self._painter.figures = figures
            self._painter.ratio = self.devicePixelRatioF()
            self._update(self._items if not afresh else [], new, afresh=afresh)
            self._redraw_figures(changed)
        finally:
            self._filling = False
        self._mark_sentence()
        self._keep_place(follow, anchor)

    def set_working(self, working: bool) -> None:
        """While the engine composes, the page is for reading only."""
        self._working = working
        self._refresh_editable()
        self._pending = self._pending or self._composition
        self.flush()

    def select_slot(self, slot: str, *, reveal: bool = False) -> None:
        self._painter.selected = slot
        self._mark_sentence()
        self.sheet.viewport().update()
        if reveal and slot:
            self._reveal(slot)

    def go_to_start(self) -> None:
        self.sheet.moveCursor(QTextCursor.MoveOperation.Start)
        self.sheet.verticalScrollBar().setValue(0)

    def set_hint(self, hint: str) -> None:
        """What an empty page says."""
        if hint != self.sheet.empty_hint:
            self.sheet.empty_hint = hint
            self.sheet.viewport().update()

    def restyle(self) -> None:
        """Take the theme's colours again."""
        self._items, items = [], self._items
        if items:
            self._filling = True
            self._update([], items, afresh=True)
            self._filling = False
        self._mark_sentence()
        self.sheet.viewport().update()

    # --- document follows composition ---

    def _update(self, old: list[Item], new: list[Item], *, afresh: bool) -> None:
        document = self.sheet.document()
        cursor = QTextCursor(document)
        cursor.beginEditBlock()
        wanted = {(item.kind, item.key) for item in new}
        if afresh or not old or not new or not _same_order(old, new):
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.removeSelectedText()
            old = []
        at = 0
        for item in [*old]:
            if (item.kind, item.key) not in wanted:
                self._remove(at)
            else:
                at += 1
        kept = [item for item in old if (item.kind, item.key) in wanted]
        known = {(item.kind, item.key) for item in kept}
        before = 0
        for at, item in enumerate(new):
            if (item.kind, item.key) in known:
                if kept[before] != item:
                    self._rewrite(document.findBlockByNumber(at), kept[before], item)
                before += 1
            else:
                self._insert(at, item)
        cursor.endEditBlock()
        if not new:
            document.clear()
        self._items = new
        self.sheet.fit()

    def _insert(self, at: int, item: Item) -> None:
        document = self.sheet.document()
        chars = char_format("paragraph" if item.kind == "figure" else item.kind, self._language)
        form = block_format(item.kind, item.key, self._language)
        cursor = QTextCursor(document)
        if at == 0:
            if document.characterCount() > 1:
                cursor.insertBlock()
                cursor.movePosition(QTextCursor.MoveOperation.PreviousBlock)
            cursor.setBlockFormat(form)
            cursor.setBlockCharFormat(chars)
        else:
            block = document.findBlockByNumber(at - 1)
            cursor.setPosition(block.position() + block.length() - 1)
            cursor.insertBlock(form, chars)
        cursor.insertText(item.text, figure_format(item.key) if item.kind == "figure" else chars)

    def _remove(self, at: int) -> None:
        document = self.sheet.document()
        block = document.findBlockByNumber(at)
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        if at > 0:
            # Joining backwards keeps the formats of the block before.
            cursor.deletePreviousChar()
        elif document.blockCount() > 1:
            form = block.next().blockFormat()
            cursor.deleteChar()
            cursor.setBlockFormat(form)

    def _rewrite(self, block: QTextBlock, old: Item, new: Item) -> None:
        """Change only the letters that differ, so that cursor and selection stay where they are."""
        if new.kind == "figure":
            return
        a, b = old.text, new.text
        head = _common(a, b)
        tail = _common(a[head:][::-1], b[head:][::-1])
        cursor = QTextCursor(block)
        cursor.setPosition(block.position() + _units(a[:head]))
        last = block.position() + _units(a[: len(a) - tail])
        cursor.setPosition(last, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(b[head : len(b) - tail], char_format(new.kind, self._language))

    def _redraw_figures(self, slots: set[str]) -> None:
        if not slots:
            return
        document = self.sheet.document()
        block = document.begin()
        while block.isValid() and not (is_figure(block) and slot_of(block) in slots):
            block = block.next()
        if block.isValid():
            # To the end: with single blocks marked, Qt leaves those between them without lines while it still lays out.
            document.markContentsDirty(block.position(), document.characterCount() - block.position())
        self.sheet.viewport().update()

    # --- composition follows document ---

    def _text_changed(self) -> None:
        if self._filling or self.sheet.isReadOnly() or self._composition is None or self._composition.article is None:
            return
        lines = self._lines()
        old, waiting = self._composition, self._pending
        if waiting is not None and waiting.article == old.article:
            old = waiting  # a picture taken a moment ago is not on the page yet: it must not be lost
        title, blocks = read_back(lines, old)
        after = edits.with_text(old, title, blocks)
        self._composition = self._pending = after
        # The document is the truth for a moment: what it holds is compared with what the model makes of it.
        items = items_of(after)
        if [(line.kind, line.key, line.text) for line in lines] != [(i.kind, i.key, i.text) for i in items]:
            self._normalise(lines, items)
        self._items = items
        self._mark_sentence()
        if after != old:
            where = self.sheet.textCursor().block().blockFormat().property(KEY)
            same_shape = len(blocks) == len(old.article.blocks if old.article else ())
            self.edited.emit(after, text("Edit text"), f"text:{where}" if same_shape else "")

    def _lines(self) -> list[Line]:
        lines = []
        block = self.sheet.document().begin()
        while block.isValid():
            form = block.blockFormat()
            lines.append(Line(str(form.property(KIND) or ""), str(form.property(KEY) or ""), block.text()))
            block = block.next()
        return lines

    def _normalise(self, lines: list[Line], items: list[Item]) -> None:
        """Give new blocks their id and style; where figures were touched, lay the page out again."""
        self._filling = True
        try:
            if len(lines) == len(items) and all(
                line.text == item.text and (line.kind == "figure") == (item.kind == "figure")
                for line, item in zip(lines, items, strict=True)
            ):
                for at, (line, item) in enumerate(zip(lines, items, strict=True)):
                    if (line.kind, line.key) != (item.kind, item.key):
                        self._restyle_block(self.sheet.document().findBlockByNumber(at), item)
            else:
                place = self.sheet.textCursor().position()
                scroll = self.sheet.verticalScrollBar().value()
                self._update([], items, afresh=True)
                cursor = self.sheet.textCursor()
                cursor.setPosition(min(place, self.sheet.document().characterCount() - 1))
                if is_figure(cursor.block()):
                    cursor.movePosition(QTextCursor.MoveOperation.NextBlock)
                self.sheet.setTextCursor(cursor)
                self.sheet.verticalScrollBar().setValue(scroll)
        finally:
            self._filling = False

    def _restyle_block(self, block: QTextBlock, item: Item) -> None:
        cursor = QTextCursor(block)
        cursor.setBlockFormat(block_format(item.kind, item.key, self._language))
        if item.kind != "figure":
            chars = char_format(item.kind, self._language)
            cursor.setBlockCharFormat(chars)
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.setCharFormat(chars)

    def _refresh_editable(self) -> None:
        has_text = self._composition is not None and self._composition.article is not None
        self.sheet.setReadOnly(self._working or not has_text)

    # --- scrolling ---

    @property
    def at_end(self) -> bool:
        """Whether the reader follows the text as it is written."""
        bar = self.sheet.verticalScrollBar()
        return self._working and bar.value() >= bar.maximum() - 40

    def _anchor(self) -> tuple[str, float] | None:
        """The block at the top of the view and where it stands there, so that nothing jumps when others grow."""
        layout = self.sheet.document().documentLayout()
        top = self.sheet.verticalScrollBar().value()
        block = self.sheet.document().begin()
        while block.isValid():
            rect = layout.blockBoundingRect(block)
            if rect.bottom() > top:
                return str(block.blockFormat().property(KEY) or ""), rect.top() - top
            block = block.next()
        return None

    def _keep_place(self, follow: bool, anchor: tuple[str, float] | None) -> None:
        bar = self.sheet.verticalScrollBar()
        if follow:
            bar.setValue(bar.maximum())
        elif anchor is not None and bar.value() > 0:
            block = self._block_of(anchor[0])
            if block is not None:
                top = self.sheet.document().documentLayout().blockBoundingRect(block).top()
                bar.setValue(round(top - anchor[1]))

    def _block_of(self, key: str) -> QTextBlock | None:
        block = self.sheet.document().begin()
        while block.isValid():
            if block.blockFormat().property(KEY) == key:
                return block
            block = block.next()
        return None

    def _reveal(self, slot: str) -> None:
        block = self._block_of(slot)
        if block is None:
            return
        rect = self.sheet.document().documentLayout().blockBoundingRect(block)
        bar = self.sheet.verticalScrollBar()
        view = self.sheet.viewport().height()
        if rect.top() < bar.value() or rect.bottom() > bar.value() + view:
            bar.setValue(round(rect.center().y() - view / 2))

    def _mark_sentence(self) -> None:
        """Give what the selected picture is about a soft ground. The document and its undo know nothing of it."""
        key, words = sentence_of(self._composition, self._painter.selected)
        block = self._block_of(key) if words else None
        marks: list[QTextEdit.ExtraSelection] = []
        if block is not None and words in block.text():
            mark = QTextEdit.ExtraSelection()
            mark.cursor = QTextCursor(block)
            start = block.position() + _units(block.text()[: block.text().index(words)])
            mark.cursor.setPosition(start)
            mark.cursor.setPosition(start + _units(words), QTextCursor.MoveMode.KeepAnchor)
            mark.format.setBackground(tokens().color("wash"))
            marks = [mark]
        self.sheet.setExtraSelections(marks)

    # --- small reactions ---

    def _hover(self, slot: str) -> None:
        if slot != self._painter.hovered:
            self._painter.hovered = slot
            self.sheet.viewport().update()

    def _measured(self, measure: float) -> None:
        self._painter.measure = measure
        self._filling = True
        self._redraw_figures(set(self._painter.figures))
        self._filling = False

    def _image_loaded(self, path: str) -> None:
        if any(
            figure.picture and path in (figure.picture.path, figure.picture.preview)
            for figure in self._painter.figures.values()
        ):
            self.sheet.viewport().update()


def _same_order(old: list[Item], new: list[Item]) -> bool:
    """Whether what both have stands in the same order in both."""
    both = {(i.kind, i.key) for i in old} & {(i.kind, i.key) for i in new}
    return [k for i in old if (k := (i.kind, i.key)) in both] == [k for i in new if (k := (i.kind, i.key)) in both]


def _common(a: str, b: str) -> int:
    """How many letters two strings share at their start."""
    shorter = min(len(a), len(b))
    if a[:shorter] == b[:shorter]:
        return shorter
    low, high = 0, shorter
    while low < high:
        middle = (low + high + 1) // 2
        if a[:middle] == b[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _units(words: str) -> int:
    """Length in UTF-16 units, which is what a document counts in."""
    return len(words.encode("utf-16-le")) // 2
