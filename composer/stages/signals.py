"""Signals of a picture at a place that need no model: its form, size, rights, freshness and colours.

Pure functions of what the library knows of a picture (`Traits`). Each gives 0 (speaks against it) to 1 (for it), or
None where it cannot be told.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from composer.collection import Rights
from composer.types import Language, SlotKind

Page = Literal["landscape", "portrait"]

_SHAPES: dict[SlotKind, tuple[float, float]] = {
    "opening": (3 / 2, 16 / 9),
    "scene": (5 / 4, 16 / 9),
    "place": (5 / 4, 16 / 9),
    "object": (1.0, 3 / 2),
    "person": (2 / 3, 3 / 2),
    "diagram": (3 / 4, 2.0),
}
"""Width by height that suits a place, least and most, where text is as wide as on a desk's screen: the usual shapes of
photographs (2:3, 1:1, 5:4, 3:2) and the screen's (16:9)."""
_UPRIGHT = 2 / 3
"""Least width by height that suits any place of an upright page."""
_OCTAVE = 0.5
"""Doublings of width by height past what suits at which a picture has 0.6 left (a Gaussian)."""
_SIZE, _SIZES = 700.0, 0.4
"""Pixels across that are half enough, about a column on a screen or 6 cm in print (300 a 2.54 cm), and the step in
doublings."""
_RIGHTS: dict[Rights, float] = {"free": 1.0, "licensed": 0.8, "unknown": 0.5}
"""Free pictures can be printed at once. Of licensed ones it is known what to mind and whom to ask. Of unknown ones
neither: but most pictures of a writer's own folders say nothing, and are the writer's own, so that it is no verdict."""
_YEAR = 365.0
"""Days after which half of what a use took from a picture has come back."""
_LIKE = 14.4
"""Distance in CIELAB at which colours count as half alike: the median of all pairs of the demo's 389 photographs."""
_PROPORTION = 0.25
"""Doublings of width by height at which two pictures count as half alike."""
_MOST = 2.5
"""Standard deviations beyond which a look is not more so."""
_PROBIT = 1.702
"""Makes the logistic the normal distribution's, within 0.01 (Camilli 1994)."""


class Colours(Struct, frozen=True, eq=False):
    """What the colours of a picture are like, in CIELAB (D65), over 64 fields of it."""

    lightness: float
    """Mean L*, 0 to 100."""
    chroma: float
    """Mean C*, 0 (grey) to some 130."""
    warmth: float
    """Mean warm-cool, grey at -0.5: -0.5 + 0.02 C*^1.07 cos(h - 50 degrees) (Ou, Luo, Woodcock and Wright 2004, "A
    study of colour emotion and colour preference, part I")."""
    contrast: float
    """Standard deviation of L*."""
    shades: NDArray[np.float32]
    """Shape (3, 64): the fields' L*, a* and b*, each sorted."""


class Traits(Struct, frozen=True, kw_only=True, eq=False):
    """What the library knows of a picture without asking a model."""

    width: int
    height: int
    rights: Rights = "unknown"
    uses: int = 0
    """In how many other articles."""
    days: int | None = None
    """Since the last of these uses; None: never used, or not known when."""
    kind: str = ""
    """photograph, drawing or text; empty: not looked at, or could be either."""
    colours: Colours | None = None

    @property
    def drawn(self) -> bool:
        """Whether its colours are a designer's and not the world's."""
        return self.kind in {"drawing", "text"}


class _Mood(Struct, frozen=True, forbid_unknown_fields=True):
    en: tuple[str, ...]
    zh: tuple[str, ...]
    pleasure: float
    arousal: float
    warmth: float = 0.0
    contrast: float = 0.0


def shape(traits: Traits, kind: SlotKind, page: Page = "landscape") -> float | None:
    """How well width by height suits a place of that kind; strips and slips suffer everywhere."""
    if traits.width <= 0 or traits.height <= 0:
        return None
    least, most = _SHAPES[kind]
    if page == "portrait":
        least = min(least, _UPRIGHT)
    ratio = traits.width / traits.height
    off = max(0.0, math.log2(least / ratio), math.log2(ratio / most))
    return math.exp(-((off / _OCTAVE) ** 2) / 2)


def size(traits: Traits) -> float | None:
    """Whether there are enough pixels for print and screen: 0.05 at 300 across, 0.5 at 700, 0.95 at 1,600.

    Counted is the longer side of the largest 3:2 picture, lying or upright, that could be cut out.
    """
    if traits.width <= 0 or traits.height <= 0:
        return None
    across = min(max(traits.width, traits.height), 1.5 * min(traits.width, traits.height))
    return _logistic(math.log2(across / _SIZE) / _SIZES)


def rights(traits: Traits) -> float:
    """How easily it may be printed: free 1, licensed 0.8, unknown 0.5."""
    return _RIGHTS[traits.rights]


def fresh(traits: Traits) -> float:
    """1 for a picture that was never used; 0.5 on the day of its first use, 0.25 of its third; back with the years."""
    if not traits.uses:
        return 1.0
    spent = traits.uses / (1 + traits.uses)
    return 1.0 - spent * 0.5 ** ((traits.days or 0) / _YEAR)


def mood(traits: Traits, tone: str, language: Language) -> float | None:
    """How well light and colours go with a tone in words: the share of photographs that go less well, within 0.1.

    Pleasure is 0.69 brightness + 0.22 saturation, arousal -0.31 brightness + 0.60 saturation, in standard deviations
    (Valdez and Mehrabian 1994, "Effects of color on emotions"; Munsell's value and chroma are near L* and C*). A tone
    is a direction in these (moods.toml). None for drawings, and where no word of the tone is known.
    """
    wanted = _wanted(tone, language)
    if wanted is None or traits.colours is None or traits.drawn:
        return None
    return _logistic(_PROBIT * sum(want * has for want, has in zip(wanted, _looks(traits.colours), strict=True)))


def palette(traits: Traits, others: Sequence[Traits]) -> float | None:
    """How much its colours are like those of the article's other pictures: 1 as theirs, 0.5 as of any photographs.

    The mean over the others of 2 ^ (-distance / median distance of unrelated photographs). The distance is the earth
    mover's between their L*, between their a* and between their b*, averaged (for one dimension: Werman, Peleg and
    Rosenfeld 1985). Drawings are only held against drawings, photographs against photographs; None without any.
    """
    if traits.colours is None:
        return None
    alike = [each.colours.shades for each in others if each.colours is not None and each.drawn == traits.drawn]
    if not alike:
        return None
    distances = np.abs(np.stack(alike) - traits.colours.shades).mean(axis=(1, 2))
    return float(np.exp2(-distances / _LIKE).mean())


def proportions(traits: Traits, others: Sequence[Traits]) -> float | None:
    """How much its width by height is like that of the article's other pictures: 1 as theirs; None without any.

    The mean over the others of 2 ^ (-difference / a quarter of a doubling): a 4:3 picture beside a 3:2 one has 0.6, an
    upright one beside it 0.04. Whoever took an article's pictures took them with one camera.
    """
    if traits.width <= 0 or traits.height <= 0:
        return None
    known = [each.width / each.height for each in others if each.width > 0 and each.height > 0]
    if not known:
        return None
    ratio = traits.width / traits.height
    return sum(2 ** (-abs(math.log2(ratio / other)) / _PROPORTION) for other in known) / len(known)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


_PHOTOGRAPHS = {"lightness": (53.6, 15.1), "chroma": (17.8, 10.6), "warmth": (-0.37, 0.31), "contrast": (15.4, 5.7)}
"""Mean and standard deviation of 389 photographs: the demo's library."""


def _looks(colours: Colours) -> tuple[float, ...]:
    """Lightness, chroma, warmth and contrast in standard deviations from the average photograph's."""
    deviations = ((getattr(colours, name) - mean) / spread for name, (mean, spread) in _PHOTOGRAPHS.items())
    return tuple(min(_MOST, max(-_MOST, each)) for each in deviations)


@lru_cache(1 << 10)
def _wanted(tone: str, language: Language) -> tuple[float, ...] | None:
    """The direction of a tone in what `_looks` gives, length 1; None where it has no known word, or opposite ones."""
    found = [mood for mood in _moods() if _names(mood, tone, language)]
    pleasure, arousal = sum(mood.pleasure for mood in found), sum(mood.arousal for mood in found)
    wanted = (
        0.69 * pleasure - 0.31 * arousal,
        0.22 * pleasure + 0.60 * arousal,
        sum(mood.warmth for mood in found),
        sum(mood.contrast for mood in found),
    )
    length = math.hypot(*wanted)
    return tuple(each / length for each in wanted) if length > 1e-6 else None


def _names(mood: _Mood, tone: str, language: Language) -> bool:
    """Whether a tone names a mood; models answer in English also where the article is Chinese."""
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)*", tone.lower()))
    return not words.isdisjoint(mood.en) or (language == "zh" and any(word in tone for word in mood.zh))


@cache
def _moods() -> tuple[_Mood, ...]:
    text = files("composer.stages").joinpath("moods.toml").read_text("utf-8")
    return tuple(msgspec.convert(tomllib.loads(text), dict[str, _Mood]).values())
