"""How each kind of block is set: size, weight, spacing. The properties KIND and KEY tie it to the model."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontInfo, QTextBlockFormat, QTextCharFormat, QTextFormat

from ui.page.figure import OBJECT_TYPE, SLOT
from ui.page.items import Kind
from ui.theme import page_font, tokens

KIND = QTextFormat.Property.UserProperty + 3
KEY = QTextFormat.Property.UserProperty + 4
POINTS = 12.5
_SIZE = {"title": 2.05, "heading": 1.32, "paragraph": 1.0, "figure": 1.0}
_ABOVE = {"title": 0.0, "heading": 22.0, "paragraph": 0.0, "figure": 20.0}
_BELOW = {"title": 20.0, "heading": 8.0, "paragraph": 13.0, "figure": 14.0}


def block_format(kind: Kind, key: str, language: str) -> QTextBlockFormat:
    made = QTextBlockFormat()
    made.setProperty(KIND, kind)
    made.setProperty(KEY, key)
    made.setTopMargin(_ABOVE[kind])
    made.setBottomMargin(_BELOW[kind])
    if kind == "paragraph":
        _set_leading(made, kind, language, 1.85 if language == "zh" else 1.62)
        if language == "zh":
            made.setTextIndent(2.0 * _pixels(kind, language))  # two characters, as Chinese books set a paragraph
    elif kind != "figure":
        _set_leading(made, kind, language, 1.3)
        made.setHeadingLevel(1 if kind == "title" else 2)
    else:
        made.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return made


def _set_leading(made: QTextBlockFormat, kind: Kind, language: str, ems: float) -> None:
    """Lines a fixed number of ems apart: the natural height of faces differs by half."""
    made.setLineHeight(ems * _pixels(kind, language), QTextBlockFormat.LineHeightTypes.FixedHeight.value)


def _pixels(kind: Kind, language: str) -> int:
    return QFontInfo(page_font(language, POINTS * _SIZE[kind])).pixelSize()


def char_format(kind: Kind, language: str) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setFont(page_font(language, POINTS * _SIZE[kind], bold=kind in ("title", "heading")))
    made.setForeground(tokens().color("ink"))
    return made


def figure_format(slot: str) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setObjectType(OBJECT_TYPE)
    made.setProperty(SLOT, slot)
    return made
