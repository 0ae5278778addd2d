"""The picture library in words: what a filter asks for, what a right means, how far the work in the background is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from composer import wire
from composer.collection import Filter, Hit, Rights, Screens
from composer.types import Picture
from ui.images import name_of
from ui.model_words import size
from ui.progress_strip import time_left
from ui.texts import plural, text

DAY = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
"""ISO 8601, as exact as the writer wishes."""
WIDTHS = (1000, 2000, 4000)
STAR, NO_STAR = "★", "☆"


def title_of(picture: Picture) -> str:
    """What a picture is called: by its caption, its title, or its file."""
    return picture.caption or picture.title or name_of(picture.path)


def is_day(words: str) -> bool:
    """Whether a date can be looked for: empty, 2019, 2019-05 or 2019-05-04."""
    return not words or DAY.fullmatch(words) is not None


def orientations() -> dict[str, str]:
    return {"landscape": text("Landscape"), "portrait": text("Portrait"), "square": text("Square")}


def kinds() -> dict[str, str]:
    return {"photograph": text("Photographs"), "drawing": text("Drawings"), "text": text("Pages of text")}


def rights_words() -> dict[Rights, str]:
    return {"free": text("Free to print"), "licensed": text("Licensed"), "unknown": text("Rights unknown")}


def orders() -> dict[str, str]:
    return {
        "best": text("Best first"), "newest": text("Newest first"), "oldest": text("Oldest first"),
        "name": text("By name"), "rating": text("Most stars first"), "largest": text("Largest first"),
    }  # fmt: skip


def colours() -> dict[str, str]:
    return {
        "red": text("Red"), "orange": text("Orange"), "yellow": text("Yellow"), "green": text("Green"),
        "blue": text("Blue"), "purple": text("Purple"), "pink": text("Pink"), "brown": text("Brown"),
        "black": text("Black"), "grey": text("Grey"), "white": text("White"),
    }  # fmt: skip


def stars(rating: int) -> str:
    return STAR * max(0, min(5, rating))


def figures_of(hit: Hit) -> str:
    """The scores of a hit; what was not scored is left out."""
    parts = [(text("Look"), hit.vector), (text("Words"), hit.words), (text("All"), hit.score)]
    return "  ".join(f"{name} {value:.2f}" for name, value in parts if value is not None)


def found_words(total: int, *, everything: bool) -> str:
    """How many were found."""
    if everything:
        return plural("{count} picture in the library", "{count} pictures in the library", total)
    return plural("{count} picture found", "{count} pictures found", total)


def chips_of(chosen: Filter) -> list[tuple[str, Filter]]:
    """What a filter asks for, one by one, each with the filter as it is without that."""
    from msgspec.structs import replace

    empty = Filter()
    chips: list[tuple[str, Filter]] = []
    for field, words in _WORDS.items():
        value = getattr(chosen, field)
        if value != getattr(empty, field):
            chips.append((words(value), replace(chosen, **{field: getattr(empty, field)})))
    return chips


def screens_words(screens: Screens) -> str:
    """What was seen in a picture, in one line."""
    parts = [kinds().get(screens.kind, screens.kind)]
    if screens.sharpness is not None:
        parts.append(text("sharpness {percent} %", percent=round(screens.sharpness * 100)))
    if screens.writing is not None:
        parts.append(text("writing {percent} %", percent=round(screens.writing * 100)))
    if screens.mark is not None:
        parts.append(text("watermark {percent} %", percent=round(screens.mark * 100)))
    if screens.unsafe is not None:
        parts.append(text("unsafe {percent} %", percent=round(screens.unsafe * 100)))
    if screens.faces is not None:
        parts.append(plural("{count} face", "{count} faces", screens.faces))
    parts += [colours().get(colour, colour).lower() for colour in screens.colours]
    return text(", ").join(part for part in parts if part)


def indexing_words(report: wire.Indexing) -> str:
    """How far the work in the background is."""
    steps = {
        "scan": text("Looking through the folders"), "look": text("Looking at the pictures"),
        "captions": text("Describing pictures"), "screens": text("Checking pictures"),
        "content": text("Looking for faces"), "text": text("Reading text in pictures"),
        "index": text("Making them searchable"),
    }  # fmt: skip
    if report.total:
        far = text("{done} of {total}", done=f"{report.done:,}", total=f"{report.total:,}")
    else:
        far = plural("{count} picture", "{count} pictures", report.done)
    left = time_left(report.seconds_left) if report.seconds_left is not None else ""
    return " · ".join(part for part in (steps[report.step], far, left) if part)


def size_words(bytes_: int) -> str:
    return size(bytes_ / 1e6)


def _named(table: Callable[[], dict[Any, str]]) -> Callable[[Any], str]:
    return lambda value: table().get(value, str(value))


_WORDS: dict[str, Callable[[Any], str]] = {
    "folders": lambda value: text("In {folder}", folder=text(", ").join(Path(each).name or each for each in value)),
    "orientation": _named(orientations),
    "kind": _named(kinds),
    "taken_from": lambda value: text("From {day}", day=value),
    "taken_to": lambda value: text("Until {day}", day=value),
    "place": lambda value: text("Place: {words}", words=value),
    "person": lambda value: text("Person: {words}", words=value),
    "people": lambda value: text("People are named or seen") if value else text("Nobody is named or seen"),
    "rights": lambda value: text(" or ").join(rights_words()[each] for each in value),
    "licence": lambda value: text("Licence: {words}", words=value),
    "colour": _named(colours),
    "tags": lambda value: text("Tag: {words}", words=text(", ").join(value)),
    "rating": lambda value: text("{stars} or more", stars=stars(value)),
    "width": lambda value: text("{pixels} pixels wide or more", pixels=value),
    "unused": lambda _: text("Not used yet"),
    "hidden": lambda _: text("Hidden ones"),
    "screens": lambda _: text("Without weak ones"),
    "copies": lambda _: text("With near-duplicates"),
}
"""By field of the filter."""
