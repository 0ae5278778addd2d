"""What systems made of articles, kept in a folder as soon as it is made: a run that was killed goes on there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

import composer
from composer.evaluation.nouns import Choice, GoldArticle, Illustrated, SystemName
from composer.files import write_safely

_DECIDE = (
    "evaluation/systems", "library", "prompts", "stages", "choosing.py", "pipeline.py", "prose.py", "tools.py",
    "twins.py",
)  # fmt: skip
"""Parts of the engine that decide what a system makes of an article."""


class Result(Struct, frozen=True, kw_only=True):
    """One system's work on one article."""

    key: str
    """Hash of all that it was made from."""
    illustrated: Illustrated
    choices: tuple[Choice, ...]


class Results:
    """Finished results by system and article. A file that cannot be read, or is of other inputs, is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, system: SystemName, article: str, key: str) -> Result | None:
        try:
            found = msgspec.json.decode(self._file(system, article).read_bytes(), type=Result)
        except (OSError, msgspec.MsgspecError):
            return None
        return found if found.key == key else None

    def keep(self, system: SystemName, article: str, result: Result) -> None:
        """Raises ComposerError when it cannot be saved."""
        write_safely(self._file(system, article), msgspec.json.encode(result))

    def _file(self, system: SystemName, article: str) -> Path:
        """Readable, and different for different ids."""
        words = re.sub(r"[^A-Za-z0-9.]+", "-", article).strip("-.")[:60]
        return self._folder / system / f"{words}-{_hash(article)[:8]}.json"


def key_of(gold: GoldArticle, *inputs: object) -> str:
    """Hash of an article, of other inputs (set, words, models, seed), and of the program that works on them."""
    return _hash(gold, inputs, _program())


@cache
def _program() -> str:
    """Hash of the engine's files that decide: figures never come from another program than the one that reports.

    Taken once, as the files were when the run began: it goes on with those, whatever happens to them meanwhile.
    """
    root = Path(composer.__file__).parent
    whole = hashlib.blake2b(digest_size=16)
    for file in _files(root):
        whole.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


def _files(root: Path) -> Sequence[Path]:
    places = [root / part for part in _DECIDE]
    inside = [file for place in places for end in ("*.py", "*.toml") for file in place.rglob(end)]
    return sorted([*inside, *(place for place in places if place.is_file())])


def _hash(*inputs: object) -> str:
    return hashlib.blake2b(msgspec.json.encode(inputs), digest_size=16).hexdigest()
