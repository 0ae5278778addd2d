"""Writing files so that a crash, a full disk or a power cut leaves either the old file or the new one, never half."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from composer.errors import ComposerError


def write_safely(path: Path, data: bytes) -> None:
    """Write beside the target, flush to the disk, then rename over it.

    Raises ComposerError when the disk is full or the folder cannot be written; the old file is then as it was.
    """
    handle, name = -1, ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(path))
        os.replace(name, path)
        _flush_folder(path.parent)
    except OSError as error:
        if name:
            with contextlib.suppress(OSError):
                os.unlink(name)
        reason = error.strerror or str(error)
        raise ComposerError(
            f"{path.name} could not be saved: {reason.lower()}.",
            "The file on the disk is as it was; make room or choose another folder, then save again.",
        ) from error


def _mode(path: Path) -> int:
    """The old file's permissions, or those that any new file gets: a temporary file is its owner's alone."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last. Windows cannot open folders, and needs no such call."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
