"""Examples to fit on: the right one is always among the candidates, and everything was measured as the program does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from composer.errors import Cancelled
from composer.evaluation.examples import examples_of
from composer.evaluation.gold import read_gold
from composer.evaluation.nouns import Example
from composer.evaluation.pool import Pool, fill
from composer.library.catalogue import Catalogue
from composer.ports import Cancel
from tests.composer.evaluation.golds import Block, boats, done, figure, record, text, write_gold
from tests.composer.fakes import COLOURS, Bench


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue(tmp_path / "set" / "catalogue.sqlite", tmp_path / "set" / "previews") as made:
        yield made


def examples(bench: Bench, catalogue: Catalogue, folder: Path) -> tuple[Pool, tuple[Example, ...]]:
    gold = read_gold(folder)
    pool = done(fill(gold, bench.tools_on(catalogue), Cancel()))
    return pool, done(examples_of(gold, pool, Cancel()))


def ids(example: Example) -> list[str]:
    return [each.picture.id for each in example.candidates]


def test_the_right_one_is_always_among_them_and_no_picture_twice(
    bench: Bench, catalogue: Catalogue, tmp_path: Path
) -> None:
    pool, made = examples(bench, catalogue, boats(tmp_path / "gold"))
    assert made
    for each in made:
        assert each.right in ids(each)
        groups = [pool.group_of(one) for one in ids(each)]
        assert len(groups) == len(set(groups))
    authors = {
        article.id: {pool.id_of(one.image) for one in article.figures}
        for article in read_gold(tmp_path / "gold").articles
    }
    assert all(each.right in authors[each.group] for each in made)
    assert {each.group for each in made} == {"harbour", "street", "kitchen"}


def test_what_speaks_of_words_is_not_learnt_from_who_has_some(
    bench: Bench, catalogue: Catalogue, tmp_path: Path
) -> None:
    """In a gold set the right one has fewer words than others, since what is asked for is taken from it."""
    _, made = examples(bench, catalogue, boats(tmp_path / "gold"))
    worded = {bool(one.picture.words) for each in made for one in each.candidates}
    assert worded == {True, False}
    for each in made:
        assert len({bool(one.picture.words) for one in each.candidates}) == 1


def test_signals_are_measured_also_those_of_the_other_places(
    bench: Bench, catalogue: Catalogue, tmp_path: Path
) -> None:
    _, made = examples(bench, catalogue, boats(tmp_path / "gold"))
    seen = {name for each in made for one in each.candidates for name in one.signals}
    assert {"vector", "paragraph", "article", "rerank", "shape", "size", "rights", "fresh", "series"} <= seen
    assert all("vector" in one.signals and "rerank" in one.signals for each in made for one in each.candidates)


def test_a_place_that_the_search_does_not_find_teaches_nothing(
    bench: Bench, catalogue: Catalogue, tmp_path: Path
) -> None:
    shown: list[Block] = [figure(colour, name=f"{colour}-{at}") for colour in COLOURS[1:] for at in range(4)]
    wrong = figure("red", caption="The blue tower")
    folder = write_gold(tmp_path / "gold", record("odd", text("The blue tower."), wrong, *shown))
    pool, made = examples(bench, catalogue, folder)
    right = pool.id_of("images/red.png")
    assert made
    assert right not in {each.right for each in made}
    assert all(each.right in ids(each) for each in made)


def test_where_the_encoder_does_not_read_the_text_only_words_in_translation_are_looked_for(
    bench: Bench, catalogue: Catalogue, tmp_path: Path
) -> None:
    shown = [figure("red", caption="红色的小船"), figure("blue", caption="蓝色的高塔")]
    folder = write_gold(tmp_path / "gold", record("zh", text("船停在岸边。"), *shown, language="zh"))
    _, made = examples(bench, catalogue, folder)
    assert 0 < len(made) <= 2, "one for each figure of which something is said, none by the paragraph"
    assert all(each.isascii() for each in bench.encoder.texts)
    assert len(bench.scripted.prompts) == 2


def test_it_can_be_cancelled(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    gold = read_gold(boats(tmp_path / "gold"))
    pool = done(fill(gold, bench.tools_on(catalogue), Cancel()))
    cancel = Cancel()
    run = examples_of(gold, pool, cancel)
    next(run)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(run)
