"""What the window remembers for itself: its size, the panes, and the folders last used. Losing it loses nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
from msgspec import Struct

from composer.errors import ComposerError
from composer.files import write_safely
from composer.home import home


class WindowState(Struct, frozen=True, kw_only=True):
    width: int = 0
    height: int = 0
    panes: tuple[int, ...] = ()
    libraries: tuple[str, ...] = ()
    """Folders that a new article starts with."""
    thumbnail: int = 0
    """Width of a thumbnail in the library, in pixels; 0: never set."""
    folder: str = ""
    """Where the last file was opened or saved."""


def _file() -> Path:
    return home() / "window.json"


def load_state() -> WindowState:
    try:
        return msgspec.json.decode(_file().read_bytes(), type=WindowState)
    except (OSError, msgspec.DecodeError):
        return WindowState()


def save_state(state: WindowState) -> None:
    with contextlib.suppress(ComposerError):
        write_safely(_file(), msgspec.json.encode(state))
