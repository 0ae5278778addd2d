"""The picture folders of a brief: a list with add and remove."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ui.texts import text


class FolderList(QWidget):
    """Folders as rows: the name, with the whole path as tool tip. Folders can be dropped on it."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self.list = QListWidget()
        self.list.setAccessibleName(text("Picture folders"))
        self.list.setFixedHeight(64)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.add_button = QPushButton(text("Add folder…"))
        self.remove_button = QPushButton(text("Remove"))
        self.remove_button.setEnabled(False)
        self._empty = QLabel(text("Add a folder, or drop one here."), self.list)
        self._empty.setProperty("rank", "quiet")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.remove_button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.list)
        layout.addLayout(buttons)
        self.add_button.clicked.connect(self.ask)
        self.remove_button.clicked.connect(self.remove_selected)
        self.list.itemSelectionChanged.connect(lambda: self.remove_button.setEnabled(bool(self.list.selectedItems())))
        QShortcut(QKeySequence.StandardKey.Delete, self.list, self.remove_selected).setContext(
            Qt.ShortcutContext.WidgetShortcut
        )

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count()))

    @folders.setter
    def folders(self, folders: tuple[str, ...]) -> None:
        self.list.clear()
        for folder in folders:
            self._append(folder)
        self._refresh()

    def add(self, folder: str) -> None:
        """Add a folder unless it is there already."""
        folder = str(Path(folder).absolute())
        if folder not in self.folders:
            self._append(folder)
            self._refresh()

    def ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, text("Add a picture folder"), str(Path.home()))
        if folder:
            self.add(folder)

    def remove_selected(self) -> None:
        for item in self.list.selectedItems():
            self.list.takeItem(self.list.row(item))
        self._refresh()

    def _append(self, folder: str) -> None:
        path = Path(folder)
        item = QListWidgetItem(path.name or folder)
        item.setData(Qt.ItemDataRole.UserRole, folder)
        missing = not path.is_dir()
        item.setToolTip(folder)
        item.setSizeHint(QSize(0, 26))
        if missing:
            item.setText(text("{name} (not found)", name=path.name or folder))
        self.list.addItem(item)

    def _refresh(self) -> None:
        self._empty.setVisible(self.list.count() == 0)
        self.changed.emit()

    def resizeEvent(self, event: object) -> None:  # noqa: ARG002, N802
        self._empty.setGeometry(self.list.rect().adjusted(6, 6, -6, -6))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if any(Path(url.toLocalFile()).is_dir() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        for url in event.mimeData().urls():
            if Path(url.toLocalFile()).is_dir():
                self.add(url.toLocalFile())
