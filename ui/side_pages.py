"""The pages of models and of the library: they lie over the start page or the article, and lead back to it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from composer.types import Slot
from ui.parts import Parts
from ui.texts import text

if TYPE_CHECKING:
    from ui.library_page import LibraryPage
    from ui.models_page import ModelsPage


class SidePages(QObject):
    """Makes each page when it is first needed: without them the start page is there sooner."""

    left = Signal()
    put = Signal(object)
    """A composer.types.Picture for the article."""

    def __init__(self, stack: QStackedWidget, start: QWidget, parts: Parts, thumbnail: int) -> None:
        super().__init__(stack)
        self._stack, self._start, self._parts, self._thumbnail = stack, start, parts, thumbnail
        self.over_start = False
        """Whether the page that is shown was opened from the start page."""

    @cached_property
    def models(self) -> ModelsPage:
        from ui.models_page import ModelsPage

        page = ModelsPage(self._parts.shelf)
        self._stack.addWidget(page)
        page.left.connect(self.left)
        return page

    @cached_property
    def library(self) -> LibraryPage:
        """It keeps what was searched and chosen."""
        from ui.library_page import LibraryPage

        page = LibraryPage(self._parts.library, self._parts.images, self._parts.thumbnails)
        self._stack.addWidget(page)
        if self._thumbnail:
            page.toolbar.side = self._thumbnail
        page.left.connect(self.left)
        page.put.connect(self.put)
        return page

    def show_models(self) -> None:
        self._show(self.models)
        self.models.opened()

    def show_library(self, slot: Slot | None, words: str) -> None:
        """`slot` is the place that a picture would go to; with words, they are searched for."""
        self._show(self.library)
        sentence = text("It goes to: {caption}", caption=slot.caption or text("the chosen place")) if slot else ""
        self.library.can_put(sentence)
        self.library.opened()
        if words:
            self.library.look_for(words)

    @property
    def shown(self) -> bool:
        """Whether one of the pages is shown now."""
        return self._stack.currentWidget() in (self.__dict__.get("models"), self.__dict__.get("library"))

    @property
    def thumbnail(self) -> int:
        """Width of a thumbnail in the library, in pixels."""
        return self.library.toolbar.side if "library" in self.__dict__ else self._thumbnail

    def restyle(self) -> None:
        """Take the theme's colours again."""
        if "library" in self.__dict__:
            self.library.grid.viewport().update()

    def _show(self, page: QWidget) -> None:
        if not self.shown:
            self.over_start = self._stack.currentWidget() is self._start
        self._stack.setCurrentWidget(page)
