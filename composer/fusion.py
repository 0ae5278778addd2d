"""How signals are joined for one set of models, as a file that a person can read: weights, scales, what they rest on.

The program's own file lies with the models; a desk's fit lies in PICTORIAL_HOME/fusion.toml, of the same form, and
wins.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from composer.errors import SettingsError
from composer.files import write_safely
from composer.home import home
from composer.stages.rank import Signal, Weights
from composer.types import SignalName

ANY = "*"
"""Stands for every encoder or every re-ranker."""
HINT = "Correct it, or delete it with `python main.py evaluate --unfit`."
_HEAD = """How this desk joins what is measured of a picture; written by `evaluate --fit`, removed by `--unfit`.
Each signal is brought to 0..1 by a logistic with its middle and width (width 0: taken as it is). Weights are relative.
"""


class Fusion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How signals become one score with one set of models."""

    encoder: str
    """As in the settings, or ANY."""
    reranker: str
    """As in the settings, or ANY."""
    signals: dict[SignalName, Signal]
    empty_below: Annotated[float, Meta(ge=0.0, le=1.0)]
    """A slot stays empty when no candidate's final score reaches this."""
    fitted: str = ""
    """On what, and how well, cross-validated; empty for weights that nobody has fitted."""

    @property
    def weights(self) -> Weights:
        return Weights(self.signals, self.fitted)


class _File(Struct, forbid_unknown_fields=True):
    set: list[Fusion]


def parse(text: str, name: str) -> tuple[Fusion, ...]:
    """What a file says, a table a set of models. `name` stands in the sentence of the SettingsError that is raised."""
    try:
        found = msgspec.convert(tomllib.loads(text), _File).set
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{name} cannot be used ({error}).", HINT) from error
    for fusion in found:
        if wrong := _wrong(fusion.signals):
            raise SettingsError(f"{name} cannot be used ({wrong}).", HINT)
    return tuple(found)


def chosen(known: Sequence[Fusion], encoder: str, reranker: str) -> Fusion | None:
    """The set of those names; else one for any re-ranker with that encoder, for any encoder, for any of both."""
    by_names = {(fusion.encoder, fusion.reranker): fusion for fusion in known}
    wanted = [(encoder, reranker), (encoder, ANY), (ANY, reranker), (ANY, ANY)]
    return next((by_names[names] for names in wanted if names in by_names), None)


# --- the desk's own ---


def desk_file() -> Path:
    return home() / "fusion.toml"


def desk() -> tuple[Fusion, ...]:
    """The desk's own fits, none if there is no file. Raises SettingsError when it cannot be used."""
    path = desk_file()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}).", HINT) from error
    return parse(text, str(path))


def keep(fusion: Fusion) -> Path:
    """Write a desk's fit in the place of the one for the same models; others stay. Raises SettingsError as `desk`."""
    others = [each for each in desk() if (each.encoder, each.reranker) != (fusion.encoder, fusion.reranker)]
    _write([*others, fusion])
    return desk_file()


def forget(encoder: str, reranker: str) -> bool:
    """Remove the desk's fit for these models, and a file that cannot be used; returns whether there was anything."""
    try:
        known = desk()
    except SettingsError:
        desk_file().unlink()
        return True
    others = [each for each in known if (each.encoder, each.reranker) != (encoder, reranker)]
    if others:
        _write(others)
    else:
        with suppress(FileNotFoundError):
            desk_file().unlink()
    return len(others) < len(known)


def _write(fusions: Sequence[Fusion]) -> None:
    head = "".join(f"# {line}\n" for line in _HEAD.splitlines())
    write_safely(desk_file(), "\n".join([head, *map(_table, fusions)]).encode("utf-8"))


def _table(fusion: Fusion) -> str:
    """One set of models, a signal a line."""
    signals = [
        f"{name} = {{ weight = {signal.weight!r}, middle = {signal.middle!r}, width = {signal.width!r} }}\n"
        for name, signal in fusion.signals.items()
    ]
    said = {"encoder": fusion.encoder, "reranker": fusion.reranker, "fitted": fusion.fitted}
    words = [f"{name} = {_quoted(value)}\n" for name, value in said.items()]
    return "".join(["[[set]]\n", *words, f"empty_below = {fusion.empty_below!r}\n", "[set.signals]\n", *signals])


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes, and the one control character that JSON lets stand."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _wrong(signals: dict[SignalName, Signal]) -> str:
    """What is wrong with weights, in a few words; empty where nothing is."""
    for name, signal in signals.items():
        if not all(math.isfinite(value) for value in (signal.weight, signal.middle, signal.width)):
            return f"{name} has a figure that is no number"
        if signal.weight < 0 or signal.width < 0:
            return f"{name} has a weight or width below 0"
    return "" if any(signal.weight > 0 for signal in signals.values()) else "no signal has a weight above 0"
