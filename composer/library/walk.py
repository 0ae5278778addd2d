"""Listing a picture folder: which files are there and their stamps, without opening any of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterable
from pathlib import Path

from composer.errors import LibraryError
from composer.library.catalogue import Stamp
from composer.library.metadata import EMPTY, MANIFEST, Manifest, Row, read_manifest
from composer.library.quality import SUFFIXES
from composer.ports import Cancel

_NOT_OURS = frozenset({"@eaDir", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", "lost+found"})
"""Folders that systems make for themselves; some are full of thumbnails."""


class Folder:
    """One folder of the walk and what lies in it."""

    def __init__(self, path: str, names: tuple[str, ...], manifest: Manifest = EMPTY) -> None:
        self.path = path
        self.names = names
        """Names of the folders down to this one, the library's own first."""
        self.start = path if path.endswith(os.sep) else path + os.sep
        self.manifest = manifest
        self.sidecars: dict[str, int] = {}
        """Modification times of XMP files by name."""
        self.files: list[tuple[str, Stamp]] = []
        """Paths and stamps of what may be pictures."""
        self.odd: list[tuple[str, str]] = []
        """Paths of what has a picture's name but is no file that can be opened, and why."""
        self.below: list[Folder] = []
        self.unreachable: list[str] = []
        """Places that could not be listed, or list nothing: a drive may be unplugged. What is known there is kept."""

    def beside(self, path: str) -> tuple[Row | None, str]:
        """What speaks of a picture of this folder: its line of captions.tsv, and the path of its XMP file or ""."""
        name = path[len(self.start) :]
        sidecar = self._sidecar(name) if self.sidecars else ""
        return self.manifest.rows.get(name), self.start + sidecar if sidecar else ""

    def _sidecar(self, name: str) -> str:
        stem = name.rpartition(".")[0]
        choices = (f"{name}.xmp", f"{stem}.xmp", f"{name}.XMP", f"{stem}.XMP")
        return next((choice for choice in choices if choice in self.sidecars), "")

    def _stamp_beside(self, name: str) -> int:
        listed = self.manifest.stamp if name in self.manifest.rows else 0
        return listed ^ self.sidecars.get(self._sidecar(name), 0)

    def read(self) -> None:
        """List it. An OSError leaves it unreachable."""
        try:
            with os.scandir(self.path) as listing:
                entries = list(listing)
        except OSError:
            entries = []
        if not entries:
            self.unreachable.append(self.path)
        for entry in sorted(self._sort_out(entries), key=lambda each: each.name):
            self._take_other(entry)
        if self.manifest.rows or self.sidecars:
            cut = len(self.start)
            self.files = [(path, (size, time, self._stamp_beside(path[cut:]))) for path, (size, time, _) in self.files]

    def _sort_out(self, entries: Iterable[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
        """Take pictures and what speaks of them; returns the rest. This loop decides how fast a rescan is."""
        rest: list[os.DirEntry[str]] = []
        take, start = self.files.append, self.start
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            if name[name.rfind(".") + 1 :].lower() in SUFFIXES and (name.isascii() or _is_text(name)):
                try:
                    state = entry.stat()
                except OSError:
                    rest.append(entry)
                    continue
                if stat.S_ISREG(state.st_mode):
                    take((start + name, (state.st_size, state.st_mtime_ns, 0)))
                    continue
            rest.append(entry)
        return rest

    def _take_other(self, entry: os.DirEntry[str]) -> None:
        """A folder, a sidecar, the list of captions, or something odd."""
        name = entry.name
        looks = name[name.rfind(".") + 1 :].lower()
        try:
            state = entry.stat()
        except OSError:
            self.unreachable.append(entry.path)  # a link that leads nowhere, perhaps to a drive that is unplugged
            if looks in SUFFIXES:
                self.odd.append((printable(entry.path), "a link that leads nowhere"))
            return
        if stat.S_ISDIR(state.st_mode):
            self._take_folder(entry)
        elif looks in SUFFIXES:
            self.odd.append((printable(entry.path), "not a file" if _is_text(name) else "its name is not valid text"))
        elif name == MANIFEST:
            self.manifest = self.manifest.joined(read_manifest(Path(entry.path), state.st_mtime_ns))
        elif looks == "xmp":
            self.sidecars[name] = state.st_mtime_ns

    def _take_folder(self, entry: os.DirEntry[str]) -> None:
        if not _is_text(entry.name):
            self.odd.append((printable(entry.path), "its name is not valid text"))
        elif entry.name not in _NOT_OURS:
            self.below.append(Folder(entry.path, (*self.names, entry.name)))


def walk(root: str, cancel: Cancel) -> Generator[Folder, None, None]:
    """Every folder from `root` down, itself included; each place once, however many links lead to it.

    Raises Cancelled between two folders.
    """
    waiting, seen = [Folder(root, (Path(root).name,))], set[tuple[int, int]]()
    while waiting:
        cancel.check()
        folder = waiting.pop()
        try:
            state = os.stat(folder.path)  # noqa: PTH116 - strings all the way: Path objects would double the time
        except OSError:
            folder.unreachable.append(folder.path)
        else:
            if (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
            folder.read()
        for below in folder.below:
            below.manifest = folder.manifest.below(Path(below.path).name)
        waiting += reversed(folder.below)
        yield folder


def check_folder(folder: str) -> None:
    """Raises LibraryError, in one sentence, when the folder cannot be scanned."""
    name = printable(folder)
    again = "Choose another folder, or plug in the drive that it is on and try again."
    try:
        folder.encode()
        if not stat.S_ISDIR(Path(folder).stat().st_mode):
            raise LibraryError(f"{name} is not a folder.", "Choose the folder that it is in.")
        os.scandir(folder).close()
    except FileNotFoundError as error:
        raise LibraryError(f"The folder {name} does not exist.", again) from error
    except PermissionError as error:
        raise LibraryError(f"The folder {name} may not be read.", "Allow reading it, then try again.") from error
    except UnicodeError as error:
        raise LibraryError(f"The name of the folder {name} is not valid text.", "Rename it, then try again.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LibraryError(f"The folder {name} cannot be read: {reason.lower()}.", again) from error


def printable(path: str) -> str:
    """The path as valid text, with escapes for what is none."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
