"""What a search found, as a list of any length: only the pages near what is on the screen are in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from composer.collection import Hit
from ui.library_words import title_of
from ui.texts import plural

PAGE = 60
"""Hits that are fetched at once: somewhat more than one screen."""
PAGES_KEPT = 150
ASKED_AT_ONCE = 3

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


class HitsModel(QAbstractListModel):
    """Rows are places in the answer; a row whose page has not come yet has no hit."""

    wanted = Signal(int, int)
    """A page is needed: first row and count."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._total = 0
        self._pages: OrderedDict[int, list[Hit]] = OrderedDict()
        self._asked: set[int] = set()
        self._stale: set[int] = set()
        self._seen = (0, 0)

    def rowCount(self, parent: Index = ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else self._total

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        hit = self.hit(index.row())
        if hit is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return title_of(hit.picture)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            stars = plural("{count} star", "{count} stars", hit.rating) if hit.rating else ""
            return ", ".join(part for part in (title_of(hit.picture), stars) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            picture = hit.picture
            rights = " · ".join(part for part in (picture.credit, picture.licence) if part)
            return "\n".join(part for part in (title_of(picture), picture.path, rights) if part)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else flags

    def hit(self, row: int) -> Hit | None:
        """The hit of a row, None while it is not here."""
        page = self._pages.get(row // PAGE)
        at = row % PAGE
        return page[at] if page is not None and 0 <= at < len(page) else None

    def row_of(self, picture: str) -> int:
        """The row of a picture among those in memory; -1 if it is not there."""
        for page, hits in self._pages.items():
            for at, hit in enumerate(hits):
                if hit.picture.id == picture:
                    return page * PAGE + at
        return -1

    # --- filling ---

    def start(self, total: int, hits: Sequence[Hit]) -> None:
        """Another answer."""
        self.beginResetModel()
        self._total = total
        self._pages.clear()
        self._asked.clear()
        self._stale.clear()
        self._seen = (0, 0)
        if len(hits) >= min(PAGE, total):
            self._pages[0] = list(hits[:PAGE])
        self.endResetModel()

    def renew(self, total: int) -> None:
        """The same answer asked for again: places and selection stay, what is shown is fetched anew."""
        last = self._total
        if total < last:
            self.beginRemoveRows(ROOT, total, last - 1)
            self._total = total
            self.endRemoveRows()
        elif total > last:
            self.beginInsertRows(ROOT, last, total - 1)
            self._total = total
            self.endInsertRows()
        self._asked.clear()
        self._stale = set(self._pages)
        self._ask()

    def take(self, start: int, hits: Sequence[Hit]) -> None:
        """A page that was asked for."""
        page = start // PAGE
        self._asked.discard(page)
        self._stale.discard(page)
        self._pages[page] = list(hits)
        self._pages.move_to_end(page)
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        self._told(page)
        self._ask()

    def give_up(self, start: int) -> None:
        """That page will not come; it may be asked for again."""
        self._asked.discard(start // PAGE)

    def look(self, first: int, last: int) -> None:
        """These rows are on the screen: what is missing is asked for, the visible before what is near."""
        self._seen = (max(0, first), max(0, last))
        self._ask()

    def spoil(self, pictures: Iterable[str]) -> None:
        """These pictures changed: their pages are fetched again when they are looked at. None named: all."""
        wanted = set(pictures)
        self._stale |= {
            page for page, hits in self._pages.items() if not wanted or any(hit.picture.id in wanted for hit in hits)
        }
        self._ask()

    def change(self, pictures: Iterable[str], how: Callable[[Hit], Hit]) -> None:
        """Show a change at once, before the engine has said that it is done."""
        wanted = set(pictures)
        for page, hits in self._pages.items():
            if any(hit.picture.id in wanted for hit in hits):
                self._pages[page] = [how(hit) if hit.picture.id in wanted else hit for hit in hits]
                self._told(page)

    def _ask(self) -> None:
        if not self._total:
            return
        last_page = (self._total - 1) // PAGE
        first, last = self._seen[0] // PAGE, min(self._seen[1] // PAGE, last_page)
        near = [*range(first, last + 1), last + 1, first - 1]
        for page in near:
            if len(self._asked) >= ASKED_AT_ONCE:
                return
            missing = page not in self._pages or page in self._stale
            if 0 <= page <= last_page and missing and page not in self._asked:
                self._asked.add(page)
                self.wanted.emit(page * PAGE, min(PAGE, self._total - page * PAGE))
        for page in range(first, last + 1):
            if page in self._pages:
                self._pages.move_to_end(page)

    def _told(self, page: int) -> None:
        first = page * PAGE
        last = min(first + PAGE, self._total) - 1
        if last >= first:
            self.dataChanged.emit(self.index(first), self.index(last))
