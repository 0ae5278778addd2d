"""Signals without models: bounded, and in the order that their docstrings promise."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.library.looks.palette import colours_of
from composer.prompts import prompts
from composer.stages.signals import Colours, Traits, fresh, mood, palette, proportions, rights, shape, size
from composer.types import Language, SlotKind

SIDE = st.integers(1, 40_000)
KIND = st.sampled_from(get_args(SlotKind))


def painted(*colours: tuple[int, int, int], kind: str = "photograph") -> Traits:
    """A picture of stripes of these colours."""
    pixels = np.array([colours[at * len(colours) // 64] for at in range(64)], np.uint8)
    return Traits(width=1500, height=1000, kind=kind, colours=colours_of([pixels.tobytes()])[0])


DARK, PALE, RED, BLUE = painted((30, 32, 34)), painted((225, 228, 230)), painted((210, 60, 30)), painted((30, 80, 200))
MEADOW, FOREST = painted((90, 160, 60), (150, 190, 230)), painted((80, 150, 60), (140, 180, 220))


@given(SIDE, SIDE, KIND, st.sampled_from(["landscape", "portrait"]))
def test_shape_and_size_lie_between_0_and_1(width: int, height: int, kind: SlotKind, page: str) -> None:
    traits = Traits(width=width, height=height)
    for value in (shape(traits, kind, page), size(traits)):  # pyright: ignore[reportArgumentType]
        assert value is not None
        assert 0 <= value <= 1


def shape_of(width: int, height: int, kind: SlotKind) -> float:
    return shape(Traits(width=width, height=height), kind) or 0.0


def test_openings_want_wide_pictures_and_persons_may_stand_upright() -> None:
    assert shape_of(1500, 1000, "opening") == shape_of(1600, 900, "opening") == 1.0
    assert shape_of(1600, 900, "opening") > shape_of(1000, 1000, "opening") > shape_of(1000, 1500, "opening")
    assert shape_of(1000, 1500, "person") == 1.0
    assert shape_of(1000, 1500, "person") > shape_of(1000, 1500, "scene") > shape_of(1000, 1500, "opening")


@pytest.mark.parametrize("kind", get_args(SlotKind))
def test_strips_and_slips_suffer_at_every_place(kind: SlotKind) -> None:
    assert shape_of(8000, 1000, kind) < 0.15
    assert shape_of(1000, 8000, kind) < 0.15
    assert shape_of(3000, 1000, kind) > shape_of(4000, 1000, kind) > shape_of(8000, 1000, kind)


def test_an_upright_page_takes_upright_pictures() -> None:
    tall = Traits(width=1000, height=1500)
    assert shape(tall, "opening", "portrait") == 1.0
    assert (shape(tall, "opening") or 0.0) < 0.1


@given(SIDE, SIDE, st.integers(1, 1000))
def test_more_pixels_are_never_worse(width: int, height: int, more: int) -> None:
    before, after = Traits(width=width, height=height), Traits(width=width + more, height=height + more)
    assert (size(after) or 0.0) >= (size(before) or 0.0)


def test_size_is_enough_at_1600_and_not_at_300() -> None:
    plenty, little = size(Traits(width=1600, height=1067)), size(Traits(width=300, height=200))
    assert plenty is not None
    assert little is not None
    assert plenty > 0.9
    assert little < 0.1
    assert size(Traits(width=1067, height=1600)) == plenty
    assert (size(Traits(width=4000, height=300)) or 1.0) < 0.5, "a strip has few rows to cut a picture from"


def test_what_cannot_be_told_is_left_out() -> None:
    bare = Traits(width=0, height=0)
    assert shape(bare, "scene") is None
    assert size(bare) is None
    assert mood(bare, "calm", "en") is None
    assert palette(bare, [MEADOW]) is None
    assert palette(MEADOW, []) is None
    assert palette(MEADOW, [bare, painted((9, 9, 9), kind="drawing")]) is None


def test_free_pictures_come_before_licensed_and_those_before_unknown() -> None:
    levels = [rights(Traits(width=9, height=9, rights=each)) for each in ("free", "licensed", "unknown")]
    assert levels == sorted(set(levels), reverse=True)


def test_a_use_counts_and_fades() -> None:
    def after(uses: int, days: int | None) -> float:
        return fresh(Traits(width=9, height=9, uses=uses, days=days))

    assert after(0, None) == 1.0
    assert after(1, 0) == 0.5
    assert after(3, 0) == 0.25
    assert after(3, 0) < after(3, 100) < after(3, 4000) < 1.0
    assert after(1, None) == after(1, 0), "nobody knows when: as if today"


@pytest.mark.parametrize(
    ("tone", "better", "worse"),
    [
        ("gloomy", DARK, PALE),
        ("calm", PALE, DARK),
        ("lively", RED, DARK),
        ("warm", RED, BLUE),
        ("cold", BLUE, RED),
        ("serious", DARK, MEADOW),
    ],
)
def test_light_and_colour_go_with_the_tone(tone: str, better: Traits, worse: Traits) -> None:
    good, bad = mood(better, tone, "en"), mood(worse, tone, "en")
    assert good is not None
    assert bad is not None
    assert good > 0.5
    assert 0 < bad < good < 1


def test_tones_are_found_among_other_words_in_both_languages() -> None:
    assert mood(RED, "Quiet, and rather WARM.", "en") == mood(RED, "warm quiet", "en")
    assert mood(RED, "温暖而宁静", "zh") == mood(RED, "warm, calm", "en")
    assert mood(RED, "warm", "zh") == mood(RED, "温馨的", "zh"), "models answer in English too"
    assert mood(RED, "温暖", "en") is None
    assert mood(RED, "lukewarm", "en") is None, "a part of a word is another word"
    assert mood(RED, "", "en") is None


def test_tones_that_ask_for_opposite_looks_say_less_than_either() -> None:
    assert mood(RED, "warm, cold", "en") != mood(RED, "warm", "en")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_tone_that_plans_give_is_known(language: Language) -> None:
    tones = prompts(language).plan.tones
    assert [tone for tone in tones if mood(MEADOW, tone, language) is None] == []


def test_drawings_have_no_mood_by_their_colours() -> None:
    assert mood(painted((255, 255, 255), kind="drawing"), "calm", "en") is None


def test_palette_is_1_for_the_same_colours_and_less_the_farther_they_are() -> None:
    same, near, far = (palette(MEADOW, [each]) for each in (MEADOW, FOREST, painted((200, 30, 40), (20, 10, 10))))
    assert same == 1.0
    assert near is not None
    assert far is not None
    assert 1.0 > near > 0.6
    assert far < 0.5


def test_palette_does_not_care_where_in_the_picture_a_colour_is() -> None:
    turned = painted((150, 190, 230), (90, 160, 60))
    assert palette(MEADOW, [turned]) == pytest.approx(1.0)


def test_palette_is_the_mean_over_the_others_of_its_kind() -> None:
    both, first, second = (palette(MEADOW, others) for others in ([FOREST, RED], [FOREST], [RED]))
    assert both == pytest.approx(((first or 0) + (second or 0)) / 2)
    assert palette(MEADOW, [FOREST, painted((0, 0, 0), kind="drawing")]) == first


@given(st.binary(min_size=192, max_size=192), st.sampled_from(["calm", "grand", "warm", "tense"]))
def test_mood_lies_between_0_and_1(look: bytes, tone: str) -> None:
    colours = colours_of([look])[0]
    assert isinstance(colours, Colours)
    value = mood(Traits(width=9, height=9, colours=colours), tone, "en")
    assert value is not None
    assert 0 <= value <= 1


def test_proportions_are_the_mean_over_the_others() -> None:
    wide, normal, upright = (Traits(width=w, height=h) for w, h in ((1500, 1000), (1600, 1200), (1000, 1500)))
    assert proportions(wide, [wide, wide]) == 1.0
    near, far = proportions(wide, [normal]), proportions(wide, [upright])
    assert near is not None
    assert far is not None
    assert 1.0 > near > 0.5 > far > 0.0
    assert proportions(wide, [normal, upright]) == pytest.approx((near + far) / 2)
    assert proportions(normal, [wide]) == pytest.approx(near), "alike both ways"


def test_proportions_need_others_with_sides() -> None:
    bare, wide = Traits(width=0, height=0), Traits(width=1500, height=1000)
    assert proportions(wide, []) is None
    assert proportions(wide, [bare]) is None
    assert proportions(bare, [wide]) is None


@given(SIDE, SIDE, SIDE, SIDE)
def test_proportions_lie_between_0_and_1(width: int, height: int, other: int, another: int) -> None:
    value = proportions(Traits(width=width, height=height), [Traits(width=other, height=another)])
    assert value is not None
    assert 0 <= value <= 1
