"""Fitting of places: a planted habit is found again, and no article is judged by weights that know it."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest
from msgspec.structs import replace

from composer.evaluation import placing
from composer.evaluation.nouns import Figure, GoldArticle
from composer.evaluation.placing import fit, fit_library, folds, looked, unseen
from composer.stages.places import chances, seen
from composer.types import Article, Block
from tests.composer.fakes import passage


def gold(name: str, habit: str, count: int = 12) -> GoldArticle:
    """An author who puts pictures after every text that ends in a colon ("colon"), or nowhere but before all text."""
    dice = np.random.default_rng(crc32(name.encode()))
    pointed, words = dice.random(count) < 0.4, dice.integers(12, 70, count)
    blocks = tuple(
        Block(id=f"p{at}", kind="paragraph", text=text_of(f"{name} {at}", int(words[at]), bool(pointed[at])), section=0)
        for at in range(count)
    )
    places = [int(at) for at in np.flatnonzero(pointed)] if habit == "colon" else [-1]
    return GoldArticle(
        id=name, repository="one/blog", licence="CC0-1.0", language="en", article=Article(name, blocks),
        kinds=("paragraph",) * count,
        figures=tuple(Figure(after=after, image="images/red.png") for after in places),
    )  # fmt: skip


def text_of(key: str, words: int, pointed: bool) -> str:
    return passage(words, key) + (":" if pointed else "")


MANY = [gold(f"article {at}", "colon") for at in range(24)]


def test_where_pictures_stand_is_read_off_an_article() -> None:
    article = gold("one", "colon")
    seen_ = looked(article)
    assert seen_.truth.tolist() == [0.0, *(float(at in article.places) for at in range(12))]
    assert seen_.table["colon"].tolist() == seen_.truth.tolist()
    assert looked(gold("two", "opening")).truth.tolist() == [1.0] + [0.0] * 12


def test_a_planted_habit_is_found() -> None:
    weights = fit([looked(each) for each in MANY])
    assert set(weights) == set(seen([], "en") | looked(MANY[0]).table)
    others = [abs(value) for name, value in weights.items() if name not in {"colon", "one"}]
    assert weights["colon"] > 2.0
    new = looked(gold("a new one", "colon"))
    likely = chances(new.table, weights)
    assert likely[new.truth == 1].min() > likely[new.truth == 0].max()
    assert np.median(others) < 0.5


def test_every_article_counts_alike_however_long() -> None:
    """One long article of another habit does not outvote two short ones."""
    short = [looked(gold(f"short {at}", "colon", 8)) for at in range(6)]
    long = looked(gold("long", "opening", 90))
    assert fit([*short, long])["colon"] > 0


def test_an_author_of_many_articles_does_not_outvote_several_of_few() -> None:
    """Ten articles of one habit weigh less than five authors of another with one article each."""
    one = [replace(looked(gold(f"one {at}", "opening")), repository="one/blog") for at in range(10)]
    others = [replace(looked(gold(f"other {at}", "colon")), repository=f"other{at}/blog") for at in range(5)]
    alike = [replace(each, repository=str(at)) for at, each in enumerate([*one, *others])]
    by_author, by_article = fit([*one, *others]), fit(alike)
    assert by_author["colon"] > by_article["colon"]
    assert by_author["opening"] < by_article["opening"]


def test_what_the_library_shows_gets_a_weight_of_its_own() -> None:
    weights = fit([looked(each) for each in MANY])
    bare = {**weights, "colon": 0.0}
    shown = [(looked(each), (looked(each).truth[1:] * 0.8).tolist()) for each in MANY[:6]]
    hidden = [(article, [1 - value for value in evidence]) for article, evidence in shown]
    assert fit_library(shown, [bare] * 6) > 0.5
    assert fit_library(hidden, [bare] * 6) < -0.5


def test_folds_go_by_the_article_alone() -> None:
    whole = dict(zip((each.id for each in MANY), folds(MANY), strict=True))
    assert folds(MANY[::-1]) == [whole[each.id] for each in MANY[::-1]]
    assert folds(MANY[3:5]) == [whole[each.id] for each in MANY[3:5]]
    assert len(set(whole.values())) > 1
    assert set(whole.values()) <= set(range(placing.FOLDS))


def test_no_article_is_judged_by_weights_that_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[list[bytes]] = []

    def remembering(articles: list[placing.Looked]) -> dict[str, float]:
        used.append([each.table["length"].tobytes() for each in articles])
        return {"one": float(len(used))}

    monkeypatch.setattr(placing, "fit", remembering)
    made = unseen(MANY, 0.3)
    assert set(made) == {each.id for each in MANY}
    for article, fold in zip(MANY, folds(MANY), strict=True):
        known = used[int(made[article.id]["one"]) - 1]
        assert looked(article).table["length"].tobytes() not in known
        assert len(known) == sum(other != fold for other in folds(MANY))
        assert made[article.id]["library"] == 0.3


def test_other_habits_of_an_article_do_not_reach_its_own_weights() -> None:
    changed = [gold(MANY[0].id, "opening"), *MANY[1:]]
    assert unseen(changed)[MANY[0].id] == unseen(MANY)[MANY[0].id]
    other = next(each.id for each, fold in zip(MANY, folds(MANY), strict=True) if fold != folds(MANY)[0])
    assert unseen(changed)[other] != unseen(MANY)[other]
