"""What the writer can set, typed and bounded; kept as TOML that a person can read and edit."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from composer.errors import SettingsError
from composer.files import write_safely
from composer.home import home

VERSION = 1


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting with its bounds. Models are names of the catalogue, or an adapter and a path: see `models list`."""

    version: int = VERSION
    writer: str = "starter"
    encoder: str = "starter"
    reranker: str = "starter"
    index: str = ""
    """Where pictures are searched by vector: "" for this machine's own index, "milvus://HOST:PORT/COLLECTION" for a
    Milvus server, "milvus:FILE.db" for a file that Milvus Lite keeps. A host elsewhere must be in `allowed_hosts`."""
    candidates: Annotated[int, Meta(ge=4, le=8)] = 8
    """Pictures considered for each slot."""
    empty_below: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.40
    """A slot stays empty when no candidate's final score reaches this."""
    threads: Annotated[int, Meta(ge=0, le=256)] = 0
    """Processor threads for models; 0 takes the machine's physical cores."""
    looks_mb: Annotated[int, Meta(ge=0, le=1_000_000)] = 2048
    """Megabytes of disk for what a vision-language re-ranker keeps of pictures; 0 keeps nothing there."""
    compare_within: Annotated[float, Meta(ge=0.0, le=100.0)] = 0.0
    """Pictures whose re-ranker scores are this near to the best are compared with each other once more; 0: never."""
    read_texts: bool = False
    """Read the writing in pictures while the library is looked at; needs the extra "ocr". A second or so a picture."""
    background_share: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    """Part of the time that the engine's work on the library may take; what the window shows as "gently"."""
    screen_content: bool = False
    """Look for faces and unsafe pictures while the library is looked at; needs the extra "screens" and the model
    "starter-screens". A tenth of a second or so a picture."""
    record_choices: bool = True
    """Keep, on this machine alone, what is done to proposed pictures in the window: PICTORIAL_HOME/choices, 16 MB at
    most; `evaluate --forget` deletes it."""
    allowed_hosts: tuple[str, ...] = ()
    """Servers that are not on this machine and that the writer said yes to, as "host:port": texts go to a model's,
    vectors to an index's, paths of pictures to one that makes vectors."""
    theme: Literal["system", "light", "dark"] = "system"
    interface: Literal["system", "en", "zh"] = "system"


def settings_file() -> Path:
    return home() / "settings.toml"


def load(path: Path | None = None) -> Settings:
    """The saved settings, or the defaults when there are none yet.

    Raises SettingsError when the file cannot be read or a value is out of bounds; the file is left alone.
    """
    path = path or settings_file()
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}).", "Correct that line, or remove the file.") from error
    if isinstance(data.get("version"), int) and data["version"] > VERSION:
        raise SettingsError(f"{path} was written by a newer version of Pictorial.", "Update Pictorial, or remove it.")
    try:
        return replace(msgspec.convert(data, Settings), version=VERSION)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}.", "Correct that value, or remove the file.") from error


def save(settings: Settings, path: Path | None = None) -> None:
    """Write the settings, keeping comments that a person put into the file. Raises SettingsError as `load` does."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = path or settings_file()
    if path.exists():
        load(path)  # a file that cannot be read, or a newer version's, is left alone
    try:
        document = tomlkit.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, TOMLKitError):
        document = tomlkit.document()
    for name, value in msgspec.to_builtins(settings).items():
        document[name] = value
    write_safely(path, tomlkit.dumps(document).encode("utf-8"))
