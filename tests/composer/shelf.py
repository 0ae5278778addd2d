"""A shelf of models that are only names: it remembers what was done with it, and holds a pull until it is let go."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from msgspec.structs import replace

from composer import settings
from composer.errors import ModelNotReady
from composer.ports import Cancel, Check, DiskUse, Fit, Gain, ModelRow, ModelSet, Purpose

FITS = Fit("yes", "Needs 1.0 GB of memory; 8.0 GB are free.")


def row(name: str, purpose: Purpose = "writer", **changes: object) -> ModelRow:
    made = ModelRow(
        name=name,
        setting=name,
        purpose=purpose,
        title=name.title(),
        megabytes=100,
        memory_mb=1000,
        licence="Apache-2.0",
        languages=("en",),
        state="missing",
        about=f"About {name}.",
        origin="A test",
        fit=FITS,
    )
    return replace(made, **changes)


class FakeShelf:
    """Implements composer.ports.ModelShelf; every command of the engine is given this same one."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {"small": "ready", "large": "missing", "eye": "ready"}
        self.done: list[str] = []
        self.pulling = threading.Event()
        """Set while a pull waits."""
        self.go = threading.Event()

    def rows(self) -> list[ModelRow]:
        now = settings.load()
        purposes: dict[str, Purpose] = {"small": "writer", "large": "writer", "eye": "reranker"}
        return [
            row(name, purpose, state=self.states[name], chosen=getattr(now, purpose) == name)
            for name, purpose in purposes.items()
        ]

    def sets(self) -> list[ModelSet]:
        return [
            ModelSet(
                name="ram-8-en", memory="ram", gigabytes=8, language="en", models=("large", "eye"), megabytes=100,
                fit=FITS,
            )
        ]  # fmt: skip

    def pull(self, name: str, cancel: Cancel) -> Iterator[tuple[str, int, int]]:
        self._find(name)
        for done in range(0, 101, 10):
            yield "weights.bin", done, 100
            if done == 50:
                self.pulling.set()
                while not self.go.wait(0.002):
                    cancel.check()
        self.states[name] = "ready"

    def verify(self, name: str) -> dict[str, str]:
        self._find(name)
        return {"weights.bin": self.states[name]}

    def remove(self, name: str) -> int:
        self._find(name)
        self.states[name] = "missing"
        return 100

    def use(self, name: str, purpose: Purpose | None = None) -> None:
        if ":" not in name and self.states[name] != "ready":
            raise ModelNotReady(f"{name} is not here.", "Get it first.")
        now = settings.load()
        settings.save(replace(now, **{purpose or "writer": name}))
        self.done.append(f"use {name}")

    def allow(self, host: str) -> None:
        now = settings.load()
        settings.save(replace(now, allowed_hosts=(*now.allowed_hosts, host)))

    def set_library(
        self, index: str | None = None, read_texts: bool | None = None, screen_content: bool | None = None
    ) -> None:
        if index and not index.startswith("milvus:"):
            raise ModelNotReady(f"{index} is no place.", "Write milvus:FILE.db.")
        changed = {"index": index, "read_texts": read_texts, "screen_content": screen_content}
        told = {name: value for name, value in changed.items() if value is not None}
        settings.save(replace(settings.load(), **told))

    def disk(self) -> DiskUse:
        return DiskUse(models=200, unfinished=0, caches=0, free=1000)

    def gain(self) -> Gain:
        return "unmeasured"

    def checks(self) -> Iterator[Check]:
        yield Check("Python", ok=True, detail="3.11")
        yield Check("Disk", ok=False, detail="full", hint="Make room.")

    def _find(self, name: str) -> None:
        if name not in self.states:
            raise ModelNotReady(f"There is no model named {name}.", "Choose another.")
