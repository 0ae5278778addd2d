"""The engine in one process: every job ends exactly once, whatever happens, and nothing is said after that."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from composer import wire
from composer.acts import between
from composer.collection import Filter, Query
from composer.errors import LibraryError, ModelNotReady
from composer.evaluation import recording
from composer.pipeline import Tools
from composer.service import Service
from composer.source import Late
from composer.types import Brief, Composed, Composition, TextDelta
from tests.composer.fakes import Bench, HeldWriter, ScriptedWriter
from tests.composer.shelf import FakeShelf
from tests.composer.test_acts import article, chosen
from tests.composer.test_explanation import TWO, decided

ENDS = (wire.Done, wire.Failed, wire.Stopped)
PATIENCE = 20.0


class Reports:
    """Where the service writes to; readers wait for what they want to see."""

    def __init__(self) -> None:
        self.lines: list[wire.ReportLine] = []
        self._news = threading.Condition()

    def write(self, line: bytes) -> int:
        assert line.endswith(b"\n")
        with self._news:
            self.lines.append(wire.decode_report(line))
            self._news.notify_all()
        return len(line)

    def flush(self) -> None:
        pass

    def wait(self, wanted: Callable[[wire.ReportLine], bool]) -> wire.ReportLine:
        def found() -> wire.ReportLine | None:
            return next((line for line in self.lines if wanted(line)), None)

        with self._news:
            line = self._news.wait_for(found, PATIENCE)
        assert line is not None, f"never said; last: {self.lines[-3:]}"
        return line


class Engine:
    """A service on a thread, and the other ends of its pipes."""

    def __init__(self, source: Any, shelf: FakeShelf | None = None, idle: float = 60.0) -> None:  # noqa: ANN401 - whatever a service takes
        reading, writing = os.pipe()
        self.commands = os.fdopen(writing, "wb", buffering=0)
        self._reading = os.fdopen(reading, "rb")
        self.reports = Reports()
        self._jobs = 0
        self.shelf = shelf or FakeShelf()
        reports: Any = self.reports
        service = Service(source, lambda: self.shelf, self._reading, reports, "1.2", idle)
        self.thread = threading.Thread(target=service.run, daemon=True)
        self.thread.start()

    def send(self, command: wire.AnyCommand) -> int:
        self._jobs += 1
        self.commands.write(wire.encode(wire.CommandLine(self._jobs, command)))
        return self._jobs

    def end(self, job: int) -> wire.AnyReport:
        return self.reports.wait(lambda line: line.job == job and isinstance(line.report, ENDS)).report

    def said(self, job: int) -> list[wire.AnyReport]:
        return [line.report for line in self.reports.lines if line.job == job]

    def stop(self) -> None:
        self.commands.close()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        self._reading.close()


class Place:
    """A bench with a writer that waits, and the engine on it."""

    def __init__(self, home: Path, library: Path) -> None:
        self.writer = HeldWriter()
        self.library = library
        self.bench = Bench(home, self.writer)
        self.engine = Engine(self.bench)
        self.brief = Brief(topic="The coast", length=150, pictures=1, libraries=(str(library),))

    def compose_until_held(self) -> int:
        job = self.engine.send(wire.Compose(self.brief))
        assert self.writer.held.wait(PATIENCE)
        return job


@pytest.fixture
def place(tmp_path: Path, library: Path) -> Iterator[Place]:
    made = Place(tmp_path / "home", library)
    yield made
    made.writer.go.set()
    made.engine.stop()
    for job in range(1, made.engine._jobs + 1):
        ends = [type(report).__name__ for report in made.engine.said(job) if isinstance(report, ENDS)]
        assert len(ends) <= 1, f"job {job} ended as {ends}"


def test_it_begins_with_ready(place: Place) -> None:
    place.engine.reports.wait(lambda line: isinstance(line.report, wire.Ready))
    assert place.engine.reports.lines[0] == wire.ReportLine(0, wire.Ready("1.2"))


def test_a_composition(place: Place) -> None:
    place.writer.go.set()
    job = place.engine.send(wire.Compose(place.brief))
    assert place.engine.end(job) == wire.Done()
    said = place.engine.said(job)
    assert isinstance(said[-2], wire.Happened)
    assert isinstance(said[-2].event, Composed)
    assert said[-2].event.composition.picks
    assert said[-1] == wire.Done()


def test_scan_search_and_export(place: Place, library: Path, tmp_path: Path) -> None:
    engine = place.engine
    scan = engine.send(wire.IndexLibrary((str(library),)))
    assert engine.end(scan) == wire.Done()
    assert wire.Scanned(str(library), 8, 8, 0) in engine.said(scan)
    search = engine.send(wire.FindPictures(Query(text="red boat", filter=Filter(folders=(str(library),))), count=3))
    assert engine.end(search) == wire.Done()
    (found,) = [report for report in engine.said(search) if isinstance(report, wire.Matched)][-1:]
    assert Path(found.hits[0].picture.path).name == "red-boat.png"
    assert 0 < len(found.hits) <= 3
    place.writer.go.set()
    composed = engine.send(wire.Compose(place.brief))
    engine.end(composed)
    last = engine.said(composed)[-2]
    assert isinstance(last, wire.Happened)
    assert isinstance(last.event, Composed)
    export = engine.send(wire.ExportArticle(last.event.composition, str(tmp_path / "out")))
    assert engine.end(export) == wire.Done()
    (written,) = [report for report in engine.said(export) if isinstance(report, wire.Exported)]
    assert all(Path(file).is_file() for file in written.files)
    assert [Path(file).name for file in written.files[:2]] == ["article.md", "article.html"]


def test_cancelling_a_running_job(place: Place) -> None:
    job = place.compose_until_held()
    sent = time.monotonic()
    place.engine.send(wire.CancelJob(job))
    assert place.engine.end(job) == wire.Stopped()
    assert time.monotonic() - sent < 1.0
    count = len(place.engine.said(job))
    time.sleep(0.05)
    assert len(place.engine.said(job)) == count, "nothing is said after the end"
    assert place.engine.said(job)[-1] == wire.Stopped()
    assert any(isinstance(r, wire.Happened) and isinstance(r.event, TextDelta) for r in place.engine.said(job))


def test_cancelling_a_job_that_waits(place: Place) -> None:
    first = place.compose_until_held()
    second = place.engine.send(wire.Compose(place.brief))
    place.engine.send(wire.CancelJob(second))
    assert place.engine.end(second) == wire.Stopped(), "at once, and not when its turn comes"
    search = place.engine.send(wire.FindPictures(Query(text="boat")))
    assert place.engine.end(search) == wire.Done(), "the line after the cancel was read"
    place.writer.go.set()
    assert place.engine.end(first) == wire.Done()
    assert place.engine.end(place.engine.send(wire.RenewModels())) == wire.Done()
    assert place.engine.said(second) == [wire.Stopped()], "it never began"


@pytest.mark.parametrize("target", [0, 99, 1])
def test_cancelling_what_is_not_running(place: Place, target: int) -> None:
    search = place.engine.send(wire.FindPictures(Query(text="boat")))
    place.engine.end(search)
    before = len(place.engine.said(search))
    place.engine.send(wire.CancelJob(target))
    assert place.engine.end(place.engine.send(wire.FindPictures(Query(text="boat")))) == wire.Done()
    assert len(place.engine.said(search)) == before


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"\xff\xfe\n",
        b'{"job":5,"command":{"command":"explode"}}\n',
        b'{"job":1,"x":' + b"[" * 9999 + b"\n",
    ],
)
def test_a_malformed_line(place: Place, line: bytes) -> None:
    place.engine.commands.write(b"\n" + line)
    failed = place.engine.reports.wait(lambda each: isinstance(each.report, wire.Failed))
    assert failed.job == 0
    assert place.engine.end(place.engine.send(wire.FindPictures(Query(text="boat")))) == wire.Done(), "it lives on"


def test_searching_and_exporting_do_not_wait_for_writing(place: Place, tmp_path: Path) -> None:
    job = place.compose_until_held()
    assert place.engine.end(place.engine.send(wire.FindPictures(Query(text="red boat")))) == wire.Done()
    nothing = place.engine.send(wire.ExportArticle(Composition(brief=place.brief), str(tmp_path / "out")))
    failed = place.engine.end(nothing)
    assert isinstance(failed, wire.Failed)
    assert "no article" in failed.message
    assert not [report for report in place.engine.said(job) if isinstance(report, ENDS)], "it is still at work"
    place.writer.go.set()
    assert place.engine.end(job) == wire.Done()


def test_a_pick_is_explained_while_an_article_is_written(place: Place) -> None:
    place.compose_until_held()
    job = place.engine.send(wire.ExplainPick(decided(TWO), "s1"))
    assert place.engine.end(job) == wire.Done()
    (told,) = [report for report in place.engine.said(job) if isinstance(report, wire.Explained)]
    assert told.explanation.picture == "keep"
    failed = place.engine.end(place.engine.send(wire.ExplainPick(decided(TWO), "s9")))
    assert isinstance(failed, wire.Failed)
    place.writer.go.set()


def test_jobs_that_need_models_go_one_after_the_other(place: Place) -> None:
    job = place.compose_until_held()
    renew = place.engine.send(wire.RenewModels())
    place.engine.end(place.engine.send(wire.FindPictures(Query(text="x"))))
    assert not place.engine.said(renew)
    place.writer.go.set()
    place.engine.end(renew)
    lines = place.engine.reports.lines
    assert lines.index(wire.ReportLine(job, wire.Done())) < min(
        at for at, line in enumerate(lines) if line.job == renew
    )


@pytest.mark.parametrize("how", ["shutdown", "end of input"])
def test_the_end(place: Place, how: str) -> None:
    running = place.compose_until_held()
    waiting = place.engine.send(wire.Compose(place.brief))
    if how == "shutdown":
        place.engine.send(wire.Shutdown())
    else:
        place.engine.commands.close()
    place.engine.thread.join(PATIENCE)
    assert not place.engine.thread.is_alive()
    assert place.engine.said(running)[-1] == wire.Stopped()
    assert place.engine.said(waiting) == [wire.Stopped()]
    assert place.bench.closed


def test_a_problem_is_told_with_what_to_do(place: Place, tmp_path: Path) -> None:
    for command in (
        wire.IndexLibrary((str(tmp_path / "gone"),)),
        wire.Compose(Brief(topic="x", libraries=(str(tmp_path / "gone"),))),
        wire.Compose(Brief(topic=" ")),
    ):
        failed = place.engine.end(place.engine.send(command))
        assert isinstance(failed, wire.Failed)
        assert failed.message
        assert failed.hint
        assert "Traceback" not in failed.message + failed.hint


def test_an_unexpected_exception(tmp_path: Path) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError("a bug of ours")

    bench = Bench(tmp_path / "home", ScriptedWriter(broken))
    engine = Engine(bench)
    job = engine.send(wire.Compose(Brief(topic="The coast", length=100)))
    failed = engine.end(job)
    assert isinstance(failed, wire.Failed)
    assert "ZeroDivisionError" in failed.message
    assert "a bug of ours" not in failed.message
    assert "Traceback" in failed.details
    assert "a bug of ours" in failed.details
    assert engine.end(engine.send(wire.FindPictures(Query(text="boat")))) == wire.Done(), "it lives on"
    engine.stop()


def test_models_that_are_not_ready_are_tried_again(tmp_path: Path) -> None:
    class Missing:
        ready = False
        bench = Bench(tmp_path / "home")

        def tools(self) -> Tools:
            if not self.ready:
                raise ModelNotReady("The model x is missing.", "Run `python main.py models pull x`.")
            return self.bench.tools()

        def warm(self) -> None:
            pass

        def close(self) -> None:
            self.bench.close()

    source = Missing()
    engine = Engine(source)
    failed = engine.end(engine.send(wire.Compose(Brief(topic="The coast", length=100))))
    assert isinstance(failed, wire.Failed)
    assert "models pull x" in failed.hint
    source.ready = True
    assert engine.end(engine.send(wire.Compose(Brief(topic="The coast", length=100)))) == wire.Done()
    engine.stop()


def test_a_source_made_late(tmp_path: Path) -> None:
    made: list[Bench] = []
    tries = []

    def make() -> Bench:
        tries.append(1)
        if len(tries) == 1:
            raise LibraryError("Settings are wrong.", "Mend them.")
        made.append(Bench(tmp_path / f"home{len(tries)}"))
        return made[-1]

    late = Late(make)
    assert not tries, "nothing is made before it is needed"
    with pytest.raises(LibraryError):
        late.tools()
    assert late.tools() is late.tools()
    assert len(tries) == 2
    late.renew()
    assert made[0].closed, "its memory is free before another is made"
    assert len(made) == 1
    assert late.tools() is made[1].tools()
    late.close()
    assert made[1].closed


def test_what_was_done_to_pictures_is_kept_and_an_export_accepts_what_stands(place: Place, tmp_path: Path) -> None:
    engine, before = place.engine, article()
    job = engine.send(wire.RecordActs(between(before, chosen(before, "s1", None))))
    assert isinstance(engine.end(job), wire.Done)
    empty = replace(before, picks={name: replace(pick, picture=None) for name, pick in before.picks.items()})
    assert isinstance(engine.end(engine.send(wire.ExportArticle(empty, str(tmp_path / "out")))), wire.Done)
    kept = list(recording.acts(recording.folder()))
    assert [(act.deed, act.slot.id, act.now) for act in kept] == [
        ("remove", "s1", None), ("accept", "s1", None), ("accept", "s2", None),
    ]  # fmt: skip


def test_an_export_does_not_fail_for_want_of_a_record(place: Place, tmp_path: Path) -> None:
    recording.folder().write_text("a file where the folder should be")
    bare = replace(article(), picks={"s2": article().picks["s2"]})
    assert isinstance(place.engine.end(place.engine.send(wire.ExportArticle(bare, str(tmp_path / "out")))), wire.Done)
    assert (tmp_path / "out").is_dir()
