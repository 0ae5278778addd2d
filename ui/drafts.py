"""Where drafts are kept between sessions: one project file each, in the program's own folder."""

from __future__ import annotations

import contextlib
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from composer.errors import ComposerError
from composer.files import write_safely
from composer.home import home, subfolder
from composer.project import SUFFIX

_NOT_IN_NAMES = re.compile(r"[^\w\- ]+")
_TITLE = re.compile(r'"article":\s*\{\s*"title":\s*"((?:[^"\\]|\\.)*)"')
_TOPIC = re.compile(r'"topic":\s*"((?:[^"\\]|\\.)*)"')
LOOKED_AT = 65536
"""Bytes of a draft read for its title; the brief and the outline come first in the file."""


@dataclass(frozen=True)
class Recent:
    """A draft to go on with."""

    path: Path
    title: str
    changed: float
    """Seconds since the epoch."""


def draft_for(topic: str) -> Path:
    """A free file name for a new draft."""
    words = " ".join(_NOT_IN_NAMES.sub(" ", topic).split())[:60].strip() or "article"
    stem = f"{words} {time.strftime('%Y-%m-%d %H%M%S')}"
    folder = subfolder("drafts")
    path = folder / f"{stem}{SUFFIX}"
    count = 2
    while path.exists():
        path = folder / f"{stem} {count}{SUFFIX}"
        count += 1
    return path


def is_draft(path: Path) -> bool:
    return path.resolve().parent == home() / "drafts"


def recent_drafts(most: int = 8) -> list[Recent]:
    """The drafts, newest first."""
    folder = home() / "drafts"
    found: list[tuple[float, Path]] = []
    if folder.is_dir():
        for path in folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):
                found.append((path.stat().st_mtime, path))
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [Recent(path, _title(path), changed) for changed, path in found[:most]]


def _title(path: Path) -> str:
    """The title without reading the whole file, which may hold hundreds of candidates."""
    try:
        with path.open("rb") as file:
            start = file.read(LOOKED_AT).decode("utf-8", "ignore")
    except OSError:
        return path.stem
    for pattern in (_TITLE, _TOPIC):
        match = pattern.search(start)
        if match:
            with contextlib.suppress(ValueError):
                title = str(json.loads(f'"{match.group(1)}"')).strip()
                if title:
                    return title
    return path.stem


# --- which draft belongs to which saved file ---


def _links_file() -> Path:
    return subfolder("drafts") / "saved.json"


def _links() -> dict[str, str]:
    try:
        links = json.loads(_links_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in links.items()} if isinstance(links, dict) else {}


def remember_saved(draft: Path, saved: Path) -> None:
    """Note that the draft's article was saved as this file."""
    links = {name: target for name, target in _links().items() if (draft.parent / name).exists()}
    links[draft.name] = str(saved)
    with contextlib.suppress(ComposerError):  # a convenience: the article itself is safe
        write_safely(_links_file(), json.dumps(links, indent=1, ensure_ascii=False).encode())


def saved_as(draft: Path) -> Path | None:
    """The file that the draft's article was saved as, if it is still there."""
    target = _links().get(draft.name)
    return Path(target) if target and Path(target).is_file() else None


def newer_draft_of(saved: Path) -> Path | None:
    """A draft of this file with work that did not reach the file, after a crash or an unsaved end."""
    for name, target in _links().items():
        draft = home() / "drafts" / name
        with contextlib.suppress(OSError):
            if Path(target) == saved and draft.stat().st_mtime > saved.stat().st_mtime + 1:
                return draft
    return None
