"""Changes of real folders are told once they have come to rest; what the system cannot tell is supposed."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from types import SimpleNamespace

import psutil
import pytest
import watchfiles

from composer.errors import Cancelled
from composer.library.filling import watch as watching
from composer.library.filling.watch import Change, is_remote, watch
from composer.ports import Cancel

LONG = 20.0
"""Seconds; a busy machine may take its time."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "QUIET", 0.2)
    monkeypatch.setattr(watching, "LOOK", 0.1)


class Watched:
    """A watch on a thread of its own."""

    def __init__(self, folders: Sequence[str], every: float) -> None:
        self.cancel = Cancel()
        self.ended: BaseException | None = None
        self._changes: SimpleQueue[Change] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(folders, every))
        self._thread.start()

    def _run(self, folders: Sequence[str], every: float) -> None:
        try:
            for change in watch(folders, self.cancel, every):
                self._changes.put(change)
        except Cancelled as error:
            self.ended = error

    def next(self, seconds: float = LONG) -> Change | None:
        try:
            return self._changes.get(timeout=seconds)
        except Empty:
            return None

    def until(self, act: Callable[[], object]) -> Change | None:
        """Repeat what must be seen: the watch may not have begun when it is done first."""
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            act()
            if change := self.next(0.7):
                return change
        return None

    def stop(self) -> None:
        self.cancel.cancel()
        self._thread.join(LONG)
        assert not self._thread.is_alive()


@contextmanager
def watched(*folders: Path, every: float = 1000.0) -> Iterator[Watched]:
    watch = Watched([str(folder) for folder in folders], every)
    try:
        yield watch
    finally:
        watch.stop()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "below").mkdir(parents=True)
    two.mkdir()
    return one, two


def test_the_folder_that_changed_is_told(folders: tuple[Path, Path]) -> None:
    one, two = folders
    with watched(one, two) as watch:
        assert watch.until(lambda: (two / "a.jpg").write_bytes(b"x")) == Change(str(two))
        while watch.next(0.7):
            pass
        (one / "below" / "b.PNG").write_bytes(b"x")
        assert watch.next() == Change(str(one))
        shutil.rmtree(one / "below")
        assert watch.next() == Change(str(one))
    assert isinstance(watch.ended, Cancelled)


def test_many_changes_are_one(folders: tuple[Path, Path]) -> None:
    one, _ = folders
    with watched(one) as watch:
        assert watch.until(lambda: (one / "a.jpg").write_bytes(b"x"))
        while watch.next(0.7):
            pass
        for number in range(200):
            (one / f"{number}.jpg").write_bytes(b"x")
        assert watch.next() == Change(str(one))
        told = 1
        while watch.next(0.7):
            told += 1
        assert told <= 5


def test_what_no_scan_looks_at_is_not_told(folders: tuple[Path, Path]) -> None:
    one, _ = folders
    with watched(one) as watch:
        assert watch.until(lambda: (one / "a.jpg").write_bytes(b"x"))
        while watch.next(0.7):
            pass
        (one / "notes.txt").write_text("x")
        (one / ".hidden.jpg").write_text("x")
        (one / "a.jpg.part").write_text("x")
        assert watch.next(0.8) is None


def test_a_drive_that_goes_is_silent_and_told_when_it_is_back(folders: tuple[Path, Path], tmp_path: Path) -> None:
    one, _ = folders
    with watched(one) as watch:
        assert watch.until(lambda: (one / "a.jpg").write_bytes(b"x"))
        while watch.next(0.7):
            pass
        one.rename(tmp_path / "away")
        while watch.next(0.7):  # its going may still be told: the scan then finds no folder
            pass
        (tmp_path / "away").rename(one)
        assert watch.next() == Change(str(one))
        while watch.next(0.7):
            pass
        assert watch.until(lambda: (one / "b.jpg").write_bytes(b"x")) == Change(str(one))


def test_network_drives_are_looked_through_at_intervals(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = folders
    drives = [("/", "ext4", "rw"), (str(two), "nfs4", "rw")]
    parts = [SimpleNamespace(mountpoint=place, fstype=kind, opts=opts) for place, kind, opts in drives]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: parts)  # noqa: A006, ARG005 - psutil's own name
    assert (is_remote(str(one)), is_remote(str(two)), is_remote(str(two / "x"))) == (False, True, True)
    with watched(one, two, every=0.5) as watch:
        notice = watch.next()
        assert notice is not None
        assert notice.folder == str(two)
        assert "network drive" in notice.notice
        assert [watch.next(), watch.next()] == [Change(str(two))] * 2


def test_too_many_folders_are_looked_through_at_intervals(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = folders
    real = watchfiles.watch

    def limited(*paths: str, **options: object) -> Generator[object, None, None]:
        if str(two) in paths:
            raise OSError(28, "OS file watch limit reached")
        yield from real(*paths, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(watchfiles, "watch", limited)
    with watched(one, two, every=0.5) as watch:
        notice = watch.next()
        assert notice is not None
        assert "more folders than this system can watch" in notice.notice
        assert watch.next() == Change(str(two))
        told = {watch.until(lambda: (one / "a.jpg").write_bytes(b"x")) for _ in range(4)}
        assert Change(str(one)) in told


def test_a_watch_can_be_closed(folders: tuple[Path, Path]) -> None:
    one, _ = folders
    changes = watch([str(one), str(one / "nowhere")], Cancel(), every=0.2)
    threading.Timer(0.5, (one / "a.jpg").write_bytes, [b"x"]).start()
    assert next(changes) == Change(str(one))
    changes.close()
