"""Preferences: looks, language, how many pictures are considered for each place, and whether choices are kept."""

from __future__ import annotations

from typing import cast

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from composer.settings import Settings
from ui.texts import text

THEMES = ("system", "light", "dark")
INTERFACES = ("system", "en", "zh")


class PreferencesDialog(QDialog):
    """Edits Settings; `chosen` carries the new ones when the writer agrees."""

    chosen = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Preferences"))
        self._settings = settings
        self.theme = QComboBox()
        self.theme.addItems([text("As the system"), text("Light"), text("Dark")])
        self.theme.setCurrentIndex(THEMES.index(settings.theme))
        self.interface = QComboBox()
        self.interface.addItems([text("As the system"), "English", "中文"])
        self.interface.setCurrentIndex(INTERFACES.index(settings.interface))
        self.candidates = QSpinBox(minimum=4, maximum=8, value=settings.candidates)
        self.candidates.lineEdit().setTextMargins(6, 0, 0, 0)
        form = QFormLayout()
        form.setSpacing(12)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for label, field in (
            (text("Appearance"), self.theme),
            (text("Language of the window"), self.interface),
            (text("Pictures to choose from"), self.candidates),
        ):
            field.setAccessibleName(label)
            if isinstance(field, QComboBox):
                field.view().setAccessibleName(label)
            field.setMinimumWidth(180)
            form.addRow(label, field)
        note = _quiet(text("So many pictures are considered for each place in the next article."))
        self.record = QCheckBox(text("Remember which pictures I take, swap and remove"))
        self.record.setChecked(settings.record_choices)
        kept = _quiet(text("To judge and tune the choosing. It stays on this computer, with the text around it."))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText(text("OK"))
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(text("Cancel"))
        buttons.accepted.connect(self._agree)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(14)
        layout.addLayout(form)
        layout.addWidget(note)
        layout.addWidget(self.record)
        layout.addWidget(kept)
        layout.addWidget(buttons)

    def _agree(self) -> None:
        made = replace(
            self._settings,
            theme=cast("object", THEMES[self.theme.currentIndex()]),
            interface=cast("object", INTERFACES[self.interface.currentIndex()]),
            candidates=self.candidates.value(),
            record_choices=self.record.isChecked(),
        )
        self.accept()
        self.chosen.emit(made)


def _quiet(words: str) -> QLabel:
    label = QLabel(words, wordWrap=True)
    label.setProperty("rank", "quiet")
    return label
