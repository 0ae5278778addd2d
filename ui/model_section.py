"""All models of one purpose, with the ways to add one's own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from composer.shelf import ModelRow, Purpose
from ui.model_row import ModelCard
from ui.shelf import Shelf
from ui.texts import plural, text


class ModelSection(QWidget):
    """Rows keep their widgets over refreshes, so that neither the keyboard's place nor the scroll is lost."""

    remove = Signal(object)
    """A row that the writer wants to be rid of."""
    add_file = Signal()
    add_folder = Signal()
    add_server = Signal()
    add_source = Signal()

    def __init__(
        self, purpose: Purpose, shelf: Shelf, favoured: Callable[[], Collection[str]], parent: QWidget | None = None
    ) -> None:
        """`favoured` names the models that are shown although they are not here."""
        super().__init__(parent)
        self._favoured = favoured
        self._purpose: Purpose = purpose
        self._shelf = shelf
        self.cards: dict[str, ModelCard] = {}
        self._rows: dict[str, ModelRow] = {}
        self.more = QToolButton()
        self.more.setCheckable(True)
        self.more.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.file_button = QPushButton(text("Add a model file…"))
        self.folder_button = QPushButton(text("Add a model folder…"))
        self.server_button = QPushButton(text("Add a server…"))
        self.source_button = QPushButton(text("Fetch another…"))
        self._lay_out()
        self.more.toggled.connect(lambda _: self.refresh())
        self.file_button.clicked.connect(self.add_file)
        self.folder_button.clicked.connect(self.add_folder)
        self.server_button.clicked.connect(self.add_server)
        self.source_button.clicked.connect(self.add_source)
        shelf.changed.connect(self.refresh)
        shelf.progressed.connect(self._progressed)
        self.refresh()

    def refresh(self) -> None:
        """Show the rows as they are now; what is neither here nor recommended is folded away."""
        self._rows = {row.name: row for row in self._shelf.entries(self._purpose)}
        for name in [name for name in self.cards if name not in self._rows]:
            card = self.cards.pop(name)
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        favoured = self._favoured()
        folded = [row for row in self._rows.values() if self._is_away(row) and row.name not in favoured]
        for at, (name, row) in enumerate(self._rows.items()):
            card = self.cards.get(name) or self._new_card(name, at)
            self._show(card, row)
            card.setVisible(self.more.isChecked() or row not in folded)
        self.more.setVisible(bool(folded))
        if self.more.isChecked():
            self.more.setText(text("Show fewer models"))
        else:
            self.more.setText(plural("Show {count} more model", "Show {count} more models", len(folded)))

    def _is_away(self, row: ModelRow) -> bool:
        return row.state == "missing" and not row.chosen and not self._shelf.work_on(row.name)

    def _new_card(self, name: str, at: int) -> ModelCard:
        card = self.cards[name] = ModelCard()
        shelf = self._shelf
        card.get.connect(partial(shelf.pull, name))
        card.use.connect(partial(shelf.use, name, self._purpose))
        card.cancel.connect(partial(shelf.cancel, name))
        card.verify.connect(partial(shelf.verify, name))
        card.remove.connect(lambda: self.remove.emit(self._rows[name]))
        self._column.insertWidget(at, card)
        return card

    def _show(self, card: ModelCard, row: ModelRow) -> None:
        card.show_row(row, self._shelf.work_on(row.name), self._shelf.progress(row.name))

    def _progressed(self, name: str) -> None:
        if name in self.cards:
            self.cards[name].progress.tell(self._shelf.progress(name))

    def _lay_out(self) -> None:
        heading, about = _words(self._purpose)
        title, line = QLabel(heading), QLabel(about, wordWrap=True)
        title.setProperty("rank", "subtitle")
        line.setProperty("rank", "quiet")
        self._column = QVBoxLayout()
        self._column.setSpacing(8)
        own = QHBoxLayout()
        own.setSpacing(8)
        own.addWidget(self.more)
        own.addStretch(1)
        buttons = [self.source_button, self.file_button, self.folder_button, self.server_button]
        for button in buttons:
            own.addWidget(button)
            button.setAccessibleName(text("{action}: {title}", action=button.text(), title=heading))
        if self._purpose == "encoder":  # open_clip reads folders, and finding is never left to a server
            self.file_button.hide()
            self.server_button.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(title)
        column.addWidget(line)
        column.addLayout(self._column)
        column.addLayout(own)


def _words(purpose: Purpose) -> tuple[str, str]:
    if purpose == "writer":
        return text("Writing"), text("Plans the article and writes it. A larger one writes better, and slower.")
    if purpose == "encoder":
        return text("Finding pictures"), text("Looks through your folders for pictures that could fit.")
    return text("Judging pictures"), text("Looks at the few that were found, and says which fits each paragraph best.")
