"""The store as the terminal's verbs and the window see it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import psutil
from msgspec.structs import replace

from composer import settings as saved
from composer.errors import ModelNotReady
from composer.home import home, subfolder
from composer.ports import Cancel, Check, DiskUse, Fit, ModelRow, ModelSet, Purpose
from composer.settings import Settings
from models import doctor, store

SETTINGS = {"starter-writer": "starter", "starter-writer-tiny": "starter-tiny", "starter-encoder": "starter"}


class Shelf:
    """Implements composer.ports.ModelShelf."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def rows(self) -> list[ModelRow]:
        return [self._row(model) for model in store.catalogue().values()]

    def sets(self) -> list[ModelSet]:
        return []

    def pull(self, name: str, cancel: Cancel) -> Iterator[tuple[str, int, int]]:
        for step in store.pull(store.find(name), cancel):
            yield step.file, step.done, step.total

    def verify(self, name: str) -> dict[str, str]:
        return dict(store.verify(store.find(name)))

    def remove(self, name: str) -> int:
        return store.remove(store.find(name))

    def use(self, name: str, purpose: Purpose | None = None) -> None:
        model = store.find(name)
        if purpose not in {None, model.purpose}:
            raise ModelNotReady(f"{name} is no {purpose}.", "See `python main.py models list`.")
        store.ready(model)
        self._save(replace(self._settings, **{model.purpose: SETTINGS.get(model.name, model.name)}))

    def allow(self, host: str) -> None:
        hosts = dict.fromkeys((*self._settings.allowed_hosts, host))
        self._save(replace(self._settings, allowed_hosts=tuple(hosts)))

    def disk(self) -> DiskUse:
        used = sum(path.stat().st_size for path in subfolder("models").rglob("*") if path.is_file())
        return DiskUse(models=used, unfinished=0, caches=0, free=shutil.disk_usage(home()).free)

    def checks(self) -> Iterator[Check]:
        return doctor.checks(self._settings)

    def _row(self, model: store.Model) -> ModelRow:
        setting = SETTINGS.get(model.name, model.name)
        state = store.state(model)
        return ModelRow(
            name=model.name,
            setting=setting,
            purpose=model.purpose,
            title=model.title,
            megabytes=round(model.size / 1e6),
            memory_mb=model.memory_mb,
            licence=model.licence,
            languages=model.languages,
            state=state,
            about=model.about,
            origin=model.origin,
            fit=_fit(model.memory_mb),
            place=str(store.folder(model)) if state != "missing" else "",
            chosen=getattr(self._settings, model.purpose) == setting,
        )

    def _save(self, settings: Settings) -> None:
        saved.save(settings)
        self._settings = settings


def _fit(needed_mb: int) -> Fit:
    free = psutil.virtual_memory().available / 1e9
    fits = "yes" if free > 1.3e-3 * needed_mb else "tight" if free > 1e-3 * needed_mb else "no"
    return Fit(fits, f"Needs {needed_mb / 1e3:.1f} GB of memory; {free:.1f} GB are free.")
