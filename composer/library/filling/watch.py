"""Watching folders: which of them changed, told by the system where it can, and otherwise supposed at intervals.

A change is only a reason to scan; what changed is for the scan to find out. So nothing depends on every event coming
through: systems drop them when too many come at once, and drives in the network tell none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import watchfiles

from composer.library.decoding.quality import RAW_SUFFIXES, SUFFIXES
from composer.library.filling.walk import printable
from composer.library.words.metadata import MANIFEST
from composer.ports import Cancel

QUIET = 2.0
"""Seconds without a change before a folder is reported: files are still being copied till then."""
LONGEST = 30.0
"""Seconds after which it is reported although changes go on."""
SURE = 3600.0
"""Seconds after which a folder that the system watches is supposed to have changed: events may be lost."""
LOOK = 0.5
"""Seconds between two looks at the clock and at which folders are there."""
_REMOTE = frozenset(
    {"9p", "afpfs", "afs", "ceph", "cifs", "davfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
    | {"drvfs", "prl_fs", "vboxsf", "virtiofs", "vmhgfs", "webdav", "fuse.ceph", "fuse.curlftpfs", "fuse.davfs2"}
    | {"fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs", "fuse.vmhgfs-fuse"}
)
"""File systems that other machines write to without this one's system being told."""
_OURS = SUFFIXES | RAW_SUFFIXES | {"xmp"}


class Change(NamedTuple):
    """A folder to scan again; or, with a notice, something that the writer should know of how it is watched."""

    folder: str
    """As it was given."""
    notice: str = ""


def watch(folders: Sequence[str], cancel: Cancel, every: float = 300.0) -> Generator[Change, None, None]:
    """Folders that changed, each when it has come to rest. Goes on until closed; raises Cancelled.

    Folders on network drives, and such with more folders in them than the system will watch, are reported every
    `every` seconds instead; a notice says so. A folder that is not there (its drive is unplugged) is not reported, as
    an empty or missing folder is never a deletion; it is when it comes back.
    """
    clock = _Clock(every)
    told: set[str] = set()
    missing: set[str] = set()
    while True:
        there = _there(folders)
        for folder in missing & set(there):
            yield Change(folder)
        missing = set(folders) - set(there)
        native = [folder for folder in there if not is_remote(folder)]
        watcher, polled = _watcher(native, cancel)
        for folder in there:
            notice = _notice(folder, folder in polled, every) if folder not in native or folder in polled else ""
            clock.begin(folder, every if notice else SURE)
            if notice and folder not in told:
                told.add(folder)
                yield Change(folder, notice)
        with closing(watcher):
            for changes in watcher:
                cancel.check()
                clock.note(_touched([each for each in native if each not in polled], changes))
                for folder in clock.due():
                    yield Change(folder)
                if _there(folders) != there:
                    break
        cancel.check()


def is_remote(folder: str) -> bool:
    """Whether the folder lies on a drive that other machines write to as well."""
    path = os.path.realpath(folder)
    if path.startswith("\\\\"):
        return True
    best, kind = "", ""
    for part in psutil.disk_partitions(all=True):
        inside = path == part.mountpoint or path.startswith(part.mountpoint.rstrip(os.sep) + os.sep)
        if inside and len(part.mountpoint) >= len(best):
            best, kind = part.mountpoint, f"{part.fstype},{part.opts}".lower()
    names = kind.split(",")
    return "remote" in names or names[0] in _REMOTE


class _Clock:
    """When each folder is due."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._first: dict[str, float] = {}
        self._latest: dict[str, float] = {}
        self._next: dict[str, tuple[float, float]] = {}

    def begin(self, folder: str, every: float) -> None:
        if self._next.get(folder, (0.0, 0.0))[1] != every:
            self._next[folder] = (time.monotonic() + every, every)

    def note(self, folders: Iterable[str]) -> None:
        now = time.monotonic()
        for folder in folders:
            self._first.setdefault(folder, now)
            self._latest[folder] = now

    def due(self) -> list[str]:
        """Folders that came to rest, and those whose time has come; each is then waited for anew."""
        now = time.monotonic()
        rested = {
            folder
            for folder, latest in self._latest.items()
            if now - latest >= QUIET or now - self._first[folder] >= LONGEST
        }
        timed = {folder for folder, (moment, _) in self._next.items() if now >= moment}
        for folder in rested:
            del self._first[folder], self._latest[folder]
        for folder in rested | timed:
            every = self._next[folder][1]
            self._next[folder] = (now + every, every)
        return sorted(rested | {folder for folder in timed if Path(folder).is_dir()})


class _Stop:
    """A Cancel as watchfiles wants it."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel

    def is_set(self) -> bool:
        return self._cancel.cancelled


Changes = set[tuple[watchfiles.Change, str]]


def _watcher(folders: Sequence[str], cancel: Cancel) -> tuple[Generator[Changes, None, None], set[str]]:
    """A source of changes, and the folders that it could not take on.

    Says what changed, nothing every LOOK seconds, and ends when cancelled. The last folders are left out until the
    system is content: how much it lets one watch is a sum over all.
    """
    taken, left = list(folders), set[str]()
    while taken:
        watcher = watchfiles.watch(
            *taken,
            watch_filter=_counts,
            debounce=int(QUIET * 1000),
            step=100,
            rust_timeout=int(LOOK * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
            stop_event=_Stop(cancel),
        )
        try:
            first = next(watcher, None)  # only now the system is asked
        except OSError:
            left.add(taken.pop())
        else:
            return _after(first or set(), watcher), left
    return _silence(cancel), left


def _after(first: Changes, rest: Generator[Changes, None, None]) -> Generator[Changes, None, None]:
    with closing(rest):
        yield first
        yield from rest


def _silence(cancel: Cancel) -> Generator[Changes, None, None]:
    while not _cancelled_within(LOOK, cancel):
        yield set()


def _cancelled_within(seconds: float, cancel: Cancel) -> bool:
    end = time.monotonic() + seconds
    while not cancel.cancelled and time.monotonic() < end:
        time.sleep(0.05)
    return cancel.cancelled


def _counts(change: watchfiles.Change, path: str) -> bool:
    """Whether it may matter to a scan."""
    name = os.path.basename(path)  # noqa: PTH119 - called for every event
    if name.startswith("."):
        return False
    if change == watchfiles.Change.deleted:  # it may have been a folder, whatever its name
        return True
    known = name == MANIFEST or name[name.rfind(".") + 1 :].lower() in _OURS
    return known or (change == watchfiles.Change.added and Path(path).is_dir())


def _touched(folders: Iterable[str], changes: Changes) -> set[str]:
    """The folders that the changed paths lie in; some systems tell paths with all links followed."""
    paths = [path for _, path in changes]
    return {
        folder
        for folder in folders
        if paths
        for start in {folder.rstrip(os.sep) + os.sep, os.path.realpath(folder) + os.sep}
        if any((path + os.sep).startswith(start) for path in paths)
    }


def _there(folders: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Folders that can be reached, and which they are: another drive may come to lie at the same place."""
    found: dict[str, tuple[int, int]] = {}
    for folder in folders:
        with suppress(OSError, ValueError):
            state = Path(folder).stat()
            if Path(folder).is_dir():
                found[folder] = (state.st_dev, state.st_ino)
    return found


def _notice(folder: str, too_many: bool, every: float) -> str:
    minutes = max(1, round(every / 60))
    often = "every minute" if minutes == 1 else f"every {minutes} minutes"
    why = (
        "holds more folders than this system can watch" if too_many else "is on a network drive, which tells no change"
    )
    return f"{printable(folder)} {why}: it is looked through {often} instead."
