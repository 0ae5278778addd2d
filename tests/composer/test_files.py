"""A file is either the old one or the new one, whatever happens."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer.errors import ComposerError
from composer.files import write_safely


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "page.txt"
    path.write_bytes(b"old")
    return path


def test_a_new_file_in_a_new_folder(tmp_path: Path) -> None:
    write_safely(tmp_path / "a" / "b" / "page.txt", b"new")
    assert (tmp_path / "a" / "b" / "page.txt").read_bytes() == b"new"
    assert names(tmp_path / "a" / "b") == ["page.txt"]


def test_an_old_file_is_replaced_and_stays_shared(target: Path) -> None:
    target.chmod(0o664)
    write_safely(target, b"new")
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o664
    assert names(target.parent) == ["page.txt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(target: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(ComposerError) as caught:
        write_safely(target, b"new")
    assert "no space left" in caught.value.message
    assert caught.value.hint
    assert target.read_bytes() == b"old"
    assert names(target.parent) == ["page.txt"], "nothing half-written is left behind"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    where = tmp_path / "disk"
    where.mkdir()
    mounted = hasattr(os, "geteuid") and os.geteuid() == 0
    if mounted:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(where)]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("needs the right to mount a small disk")
    yield where
    subprocess.run(["umount", str(where)], check=True)  # noqa: S607


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    target = small_disk / "page.txt"
    write_safely(target, b"old" * 1000)
    with pytest.raises(ComposerError) as caught:
        write_safely(target, b"new" * 50_000)
    assert "no space left" in caught.value.message
    assert target.read_bytes() == b"old" * 1000
    assert names(small_disk) == ["page.txt"]
    write_safely(target, b"short")
    assert target.read_bytes() == b"short", "when there is room again it works again"


def test_a_folder_that_is_a_file(target: Path) -> None:
    with pytest.raises(ComposerError):
        write_safely(target / "below.txt", b"new")
    assert target.read_bytes() == b"old"
