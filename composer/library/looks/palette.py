"""What the colours of pictures are like, told from the little look that the catalogue keeps of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from composer.library.looks.colours import lab
from composer.stages.signals import Colours

FIELDS = 64
"""Pixels of a look, 8 x 8. Mean lightness is the whole picture's; chroma and contrast are of fields, less than of
pixels: fine patterns are averaged. Which pictures stood in one article they tell as well as 4,096 pixels do: area under
the curve 0.73 and 0.74, of 57 articles (standard error 0.03)."""


def colours_of(looks: Sequence[bytes]) -> list[Colours | None]:
    """Colours by look (8 x 8 pixels, RGB, 192 bytes), in the order given; None for one that is not of that size."""
    whole = [at for at, look in enumerate(looks) if len(look) == 3 * FIELDS]
    found: list[Colours | None] = [None] * len(looks)
    pixels = np.frombuffer(b"".join(looks[at] for at in whole), np.uint8).reshape(-1, FIELDS, 3)
    values = lab(pixels / 255.0)
    lightness, a, b = np.moveaxis(values, -1, 0)
    chroma, hue = np.hypot(a, b), np.arctan2(b, a)
    warmth = -0.5 + 0.02 * chroma**1.07 * np.cos(hue - np.radians(50.0))
    told = zip(
        lightness.mean(axis=1).tolist(),
        chroma.mean(axis=1).tolist(),
        warmth.mean(axis=1).tolist(),
        lightness.std(axis=1).tolist(),
        np.sort(np.moveaxis(values, -1, 1), axis=2).astype(np.float32),
        strict=True,
    )
    for at, each in zip(whole, told, strict=True):
        found[at] = Colours(*each)
    return found
