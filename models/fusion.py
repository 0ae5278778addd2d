"""How signals are joined with the models of the settings: the desk's own fit, else the program's (fusion.toml)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from msgspec.structs import replace

from composer import fusion
from composer.errors import SettingsError
from composer.fusion import Fusion
from composer.settings import Settings
from composer.shelf import Gain
from composer.stages.rank import Signal, Weights
from composer.types import SignalName


@cache
def known() -> tuple[Fusion, ...]:
    """What the program brings."""
    return fusion.parse(files("models").joinpath("fusion.toml").read_text("utf-8"), "models/fusion.toml")


def own(settings: Settings) -> Fusion:
    """What the program brings for these models, whatever the desk has fitted."""
    found = fusion.chosen(known(), settings.encoder, settings.reranker)
    assert found is not None  # noqa: S101 - the file has a table for any models
    return found


def fusion_of(settings: Settings) -> Fusion:
    """What holds for these models. A desk's file that cannot be used is passed over; `problem` tells it."""
    try:
        return fusion.chosen(fusion.desk(), settings.encoder, settings.reranker) or own(settings)
    except SettingsError:
        return own(settings)


def problem() -> SettingsError | None:
    """What is wrong with the desk's file."""
    try:
        fusion.desk()
    except SettingsError as error:
        return error
    return None


def weights_of(settings: Settings) -> Weights:
    """How scores become one: each score on the scale of the model that gives it, none of a model that there is not."""
    found = fusion_of(settings).weights
    if settings.reranker != "none":
        return found
    signals: dict[SignalName, Signal] = {name: each for name, each in found.signals.items() if name != "rerank"}
    return replace(found, signals=signals)


def empty_below_of(settings: Settings) -> float:
    """What the writer set, where it is not what everyone has; else what was found together with the weights."""
    if settings.empty_below != Settings().empty_below:
        return settings.empty_below
    return fusion_of(settings).empty_below


def gain_of(settings: Settings) -> Gain:
    """What is known of what the re-ranker adds; "" where it adds something, or where there is none."""
    if settings.reranker == "none":
        return ""
    found = fusion_of(settings)
    judged = found.signals.get("rerank")
    if judged is not None and judged.weight <= 0:
        return "nothing"
    return "" if found.fitted and judged is not None else "unmeasured"
