"""This program as it is: the same plan, scores and picks as in the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from composer.choosing import TOGETHER, Chooser
from composer.evaluation.pool import Pool
from composer.evaluation.systems.ours import Ours, after_of
from composer.evaluation.systems.planner import draft_of, places_of
from composer.pipeline import illustrate
from composer.ports import Cancel
from composer.types import OPENING, Candidate, Composition, Language, SignalName
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
    assert places_of(ARTICLE) == {OPENING: -1, "p0": 0, "p1": 1, "h1": 1, "p2": 2, "p3": 3}


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

    def by_place(_: Chooser, found: dict[str, tuple[Candidate, ...]]) -> dict[str, tuple[Candidate, ...]]:
        return {
            slot: tuple(replace(each, final=1 - at / 10) for at, each in enumerate(some))
            for slot, some in found.items()
        }

    monkeypatch.setattr(Chooser, "together", by_place)
    made = Ours(ground(pool)).illustrate(ARTICLE, Cancel())
    assert made.shuffled != tuple(slot.picture for slot in made.slots)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_given_pictures_get_the_scores_that_the_pipeline_gives_them(
    bench: Bench, pool: Pool, language: Language
) -> None:
    """Retrieval's and ranking's signals of a slot, and those of the same pictures handed over by name."""
    bench.scripted = ScriptedWriter(lambda prompt: author(prompt, language))
    article = gold(*TEXTS, language=language)
    system = Ours(ground(pool))
    draft = done(illustrate(draft_of(article, (pool.folder,)), pool.tools, Cancel()))
    assert draft.slots
    for slot in draft.slots:
        candidates = draft.candidates[slot.id]
        given = [each.picture.id for each in reversed(candidates)]
        again = {each.picture.id: each for each in system.considered(article, slot, given, Cancel())}
        for each in candidates:
            alone = dict(alone_of(each.signals, language))
            assert {"vector", "words", "context", "rerank"} < set(alone)
            assert dict(alone_of(again[each.picture.id].signals, language)) == pytest.approx(alone)


def alone_of(signals: dict[SignalName, float], language: Language) -> Iterator[tuple[SignalName, float]]:
    """What does not come from the article's other places. Where the encoder does not read the text, its subject is
    made from the queries of all places, of which one that is asked about alone has only its own."""
    for name, value in signals.items():
        if name not in TOGETHER and not (name == "article" and language == "zh"):
            yield name, value


def test_of_given_pictures_it_takes_the_one_that_ranks_first(pool: Pool) -> None:
    given = ids(pool, "blue-tower", "red-boat", "green-door")
    chosen = Ours(ground(pool)).choose(ARTICLE, ARTICLE.figures[0], "A green door on the quay", given, Cancel())
    assert name_of(pool, chosen) == "green-door"


def test_it_has_to_choose_also_where_nothing_reaches_the_threshold(tmp_path: Path, library: Path) -> None:
    """The right one is always among them: who leaves the place empty is wrong for certain."""
    bench = Bench(tmp_path / "strict", empty_below=0.99)
    pool = filled(bench, library)
    given = ids(pool, "blue-tower", "red-boat")
    assert Ours(ground(pool)).choose(ARTICLE, ARTICLE.figures[0], "A waterfall", given, Cancel()) in given
    assert Ours(ground(pool)).choose(ARTICLE, ARTICLE.figures[0], "A waterfall", (), Cancel()) is None
    bench.close()


def test_an_opening_picture_is_chosen_for_the_place_before_all_text(pool: Pool) -> None:
    assert after_of(ARTICLE, -1) == OPENING
    assert after_of(ARTICLE, 2) == "p2"
    given = ids(pool, "blue-tower", "red-boat")
    opening = gold(*TEXTS, after=-1)
    assert name_of(pool, Ours(ground(pool)).choose(opening, opening.figures[0], "A red boat", given, Cancel())) == (
        "red-boat"
    )
