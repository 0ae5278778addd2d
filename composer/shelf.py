"""The nouns of the models on this machine. Light to import, because the window speaks of them too."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from composer.types import Language


class Check(Struct, frozen=True):
    """One thing that must be right on this machine."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    """What to do when it is not right."""


Purpose = Literal["writer", "encoder", "reranker"]
"""What the settings name one model for."""
Part = Literal["screens"]
"""What a switch of the settings turns on; there is one model for it."""


Gain = Literal["", "nothing", "unmeasured"]
"""What is known of the re-ranker in use: it adds something (or there is none); it was measured, adds nothing and is not
used; or nobody has measured it with this encoder."""


class Fit(Struct, frozen=True):
    """Whether a model fits into this machine's free memory, with a margin."""

    fits: Literal["yes", "tight", "no", "unknown"]
    sentence: str
    """The figures behind it: "Needs 1.6 GB of memory; 14.2 GB are free." """


class ModelRow(Struct, frozen=True, kw_only=True):
    """A model of the catalogue, or one found on this machine, as terminal and window show it."""

    name: str
    """What the verbs take: a name of the catalogue, or the setting itself for a model that was found."""
    setting: str
    """What the settings hold when it is chosen: "starter", "gguf:/models/some.gguf"."""
    purpose: Purpose | Part
    title: str
    megabytes: int
    """On disk; 0 while unknown."""
    memory_mb: int
    """Needed to run it; 0 while unknown."""
    licence: str
    languages: tuple[Language, ...]
    state: Literal["ready", "missing", "partial", "damaged"]
    """`partial`: some of it has come, and a pull goes on there."""
    about: str
    origin: str
    fit: Fit
    place: str = ""
    """Where it lies; empty while it is not here."""
    found_in: str = ""
    """The program whose folder it was found in ("LM Studio"); empty for the catalogue's own."""
    chosen: bool = False
    """Whether the settings name it."""
    gain: Gain = ""
    """Of the re-ranker in use."""


class ModelSet(Struct, frozen=True, kw_only=True):
    """Models that go together on a machine of a given size."""

    name: str
    """ "ram-16-zh": the memory it is for, in GB, and the language."""
    memory: Literal["ram", "vram"]
    gigabytes: int
    language: Language
    models: tuple[str, ...]
    """Names of rows: writer, encoder, re-ranker."""
    megabytes: int
    """Still to be fetched."""
    fit: Fit


class DiskUse(Struct, frozen=True, kw_only=True):
    """Bytes on the disk that holds the models."""

    models: int
    unfinished: int
    """Parts of pulls that did not end; a pull goes on with them, `remove` deletes them."""
    caches: int
    """What re-rankers keep of pictures; bounded, and made anew when needed."""
    free: int
