"""Places: after which paragraphs people put pictures, from the text and from what the library can show.

Each place gets the chance that an author would have put a picture there: a logistic regression on what can be read off
the text (how far on it is, lists, the ends of sections, lengths, words such as "below" or "如图"), and how well the
library can illustrate it. From the chances the places are chosen together: those whose expected agreement with what
authors do is highest, where a picture one paragraph off is nearly as good. Pictures keep apart by that, and how many
there are follows from it, unless a number is asked for. The weights come from articles that people illustrated;
`bench/places.py` fits them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer import prose
from composer.types import MOST_PICTURES, Language

Numbers = NDArray[np.float64]
DRAWS = 64
"""Imagined authors over whom agreement is averaged."""
TASTE = 0.7
"""Standard deviation, in log-odds, by which imagined authors like more or fewer pictures."""
EXACT = 0.2
"""Share of the agreement that goes by the exact place; the rest counts a neighbouring one as well."""
ANCHORED = 1.0
"""Log-odds that a section gains which was planned around a picture of the library: it is there to be shown. Chosen by
looking at articles; none of those that the weights were fitted on was planned so."""
CHARACTERS_A_WORD = 1.7
"""Chinese characters that say about as much as an English word."""
_POINTING = {
    "en": re.compile(
        r"\b(below|above|here|photos?|pictures?|images?|shown|figures?|see|looks?|views?|this is|these)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile("如下|如图|图|成品|效果|状态|样子"),
}
_COURSE = {
    "en": re.compile(
        r"\b(then|next|after|when|now|finally|arrived|walked|went|saw|took|day|morning|evening)\b", re.IGNORECASE
    ),
    "zh": re.compile("然后|接着|之后|放入|加入|倒入|开|煮|炒|切|翻|至"),
}
"""Words of what happens one after the other."""
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_BY_LANGUAGE = ("one", "opening", "list", "list goes on", "first", "last", "length", "place", "paragraphs")
"""What Chinese articles have a weight of their own for."""


class Passage(Struct, frozen=True):
    """A paragraph or a list, and the section that it is in."""

    text: str
    section: int

    @property
    def listed(self) -> bool:
        return self.text.lstrip().startswith("- ")


class _Fitted(Struct, frozen=True):
    weights: dict[str, float]
    fitted_on: tuple[str, ...] = ()


@cache
def _table() -> _Fitted:
    return msgspec.toml.decode(Path(__file__).with_name("places.toml").read_bytes(), type=_Fitted)


def shipped() -> Mapping[str, float]:
    """The weights that the program comes with."""
    return _table().weights


def fitted_on() -> tuple[str, ...]:
    """Hashes of the gold sets that those weights come from: what is measured there is not measured on new articles."""
    return _table().fitted_on


def seen(passages: Sequence[Passage], language: Language) -> dict[str, Numbers]:
    """What the model sees of a text: by name arrays of shape (passages + 1,), the place before all text first.

    Where there is no text there are no places.
    """
    if not passages:
        return {"one": np.zeros(0)}
    lengths = [max(1.0, prose.length(each.text, language) / _unit(language)) for each in passages]
    spots = [_spot(passages, lengths, at, language) for at in range(-1, len(passages))]
    table = {name: np.array([spot[name] for spot in spots], np.float64) for name in spots[0]}
    chinese = {f"zh {name}": table[name] * float(language == "zh") for name in _BY_LANGUAGE}
    return {**table, **chinese}


def _spot(passages: Sequence[Passage], lengths: Sequence[float], at: int, language: Language) -> dict[str, float]:
    """One place: behind passage `at`, -1 before all. Lengths in words."""
    here = passages[at] if at >= 0 else None
    below = passages[at + 1] if at + 1 < len(passages) else None
    text, long = (here.text, lengths[at]) if here else ("", 0.0)
    goes_on = here is not None and below is not None and below.section == here.section
    twenties = 1 + long / 20
    return {
        "one": 1.0,
        "opening": here is None,
        "after first": at == 0,
        "closing": at == len(passages) - 1,
        "place": sum(lengths[: at + 1]) / sum(lengths),
        "first": here is not None and (at == 0 or passages[at - 1].section != here.section),
        "last": here is not None and not goes_on,
        "list": here is not None and here.listed,
        "list follows": below is not None and below.listed,
        "list goes on": here is not None and below is not None and goes_on and here.listed and below.listed,
        "length": np.log1p(long),
        "length of next": np.log1p(lengths[at + 1]) if below else 0.0,
        "length beside others": long / float(np.mean(lengths)),
        "colon": text.rstrip().endswith((":", "：")),
        "points at something": bool(_POINTING[language].search(text)),
        "course of things": len(_COURSE[language].findall(text)) / twenties,
        "names": len(_NAME.findall(text)) / twenties,
        "digits": sum(each.isdigit() for each in text) / (len(text) + 1),
        "exclaims": any(mark in text[-2:] for mark in "!！"),
        "address": "http" in text,
        "paragraphs": np.log(len(passages)),
    }


def _unit(language: Language) -> float:
    return CHARACTERS_A_WORD if language == "zh" else 1.0


def chances(
    text: Mapping[str, Numbers],
    weights: Mapping[str, float],
    evidence: Sequence[float] = (),
    anchored: Collection[int] = (),
) -> Numbers:
    """The chance of a picture at each place, 0 to 1, the place before all text first.

    `evidence`: how well the library can illustrate each passage, in any unit; it counts by how it stands out in this
    text, with the weight "library". `anchored`: passages that open a section which was planned around a picture.
    """
    odds = sum((weights.get(name, 0.0) * values for name, values in text.items()), np.zeros(len(text["one"])))
    shown = np.asarray(evidence, np.float64)
    if len(shown) > 1:
        odds[1:] += weights.get("library", 0.0) * (shown - shown.mean()) / (shown.std() + 1e-6)
    for passage in anchored:
        odds[passage + 1] += ANCHORED
    return np.asarray(np.clip(1 / (1 + np.exp(-odds)), 1e-4, 1 - 1e-4), np.float64)


def choose(likely: Numbers, count: int | None) -> list[int]:
    """The places with the highest expected agreement, ascending: 0 stands for the first of `likely`.

    `count` of them, or as many as make the agreement highest. Agreement is F1 with the places that an imagined author
    draws by the chances. Greedy, then places move by up to two while that gains: the expectation over draws is close to
    submodular (Nemhauser, Wolsey and Fisher 1978). The same for the same chances.
    """
    authors = _authors(likely)
    chosen: list[int] = []
    value = 0.0
    while len(chosen) < min(MOST_PICTURES if count is None else count, len(likely)):
        free = [place for place in range(len(likely)) if place not in chosen]
        tried = [sorted([*chosen, place]) for place in free]
        found = _agreements(tried, authors)
        best = int(found.argmax())
        if count is None and chosen and found[best] <= value + 1e-9:
            break
        chosen, value = tried[best], float(found[best])
    return _moved(chosen, authors, len(likely), fixed=count is not None)


def _authors(likely: Numbers) -> NDArray[np.bool_]:
    """Where each of DRAWS imagined authors puts pictures, shape (DRAWS, places)."""
    random = np.random.default_rng(0)
    odds = np.log(likely / (1 - likely))
    tastes = 1 / (1 + np.exp(-(odds + random.normal(0, TASTE, (DRAWS, 1)))))
    return np.array([random.random(len(odds)) < taste for taste in tastes])


def _moved(chosen: list[int], authors: NDArray[np.bool_], count: int, *, fixed: bool) -> list[int]:
    """The choice after single places have moved, or gone where their number is free, as long as that gains."""
    value = float(_agreements([chosen], authors)[0]) if chosen else 0.0
    while chosen:
        tried = [
            sorted([*(each for each in chosen if each != place), place + step])
            for place in chosen
            for step in (-2, -1, 1, 2)
            if 0 <= place + step < count and place + step not in chosen
        ]
        tried += [] if fixed or len(chosen) == 1 else [[each for each in chosen if each != place] for place in chosen]
        some = [_agreements(same, authors) for same in _by_length(tried)]
        if not some or max(found.max() for found in some) <= value + 1e-9:
            break
        group = max(range(len(some)), key=lambda at: float(some[at].max()))
        chosen, value = _by_length(tried)[group][int(some[group].argmax())], float(some[group].max())
    return chosen


def _by_length(tried: Sequence[list[int]]) -> list[list[list[int]]]:
    lengths = sorted({len(each) for each in tried}, reverse=True)
    return [[each for each in tried if len(each) == length] for length in lengths]


def _agreements(tried: Sequence[Sequence[int]], authors: NDArray[np.bool_]) -> Numbers:
    """Mean agreement of each choice, all of one length and ascending, with the authors."""
    places = np.asarray(tried, np.int64)
    near, exact = _near(places, authors), authors[:, places].sum(2).T
    together = places.shape[1] + authors.sum(1)[None, :]
    return np.asarray((2 * ((1 - EXACT) * near + EXACT * exact) / together).mean(1), np.float64)


def _near(places: NDArray[np.int64], authors: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many pairs can be made with each author's places at most one apart; shape (choices, authors).

    Both ascend, so that taking the earliest that fits is best.
    """
    choices, rows = len(places), np.arange(len(places))
    free = np.zeros((choices, len(authors), authors.shape[1] + 2), bool)
    free[:, :, 1:-1] = authors
    pairs = np.zeros((choices, len(authors)), np.int64)
    for column in places.T:
        open_ = np.ones((choices, len(authors)), bool)
        for step in (0, 1, 2):  # the place before, the place itself, the one behind; `free` is one place wider
            fits = free[rows, :, column + step] & open_
            free[rows, :, column + step] &= ~fits
            open_ &= ~fits
            pairs += fits
    return pairs
