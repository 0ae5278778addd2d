"""The whole job on fakes: order, folding, resuming wherever it was cut, and doing only what an edit touches."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from composer import pipeline, prose
from composer.choosing import TOGETHER
from composer.draft import caption_of, fold
from composer.errors import BadBrief, Cancelled, ComposerError, LibraryError, ModelFailed
from composer.pipeline import compose, illustrate
from composer.ports import Cancel, Prompt
from composer.stages.plan import block_of, mark_of
from composer.types import (
    OPENING,
    STAGES,
    AnyEvent,
    Article,
    ArticleReady,
    Block,
    BlockStarted,
    Brief,
    Candidate,
    CandidatesReady,
    Composed,
    Composition,
    Notice,
    OutlineReady,
    Pick,
    Picked,
    Slot,
    SlotsPlanned,
    StageFinished,
    StageProgress,
    StageStarted,
    TextDelta,
)
from tests.composer.fakes import Bench, ScriptedWriter, author, draw, is_outline, is_passage, is_plan, picture


@pytest.fixture
def brief(library: Path) -> Brief:
    return Brief(topic="Colours of the coast", length=400, pictures=3, libraries=(str(library),))


def stages(events: list[AnyEvent]) -> list[tuple[str, bool]]:
    return [(event.stage, event.reused) for event in events if isinstance(event, StageFinished)]


def done_anew(events: list[AnyEvent]) -> set[str]:
    return {stage for stage, reused in stages(events) if not reused} - {"index", "assign"}


def notices(events: list[AnyEvent]) -> str:
    return "\n".join(f"{event.message} {event.hint}" for event in events if isinstance(event, Notice))


def folded(brief: Brief, started: Composition | None, events: list[AnyEvent]) -> Composition:
    draft = replace(started, brief=brief) if started else Composition(brief=brief)
    for event in events:
        if not isinstance(event, Composed):
            draft = fold(draft, event)
    return draft


def what(composition: Composition) -> tuple[object, ...]:
    """What a reader sees of a composition, without how long it took."""
    return (
        composition.outline, composition.article, composition.slots, composition.candidates, composition.picks,
        composition.models,
    )  # fmt: skip


def assert_finished(composition: Composition, brief: Brief) -> None:
    assert composition.article is not None
    assert abs(prose.article_length(composition.article, brief.language) - brief.length) <= 0.15 * brief.length
    assert all(block.done for block in composition.article.blocks)
    assert composition.slots is not None
    assert len(composition.slots) == brief.pictures
    assert set(composition.candidates) == set(composition.picks) == {slot.id for slot in composition.slots}
    assert any(pick.picture for pick in composition.picks.values())
    assert all(each.final > 0 for found in composition.candidates.values() for each in found)


# --- a whole run -----------------------------------------------------------------------------------------------------


def test_a_run_from_brief_to_picks(bench: Bench, brief: Brief) -> None:
    made, events = bench.compose(brief)
    assert_finished(made, brief)
    assert [stage for stage, _ in stages(events)] == list(STAGES)
    assert [event.stage for event in events if isinstance(event, StageStarted)] == list(STAGES)
    assert isinstance(events[-1], Composed)
    assert events[-1].composition == made
    assert made.models == {"writer": "scripted", "encoder": "colours", "reranker": "words"}
    assert made.speed.tokens > 300
    chosen = [pick.picture for pick in made.picks.values() if pick.picture]
    assert len({each.id for each in chosen}) == len(chosen)
    for slot in made.slots or ():
        best = made.picks[slot.id].picture
        assert best is None or prose.content_words(slot.query) & prose.content_words(best.caption)


@pytest.mark.parametrize("instructed", [True, False])
def test_a_writer_that_only_goes_on_with_texts_is_told_of(tmp_path: Path, brief: Brief, instructed: bool) -> None:
    writer = ScriptedWriter(author)
    writer.capabilities = replace(writer.capabilities, instructed=instructed)
    bench = Bench(tmp_path / "own", writer)
    told = [event.message for event in bench.compose(brief)[1] if isinstance(event, Notice)]
    assert any("follow instructions" in message for message in told) is not instructed
    bench.close()


def test_events_come_in_order(bench: Bench, brief: Brief) -> None:
    _, events = bench.compose(brief)
    seen = [type(event) for event in events]
    firsts = [seen.index(kind) for kind in (OutlineReady, BlockStarted, TextDelta, ArticleReady, SlotsPlanned)]
    assert firsts == sorted(firsts)
    last_text = max(at for at, kind in enumerate(seen) if kind is TextDelta)
    assert last_text < seen.index(ArticleReady)
    assert max(at for at, kind in enumerate(seen) if kind is CandidatesReady) < seen.index(Picked)
    ready = [event for event in events if isinstance(event, CandidatesReady)]
    assert Counter(event.slot for event in ready) == {"s1": 3, "s2": 3, "s3": 3}, "found, ranked, and seen together"
    for event in events:
        if isinstance(event, StageProgress):
            assert 0 <= event.done <= max(event.total, event.done)
            assert event.seconds_left is None or event.seconds_left >= 0


def test_the_fold_of_the_events_is_the_composition(bench: Bench, brief: Brief) -> None:
    made, events = bench.compose(brief)
    assert folded(brief, None, events) == made
    again, later = bench.compose(brief, made)
    assert folded(brief, made, later) == again


def test_one_seed_gives_one_article(tmp_path: Path, brief: Brief) -> None:
    made = [Bench(tmp_path / str(at)) for at in range(3)]
    one, two, other = (each.compose(replace(brief, seed=seed))[0] for each, seed in zip(made, (5, 5, 6), strict=True))

    def clean(composition: Composition) -> tuple[object, ...]:
        paths = [pick.picture.path if pick.picture else "" for pick in composition.picks.values()]
        return composition.outline, composition.article, composition.slots, paths

    assert clean(one) == clean(two)
    assert one.article != other.article
    for each in made:
        each.close()


def test_without_a_reranker(tmp_path: Path, brief: Brief) -> None:
    bench = Bench(tmp_path / "home", reranker=False)
    made, _ = bench.compose(brief)
    assert_finished(made, brief)
    assert "reranker" not in made.models
    assert all("rerank" not in each.signals for found in made.candidates.values() for each in found)
    bench.close()


def test_in_chinese_queries_are_english(tmp_path: Path, brief: Brief) -> None:
    bench = Bench(tmp_path / "home", ScriptedWriter(lambda prompt: author(prompt, "zh")))
    wanted = replace(brief, topic="海岸的颜色", language="zh", length=500)
    made, _ = bench.compose(wanted)
    assert_finished(made, wanted)
    assert all(slot.query.isascii() for slot in made.slots or ())
    assert all(text.isascii() for text in bench.encoder.texts), "this encoder reads English only"
    bench.close()


def test_an_encoder_of_english_reads_english_even_where_the_plan_is_chinese(tmp_path: Path, brief: Brief) -> None:
    """Every text it is given: topic, subjects, queries. What the plan says in Chinese is not passed on."""

    def chinese(prompt: Prompt) -> str:
        plan = author(prompt, "zh")
        return re.sub(r'"shows":"[^"]*"', '"shows":"岸边红色的小船"', plan) if is_plan(prompt) else plan

    bench = Bench(tmp_path / "home", ScriptedWriter(chinese))
    made, _ = bench.compose(replace(brief, topic="海岸的颜色", language="zh", length=500))
    assert len(made.slots or ()) == brief.pictures
    assert all(slot.query.isascii() for slot in made.slots or ())
    assert len(bench.encoder.texts) > (brief.pictures or 0)
    assert all(text.isascii() for text in bench.encoder.texts)
    bench.close()


# --- cut anywhere, and gone on with ----------------------------------------------------------------------------------


def run_until(bench: Bench, brief: Brief, stop: Callable[[int, AnyEvent], bool]) -> tuple[Composition, int]:
    """The folded draft of a run that is cancelled after the event for which `stop` says so."""
    cancel, draft, count = Cancel(), Composition(brief=brief), 0
    with closing(compose(brief, None, bench.tools(), cancel)) as run:
        try:
            for event in run:
                if isinstance(event, Composed):
                    break
                assert not cancel.cancelled or not isinstance(event, TextDelta), "text after the writer gave up"
                draft, count = fold(draft, event), count + 1
                if stop(count, event):
                    cancel.cancel()
        except Cancelled:
            assert cancel.cancelled
    return draft, count


@pytest.mark.parametrize("k", [1, 5, 12, 18, 22, 30, 75, 150, 240, 330, 400, 430, 445, 452, 458, 464, 470, 476])
def test_resuming_after_the_kth_event(tmp_path: Path, brief: Brief, k: int) -> None:
    bench = Bench(tmp_path / "home")
    draft, _ = run_until(bench, brief, lambda count, _event: count >= k)
    bench.scripted.prompts.clear()
    made, events = bench.compose(brief, draft)
    assert_finished(made, brief)
    assert folded(brief, draft, events) == made
    reused = {stage for stage, again in stages(events) if again}
    assert reused == set(draft.inputs) - {"index", "assign"}, "finished stages are not done again"
    if "outline" in reused:
        assert not bench.scripted.asked(is_outline)
        assert made.outline == draft.outline
    if draft.article:
        kept = {block.id: block.text for block in draft.article.blocks if block.done and block.kind == "paragraph"}
        assert kept.items() <= {block.id: block.text for block in (made.article or draft.article).blocks}.items()
        passages = sum(len(section.points) for section in draft.outline.sections) if draft.outline else 0
        assert len(bench.scripted.asked(is_passage)) <= max(passages - len(kept), 0)
    if "plan" in reused:
        assert not bench.scripted.asked(is_plan)
    bench.close()


@pytest.mark.parametrize("kind", [OutlineReady, ArticleReady, SlotsPlanned, CandidatesReady, Picked])
def test_killed_between_two_events(tmp_path: Path, brief: Brief, kind: type[AnyEvent]) -> None:
    """Whoever folds sees events before the engine's own next step: every prefix is a good start."""
    bench = Bench(tmp_path / "home")
    draft = Composition(brief=brief)
    with closing(compose(brief, None, bench.tools(), Cancel())) as run:
        for event in run:
            draft = fold(draft, event)
            if isinstance(event, kind):
                break
    made, _ = bench.compose(brief, draft)
    assert_finished(made, brief)
    bench.close()


def test_closing_the_generator_stops_the_writer(bench: Bench, brief: Brief) -> None:
    run = compose(brief, None, bench.tools(), Cancel())
    for event in run:
        if isinstance(event, TextDelta):
            break
    before = bench.scripted.streamed
    run.close()
    assert bench.scripted.streamed == before


def test_cancelled_before_it_began(bench: Bench, brief: Brief) -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        bench.compose(brief, cancel=cancel)
    assert not bench.scripted.prompts


# --- doing only what changed -----------------------------------------------------------------------------------------


def edited(composition: Composition, block: str, text: str) -> Composition:
    assert composition.article is not None
    blocks = tuple(replace(each, text=text) if each.id == block else each for each in composition.article.blocks)
    return replace(composition, article=replace(composition.article, blocks=blocks))


def test_a_finished_composition_is_left_alone(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    calls = bench.reranker.calls if bench.reranker else 0
    bench.scripted.prompts.clear()
    again, events = bench.compose(brief, made)
    assert what(again) == what(made)
    assert done_anew(events) == set()
    assert not bench.scripted.prompts
    assert bench.reranker is not None
    assert bench.reranker.calls == calls


def test_after_an_edit_the_pictures_are_planned_anew_and_nothing_is_written(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    own = edited(made, "p1", "A red boat and a yellow bicycle lean against the wall of the harbour.")
    bench.scripted.prompts.clear()
    again, events = bench.compose(brief, own)
    assert again.article == own.article
    assert done_anew(events) == {"plan", "retrieve", "rank", "caption"}
    assert not bench.scripted.asked(is_passage)
    assert not bench.scripted.asked(is_outline)
    assert any(pick.picture for pick in again.picks.values())
    assert all(each.final > 0 for found in again.candidates.values() for each in found)


def test_an_edit_elsewhere_asks_no_model_and_keeps_every_place(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    free = next(block for block in paragraphs(made) if block.id not in read_by(made))
    bench.scripted.prompts.clear()
    assert bench.reranker is not None
    bench.reranker.calls = 0
    again, _ = bench.compose(brief, edited(made, free.id, "A tram climbs the hill behind the market."))
    assert again.slots == made.slots
    assert again.candidates == made.candidates
    assert {name: pick.picture for name, pick in again.picks.items()} == {
        name: pick.picture for name, pick in made.picks.items()
    }
    assert not bench.scripted.prompts
    assert bench.reranker.calls == 0


def test_an_edit_at_a_place_plans_and_ranks_that_one_again(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    assert made.slots is not None
    touched = next(slot for slot in made.slots if slot.after != OPENING)
    others = [slot for slot in made.slots if block_of(slot.after, text_of(made)).id != touched.after]
    bench.scripted.prompts.clear()
    assert bench.reranker is not None
    bench.reranker.lists.clear()
    text = "A yellow bicycle leans against the wall of the old harbour, and nobody asks whose it is."
    again, _ = bench.compose(brief, edited(made, touched.after, text))
    assert again.slots is not None
    assert len(again.slots) == len(made.slots)
    assert set(others) < set(again.slots)
    assert next(slot for slot in again.slots if slot.after == touched.after).read != touched.read
    assert len(bench.scripted.asked(is_plan)) == len(made.slots) - len(others)
    assert len(bench.reranker.lists) == len(made.slots) - len(others), "captions are asked about one picture alone"
    for slot in others:
        assert alone(again.candidates[slot.id]) == alone(made.candidates[slot.id])


def test_a_place_whose_paragraph_went_moves_to_another(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    assert made.slots is not None
    assert made.article is not None
    gone = next(slot.after for slot in made.slots if slot.after != OPENING)
    blocks = tuple(block for block in made.article.blocks if block.id != gone)
    again, _ = bench.compose(brief, replace(made, article=replace(made.article, blocks=blocks)))
    assert again.slots is not None
    assert len(again.slots) == len(made.slots)
    assert gone not in {slot.after for slot in again.slots}
    assert set(again.picks) == {slot.id for slot in again.slots}
    places = [OPENING, *(block.id for block in blocks)]
    assert [places.index(slot.after) for slot in again.slots] == sorted(
        places.index(slot.after) for slot in again.slots
    )


def test_a_pin_outlives_an_edit_of_its_paragraph(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    assert made.slots is not None
    slot = next(slot for slot in made.slots if slot.after != OPENING)
    other = next(each.picture for each in made.candidates[slot.id][::-1])
    pinned = replace(made, picks={**made.picks, slot.id: Pick(slot=slot.id, picture=other, reason="", by="writer")})
    again, _ = bench.compose(brief, edited(pinned, slot.after, "Quite another text, of kites and of wind."))
    assert again.slots is not None
    kept = next(each for each in again.slots if each.after == slot.after)
    assert kept.caption == slot.caption
    assert again.picks[kept.id].picture == other
    assert again.picks[kept.id].by == "writer"


def test_the_writers_own_places_outlive_edits_beside_others_and_in_emptied_paragraphs(
    bench: Bench, brief: Brief
) -> None:
    made, _ = bench.compose(brief)
    assert made.slots is not None
    first, last = made.slots[0], made.slots[-1]
    mine = replace(first, id="w1", caption="My own place", origin="writer")
    chosen = made.candidates[first.id][-1].picture
    picks = {
        **made.picks,
        "w1": Pick(slot="w1", picture=chosen, reason="", by="writer"),
        last.id: Pick(slot=last.id, picture=None, reason="", by="writer"),
    }
    own = replace(made, slots=(first, mine, *made.slots[1:]), picks=picks)
    again, _ = bench.compose(brief, edited(edited(own, first.after, "Another text, of kites."), last.after, ""))
    assert again.slots is not None
    kept = next(slot for slot in again.slots if slot.caption == "My own place")
    assert again.picks[kept.id].picture == chosen
    emptied = next(slot for slot in again.slots if slot.after == last.after)
    assert again.picks[emptied.id].picture is None
    assert again.picks[emptied.id].by == "writer"
    assert len({slot.id for slot in again.slots}) == len(again.slots)


def test_a_text_that_is_there_can_be_illustrated_alone(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    bare = replace(made, slots=None, candidates={}, picks={}, inputs={})
    bench.scripted.prompts.clear()
    run = illustrate(bare, bench.tools(), Cancel())
    events: list[AnyEvent] = []
    while True:
        try:
            events.append(next(run))
        except StopIteration as end:
            again = end.value
            break
    assert again.slots == made.slots
    assert {name: pick.picture for name, pick in again.picks.items()} == {
        name: pick.picture for name, pick in made.picks.items()
    }
    assert not bench.scripted.asked(is_passage)
    assert {event.stage for event in events if isinstance(event, StageStarted)} == {
        "plan",
        "retrieve",
        "rank",
        "assign",
        "caption",
    }


def alone(candidates: Iterable[Candidate]) -> dict[str, dict[str, float]]:
    """By picture, what was measured of it at its place, without what the other places say for it."""
    return {
        each.picture.id: {name: value for name, value in each.signals.items() if name not in TOGETHER}
        for each in candidates
    }


def text_of(composition: Composition) -> Article:
    assert composition.article is not None
    return composition.article


def paragraphs(composition: Composition) -> list[Block]:
    return [block for block in text_of(composition).blocks if block.kind == "paragraph"]


def read_by(composition: Composition) -> set[str]:
    """Ids of the paragraphs that slots were planned from: a picture before all text stands beside the first."""
    return {block_of(slot.after, text_of(composition)).id for slot in composition.slots or ()}


def test_an_emptied_paragraph_is_no_trouble(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    again, _ = bench.compose(brief, edited(made, "p0", ""))
    assert again.slots is not None
    assert "p0" not in {slot.after for slot in again.slots}


def test_another_number_of_pictures_writes_nothing(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    longer = edited(made, "p0", " ".join(["My own words, which are to stay as they are."] * 40))
    bench.scripted.prompts.clear()
    again, events = bench.compose(replace(brief, pictures=2), longer)
    assert again.article == longer.article, "the writer's own words stay, however many"
    assert len(again.slots or ()) == 2
    assert not bench.scripted.asked(is_passage)
    assert done_anew(events) == {"plan", "retrieve", "rank", "caption"}


def test_a_new_picture_is_considered_without_writing_or_planning(bench: Bench, brief: Brief, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(brief.libraries[0], own)
    wanted = replace(brief, libraries=(str(own),))
    made, _ = bench.compose(wanted)
    assert made.slots is not None
    draw(own / "purple-umbrella.png", "purple", 77)
    again, events = bench.compose(wanted, made)
    assert done_anew(events) <= {"retrieve", "rank", "caption"}
    assert "retrieve" in done_anew(events)
    assert again.article == made.article
    picks = {slot: pick.picture.id if pick.picture else None for slot, pick in made.picks.items()}
    assert {slot: pick.picture.id if pick.picture else None for slot, pick in again.picks.items()} == picks
    assert all(each.final > 0 for found in again.candidates.values() for each in found)


def test_a_picture_elsewhere_changes_no_pick(bench: Bench, brief: Brief, tmp_path: Path) -> None:
    made, _ = bench.compose(brief)
    draw(tmp_path / "elsewhere" / "kite.png", "orange", 91)
    bench.compose(Brief(topic="Kites", length=100, pictures=1, libraries=(str(tmp_path / "elsewhere"),)))
    again, _ = bench.compose(brief, made)
    assert {name: pick.picture for name, pick in again.picks.items()} == {
        name: pick.picture for name, pick in made.picks.items()
    }


def test_another_folder_keeps_the_text(bench: Bench, brief: Brief, tmp_path: Path) -> None:
    made, _ = bench.compose(brief)
    draw(tmp_path / "elsewhere" / "red-kite.png", "red", 91)
    own = edited(made, "p0", "Words of my own.")
    again, events = bench.compose(replace(brief, libraries=(str(tmp_path / "elsewhere"),)), own)
    assert again.article == own.article
    assert done_anew(events) == {"plan", "retrieve", "rank", "caption"}
    assert {Path(pick.picture.path).name for pick in again.picks.values() if pick.picture} <= {"red-kite.png"}


def test_a_gone_picture_is_not_chosen_again(bench: Bench, brief: Brief, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(brief.libraries[0], own)
    wanted = replace(brief, libraries=(str(own),))
    made, _ = bench.compose(wanted)
    gone = next(pick.picture for pick in made.picks.values() if pick.picture)
    Path(gone.path).unlink()
    again, _ = bench.compose(wanted, made)
    assert gone.path not in {pick.picture.path for pick in again.picks.values() if pick.picture}


def test_another_seed_writes_anew(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    other, events = bench.compose(replace(brief, seed=2), made)
    assert done_anew(events) == {"outline", "write", "plan", "retrieve", "rank", "caption"}
    assert other.article != made.article
    assert_finished(other, replace(brief, seed=2))


def own_pick(composition: Composition, place: int, name: str = "mine") -> tuple[Slot, Pick]:
    assert composition.slots is not None
    slot = composition.slots[place]
    return slot, Pick(slot=slot.id, picture=picture(name), reason="Yours.", by="writer")


def with_pick(composition: Composition, pick: Pick) -> Composition:
    return replace(composition, picks={**composition.picks, pick.slot: pick})


def test_the_writers_pick_survives_a_new_run(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    _, pick = own_pick(made, 1)
    again, _ = bench.compose(brief, with_pick(made, pick))
    assert again.picks[pick.slot] == pick


def test_the_writers_pick_survives_an_edit_elsewhere(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    slot, pick = own_pick(made, 1)
    other = next(b.id for b in (made.article or Article("", ())).blocks if b.kind == "paragraph" and b.id != slot.after)
    again, events = bench.compose(brief, edited(with_pick(made, pick), other, "The yellow bicycle leans on a wall."))
    assert "plan" in done_anew(events)
    kept = [each for each in again.slots or () if again.picks[each.id].by == "writer"]
    assert [(each.after, each.caption) for each in kept] == [(slot.after, slot.caption)]
    assert again.picks[kept[0].id].picture == pick.picture
    assert len(again.slots or ()) == brief.pictures
    assert len({each.id for each in again.slots or ()}) == brief.pictures


def test_the_writers_pick_goes_with_its_paragraph(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    slot, pick = own_pick(made, 1)
    assert made.article is not None
    blocks = tuple(block for block in made.article.blocks if block.id != slot.after)
    cut = replace(with_pick(made, pick), article=replace(made.article, blocks=blocks))
    again, _ = bench.compose(brief, cut)
    assert "writer" not in {each.by for each in again.picks.values()}
    assert slot.after not in {each.after for each in again.slots or ()}


# --- what cannot be done ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"topic": ""},
        {"topic": " \n\t"},
        {"length": 0},
        {"length": -5},
        {"length": 99},
        {"length": 8001},
        {"length": 10**9},
        {"pictures": 41},
        {"pictures": -1},
    ],
    ids=str,
)
def test_a_brief_that_cannot_be_written(bench: Bench, brief: Brief, wrong: dict[str, object]) -> None:
    run = compose(replace(brief, **wrong), None, bench.tools(), Cancel())
    with pytest.raises(BadBrief) as caught:
        next(run)
    assert caught.value.hint
    assert not bench.loaded, "no model is loaded for nothing"


@pytest.mark.parametrize("length", [100, 8000])
def test_the_bounds_of_the_length_are_in_range(bench: Bench, length: int) -> None:
    next(compose(Brief(topic="x", length=length), None, bench.tools(), Cancel()))


def library_error(bench: Bench, folder: Path) -> tuple[LibraryError, list[AnyEvent]]:
    events: list[AnyEvent] = []
    brief = Brief(topic="The coast", length=100, libraries=(str(folder),))
    run = compose(brief, None, bench.tools(), Cancel())
    with pytest.raises(LibraryError) as caught:
        events.extend(run)
    assert caught.value.hint
    assert not bench.loaded, "nothing is written before the folder is known to be usable"
    return caught.value, events


def test_a_folder_that_is_missing(bench: Bench, tmp_path: Path) -> None:
    error, _ = library_error(bench, tmp_path / "gone")
    assert str(tmp_path / "gone") in error.message


def test_a_folder_that_is_a_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "not a folder" in library_error(bench, tmp_path / "file")[0].message


def test_an_empty_folder(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no usable picture" in library_error(bench, tmp_path / "empty")[0].message


def test_a_folder_with_broken_files_only(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    for at in range(7):
        (folder / f"{at}.jpg").write_bytes(b"no picture at all")
    error, events = library_error(bench, folder)
    assert "no usable picture" in error.message
    told = notices(events)
    assert "0.jpg is not used" in told
    assert "2 more files" in told


def test_broken_pictures_among_good_ones(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    draw(folder / "red-boat.png", "red")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    made, events = bench.compose(Brief(topic="The coast", length=100, pictures=1, libraries=(str(folder),)))
    assert "cut.jpg is not used" in notices(events)
    assert [Path(pick.picture.path).name for pick in made.picks.values() if pick.picture] == ["red-boat.png"]


def test_without_a_folder(bench: Bench) -> None:
    made, events = bench.compose(Brief(topic="The coast", length=150))
    assert made.article is not None
    assert made.slots == ()
    assert made.picks == {}
    assert "No picture folder" in notices(events)
    assert bench.encoder.images == 0
    assert not bench.encoder.texts


def test_no_pictures_asked_for(bench: Bench, brief: Brief) -> None:
    made, events = bench.compose(replace(brief, pictures=0))
    assert made.slots == ()
    assert not bench.scripted.asked(is_plan)
    assert "No picture folder" not in notices(events)


def test_a_library_with_nothing_that_fits(tmp_path: Path, brief: Brief) -> None:
    bench = Bench(tmp_path / "home", empty_below=1.0)
    made, _ = bench.compose(brief)
    assert [pick.picture for pick in made.picks.values()] == [None] * 3
    assert all("below 1.00" in pick.reason for pick in made.picks.values())
    bench.close()


def test_a_writer_that_says_nothing_is_an_error(tmp_path: Path, brief: Brief) -> None:
    bench = Bench(tmp_path / "home", ScriptedWriter([]))
    with pytest.raises(ModelFailed) as caught:
        bench.compose(brief)
    assert caught.value.hint
    bench.close()


def test_a_writer_of_another_language_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home", ScriptedWriter(lambda prompt: author(prompt, "zh"), ("en",)))
    _, events = bench.compose(Brief(topic="海岸", language="zh", length=200))
    assert "not made for the language" in notices(events)
    bench.close()


def test_a_model_that_fails_in_the_middle_leaves_what_was_told(tmp_path: Path, brief: Brief) -> None:
    calls = Counter[str]()

    def failing(prompt: Prompt) -> str:
        if is_passage(prompt):
            calls["passage"] += 1
            if calls["passage"] == 2:
                raise ModelFailed("The writer's process ended.", "Try again.")
        return author(prompt)

    bench = Bench(tmp_path / "home", ScriptedWriter(failing))
    draft = Composition(brief=brief)
    run = compose(brief, None, bench.tools(), Cancel())
    told: list[AnyEvent] = []
    with pytest.raises(ComposerError):
        told.extend(run)
    for event in told:
        draft = fold(draft, event)
    assert draft.article is not None
    first = next(block for block in draft.article.blocks if block.kind == "paragraph" and block.done)
    made, _ = bench.compose(brief, draft)
    assert made.article is not None
    assert first in made.article.blocks
    assert_finished(made, brief)
    bench.close()


def test_places_that_the_writer_made_are_never_given_up_for_planned_ones() -> None:
    blocks = tuple(Block(id=f"b{n}", kind="paragraph", text="x", section=0) for n in range(3))
    mine = tuple(Slot(id=f"w{n}", after=f"b{n}", caption="", query="", origin="writer") for n in range(3))
    draft = Composition(brief=Brief(topic="x"), article=Article("x", blocks), slots=mine)
    planned = (Slot(id="s1", after="b1", caption="planned", query="x"),)
    for new in ((), planned):
        slots, _ = pipeline._with_own(new, draft)
        assert [slot.after for slot in slots] == ["b0", "b1", "b2"]
        assert all(slot.origin == "writer" for slot in slots)


# --- places, words and pictures after an edit ------------------------------------------------------------------------


def opening_of(composition: Composition) -> Slot | None:
    return next((slot for slot in composition.slots or () if slot.after == OPENING), None)


def without(composition: Composition, block: str) -> Composition:
    article = text_of(composition)
    blocks = tuple(each for each in article.blocks if each.id != block)
    return replace(composition, article=replace(article, blocks=blocks))


@pytest.fixture
def opened(bench: Bench, brief: Brief) -> Composition:
    """A finished composition with a picture before all text."""
    bench._tools = dataclasses.replace(bench._tools, places={"opening": 3.0, "one": -1.0, "library": 0.4})
    made, _ = bench.compose(brief)
    assert opening_of(made)
    return made


def test_a_picture_before_all_text_survives_any_edit(bench: Bench, brief: Brief, opened: Composition) -> None:
    first = next(block.id for block in paragraphs(opened) if block.text)
    for changed in (edited(opened, first, "A yellow bicycle leans on the wall."), without(opened, first)):
        again, _ = bench.compose(brief, changed)
        before, after = opening_of(opened), opening_of(again)
        assert before is not None
        assert after is not None
        assert after.read == mark_of(block_of(OPENING, text_of(changed))) != before.read
        assert len(again.slots or ()) == brief.pictures
        assert (again.slots or ())[0] == after, "it stands first"


@pytest.mark.parametrize("pictures", [3, None])
@pytest.mark.parametrize("how", ["taken out", "emptied"])
def test_a_lost_place_is_replaced_away_from_its_neighbours(
    bench: Bench, brief: Brief, pictures: int | None, how: str
) -> None:
    bench._tools = dataclasses.replace(bench._tools, places={"one": -1.0, "opening": -4.0})
    wanted = replace(brief, pictures=pictures, length=1600)
    made, _ = bench.compose(wanted)
    slots = made.slots or ()
    lost = next(slot.after for slot in slots if slot.after != OPENING)
    again, _ = bench.compose(wanted, without(made, lost) if how == "taken out" else edited(made, lost, ""))
    kept = [slot.after for slot in slots if slot.after != lost]
    assert len(again.slots or ()) == len(slots)
    assert lost not in {slot.after for slot in again.slots or ()}
    assert set(kept) < {slot.after for slot in again.slots or ()}
    (new,) = [slot.after for slot in again.slots or () if slot.after not in kept]
    places = [OPENING, *(block.id for block in paragraphs(again) if block.text.strip())]
    taken = {places.index(after) for after in kept}
    apart = [at for at in range(len(places)) if at not in taken and not {at - 1, at + 1} & taken]
    assert not apart or places.index(new) in apart


def test_a_place_of_the_writers_own_goes_with_its_paragraph_and_is_not_replaced(bench: Bench, brief: Brief) -> None:
    wanted = replace(brief, pictures=None)
    made, _ = bench.compose(wanted)
    free = next(block.id for block in paragraphs(made) if block.id not in read_by(made))
    mine = Slot(id="w1", after=free, caption="Mine", query="red boat", origin="writer")
    again, _ = bench.compose(wanted, without(replace(made, slots=(*(made.slots or ()), mine)), free))
    assert [slot.after for slot in again.slots or ()] == [slot.after for slot in made.slots or ()]


@pytest.mark.parametrize("pictures", [3, 4])
def test_what_the_writer_worded_survives_planning_again(bench: Bench, brief: Brief, pictures: int) -> None:
    """After an edit of its paragraph, and when another number of pictures is asked for."""
    made, _ = bench.compose(brief)
    slot = next(slot for slot in made.slots or () if slot.after != OPENING)
    worded = tuple(
        replace(each, caption="My own words", worded=True) if each == slot else each for each in made.slots or ()
    )
    own = edited(replace(made, slots=worded), slot.after, "A yellow bicycle leans against the wall.")
    again, _ = bench.compose(replace(brief, pictures=pictures), own)
    assert len(again.slots or ()) == pictures
    (kept,) = [each for each in again.slots or () if each.worded]
    assert (kept.after, kept.caption) == (slot.after, "My own words")
    pick = again.picks[kept.id]
    assert pick.picture is not None
    assert caption_of(kept, pick) == "My own words"


def test_words_stay_with_a_picture_that_stays_and_go_with_one_that_goes(bench: Bench, brief: Brief) -> None:
    made, _ = bench.compose(brief)
    kept, lost = [slot for slot in made.slots or () if made.picks[slot.id].picture][:2]
    words = {slot.id: replace(made.picks[slot.id], caption=f"Below {slot.id}", alt=f"Seen {slot.id}")
             for slot in (kept, lost)}  # fmt: skip
    draft = replace(made, picks={**made.picks, **words})
    gone = made.picks[lost.id].picture
    assert gone is not None
    left = {
        slot: tuple(each for each in found if each.picture.id != gone.id) for slot, found in made.candidates.items()
    }
    bench.scripted.prompts.clear()
    again, _ = bench.compose(brief, replace(draft, candidates=left))
    stays, came = again.picks[kept.id], again.picks[lost.id]
    assert (stays.picture, stays.caption, stays.alt) == (
        made.picks[kept.id].picture,
        f"Below {kept.id}",
        f"Seen {kept.id}",
    )
    assert came.picture != gone
    assert f"Below {lost.id}" != came.caption
    assert f"Seen {lost.id}" != came.alt


def test_a_place_without_a_picture_says_what_to_take(tmp_path: Path, brief: Brief) -> None:
    bench = Bench(tmp_path / "home", empty_below=1.0)
    made, _ = bench.compose(brief)
    assert all(made.picks[slot.id].shot for slot in made.slots or ())
    full, _ = Bench(tmp_path / "other").compose(brief)
    assert not any(pick.shot for pick in full.picks.values() if pick.picture)
    bench.close()


def test_all_text_taken_out_leaves_no_places(bench: Bench, brief: Brief) -> None:
    """Also when it is planned as a whole, for another number of pictures."""
    made, _ = bench.compose(brief)
    bare = made
    for block in paragraphs(made):
        bare = edited(bare, block.id, "")
    for pictures in (brief.pictures, 5, None):
        again, _ = bench.compose(replace(brief, pictures=pictures), bare)
        assert again.slots == ()
        assert again.picks == {}


def test_slots_say_what_kind_of_picture_and_which_sentence(bench: Bench, opened: Composition) -> None:
    texts = {block.id: block.text for block in paragraphs(opened)}
    for slot in opened.slots or ():
        assert (slot.kind == "opening") == (slot.after == OPENING)
        assert slot.sentence in block_of(slot.after, text_of(opened)).text
    slot = next(slot for slot in opened.slots or () if slot.after != OPENING)
    about = f"{texts[slot.after]} The {slot.query} waits by the water."
    again, _ = bench.compose(opened.brief, edited(opened, slot.after, about))
    found = next(each for each in again.slots or () if each.after == slot.after)
    assert found.sentence.endswith("waits by the water.")
