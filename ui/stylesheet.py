"""The application's style sheet, made from the colour tokens."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.theme import Tokens

_SHEET = Template("""
QToolTip { background: $field; color: $ink; border: 1px solid $line; padding: 4px 6px; }
QLineEdit, QPlainTextEdit, QSpinBox, QComboBox, QListWidget {
    background: $field; color: $ink; border: 1px solid $line; border-radius: 6px;
    selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit, QSpinBox, QComboBox { padding: 5px 8px; min-height: 20px; }
QAbstractSpinBox QLineEdit { border: none; background: transparent; padding: 0; min-height: 0; }
QPlainTextEdit, QListWidget { padding: 4px; }
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QComboBox:focus, QListWidget:focus { border-color: $accent; }
QLineEdit:disabled, QPlainTextEdit:disabled, QSpinBox:disabled, QComboBox:disabled, QListWidget:disabled {
    background: $panel; color: $quiet;
}
QListWidget::item { padding: 4px; border-radius: 4px; }
QListWidget::item:selected { background: $wash; color: $ink; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { width: 0; height: 0; margin-right: 8px; border-left: 4px solid $field;
    border-right: 4px solid $field; border-top: 5px solid $quiet; }
QComboBox::down-arrow:disabled { border-left-color: $panel; border-right-color: $panel; border-top-color: $line; }
QSpinBox::up-button, QSpinBox::down-button { border: none; background: transparent; width: 20px; }
QSpinBox::up-button { subcontrol-position: top right; margin-top: 3px; }
QSpinBox::down-button { subcontrol-position: bottom right; margin-bottom: 3px; }
QSpinBox::up-arrow { width: 0; height: 0; border-left: 4px solid $field; border-right: 4px solid $field;
    border-bottom: 4px solid $quiet; }
QSpinBox::down-arrow { width: 0; height: 0; border-left: 4px solid $field; border-right: 4px solid $field;
    border-top: 4px solid $quiet; }
QSpinBox::up-arrow:disabled { border-left-color: $panel; border-right-color: $panel; border-bottom-color: $line; }
QSpinBox::down-arrow:disabled { border-left-color: $panel; border-right-color: $panel; border-top-color: $line; }
QComboBox QAbstractItemView { background: $field; border: 1px solid $line; selection-background-color: $wash;
    selection-color: $ink; outline: none; }
QPushButton {
    background: $field; color: $ink; border: 1px solid $line; border-radius: 6px; padding: 6px 14px; min-height: 20px;
}
QPushButton:hover { background: $wash; }
QPushButton:pressed { background: $line; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $faint; background: $panel; }
QPushButton[primary="true"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[primary="true"]:hover { background: $accent_deep; border-color: $accent_deep; }
QPushButton[primary="true"]:focus { border-color: $ink; }
QPushButton[primary="true"]:disabled { background: $line; border-color: $line; color: $faint; }
QToolButton { border: none; border-radius: 5px; padding: 4px 6px; color: $quiet; background: transparent; }
QToolButton:hover { background: $wash; color: $ink; }
QToolButton:focus { background: $wash; color: $ink; }
QToolButton:disabled { color: $faint; }
QToolButton[rank="heading"] { color: $ink; font-weight: 600; }
QToolButton[star="true"] { padding: 2px 3px; font-size: 14pt; color: $accent; }
QCheckBox { spacing: 7px; }
QCheckBox::indicator { width: 13px; height: 13px; border: 1px solid $quiet; border-radius: 3px; background: $field; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; }
QCheckBox::indicator:disabled { border-color: $line; }
QSlider::groove:horizontal { height: 4px; background: $thumb; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { background: $field; border: 1px solid $quiet; width: 12px; height: 12px;
    margin: -5px 0; border-radius: 7px; }
QSlider::handle:horizontal:focus { border: 2px solid $accent; }
QCheckBox:focus { color: $accent; }
QTabWidget::pane { border: none; border-top: 1px solid $line; }
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: $quiet; padding: 7px 14px; border: none;
    border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: $ink; }
QTabBar::tab:selected { color: $ink; font-weight: 600; border-bottom-color: $accent; }
QTabBar:focus { background: $wash; }
QProgressBar { background: $line; border: none; border-radius: 3px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QSplitter::handle { background: $line; }
QScrollArea { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar::handle:vertical { background: $thumb; border-radius: 4px; min-height: 36px; margin: 2px; }
QScrollBar::handle:vertical:hover { background: $faint; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle:horizontal { background: $thumb; border-radius: 4px; min-width: 36px; margin: 2px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QMenuBar { background: $panel; color: $ink; border-bottom: 1px solid $line; }
QMenuBar::item { padding: 5px 10px; border-radius: 5px; background: transparent; }
QMenuBar::item:selected { background: $wash; }
QMenu { background: $field; color: $ink; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 5px 26px 5px 14px; border-radius: 4px; }
QMenu::item:selected { background: $wash; color: $ink; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QLabel[rank="title"] { font-size: 26pt; font-weight: 600; }
QLabel[rank="subtitle"] { font-size: 13pt; font-weight: 600; }
QLabel[rank="heading"] { font-weight: 600; }
QLabel[rank="good"] { color: $accent; font-weight: 600; }
QLabel[rank="quiet"] { color: $quiet; }
QLabel[rank="problem"] { color: $error; }
QLabel[rank="warning"] { color: $warning; }
QFrame[surface="bar"] { background: $panel; border: none; border-top: 1px solid $line; }
QFrame[surface="card"] { background: $paper; border: 1px solid $line; border-radius: 8px; }
QFrame[surface="note"] { background: $wash; border: none; border-radius: 6px; }
QFrame[surface="warning"] { background: $warning_wash; border: none; border-radius: 6px; }
QFrame[surface="error"] { background: $error_wash; border: none; border-radius: 6px; }
QWidget[surface="desk"] { background: $desk; }
QWidget[surface="panel"] { background: $panel; }
""")


def stylesheet(of: Tokens) -> str:
    """The style sheet in these colours."""
    names = {name: value for name, value in vars(of).items() if isinstance(value, str)}
    names["accent_deep"] = of.color("accent").lighter(112).name() if of.dark else of.color("accent").darker(115).name()
    names["thumb"] = of.color("line").lighter(125).name() if of.dark else of.color("line").darker(108).name()
    return _SHEET.substitute(names)
