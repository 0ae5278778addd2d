"""Colours, type and spacing: every widget takes its looks from here, in light and in dark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from ui.stylesheet import stylesheet

Scheme = Literal["system", "light", "dark"]

# The first family that is installed wins; the CJK serif at the end also has a handsome Latin alphabet.
SERIF = [
    "Source Serif 4",
    "Source Serif Pro",
    "Charter",
    "Iowan Old Style",
    "Georgia",
    "Noto Serif",
    "Noto Serif CJK SC",
    "Liberation Serif",
    "DejaVu Serif",
]
CHINESE = [
    "Source Han Serif SC",
    "Noto Serif CJK SC",
    "Songti SC",
    "STSong",
    "SimSun",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
]


@dataclass(frozen=True)
class Tokens:
    """Named colours. `quiet` is text of second rank, `line` is for borders, `wash` for a hovered or chosen surface."""

    dark: bool
    desk: str
    panel: str
    paper: str
    field: str
    ink: str
    quiet: str
    faint: str
    line: str
    accent: str
    on_accent: str
    wash: str
    warning: str
    warning_wash: str
    error: str
    error_wash: str

    def color(self, name: str) -> QColor:
        return QColor(getattr(self, name))


LIGHT = Tokens(
    dark=False,
    desk="#E7E4DE",
    panel="#F6F4F0",
    paper="#FFFEFC",
    field="#FFFFFF",
    ink="#21201D",
    quiet="#67635B",
    faint="#A8A297",
    line="#D9D4CA",
    accent="#1F6A68",
    on_accent="#FFFFFF",
    wash="#E3EEEC",
    warning="#8A5A00",
    warning_wash="#FBF1DA",
    error="#A63A2A",
    error_wash="#FBE7E2",
)
DARK = Tokens(
    dark=True,
    desk="#17181A",
    panel="#202225",
    paper="#292B2F",
    field="#2A2C30",
    ink="#E9E6E0",
    quiet="#A8A49B",
    faint="#6E6C67",
    line="#3B3E43",
    accent="#6FBDB6",
    on_accent="#0F2322",
    wash="#273B3B",
    warning="#E2B45C",
    warning_wash="#3A3221",
    error="#F09483",
    error_wash="#432B27",
)


class Theme(QObject):
    """Applies light or dark to the application and follows the desktop when asked to."""

    changed = Signal()

    def __init__(self, application: QApplication, scheme: Scheme = "system") -> None:
        super().__init__(application)
        self._application = application
        self._scheme: Scheme = scheme
        application.setStyle("Fusion")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self.choose(scheme)

    @property
    def tokens(self) -> Tokens:
        return tokens()

    def choose(self, scheme: Scheme) -> None:
        """Take a scheme now; `system` follows the desktop from here on."""
        self._scheme = scheme
        self._follow()

    def _follow(self) -> None:
        dark = self._scheme == "dark"
        if self._scheme == "system":
            dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        _current[0] = DARK if dark else LIGHT
        self._application.setPalette(palette(_current[0]))
        self._application.setStyleSheet(stylesheet(_current[0]))
        self.changed.emit()


# One window process has one look; widgets that paint themselves ask for it while painting.
_current: list[Tokens] = [LIGHT]


def tokens() -> Tokens:
    """The colours in force."""
    return _current[0]


def palette(of: Tokens) -> QPalette:
    made = QPalette()
    role = QPalette.ColorRole
    for which, name in (
        (role.Window, "panel"),
        (role.WindowText, "ink"),
        (role.Base, "field"),
        (role.AlternateBase, "panel"),
        (role.Text, "ink"),
        (role.Button, "panel"),
        (role.ButtonText, "ink"),
        (role.ToolTipBase, "field"),
        (role.ToolTipText, "ink"),
        (role.PlaceholderText, "faint"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on_accent"),
        (role.Link, "accent"),
        (role.Mid, "line"),
    ):
        made.setColor(which, of.color(name))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, of.color("faint"))
    return made


def page_font(language: str, points: float, *, bold: bool = False) -> QFont:
    """The face of the article: a book serif, with a Chinese face behind it or before it."""
    font = QFont()
    font.setFamilies([*CHINESE, *SERIF] if language == "zh" else [*SERIF, *CHINESE])
    font.setStyleHint(QFont.StyleHint.Serif)
    font.setPointSizeF(points)
    font.setBold(bold)
    if language != "zh" and hasattr(QFont, "setFeature"):
        font.setFeature(QFont.Tag("pwid"), 1)  # a CJK face would set apostrophes a whole square wide
    return font


@cache
def can_show_chinese() -> bool:
    """Whether a typeface with Chinese letters is installed."""
    return bool(QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese))
