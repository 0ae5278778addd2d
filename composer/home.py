"""Where the program keeps what is its own. PICTORIAL_HOME moves all of it (portable installs, tests)."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The program's own folder, made if missing, readable by its owner only."""
    chosen = os.environ.get("PICTORIAL_HOME")
    folder = Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("Pictorial", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder.resolve()


def subfolder(name: str) -> Path:
    """`home()/name`, made if missing. Names in use: models, library, drafts, choices."""
    folder = home() / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
