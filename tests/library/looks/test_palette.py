"""Colours of looks: known values of CIELAB, and the order of pictures kept."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from composer.library.looks.duplicates import fingerprint
from composer.library.looks.palette import colours_of


def look(colour: tuple[int, int, int]) -> bytes:
    return bytes(colour) * 64


def test_plain_pictures_have_the_values_of_their_colour() -> None:
    white, black, red = colours_of([look((255, 255, 255)), look((0, 0, 0)), look((255, 0, 0))])
    assert white is not None
    assert black is not None
    assert red is not None
    assert (white.lightness, white.chroma, black.lightness) == pytest.approx((100, 0, 0), abs=0.1)
    assert (red.lightness, red.chroma) == pytest.approx((53.24, 104.55), abs=0.1)
    assert (white.contrast, red.contrast) == pytest.approx((0, 0), abs=1e-9)
    assert red.shades.shape == (3, 64)


def test_warm_colours_lie_above_grey_and_cool_ones_below() -> None:
    orange, grey, blue = (colours_of([look(each)])[0] for each in ((255, 140, 0), (128, 128, 128), (0, 100, 255)))
    assert orange is not None
    assert grey is not None
    assert blue is not None
    assert orange.warmth > 0.3 > grey.warmth > blue.warmth
    assert grey.warmth == pytest.approx(-0.5, abs=0.01)


def test_shades_are_sorted_and_contrast_is_their_spread() -> None:
    half = bytes((0, 0, 0)) * 32 + bytes((255, 255, 255)) * 32
    found = colours_of([half])[0]
    assert found is not None
    assert (np.diff(found.shades, axis=1) >= 0).all()
    assert found.contrast == pytest.approx(50, abs=0.1)


def test_what_is_no_look_is_none_and_the_others_keep_their_places() -> None:
    found = colours_of([b"", look((255, 255, 255)), b"abc", look((0, 0, 0))])
    assert [each is None for each in found] == [True, False, True, False]
    assert found[1] is not None
    assert found[1].lightness > 99
    assert colours_of([]) == []


def test_the_look_that_the_library_keeps_can_be_read() -> None:
    _, kept = fingerprint(Image.new("RGB", (300, 200), (255, 0, 0)))
    found = colours_of([kept])[0]
    assert found is not None
    assert found.chroma == pytest.approx(104.55, abs=0.5)
