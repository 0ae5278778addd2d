"""Every system by its name, on one ground."""

from __future__ import annotations

from composer.evaluation.nouns import SYSTEMS
from composer.evaluation.pool import Pool
from composer.evaluation.systems import build
from composer.ports import Cancel
from tests.composer.evaluation.systems.quay import gold, long
from tests.composer.fakes import Bench, is_plan


def test_every_system_can_be_built_and_says_who_it_is(pool: Pool) -> None:
    assert [build(name, pool, pool.tools).name for name in SYSTEMS] == list(SYSTEMS)


def test_systems_share_the_plan(bench: Bench, pool: Pool) -> None:
    article = gold(*long("The red boat.", "A green door.", "The blue tower."))
    build("ours", pool, pool.tools).illustrate(article, Cancel())
    asked = len(bench.scripted.asked(is_plan))
    build("encoder", pool, pool.tools).illustrate(article, Cancel())
    assert asked == len(bench.scripted.asked(is_plan)) > 0
