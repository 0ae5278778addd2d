"""This program as it is: the same plan, scores and picks as in the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from composer.evaluation.pool import Pool
from composer.evaluation.systems import ours
from composer.evaluation.systems.ours import Ours
from composer.evaluation.systems.planner import draft_of, places_of
from composer.pipeline import illustrate
from composer.ports import Cancel
from composer.types import Composition, Language
from tests.composer.evaluation.golds import done
from tests.composer.evaluation.systems.quay import filled, gold, ground, ids, long, name_of
from tests.composer.fakes import Bench, ScriptedWriter, author

TEXTS = long("The red boat.", "A green door.", "The blue tower.", "A yellow bicycle.")
ARTICLE = gold(*TEXTS, headings=(2,))


def _draft(pool: Pool) -> Composition:
    return done(illustrate(draft_of(ARTICLE, (pool.folder,)), pool.tools, Cancel()))


def test_headings_become_sections_and_the_text_before_them_one_named_like_the_article() -> None:
    draft = draft_of(ARTICLE, ("/pictures",))
    assert draft.outline is not None
    assert [section.heading for section in draft.outline.sections] == ["On the quay", "Part 1"]
    assert draft.article is ARTICLE.article
    assert draft.brief.pictures is None


def test_places_count_texts_and_not_headings() -> None:
    assert places_of(ARTICLE) == {"p0": 0, "p1": 1, "h1": 1, "p2": 2, "p3": 3}


def test_what_it_places_is_what_the_pipeline_places(pool: Pool) -> None:
    made, draft = Ours(ground(pool)).illustrate(ARTICLE, Cancel()), _draft(pool)
    assert made.slots
    assert [slot.picture for slot in made.slots] == [
        (pick.picture.id if pick.picture else None) for pick in (draft.picks[slot.id] for slot in draft.slots or ())
    ]
    assert {name_of(pool, slot.picture) for slot in made.slots} & {"red-boat", "green-door", "blue-tower"}
    for slot, own in zip(made.slots, draft.slots or (), strict=True):
        assert set(slot.candidates) == {each.picture.id for each in draft.candidates[own.id]}
    assert made.shuffled == tuple(slot.picture for slot in made.slots)


def test_the_order_of_candidates_is_looked_at_for_real(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ranking that favours what comes first is found out."""
    monkeypatch.setattr(
        ours, "rank", lambda found, *_: tuple(replace(each, final=1 - at / 10) for at, each in enumerate(found))
    )
    made = Ours(ground(pool)).illustrate(ARTICLE, Cancel())
    assert made.shuffled != tuple(slot.picture for slot in made.slots)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_given_pictures_get_the_scores_that_the_pipeline_gives_them(
    bench: Bench, pool: Pool, language: Language
) -> None:
    """Retrieval's and ranking's scores of a slot, and those of the same pictures handed over by name."""
    bench.scripted = ScriptedWriter(lambda prompt: author(prompt, language))
    article = gold(*TEXTS, language=language)
    system = Ours(ground(pool))
    draft = done(illustrate(draft_of(article, (pool.folder,)), pool.tools, Cancel()))
    assert draft.slots
    for slot in draft.slots:
        candidates = draft.candidates[slot.id]
        scored = system._scored(slot, [each.picture.id for each in candidates])
        text = article.article.blocks[places_of(article)[slot.after]].text
        ranked = {each.picture.id: each for each in system._ranked(slot, scored, text, language, Cancel())}
        for each in candidates:
            again = ranked[each.picture.id]
            assert again.vector == pytest.approx(each.vector)
            assert again.words == pytest.approx(each.words)
            assert again.rerank == pytest.approx(each.rerank)
            assert again.final == pytest.approx(each.final)


def test_of_given_pictures_it_takes_the_one_that_ranks_first(pool: Pool) -> None:
    given = ids(pool, "blue-tower", "red-boat", "green-door")
    chosen = Ours(ground(pool)).choose(ARTICLE, ARTICLE.figures[0], "A green door on the quay", given, Cancel())
    assert name_of(pool, chosen) == "green-door"


def test_it_takes_none_where_nothing_reaches_the_threshold(tmp_path: Path, library: Path) -> None:
    bench = Bench(tmp_path / "strict", empty_below=0.99)
    pool = filled(bench, library)
    given = ids(pool, "blue-tower", "red-boat")
    assert Ours(ground(pool)).choose(ARTICLE, ARTICLE.figures[0], "A waterfall", given, Cancel()) is None
    bench.close()
