"""The words sent to models, by language: TOML templates read once and checked against their shape."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from composer.types import Language


class OutlinePrompts(Struct, frozen=True):
    system: str
    example_request: str
    example_answer: str
    request: str
    another: str
    untitled: str
    details_notes: str
    details_audience: str
    no_hints: str
    aspects: tuple[str, ...]
    """Headings for any topic, used when neither model nor library offers enough subjects."""


class WritePrompts(Struct, frozen=True):
    system: str
    tone: str
    audience: str
    frame: str
    ready: str
    passage: str
    told: str
    facts: str
    again: str
    points: tuple[str, ...]
    """What the first, second, ... passage of a section tells."""
    closing_starts: tuple[str, ...]
    """A passage in mid-article must not begin its last sentence like this."""
    unwanted: tuple[str, ...]
    """A chat model talking about itself."""


class PlanPrompts(Struct, frozen=True):
    system: str
    example_request: str
    example_answer: str
    request: str
    tones: tuple[str, ...]


class CaptionPrompts(Struct, frozen=True):
    system: str
    example_request: str
    example_answer: str
    request: str
    seen_request: str
    """For a writer that is shown the picture: what it says of itself may be missing."""
    untold: str
    """Stands for the picture's own words where it has none."""
    translate_system: str = ""
    """For pictures with words of another language; empty where it cannot be told what those name."""
    translate_example_request: str = ""
    translate_example_answer: str = ""
    translate_request: str = ""


class TranslatePrompts(Struct, frozen=True):
    system: str
    request: str


class Prompts(Struct, frozen=True):
    outline: OutlinePrompts
    write: WritePrompts
    plan: PlanPrompts
    caption: CaptionPrompts
    translate: TranslatePrompts


@cache
def prompts(language: Language) -> Prompts:
    """All templates of one language. A template with a missing part is a mistake of ours and fails loudly."""
    text = files(__name__).joinpath(f"{language}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Prompts)
