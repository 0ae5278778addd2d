"""The files of a folder that are not in the library, each with the reason why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from composer import wire
from composer.collection import LibraryFolder
from ui.library_model import Library
from ui.texts import plural, text

MOST = 200_000
"""Files that are fetched at most: all of them stay in memory while the dialog is open."""
ROW_HEIGHT = 26

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


class SkippedModel(QAbstractTableModel):
    """A row for each file: its path below the folder, and the reason."""

    def __init__(self, folder: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._start = folder.rstrip(os.sep) + os.sep
        self.files: list[wire.Skipped] = []

    def add(self, files: Sequence[wire.Skipped]) -> None:
        if files:
            self.beginInsertRows(ROOT, len(self.files), len(self.files) + len(files) - 1)
            self.files += files
            self.endInsertRows()

    def rowCount(self, parent: Index = ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self.files)

    def columnCount(self, parent: Index = ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        file = self.files[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return file.reason if index.column() else file.path.removeprefix(self._start)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{file.path}\n{file.reason}"
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return text("Reason") if section else text("File")
        return None


class SkippedDialog(QDialog):
    """Fills itself page by page while it is open."""

    def __init__(self, library: Library, folder: LibraryFolder, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Skipped files"))
        self.resize(820, 520)
        self._library, self._folder = library, folder.path
        self.model = SkippedModel(folder.path, self)
        self._complete = False
        self._make()
        self._lay_out()
        library.skipped_shown.connect(self._shown)
        library.lost.connect(self._lost)
        library.show_skipped(folder.path)
        self._refresh()

    def copy(self) -> None:
        """The chosen files, or all that are shown when none is, as lines of path and reason."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        files = [self.model.files[row] for row in rows] or self.model.files
        QGuiApplication.clipboard().setText("\n".join(f"{each.path}\t{each.reason}" for each in files))

    def open_folder(self) -> None:
        """Have the system show where the current file lies."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self.path.text()).parent)))

    def _shown(self, report: wire.SkippedShown) -> None:
        if report.folder != self._folder or self._complete:
            return
        self.model.add(report.files)
        self._complete = not report.more
        if report.more and self.model.rowCount() < MOST:
            self._library.show_skipped(self._folder, report.files[-1].path)
        self._refresh()

    def _lost(self) -> None:
        self.sentence.setText(text("The engine stopped before this was done and was started again. Please try again."))

    def _refresh(self) -> None:
        count = self.model.rowCount()
        words = plural("{count} file was skipped.", "{count} files were skipped.", count)
        if not self._complete:
            words = plural("The first file that was skipped:", "The first {count} files that were skipped:", count)
        self.sentence.setText(words if count or self._complete else text("Searching…"))
        self.copy_button.setEnabled(count > 0)
        self._settled()

    def _settled(self) -> None:
        index = self.table.currentIndex()
        self.path.setText(self.model.files[index.row()].path if index.isValid() else "")
        self.open_button.setEnabled(index.isValid())

    def _make(self) -> None:
        self.sentence = QLabel(wordWrap=True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(text("Skipped files"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.setShowGrid(False)
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        columns.resizeSection(1, 320)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setHighlightSections(False)
        self.table.selectionModel().currentRowChanged.connect(self._settled)
        self.path = QLabel(wordWrap=True)
        self.path.setTextFormat(Qt.TextFormat.PlainText)
        self.path.setProperty("rank", "quiet")
        self.path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._buttons.button(QDialogButtonBox.StandardButton.Close).setText(text("Close"))
        self._buttons.rejected.connect(self.reject)
        action = QDialogButtonBox.ButtonRole.ActionRole
        self.copy_button = self._buttons.addButton(text("Copy"), action)
        self.copy_button.clicked.connect(self.copy)
        self.open_button = self._buttons.addButton(text("Open folder"), action)
        self.open_button.clicked.connect(self.open_folder)
        QShortcut(QKeySequence.StandardKey.Copy, self.table, self.copy).setContext(Qt.ShortcutContext.WidgetShortcut)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 18, 18, 14)
        layout.setSpacing(12)
        layout.addWidget(self.sentence)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.path)
        layout.addWidget(self._buttons)
