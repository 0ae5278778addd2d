"""English twins: asked for once, and only where the encoder does not read the text."""

from __future__ import annotations

from composer.evaluation.pool import Pool
from composer.evaluation.systems.clock import Clock
from composer.evaluation.systems.twins import Twins
from composer.ports import Cancel
from tests.composer.fakes import Bench, ColourEncoder


def test_a_chinese_text_is_translated_once_for_all(bench: Bench, pool: Pool) -> None:
    twins = Twins(pool.tools)
    assert twins.of("红色的小船", "zh", Clock(), Cancel()) == "A red boat"
    assert twins.of("红色的小船", "zh", Clock(), Cancel()) == "A red boat"
    (prompt,) = bench.scripted.prompts
    assert "红色的小船" in prompt.messages[-1].content
    assert prompt.temperature == 0.0


def test_what_the_encoder_reads_stays_as_it_is(bench: Bench, pool: Pool) -> None:
    twins = Twins(pool.tools)
    assert twins.of("Ein Café", "en", Clock(), Cancel()) == "Ein Café"
    assert twins.of("boat", "zh", Clock(), Cancel()) == "boat"
    assert isinstance(bench.encoder, ColourEncoder)
    bench.encoder.languages = ("en", "zh")
    assert twins.of("红色的小船", "zh", Clock(), Cancel()) == "红色的小船"
    assert not bench.scripted.prompts
