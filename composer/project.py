"""The saved article: one JSON file with every stage's result, openable by any later version."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from composer.errors import ComposerError, ProjectError
from composer.files import write_safely
from composer.types import Composition

FORMAT = 1
SUFFIX = ".pictorial"


class _Header(Struct, frozen=True):
    format: int


class _File(Struct, frozen=True):
    format: int
    program: str
    composition: Composition


_header = msgspec.json.Decoder(_Header)
_file = msgspec.json.Decoder(_File)


def save(composition: Composition, path: Path) -> None:
    """Write the project. Raises ProjectError; the file that was there is then untouched."""
    data = msgspec.json.format(msgspec.json.encode(_File(FORMAT, "pictorial", composition)), indent=1)
    try:
        write_safely(path, data)
    except ComposerError as error:
        raise ProjectError(error.message, error.hint) from error


def open_project(path: Path) -> Composition:
    """Read a project. Raises ProjectError when it is missing, damaged, or from a newer version."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProjectError(
            f"{path.name} cannot be opened: {(error.strerror or str(error)).lower()}.", "Choose another project file."
        ) from error
    try:
        header = _header.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProjectError(f"{path.name} is not a Pictorial project.", "Choose a file that Pictorial saved.") from error
    if header.format > FORMAT:
        raise ProjectError(
            f"{path.name} was saved by a newer version of Pictorial.",
            "Update Pictorial to open it; the file was not changed.",
        )
    try:
        return _file.decode(data).composition
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProjectError(
            f"{path.name} is damaged ({error}).", "Open an earlier copy; the damaged file was not changed."
        ) from error
