"""Models that other programs have fetched: LM Studio, Ollama, Jan, the Hugging Face cache; used where they lie.

Nothing is copied, changed or loaded; what cannot be read is passed over.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from msgspec import Struct

from composer.errors import ModelNotReady
from composer.shelf import Purpose
from models import headers
from models.headers import Header

MOST_FILES = 2_000
"""Looked at in one place; a folder with more is no models folder."""
DEEPEST = 6
PART = re.compile(r"-(\d{5})-of-\d{5}\.gguf$", re.IGNORECASE)
SHARED = re.compile(r"(?:^mmproj-?|-?mmproj|[-_.](?:bf16|f16|f32|i?q\d\w*|ud))", re.IGNORECASE)


class Found(Struct, frozen=True):
    """A model in another program's folder."""

    setting: str
    purpose: Purpose
    header: Header
    place: Path
    found_in: str
    title: str


def found() -> list[Found]:
    """All models found, each once, in the order of the places. About 0.1 s for a GGUF that was not read before."""
    seen: dict[str, Found] = {}
    for each in (*_lm_studio(), *_jan(), *_ollama(), *_hub_cache()):
        seen.setdefault(each.setting, each)
    return list(seen.values())


def places() -> list[tuple[str, Path]]:
    """The folders that are looked into: program and path, whether or not they exist."""
    named = [("LM Studio", path) for path in lm_studio_folders()] + [("Jan", path) for path in jan_folders()]
    return [*named, ("Ollama", ollama_folder()), ("Hugging Face cache", hub_cache_folder())]


def lm_studio_folders() -> list[Path]:
    return [Path.home() / ".lmstudio" / "models", Path.home() / ".cache" / "lm-studio" / "models"]


def jan_folders() -> list[Path]:
    data = Path(platformdirs.user_data_dir("Jan", appauthor=False, roaming=True)) / "data"
    return [data / "llamacpp" / "models", Path.home() / "jan" / "models"]


def ollama_folder() -> Path:
    chosen = os.environ.get("OLLAMA_MODELS")
    return Path(chosen).expanduser() if chosen else Path.home() / ".ollama" / "models"


def hub_cache_folder() -> Path:
    """As huggingface_hub finds it, without importing it."""
    if chosen := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = os.environ.get("HF_HOME") or Path(cache) / "huggingface"
    return Path(home).expanduser() / "hub"


# --- the programs ----------------------------------------------------------------------------------------------------


def _lm_studio() -> Iterator[Found]:
    for place in lm_studio_folders():
        yield from _ggufs(place, "LM Studio")


def _jan() -> Iterator[Found]:
    for place in jan_folders():
        yield from _ggufs(place, "Jan")


def _ggufs(place: Path, program: str) -> Iterator[Found]:
    """The GGUF files below a folder; a picture reader beside a model makes it a re-ranker as well."""
    folders: dict[Path, list[Path]] = {}
    for path in _below(place):
        if path.suffix.lower() == ".gguf":
            folders.setdefault(path.parent, []).append(path)
    for paths in folders.values():
        yield from _paired([(path, path.stem) for path in sorted(paths)], program)


def _paired(files: list[tuple[Path, str]], program: str) -> Iterator[Found]:
    """Models and, with the projector that lies beside them, re-rankers. `files`: paths and titles."""
    read = [(path, title, header) for path, title in files if (header := _header(path)) is not None]
    projectors = [(path, header) for path, _, header in read if header.projector]
    for path, title, header in read:
        part = PART.search(path.name)
        if header.projector or (part and part[1] != "00001"):
            continue
        yield Found(f"gguf:{path}", "writer", header, path, program, title)
        fitting = [eyes for eyes, its in projectors if not its.width or not header.width or its.width == header.width]
        if fitting:
            eyes = max(fitting, key=lambda each: _alike(each, path))
            yield Found(f"gguf:{path}+{eyes}", "reranker", header, path, program, f"{title}, with its picture reader")


def _alike(projector: Path, model: Path) -> int:
    """How long a beginning the two names share, without what every projector's name says."""
    one, other = (SHARED.sub("", path.stem).lower().strip("-_.") for path in (projector, model))
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _ollama() -> Iterator[Found]:
    """Ollama's models: a manifest names blobs; the blob of the model is a GGUF file."""
    place = ollama_folder()
    for manifest in _below(place / "manifests"):
        layers = _layers(manifest)
        model = _blob(place, layers, "application/vnd.ollama.image.model")
        if model is None:
            continue
        name = f"{manifest.parent.name}:{manifest.name}"
        eyes = _blob(place, layers, "application/vnd.ollama.image.projector")
        yield from _paired([(model, name), *([(eyes, name)] if eyes else [])], "Ollama")


def _layers(manifest: Path) -> list[dict[str, object]]:
    try:
        if manifest.stat().st_size > 1 << 20:
            return []
        found = json.loads(manifest.read_bytes()).get("layers")
    except (OSError, ValueError, AttributeError, RecursionError):
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _blob(place: Path, layers: list[dict[str, object]], kind: str) -> Path | None:
    digests = [str(layer.get("digest", "")) for layer in layers if layer.get("mediaType") == kind]
    for digest in digests:
        if re.fullmatch(r"sha256[:-][0-9a-f]{64}", digest):
            path = place / "blobs" / digest.replace(":", "-")
            if path.is_file():
                return path
    return None


def _hub_cache() -> Iterator[Found]:
    """The newest snapshot of every repository in the cache that all programs share."""
    program = "Hugging Face cache"
    for repository in _folders(hub_cache_folder()):
        if not repository.name.startswith("models--"):
            continue
        title = repository.name.removeprefix("models--").replace("--", "/")
        snapshot = max(_folders(repository / "snapshots"), key=_age, default=None)
        if snapshot is None:
            continue
        yield from _ggufs(snapshot, program)
        if header := _folder_header(snapshot):
            kind = "open_clip" if header.purpose == "encoder" else "transformers"
            yield Found(f"{kind}:{snapshot}", header.purpose, header, snapshot, program, title)


def _folder_header(path: Path) -> Header | None:
    """What a folder with safetensors says of itself; None for one that is no writer, encoder or re-ranker."""
    with contextlib.suppress(ModelNotReady, OSError):
        if any(path.glob("*.safetensors")):
            header = headers.folder(path)
            words = _architectures(path)
            if header.purpose == "encoder" or any(name.endswith(TEXT_AND_SIGHT) for name in words):
                return header
    return None


TEXT_AND_SIGHT = ("ForCausalLM", "ForConditionalGeneration", "ForVision2Seq", "LMHeadModel")


def _architectures(path: Path) -> list[str]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        config = json.loads((path / "config.json").read_bytes())
        if isinstance(config, dict) and isinstance(config.get("architectures"), list):
            return [str(each) for each in config["architectures"]]
    return []


# --- looking around --------------------------------------------------------------------------------------------------


def _header(path: Path) -> Header | None:
    with contextlib.suppress(ModelNotReady, OSError):
        return headers.gguf(path)
    return None


def _below(place: Path) -> Iterator[Path]:
    """Files below a folder, not deeper than DEEPEST, not more than MOST_FILES; links to folders are not followed."""
    count = 0
    for at, folders, names in os.walk(place):
        if len(Path(at).relative_to(place).parts) >= DEEPEST:
            folders.clear()
        for name in sorted(names):
            count += 1
            if count > MOST_FILES:
                return
            yield Path(at) / name


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(path for path in place.iterdir() if path.is_dir())
    except OSError:
        return []


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
