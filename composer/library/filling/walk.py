"""Listing a picture folder: which files are there and their stamps, without opening any of them.

A rescan has to look at every file's stamp, and little else may cost anything: a folder whose listing has the digest
that the catalogue knows is passed over without being sorted out.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
from collections.abc import Callable, Generator
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from composer.errors import LibraryError
from composer.library.catalogue import Stamp
from composer.library.decoding.quality import RAW_SUFFIXES, SUFFIXES, VECTOR_SUFFIXES
from composer.library.filling.folders import Rules
from composer.library.words.metadata import EMPTY, MANIFEST, Manifest, Words, read_manifest
from composer.ports import Cancel

_NOT_OURS = frozenset({"@eaDir", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", "lost+found"})
"""Folders that systems make for themselves; some are full of thumbnails."""
_FORM = 2
"""Changes when what is taken from a listing changes: every folder is then sorted out again."""
_BY_HANDLE = os.scandir in os.supports_fd
"""Listing by handle spares the system looking up the whole path for every file."""
_entry_name: Callable[[os.DirEntry[str]], str] = attrgetter("name")
_entry_stat: Callable[[os.DirEntry[str]], os.stat_result] = os.DirEntry[str].stat
_stamp_of: Callable[[os.stat_result], tuple[int, int]] = attrgetter("st_size", "st_mtime_ns")


class _Listing(NamedTuple):
    names: list[str]
    """Of regular files, or links to them."""
    stamps: list[tuple[int, int]]
    """Their sizes in bytes and modification times in ns."""
    folders: list[str]
    odd: list[tuple[str, bool]]
    """Names of whatever else there is, and whether it is there at all: links may lead nowhere."""


_NOTHING = _Listing([], [], [], [])


class Folder:
    """One folder of the walk and what lies in it."""

    def __init__(self, path: str, names: tuple[str, ...], rules: Rules, manifest: Manifest = EMPTY) -> None:
        self.path = path
        self.names = names
        """Names of the folders down to this one, the library's own first."""
        self.start = path if path.endswith(os.sep) else path + os.sep
        self.digest = b""
        """Of the listing; two listings with one digest have the same files with the same stamps."""
        self.manifest = manifest
        self.sidecars: dict[str, int] = {}
        """Modification times of XMP files by name."""
        self.files: list[tuple[str, Stamp]] = []
        """Names and stamps of what may be pictures."""
        self.odd: list[tuple[str, str]] = []
        """Names of what looks like a picture but is no file that can be opened, and why."""
        self.below: list[Folder] = []
        self.unreachable: list[str] = []
        """Places that could not be listed, or list nothing: a drive may be unplugged. What is known there is kept."""
        self._rules = rules
        self._above = manifest
        self._listed = _NOTHING

    def beside(self, name: str) -> tuple[Words | None, str]:
        """What speaks of a picture of this folder: its line of captions.tsv, and the path of its XMP file or ""."""
        sidecar = self._sidecar(name) if self.sidecars else ""
        return self.manifest.rows.get(name), self.start + sidecar if sidecar else ""

    def list(self) -> None:
        """List it: digest and folders below; an OSError leaves it unreachable. Decides how fast a rescan is."""
        try:
            self._listed = found = _listing(self.path)
        except OSError:
            self._listed = found = _NOTHING
        self.unreachable = [self.start + name for name, there in found.odd if not there]
        if not (found.names or found.folders or found.odd):
            self.digest, self.unreachable = b"", [self.path]
            return
        about = f"{_FORM} {self._above.stamp} {self._rules.key}"
        listing = marshal.dumps((about, *found), 2)  # the second form is the last that depends on values alone
        self.digest = hashlib.blake2b(listing, digest_size=16).digest()
        self.below = [self._inner(name) for name in found.folders if self._is_wanted(name)]
        if self._above.rows or MANIFEST in found.names:
            self._read_manifest()

    def _is_wanted(self, name: str) -> bool:
        wanted = name[0] != "." and name not in _NOT_OURS and _is_text(name)
        return wanted and not self._rules.leaves_out((*self.names[1:], name), folder=True)

    def _inner(self, name: str) -> Folder:
        return Folder(self.start + name, (*self.names, name), self._rules)

    def _read_manifest(self) -> None:
        place = Path(self.start + MANIFEST)
        if place.is_file():
            self.manifest = self._above.joined(read_manifest(place, place.stat().st_mtime_ns))
        for below in self.below:
            below.inherit(self.manifest.below(Path(below.path).name))

    def inherit(self, manifest: Manifest) -> None:
        """Lines of lists further up that speak of this folder."""
        self.manifest = self._above = manifest

    def sort_out(self) -> None:
        """Of what was listed, find what may be pictures, what is odd, and what speaks of pictures."""
        self.files, self.odd, self.sidecars = [], [], {}
        for name, stamp in zip(self._listed.names, self._listed.stamps, strict=True):
            looks = _suffix(name)
            if name[0] == "." or self._rules.leaves_out((*self.names[1:], name)):
                continue
            if looks in SUFFIXES or looks in RAW_SUFFIXES or self._asks_for(looks):
                if name.isascii() or _is_text(name):
                    self.files.append((name, (*stamp, 0)))
                else:
                    self.odd.append((printable(name), "its name is not valid text"))
            elif looks == "xmp":
                self.sidecars[name] = stamp[1]
        self._set_apart()
        self._drop_developed()
        if self.manifest.rows or self.sidecars:
            self.files = [(name, (size, time, self._stamp_beside(name))) for name, (size, time, _) in self.files]

    def _asks_for(self, suffix: str) -> bool:
        """Drawings are icons and diagrams more often than pictures: they count where the rules include them by name."""
        return suffix in VECTOR_SUFFIXES and f".{suffix}" in self._rules.include

    def drop(self) -> None:
        """Forget the listing, which may be long."""
        self._listed, self.files, self.odd = _NOTHING, [], []

    def _set_apart(self) -> None:
        """What looks like a picture by its name and is none, and folders that cannot be named."""
        for name, there in self._listed.odd:
            if name[0] != "." and _suffix(name) in SUFFIXES:
                reason = "not a file" if there else "a link that leads nowhere"
                self.odd.append((printable(name), reason if _is_text(name) else "its name is not valid text"))
        self.odd += [
            (printable(name), "its name is not valid text") for name in self._listed.folders if not _is_text(name)
        ]

    def _drop_developed(self) -> None:
        """A raw file with a picture of the same name beside it is the same photograph."""
        if not any(_is_raw(name) for name, _ in self.files):
            return
        developed = {name.rpartition(".")[0].lower() for name, _ in self.files if not _is_raw(name)}
        self.files = [
            (name, stamp)
            for name, stamp in self.files
            if not (_is_raw(name) and name.rpartition(".")[0].lower() in developed)
        ]

    def _sidecar(self, name: str) -> str:
        stem = name.rpartition(".")[0]
        choices = (f"{name}.xmp", f"{stem}.xmp", f"{name}.XMP", f"{stem}.XMP")
        return next((choice for choice in choices if choice in self.sidecars), "")

    def _stamp_beside(self, name: str) -> int:
        listed = self.manifest.stamp if name in self.manifest.rows else 0
        return listed ^ self.sidecars.get(self._sidecar(name), 0)


def _listing(path: str) -> _Listing:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)) if _BY_HANDLE else -1
    try:
        with os.scandir(handle if _BY_HANDLE else path) as listing:
            entries = list(listing)
        files, others = entries, [entry for entry in entries if not entry.is_file(follow_symlinks=False)]
        modes = {entry.name: _mode(entry) for entry in others}
        if others:
            files = [entry for entry in entries if stat.S_ISREG(modes.get(entry.name, stat.S_IFREG))]
        stamps = list(map(_stamp_of, map(_entry_stat, files)))
        folders = [name for name, mode in modes.items() if stat.S_ISDIR(mode)]
        odd = [(name, bool(mode)) for name, mode in modes.items() if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode))]
        return _Listing(list(map(_entry_name, files)), stamps, folders, odd)
    finally:
        if handle >= 0:
            os.close(handle)


def _mode(entry: os.DirEntry[str]) -> int:
    """What it is, or what it leads to; 0 when that is not there."""
    try:
        return entry.stat().st_mode
    except OSError:
        return 0


def walk(root: str, rules: Rules, cancel: Cancel) -> Generator[Folder, None, None]:
    """Every folder from `root` down, itself included, listed; each place once, however many links lead to it.

    Raises Cancelled between two folders.
    """
    waiting, seen = [Folder(root, (Path(root).name,), rules)], set[tuple[int, int]]()
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
            folder.list()
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


def _is_raw(name: str) -> bool:
    return _suffix(name) in RAW_SUFFIXES


def _suffix(name: str) -> str:
    return name[name.rfind(".") + 1 :].lower()
