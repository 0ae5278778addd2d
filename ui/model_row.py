"""One model on the page of models: what it is, how it stands, and the buttons for what can be done with it now."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from composer.shelf import ModelRow
from ui.model_words import Work, facts_of, fit_of, gain_of, size, state_of
from ui.progress_strip import time_left
from ui.shelf import Progress
from ui.texts import text


class FetchProgress(QWidget):
    """A bar, how much of how much, and a button to stop."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedHeight(6)
        self.bar.setAccessibleName(text("Progress"))
        self.words = QLabel()
        self.words.setProperty("rank", "quiet")
        self.cancel = QPushButton(text("Cancel"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.bar, 1)
        row.addWidget(self.words)
        row.addWidget(self.cancel)

    def tell(self, progress: Progress | None) -> None:
        """Nothing yet, or how far it is."""
        if progress is None or progress.total <= 0:
            self.bar.setRange(0, 1)
            self.bar.setValue(0)
            self.words.setText("")
            return
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * min(1.0, progress.done / progress.total)))
        amount = text("{done} of {total} MB", done=f"{progress.done / 1e6:,.0f}", total=f"{progress.total / 1e6:,.0f}")
        left = progress.seconds_left
        self.words.setText(f"{amount} · {time_left(left)}" if left is not None else amount)


class ModelCard(QFrame):
    """Shows a ModelRow; stays the same widget while the model's state changes, so that the keyboard's place is kept."""

    get = Signal()
    use = Signal()
    cancel = Signal()
    verify = Signal()
    remove = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self.title, self.state = QLabel(wordWrap=True), QLabel()
        self.title.setProperty("rank", "heading")
        self.about, self.facts, self.fit = QLabel(wordWrap=True), QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.gain = QLabel(wordWrap=True)
        self.facts.setProperty("rank", "quiet")
        for label in (self.title, self.about, self.facts, self.fit, self.gain):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.get_button, self.use_button = QPushButton(), QPushButton(text("Use"))
        self.verify_button, self.remove_button = QToolButton(), QToolButton()
        self.verify_button.setText(text("Check files"))
        self.remove_button.setText(text("Remove"))
        for button in (self.verify_button, self.remove_button):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.progress = FetchProgress()
        self._lay_out()
        self.get_button.clicked.connect(self.get)
        self.use_button.clicked.connect(self.use)
        self.progress.cancel.clicked.connect(self.cancel)
        self.verify_button.clicked.connect(self.verify)
        self.remove_button.clicked.connect(self.remove)

    def show_row(self, row: ModelRow, work: Work, progress: Progress | None) -> None:
        """Show the model as it is now."""
        focused = self.focusWidget() if self.isAncestorOf(self.focusWidget() or self) else None
        self.setAccessibleName(row.title)
        self.title.setText(row.title)
        self.about.setText(row.about)
        self.facts.setText(facts_of(row))
        self.facts.setToolTip("\n".join(part for part in (row.origin, row.place) if part))
        words, rank = state_of(row, work)
        _say(self.state, words, rank)
        _say(self.fit, *fit_of(row.fit, row.memory_mb))
        _say(self.gain, *gain_of(row))
        for label in (self.about, self.facts, self.fit, self.gain):
            label.setVisible(bool(label.text()))
        self._offer(row, work)
        self.progress.tell(progress)
        self._keep_focus(focused)

    def _offer(self, row: ModelRow, work: Work) -> None:
        idle, here = not work, row.state == "ready"
        ours = bool(row.place) and not row.found_in
        labels = {"missing": text("Get"), "partial": text("Continue"), "damaged": text("Mend")}
        label = labels.get(row.state, "")
        if row.state == "missing" and row.megabytes:
            label = text("Get ({size})", size=size(row.megabytes))
        self.get_button.setText(label or text("Get"))
        self.get_button.setVisible(idle and not here and not row.found_in)
        self.use_button.setVisible(idle and here and not row.chosen)
        self.verify_button.setVisible(idle and here and ours)
        self.remove_button.setVisible(idle and ours)
        self.progress.setVisible(work in ("waiting", "pulling", "stopping"))
        self.progress.cancel.setEnabled(work != "stopping")
        for button in (self.get_button, self.use_button, self.verify_button, self.remove_button, self.progress.cancel):
            button.setAccessibleName(text("{action}: {title}", action=button.text(), title=row.title))

    def _keep_focus(self, focused: QWidget | None) -> None:
        """Who pressed a button that is gone now finds the keyboard at the next one of the same model."""
        if focused is None or focused.isVisibleTo(self):
            return
        for button in (self.progress.cancel, self.use_button, self.get_button, self.verify_button):
            if button.isVisibleTo(self) and button.isEnabled():
                button.setFocus(Qt.FocusReason.OtherFocusReason)
                return

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.title, 1)
        head.addWidget(self.state, 0, Qt.AlignmentFlag.AlignTop)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.facts, 100)
        buttons.addStretch(1)
        for button in (self.remove_button, self.verify_button, self.get_button, self.use_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 14, 12)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.about)
        column.addWidget(self.fit)
        column.addWidget(self.gain)
        column.addLayout(buttons)
        column.addWidget(self.progress)


def _say(label: QLabel, words: str, rank: str) -> None:
    label.setText(words)
    if label.property("rank") != rank:
        label.setProperty("rank", rank)
        label.style().polish(label)
