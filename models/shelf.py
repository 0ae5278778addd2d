"""The store as the terminal's verbs see it."""

from __future__ import annotations

from collections.abc import Iterator

from composer.ports import Cancel, Check, ModelRow
from composer.settings import Settings
from models import doctor, store


class Shelf:
    """Implements composer.ports.ModelShelf."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def rows(self) -> list[ModelRow]:
        return [
            ModelRow(
                name=model.name,
                purpose=model.purpose,
                title=model.title,
                megabytes=round(model.size / 1e6),
                licence=model.licence,
                languages=model.languages,
                state=store.state(model),
                about=model.about,
            )
            for model in store.catalogue().values()
        ]

    def pull(self, name: str, cancel: Cancel) -> Iterator[tuple[str, int, int]]:
        for step in store.pull(store.find(name), cancel):
            yield step.file, step.done, step.total

    def verify(self, name: str) -> dict[str, str]:
        return dict(store.verify(store.find(name)))

    def checks(self) -> Iterator[Check]:
        return doctor.checks(self._settings)
