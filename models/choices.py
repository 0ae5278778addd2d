"""Whether what the settings name can be used here, judged by its files alone: nothing is loaded, nobody is asked.

Loading decides in the end; this finds what is missing, refused or of the wrong kind beforehand, with what to do.
"""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path

from msgspec import Struct

from composer.errors import ModelNotReady
from composer.settings import Settings
from composer.shelf import Purpose
from composer.types import Language
from models import address as addresses
from models import catalogue, checkpoints, headers, store
from models.catalogue import Model
from models.found import hub_cache_folder
from models.gguf import split_pair
from models.headers import Header

LIST = "`python main.py models list --all` shows what there is."
ROLES: dict[Purpose, str] = {"writer": "writer", "encoder": "encoder", "reranker": "re-ranker"}
ENCODER_MEMORY = 2_300
UNTUNED = "it was not tuned to follow instructions, so expect little of it"


class Judged(Struct, frozen=True):
    """A setting that can be used, as far as its files tell."""

    setting: str
    """With paths made absolute."""
    title: str
    languages: tuple[Language, ...]
    memory_mb: int
    notes: tuple[str, ...] = ()
    """What the writer should know all the same."""


def setting_of(model: Model) -> str:
    """What the settings hold when a model of the catalogue, or one fetched by address, is chosen."""
    if model.setting:
        return model.setting
    place = catalogue.folder(model)
    if model.form == "gguf":
        names = sorted((file.name for file in model.files), key=lambda name: "mmproj" in name.lower())
        return "gguf:" + "+".join(str(place / name) for name in names)
    return f"{model.form}:{place}"


def judge(purpose: Purpose, setting: str, settings: Settings) -> Judged:
    """Raises ModelNotReady, with what to do, when the setting cannot be used for that purpose."""
    for model in catalogue.catalogue().values():
        if model.purpose == purpose and setting_of(model) == setting:
            store.ready(model)
            return Judged(setting, model.title, model.languages, model.memory_mb, _notes_of(model, setting))
    if setting == "none" and purpose == "reranker":
        return Judged(setting, "none: pictures are chosen by the encoder and by words", ("en", "zh"), 0)
    kind, _, rest = setting.partition(":")
    if not rest or (purpose, kind) not in _JUDGES:
        raise ModelNotReady(f"There is no {ROLES[purpose]} named {setting}.", LIST)
    return _JUDGES[purpose, kind](rest, settings)


def _notes_of(model: Model, setting: str) -> tuple[str, ...]:
    if model.uses:
        return ("it reads captions and file names and does not see the pictures",)
    if model.purpose == "writer" and setting.startswith("gguf:"):
        return () if headers.gguf(Path(setting.removeprefix("gguf:"))).chat else (UNTUNED,)
    return ()


# --- GGUF files ------------------------------------------------------------------------------------------------------


def _gguf_writer(rest: str, _settings: Settings) -> Judged:
    path = _file(rest)
    header = headers.gguf(path)
    if header.projector:
        raise ModelNotReady(
            f"{path.name} only turns pictures into what another model reads.", "Name the model's own GGUF file."
        )
    notes = () if header.chat else (UNTUNED,)
    return Judged(f"gguf:{path}", header.title, header.languages, header.memory_mb, notes)


def _gguf_reranker(rest: str, _settings: Settings) -> Judged:
    names = split_pair(rest)
    if len(names) != 2:
        raise ModelNotReady(
            f"{Path(rest).name} alone reads text only, so it cannot look at pictures.",
            "Name it with its picture reader: gguf:MODEL.gguf+MMPROJ.gguf.",
        )
    path, eyes = (_file(name) for name in names)
    header, reader = headers.gguf(path), headers.gguf(eyes)
    if header.projector or not reader.projector:
        raise ModelNotReady(
            f"{eyes.name} is no picture reader of {path.name}.", "Write the model first: gguf:MODEL.gguf+MMPROJ.gguf."
        )
    if header.width and reader.width and header.width != reader.width:
        raise ModelNotReady(
            f"{eyes.name} belongs to another model than {path.name}.", "Take the mmproj file that came with the model."
        )
    memory = header.memory_mb + round(reader.size / 1e6)
    return Judged(f"gguf:{path}+{eyes}", header.title, header.languages, memory)


def _file(name: str) -> Path:
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise ModelNotReady(f"There is no file {path}.", f"Correct the path, or choose another model: {LIST}")
    return path


# --- transformers folders and hub ids --------------------------------------------------------------------------------


def _transformers_writer(rest: str, _settings: Settings) -> Judged:
    place, header = _checkpoint(rest)
    if header.purpose == "encoder":
        raise ModelNotReady(f"{place.name} is an encoder and writes nothing.", f"Choose a writer: {LIST}")
    notes = () if header.chat else ("it has no chat template, so it may not follow instructions",)
    return Judged(_kept("transformers", rest, place), header.title, header.languages, header.memory_mb, notes)


def _transformers_reranker(rest: str, _settings: Settings) -> Judged:
    place, header = _checkpoint(rest)
    if not header.vision:
        raise ModelNotReady(
            f"{place.name} reads text only, so it cannot look at pictures.", "Choose a vision-language model, or none."
        )
    return Judged(_kept("transformers", rest, place), header.title, header.languages, header.memory_mb)


def _checkpoint(rest: str) -> tuple[Path, Header]:
    place = _place(rest)
    checkpoints.weight_files(place)
    if not _has_tokenizer(place):
        raise ModelNotReady(
            f"{place} has no tokenizer, so the model cannot read.",
            f"Fetch the model again whole, or choose another: {LIST}",
        )
    return place, headers.folder(place)


def _place(rest: str) -> Path:
    """The folder of a path, of a hub repository that was pulled, or of one in the cache that all programs share."""
    path = Path(rest).expanduser()
    if path.exists() or not checkpoints.HUB_ID.fullmatch(rest):
        return path.absolute()
    found = checkpoints.pulled(rest) or _cached(rest)
    if found is None:
        raise ModelNotReady(
            f"The model {rest} is not on this machine.", f"Fetch it with `python main.py models pull hf:{rest}`."
        )
    return found


def _cached(repository: str) -> Path | None:
    snapshots = hub_cache_folder() / f"models--{repository.replace('/', '--')}" / "snapshots"
    found = [path for path in snapshots.glob("*") if path.is_dir()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _has_tokenizer(place: Path) -> bool:
    known = (*checkpoints.TOKENIZERS, "vocab.json", "vocab.txt")
    return any((place / name).is_file() for name in known) or any(place.glob("*.tiktoken"))


def _kept(kind: str, rest: str, place: Path) -> str:
    """A path made absolute; a hub id as it stands."""
    return f"{kind}:{place}" if Path(rest).expanduser().exists() else f"{kind}:{rest}"


# --- open_clip -------------------------------------------------------------------------------------------------------


def _open_clip(rest: str, _settings: Settings) -> Judged:
    path = Path(rest).expanduser()
    if rest.startswith("hf-hub:"):
        place = _place(rest.removeprefix("hf-hub:"))
        return _open_clip_folder(f"open_clip:{rest}", place)
    if path.is_dir():
        return _open_clip_folder(f"open_clip:{path.absolute()}", path.absolute())
    return _open_clip_tag(rest)


def _open_clip_folder(setting: str, place: Path) -> Judged:
    if not (place / "open_clip_config.json").is_file():
        raise ModelNotReady(f"{place} is no encoder's folder: it has no open_clip_config.json.", LIST)
    if not any(place.glob("*.safetensors")) and not any(place.glob("open_clip_pytorch_model.bin")):
        raise ModelNotReady(f"{place} holds no weights of an encoder.", f"Fetch it again, or choose another: {LIST}")
    header = headers.folder(place)
    return Judged(setting, header.title, header.languages, header.memory_mb)


def _open_clip_tag(rest: str) -> Judged:
    model, _, tag = rest.partition("/")
    package = _open_clip_package()
    config = package / "model_configs" / f"{model}.json"
    if not config.is_file() or not tag:
        raise ModelNotReady(f"open_clip has no model {rest}.", "Write MODEL/TAG, such as ViT-B-32/laion2b_s34b_b79k.")
    known = _hub_tags(package).get(model, {})
    if tag not in known:
        raise ModelNotReady(f"{model} has no tag {tag}.", f"Its tags: {', '.join(known) or 'none'}.")
    repository = "/".join(known[tag].split("/")[:2])
    if not repository or not (checkpoints.pulled(repository) or _cached(repository)):
        fetch = f"Fetch it with `python main.py models pull hf:{repository}`." if repository else LIST
        raise ModelNotReady(f"The encoder {rest} is not on this machine.", fetch)
    text = headers.json_file(config).get("text_cfg")
    languages = headers.encoder_languages(rest, text if isinstance(text, dict) else {})
    return Judged(f"open_clip:{rest}", rest, languages, ENCODER_MEMORY)


def _open_clip_package() -> Path:
    found = importlib.util.find_spec("open_clip")
    if found is None or not found.submodule_search_locations:
        raise ModelNotReady("The package open_clip is not installed.", "Run `make setup`.")
    return Path(found.submodule_search_locations[0])


@cache
def _hub_tags(package: Path) -> dict[str, dict[str, str]]:
    """Which hub repository each tag of each model names, read from open_clip's list without importing it (5 to 8 s)."""
    tree = ast.parse((package / "pretrained.py").read_text("utf-8"))
    named = {
        target.id: node.value
        for node in tree.body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    table = named.get("_PRETRAINED")
    if not isinstance(table, ast.Dict):
        return {}
    found: dict[str, dict[str, str]] = {}
    for key, value in zip(table.keys, table.values, strict=True):
        entry = named.get(value.id, value) if isinstance(value, ast.Name) else value
        if isinstance(key, ast.Constant) and isinstance(entry, ast.Call):
            found[str(key.value)] = {word.arg: _hub_of(word.value) for word in entry.keywords if word.arg}
    return found


def _hub_of(call: ast.expr) -> str:
    """The `hf_hub` of a tag's entry; empty for weights that lie elsewhere."""
    if not isinstance(call, ast.Call):
        return ""
    words = {word.arg: word.value for word in call.keywords}
    hub = words.get("hf_hub")
    return str(hub.value) if isinstance(hub, ast.Constant) else ""


# --- model servers ---------------------------------------------------------------------------------------------------


def _server(rest: str, settings: Settings) -> Judged:
    address = addresses.parse(rest)
    addresses.permit(address, settings.allowed_hosts)
    warning = addresses.warning(rest)
    title = f"{address.model or 'the only model'} on {address.place}"
    return Judged(address.setting, title, ("en", "zh"), 0, (warning.rstrip(".").lower(),) if warning else ())


_JUDGES = {
    ("writer", "gguf"): _gguf_writer,
    ("writer", "transformers"): _transformers_writer,
    ("writer", "server"): _server,
    ("encoder", "open_clip"): _open_clip,
    ("reranker", "gguf"): _gguf_reranker,
    ("reranker", "transformers"): _transformers_reranker,
    ("reranker", "server"): _server,
}
