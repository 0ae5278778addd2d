"""What all systems stand on."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from composer.evaluation.nouns import SYSTEMS, SystemName
from composer.evaluation.pool import Pool
from composer.evaluation.systems import build
from composer.evaluation.systems import clock as clocks
from composer.evaluation.systems.ground import brief_of, count_for, text_at, texts_of
from composer.ports import Cancel
from composer.types import Article
from tests.composer.evaluation.systems.quay import gold, ground, ids, long
from tests.composer.fakes import Bench

ARTICLE = gold(*long("The red boat.", "A green door.", "The blue tower."), headings=(1,))
LOADING = 400.0
"""Seconds that models take to be there."""


def test_the_count_goes_by_the_length() -> None:
    brief = brief_of(ARTICLE, ("/pictures",))
    assert (brief.topic, brief.language, brief.libraries) == ("On the quay", "en", ("/pictures",))
    assert brief.length > 600
    assert brief.pictures is None, "how many this program places is its own to find"
    assert count_for(ARTICLE) == 3
    assert count_for(gold("A short text.")) == 1
    assert count_for(gold(*long("红色的小船。", "绿色的门。", words=300), language="zh")) == 2
    assert count_for(gold(*long("One long paragraph.", words=900))) == 1, "no more than there are places"


def test_a_text_shorter_than_any_brief_still_makes_one() -> None:
    assert brief_of(gold("Short."), ()).length == 100


def test_texts_are_counted_without_headings() -> None:
    assert [block.id for block in texts_of(ARTICLE)] == ["p0", "p1", "p2"]
    assert text_at(ARTICLE, 2).startswith("The blue tower.")
    assert text_at(ARTICLE, -1).startswith("The red boat.")


def test_pictures_come_in_the_order_asked_for_and_unknown_ones_not_at_all(pool: Pool) -> None:
    wanted = ids(pool, "red-boat", "blue-tower")
    found = ground(pool).pictures([wanted[1], "0" * 32, wanted[0]])
    assert [picture.id for picture in found] == [wanted[1], wanted[0]]


@pytest.mark.parametrize("name", SYSTEMS)
def test_loading_models_is_nobodys_time(
    bench: Bench, pool: Pool, name: SystemName, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, loaded, read = [0.0], [], bench.encoder.encode_texts
    monkeypatch.setattr(clocks.time, "monotonic", lambda: now[0])

    def slow_at_first(texts: list[str]) -> object:
        if not loaded:
            loaded.append(True)
            now[0] += LOADING
        return read(texts)

    monkeypatch.setattr(bench.encoder, "encode_texts", slow_at_first)
    article = replace(ARTICLE, article=Article("Quay", ARTICLE.article.blocks[:1]), kinds=("paragraph",))
    assert build(name, pool, pool.tools).illustrate(article, Cancel()).seconds == 0.0
    assert loaded
