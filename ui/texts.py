"""What the window says, in the language of the interface. English is the source; ui/chinese.py holds the Chinese."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QLocale

Interface = Literal["system", "en", "zh"]

_language: list[str] = ["en"]


def choose_language(interface: Interface) -> None:
    """Set the language of the interface; `system` asks the desktop."""
    if interface == "system":
        interface = "zh" if QLocale.system().language() == QLocale.Language.Chinese else "en"
    _language[0] = interface


def language() -> str:
    """The language in force: en or zh."""
    return _language[0]


def text(english: str, **values: object) -> str:
    """The sentence in the language of the interface, with its {names} filled in."""
    if _language[0] == "zh":
        from ui.chinese import CHINESE

        english = CHINESE.get(english, english)
    return english.format(**values) if values else english


def plural(one: str, many: str, count: int, **values: object) -> str:
    """`one` or `many` by the count, which both may name as {count}."""
    return text(one if count == 1 else many, count=f"{count:,}", **values)
