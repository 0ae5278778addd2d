"""While nobody waits the re-ranker looks ahead: at the candidates first, and never in anyone's way."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from composer import wire
from composer.collection import Query
from composer.errors import Cancelled
from composer.lane import Lane
from composer.ports import Cancel
from composer.preparation import MOST, Preparation
from composer.stages.rank import Signal, Weights
from composer.types import Brief, Composed, Composition, Notice, Picture
from tests.composer.fakes import Bench, WordsReranker, candidate, slot
from tests.composer.test_service import PATIENCE, Engine

BRIEF = Brief(topic="The coast", length=150, pictures=1)


class Watched(WordsReranker):
    """Tells when it began to prepare, and perhaps waits there for its Cancel."""

    def __init__(self, *, waits: bool = False) -> None:
        super().__init__()
        self.begun, self.ended, self.all = threading.Event(), threading.Event(), threading.Event()
        self.waits = waits

    def prepare(self, pictures: Sequence[Picture], cancel: Cancel) -> Iterator[int]:
        for done in super().prepare(pictures, cancel):
            self.begun.set()
            try:
                while self.waits:
                    cancel.check()
                    threading.Event().wait(0.002)
            finally:
                self.ended.set()
            if len(self.prepared) == 8:
                self.all.set()
            yield done


@pytest.fixture
def watched(bench: Bench) -> Watched:
    made = Watched()
    bench.reranker = made
    bench._tools = replace(bench._tools, reranker=made)
    return made


def compose(engine: Engine, library: Path) -> Composed:
    job = engine.send(wire.Compose(Brief(topic="The coast", length=150, pictures=1, libraries=(str(library),))))
    assert engine.end(job) == wire.Done()
    last = engine.said(job)[-2]
    assert isinstance(last, wire.Happened)
    assert isinstance(last.event, Composed)
    return last.event


def test_candidates_first_then_the_folders(bench: Bench, library: Path) -> None:
    whole, _ = bench.compose(Brief(topic="The coast", length=150, pictures=1, libraries=(str(library),)))
    assert bench.reranker is not None
    Preparation(bench.tools(), bench.reranker, whole).go_on(Cancel())
    prepared = bench.reranker.prepared
    first = [each.picture.id for place in whole.slots or () for each in whole.candidates[place.id]]
    assert first
    assert prepared[: len(first)] == first
    assert len(prepared) == len(set(prepared)) == 8, "each picture once"


def test_it_goes_on_where_it_was_cut_short(bench: Bench, library: Path) -> None:
    whole, _ = bench.compose(Brief(topic="The coast", length=150, pictures=1, libraries=(str(library),)))
    reranker = WordsReranker()
    ahead = Preparation(bench.tools(), reranker, whole)
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        ahead.go_on(cancel)
    assert reranker.prepared == []
    ahead.go_on(Cancel())
    assert len(reranker.prepared) == 8
    ahead.go_on(Cancel())
    assert len(reranker.prepared) == 8, "then there is nothing left"


def test_there_is_an_end_to_it(bench: Bench) -> None:
    many = {"s1": tuple(candidate(f"p{at}") for at in range(MOST)), "s2": (candidate("late"),)}
    whole = Composition(brief=BRIEF, slots=(slot("s1"), slot("s2")), candidates=many)
    reranker = WordsReranker()
    Preparation(bench.tools(), reranker, whole).go_on(Cancel())
    assert len(reranker.prepared) == MOST


def test_the_service_prepares_when_it_is_idle(bench: Bench, watched: Watched, library: Path) -> None:
    engine = Engine(bench, idle=0.01)
    compose(engine, library)
    assert watched.begun.wait(PATIENCE)
    assert watched.all.wait(PATIENCE)
    lines = len(engine.reports.lines)
    assert engine.end(engine.send(wire.FindPictures(Query(text="boat")))) == wire.Done()
    assert len(engine.reports.lines) == lines + 2, "nothing of it is told"
    engine.stop()


def test_a_job_ends_it_at_once(bench: Bench, watched: Watched, library: Path) -> None:
    watched.waits = True
    engine = Engine(bench, idle=0.01)
    compose(engine, library)
    assert watched.begun.wait(PATIENCE)
    renew = engine.send(wire.RenewModels())
    assert engine.end(renew) == wire.Done()
    assert watched.ended.is_set()
    engine.stop()


def test_no_preparation_while_jobs_come(bench: Bench, watched: Watched, library: Path) -> None:
    engine = Engine(bench, idle=60.0)
    compose(engine, library)
    assert engine.end(engine.send(wire.RenewModels())) == wire.Done()
    engine.stop()
    assert watched.prepared == []


def test_a_re_ranker_that_is_not_asked_prepares_nothing(bench: Bench, watched: Watched, library: Path) -> None:
    quiet = Weights({**bench.tools().weights.signals, "rerank": Signal(0.0)})
    bench._tools = replace(bench._tools, weights=quiet)
    engine = Engine(bench, idle=0.01)
    compose(engine, library)
    assert not watched.begun.wait(0.2)
    engine.stop()
    assert (watched.prepared, watched.calls) == ([], 0)


def test_its_failures_are_nobodys_concern(bench: Bench, watched: Watched, library: Path) -> None:
    begun = threading.Event()

    def broken(_pictures: object, _cancel: object) -> Iterator[int]:
        begun.set()
        raise OSError("the drive is gone")

    watched.prepare = broken  # type: ignore[method-assign]
    engine = Engine(bench, idle=0.01)
    compose(engine, library)
    assert begun.wait(PATIENCE)
    assert engine.end(engine.send(wire.RenewModels())) == wire.Done(), "the lane lives on"
    engine.stop()


def test_scores_do_not_depend_on_it(bench: Bench, watched: Watched, library: Path) -> None:
    engine = Engine(bench, idle=60.0)
    before = compose(engine, library).composition
    Preparation(bench.tools(), watched, before).go_on(Cancel())
    after = compose(engine, library).composition
    assert watched.prepared
    assert after.candidates == before.candidates
    engine.stop()


def test_what_the_re_ranker_has_to_say_is_told(bench: Bench, library: Path) -> None:
    assert bench.reranker is not None
    bench.reranker.told = ["Memory ran short; choosing goes on slower."]
    _, events = bench.compose(Brief(topic="The coast", length=150, pictures=1, libraries=(str(library),)))
    assert Notice("Memory ran short; choosing goes on slower.") in events


def test_a_lane_survives_what_escapes_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    lane, done = Lane("test"), threading.Event()

    def broken() -> None:
        raise ZeroDivisionError

    lane.put(broken)
    lane.put(done.set)
    assert done.wait(PATIENCE)
    lane.close()
    assert "ZeroDivisionError" in capsys.readouterr().err
