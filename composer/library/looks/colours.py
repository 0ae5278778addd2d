"""Names of colours: the eleven basic terms of English (Berlin and Kay 1969), told by lightness, chroma and hue."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

NAMES = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
MAIN = 0.12
"""Part of a picture that a main colour covers at least."""
MOST = 4

_STEPS = 32
"""Levels a channel is looked up with: a table of 32,768 colours."""
_PALE = 11.0
"""Chroma in CIELAB below which a colour has no hue that people name."""
_BLACK, _WHITE = 20.0, 84.0
"""Lightness of colours without hue: at most, at least."""
_HUES = ((20.0, "pink"), (46.0, "red"), (72.0, "orange"), (108.0, "yellow"), (190.0, "green"), (309.0, "blue"),
         (330.0, "purple"), (360.0, "pink"))  # fmt: skip
"""Where hues end, in degrees of CIELAB, about where speakers of English put them (Sturges and Whitfield 1995);
pure sRGB blue has 306."""


def main_colours(pixels: NDArray[np.uint8]) -> tuple[str, ...]:
    """Names of the colours that cover most, the largest first. `pixels` are sRGB, shape (..., 3)."""
    levels = (pixels.reshape(-1, 3) >> 3).astype(np.int32)
    codes = _table()[levels[:, 0] * _STEPS * _STEPS + levels[:, 1] * _STEPS + levels[:, 2]]
    shares = np.bincount(codes, minlength=len(NAMES)) / max(1, len(codes))
    largest: list[int] = np.argsort(-shares, kind="stable")[:MOST].tolist()
    return tuple(NAMES[code] for code in largest if shares[code] >= MAIN)


def lab(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB (D65) of sRGB values 0 to 1, last axis 3 (CIE 15:2018; IEC 61966-2-1)."""
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@cache
def _table() -> NDArray[np.int8]:
    """The number of the name of every colour, by red, green and blue in steps of 8."""
    levels = (np.arange(_STEPS) * 8 + 4) / 255.0
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.array([NAMES.index(_name(*values)) for values in lab(grid).tolist()], np.int8)


def _name(lightness: float, a: float, b: float) -> str:
    chroma, hue = float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360.0)
    if chroma < _PALE or lightness < 8.0:
        return "black" if lightness <= _BLACK else "white" if lightness >= _WHITE else "grey"
    name = next(name for end, name in _HUES if hue <= end)
    if name in {"red", "pink"}:
        return _reddish(name, lightness, chroma, hue)
    if name == "orange":
        return "brown" if lightness < 58.0 or chroma < 40.0 else "orange"
    if name == "yellow" and (lightness < 62.0 or chroma < 25.0):
        return "brown" if hue < 92.0 or (lightness < 40.0 and chroma < 30.0) else "green"
    return name


def _reddish(name: str, lightness: float, chroma: float, hue: float) -> str:
    """Light reds are pink, dull and dark ones brown, dark pinks red or purple."""
    if lightness >= 62.0:
        return "pink"
    if name == "red":
        return "brown" if chroma < 38.0 else "red"
    return "purple" if lightness < 45.0 and hue > 330.0 else "red" if hue < 20.0 and chroma > 30.0 else "pink"
