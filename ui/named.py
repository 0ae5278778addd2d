"""Names for screen readers where Qt gives none."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractButton, QLineEdit

from ui.texts import text


def name_clear_button(line: QLineEdit) -> None:
    """Give a field the button that empties it, with a name."""
    line.setClearButtonEnabled(True)
    for button in line.findChildren(QAbstractButton):
        button.setAccessibleName(text("Empty this field"))
