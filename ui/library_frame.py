"""How the page of the library is laid out: three panes that can be made wider, and what stands in for no pictures."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSplitter, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from ui.texts import text

SIDES = (276, 676, 328)
"""Widths of the panes at first, in pixels."""


class LibraryFrame:
    """Holds the panes of the page."""

    def __init__(self, grid: QWidget, add_button: QPushButton) -> None:
        self.grid, self.add_button = grid, add_button
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.tabs = QTabWidget()
        self.empty = QLabel(wordWrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("rank", "quiet")
        self._stack = QStackedWidget()

    def show_empty(self, sentence: str, *, with_button: bool) -> None:
        """A sentence in the place of the pictures; none shows the pictures."""
        self.empty.setText(sentence)
        self.add_button.setVisible(with_button)
        self._stack.setCurrentIndex(1 if sentence else 0)

    def show_folders(self) -> None:
        self.tabs.setCurrentIndex(1)

    def lay_out(
        self,
        page: QWidget,
        toolbar: QWidget,
        above: Sequence[QWidget],
        sides: tuple[QWidget, QWidget],
        details: QWidget,
    ) -> None:
        """Put the parts into the page; `above` stands over the pictures, `sides` are filters and folders."""
        filters, folders = sides
        self.tabs.addTab(filters, text("Filters"))
        self.tabs.addTab(folders, text("Folders"))
        self.tabs.setDocumentMode(True)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in above:
            column.addWidget(widget)
        column.addWidget(self._stack, 1)
        self._stack.addWidget(self.grid)
        self._stack.addWidget(self._empty_page())
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        for pane, stretch, narrowest in ((self.tabs, 0, 236), (middle, 1, 300), (details, 0, 300)):
            pane.setMinimumWidth(narrowest)
            self.splitter.addWidget(pane)
            self.splitter.setStretchFactor(self.splitter.count() - 1, stretch)
        for pane in (self.tabs, details, toolbar):
            pane.setProperty("surface", "panel")
            pane.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        toolbar.setProperty("edge", "below")
        self.splitter.setSizes(list(SIDES))
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(toolbar)
        layout.addWidget(self.splitter, 1)

    def _empty_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(48, 48, 48, 48)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(self.empty)
        column.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        return page
