"""The brief as a form: what the article is about, how it should sound, and which pictures it may use."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from composer.types import LONGEST, MOST_PICTURES, SHORTEST, Brief
from ui.folder_list import FolderList
from ui.texts import text
from ui.theme import can_show_chinese
from ui.topic_edit import TopicEdit


class BriefForm(QWidget):
    """Edits a Brief. `compose` and `cancel` are what its one button asks for."""

    compose = Signal()
    cancel = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._busy = False
        self._label = text("Compose")
        self._touched = False
        self._make_fields()
        self._lay_out()
        self._connect()
        self._validate()

    # --- the brief ---

    @property
    def brief(self) -> Brief:
        pictures = self.pictures.value()
        return Brief(
            topic=self.topic.text().strip(),
            notes=self.notes.toPlainText().strip(),
            audience=self.audience.text().strip(),
            tone=self.tone.text().strip(),
            language="zh" if self.language.currentIndex() == 1 else "en",
            length=self.length.value(),
            pictures=None if pictures < 0 else pictures,
            libraries=self.folders.folders,
            seed=self.seed.value(),
        )

    @brief.setter
    def brief(self, brief: Brief) -> None:
        self.topic.setText(brief.topic)
        self.notes.setPlainText(brief.notes)
        self.audience.setText(brief.audience)
        self.tone.setText(brief.tone)
        self.language.setCurrentIndex(1 if brief.language == "zh" else 0)
        self.length.setValue(brief.length)
        self.pictures.setValue(-1 if brief.pictures is None else brief.pictures)
        self.folders.folders = brief.libraries
        self.seed.setValue(brief.seed)
        self._touched = False
        self._validate()

    def problem(self) -> str:
        """Why this brief cannot be composed, in one sentence; empty when it can."""
        if not self.topic.text().strip():
            return text("Say what the article is about.")
        for folder in self.folders.folders:
            if not Path(folder).is_dir():
                return text("The folder {folder} is not there any more; remove it or bring it back.", folder=folder)
        return ""

    def warning(self) -> str:
        """What the writer should know before composing."""
        if self.language.currentIndex() == 1 and not can_show_chinese():
            return text("No Chinese typeface is installed on this computer; install one, such as Noto Sans CJK.")
        if not self.folders.folders and self.pictures.value() != 0:
            return text("Without a picture folder the article will have no pictures.")
        return ""

    def set_busy(self, busy: bool, *, stopping: bool = False) -> None:
        """While composing the fields rest and the button cancels."""
        self._busy = busy
        for widget in self._fields:
            widget.setEnabled(not busy)
        self.button.setProperty("primary", not busy)
        self.button.style().polish(self.button)
        self._validate()
        if stopping:
            self.button.setText(text("Stopping…"))
            self.button.setEnabled(False)

    def set_button(self, label: str) -> None:
        """What the button says when nothing runs."""
        if label != self._label:
            self._label = label
            self._validate()

    def focus_first(self) -> None:
        self.topic.setFocus(Qt.FocusReason.OtherFocusReason)

    def press(self) -> None:
        """What the button does: compose or cancel."""
        if self._busy:
            self.cancel.emit()
            return
        self._touched = True
        self._validate()
        if self.problem():
            (self.folders.list if self.topic.text().strip() else self.topic).setFocus()
        else:
            self.compose.emit()

    # --- making ---

    def _make_fields(self) -> None:
        self.topic = TopicEdit(text("A walk around the old harbour"))
        self.notes = QPlainTextEdit(placeholderText=text("Facts, names and turns the article should have"))
        self.notes.setFixedHeight(76)
        self.notes.setTabChangesFocus(True)
        self.audience = QLineEdit(placeholderText=text("Families planning a weekend"))
        self.tone = QLineEdit(placeholderText=text("Warm, plain"))
        self.language = QComboBox()
        self.language.addItems(["English", "中文"])
        self.length = QSpinBox(minimum=SHORTEST, maximum=LONGEST, singleStep=100, value=1000)
        self.length.setGroupSeparatorShown(True)
        self.pictures = QSpinBox(minimum=-1, maximum=MOST_PICTURES, value=-1)
        self.pictures.setSpecialValueText(text("Auto"))
        self.seed = QSpinBox(minimum=0, maximum=2**31 - 1, value=1)
        self.seed.setToolTip(text("Another seed gives another article from the same brief."))
        self.folders = FolderList()
        self.more = QToolButton()
        self.more.setText(text("More"))
        self.more.setCheckable(True)
        self.more.setArrowType(Qt.ArrowType.RightArrow)
        self.more.setStyleSheet("padding-left: 0;")
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button = QPushButton(text("Compose"))
        self.button.setProperty("primary", True)
        self.button.setMinimumHeight(38)
        self.message = QLabel(wordWrap=True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self._fields: tuple[QWidget, ...] = (
            self.topic,
            self.notes,
            self.audience,
            self.tone,
            self.language,
            self.length,
            self.pictures,
            self.seed,
            self.folders,
        )

    def _lay_out(self) -> None:
        inside = QWidget()
        form = QVBoxLayout(inside)
        form.setContentsMargins(18, 16, 18, 16)
        form.setSpacing(5)
        self.length_label = QLabel()
        self._row(form, text("Topic"), self.topic)
        self._row(form, text("Notes"), self.notes)
        self._row(form, text("Audience"), self.audience)
        self._row(form, text("Tone"), self.tone)
        self._row(form, text("Language of the article"), self.language)
        pair = QHBoxLayout()
        pair.setSpacing(12)
        for label, field in ((self.length_label, self.length), (QLabel(text("Pictures")), self.pictures)):
            column = QVBoxLayout()
            column.setSpacing(5)
            label.setBuddy(field)
            column.addWidget(label)
            column.addWidget(field)
            pair.addLayout(column, 1)
        form.addLayout(pair)
        form.addSpacing(9)
        self._row(form, text("Picture folders"), self.folders, buddy=self.folders.list)
        form.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._extra = QWidget()
        extra = QFormLayout(self._extra)
        extra.setContentsMargins(0, 0, 0, 0)
        extra.addRow(text("Seed"), self.seed)
        self._extra.hide()
        form.addWidget(self._extra)
        form.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(inside)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        foot = QFrame()
        foot.setProperty("surface", "bar")
        below = QVBoxLayout(foot)
        below.setContentsMargins(18, 12, 18, 14)
        below.setSpacing(8)
        below.addWidget(self.message)
        below.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)
        layout.addWidget(foot)

    def _row(self, form: QVBoxLayout, label: str, field: QWidget, buddy: QWidget | None = None) -> None:
        title = QLabel(label)
        title.setBuddy(buddy or field)
        (buddy or field).setAccessibleName(label)
        if isinstance(field, QComboBox):
            field.view().setAccessibleName(label)
        form.addWidget(title)
        form.addWidget(field)
        form.addSpacing(9)

    def _connect(self) -> None:
        for line in (self.audience, self.tone):
            line.textChanged.connect(self._validate)
        self.topic.textChanged.connect(self._validate)
        self.notes.textChanged.connect(self._validate)
        self.language.currentIndexChanged.connect(self._validate)
        for spin in (self.length, self.pictures, self.seed):
            spin.lineEdit().setTextMargins(6, 0, 0, 0)  # a style sheet does not reach it
            spin.valueChanged.connect(self._validate)
        self.folders.changed.connect(self._validate)
        self.topic.returnPressed.connect(self.press)
        self.button.clicked.connect(self.press)
        self.more.toggled.connect(self._show_more)

    def _show_more(self, shown: bool) -> None:
        self._extra.setVisible(shown)
        self.more.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)

    def _validate(self) -> None:
        chinese = self.language.currentIndex() == 1
        self.length_label.setText(text("Length in characters") if chinese else text("Length in words"))
        self.length.setAccessibleName(self.length_label.text())
        self.pictures.setAccessibleName(text("Pictures"))
        self.seed.setAccessibleName(text("Seed"))
        self.button.setText(text("Cancel") if self._busy else self._label)
        self.button.setEnabled(True)
        problem = self.problem() if self._touched or self.topic.text().strip() else ""
        message = "" if self._busy else (problem or self.warning())
        rank = "problem" if problem else "warning"
        if self.message.property("rank") != rank:
            self.message.setProperty("rank", rank)
            self.message.style().polish(self.message)
        self.message.setText(message)
        self.message.setVisible(bool(message))
        self.changed.emit()
