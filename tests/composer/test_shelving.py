"""Models are fetched, chosen and asked about while articles are written; nothing waits that need not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer import settings, wire
from tests.composer.shelf import FakeShelf
from tests.composer.test_service import PATIENCE, Place


@pytest.fixture
def place(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    made = Place(tmp_path / "home", library)
    yield made
    made.writer.go.set()
    made.engine.shelf.go.set()
    made.engine.stop()


def shelf_of(place: Place) -> FakeShelf:
    return place.engine.shelf


def listed(place: Place, job: int) -> wire.ModelsListed:
    (found,) = [report for report in place.engine.said(job) if isinstance(report, wire.ModelsListed)]
    return found


def test_the_list_of_models(place: Place) -> None:
    job = place.engine.send(wire.ListModels())
    assert place.engine.end(job) == wire.Done()
    found = listed(place, job)
    assert [row.name for row in found.rows] == ["small", "large", "eye"]
    assert found.sets[0].models == ("large", "eye")
    assert found.disk.free == 1000
    assert found.chosen == {"writer": "starter", "encoder": "starter", "reranker": "starter"}


def test_fetching_goes_on_while_an_article_is_written(place: Place) -> None:
    composing = place.compose_until_held()
    pull = place.engine.send(wire.PullModel("large"))
    assert shelf_of(place).pulling.wait(PATIENCE)
    asked = place.engine.send(wire.ListModels())
    assert place.engine.end(asked) == wire.Done(), "questions are answered meanwhile"
    assert listed(place, asked).rows[1].state == "missing"
    shelf_of(place).go.set()
    assert place.engine.end(pull) == wire.Done()
    steps = [report for report in place.engine.said(pull) if isinstance(report, wire.Pulling)]
    assert steps[0] == wire.Pulling("large", "weights.bin", 0, 100)
    assert steps[-1] == wire.Pulling("large", "weights.bin", 100, 100)
    assert len(steps) < 6, "not every step is worth a word"
    assert listed(place, pull).rows[1].state == "ready"
    place.writer.go.set()
    assert place.engine.end(composing) == wire.Done()
    assert place.bench.renewed == 0, "what was fetched is used by nobody yet"


def test_cancelling_a_pull_leaves_the_article_alone(place: Place) -> None:
    composing = place.compose_until_held()
    pull = place.engine.send(wire.PullModel("large"))
    waiting = place.engine.send(wire.PullModel("small"))
    assert shelf_of(place).pulling.wait(PATIENCE)
    sent = time.monotonic()
    place.engine.send(wire.CancelJob(waiting))
    assert place.engine.end(waiting) == wire.Stopped(), "although its turn has not come"
    place.engine.send(wire.CancelJob(pull))
    assert place.engine.end(pull) == wire.Stopped()
    assert time.monotonic() - sent < 1.0
    place.writer.go.set()
    assert place.engine.end(composing) == wire.Done()


def test_another_model_is_for_the_next_article(place: Place) -> None:
    composing = place.compose_until_held()
    use = place.engine.send(wire.UseModel("small"))
    assert place.engine.end(use) == wire.Done(), "it is in the settings at once"
    assert settings.load().writer == "small"
    assert listed(place, use).chosen["writer"] == "small"
    assert listed(place, use).rows[0].chosen
    assert listed(place, use).gain == "unmeasured"
    assert place.bench.renewed == 0, "the article under way keeps its models"
    following = place.engine.send(wire.Compose(place.brief))
    place.writer.go.set()
    assert place.engine.end(composing) == wire.Done()
    assert place.engine.end(following) == wire.Done()
    lines = place.engine.reports.lines
    begun = next(at for at, line in enumerate(lines) if line.job == following)
    assert lines.index(wire.ReportLine(composing, wire.Done())) < begun
    assert place.bench.renewed == 1


def test_a_model_that_cannot_be_used_changes_nothing(place: Place) -> None:
    failed = place.engine.end(place.engine.send(wire.UseModel("large")))
    assert isinstance(failed, wire.Failed)
    assert (failed.message, failed.hint, failed.kind) == ("large is not here.", "Get it first.", "ModelNotReady")
    assert settings.load().writer == "starter"
    assert place.engine.end(place.engine.send(wire.RenewModels())) == wire.Done()
    assert place.bench.renewed == 1, "only what was asked for"


def test_verifying_removing_allowing_and_checking(place: Place) -> None:
    engine = place.engine
    verify = engine.send(wire.VerifyModel("small"))
    assert engine.end(verify) == wire.Done()
    assert engine.said(verify)[0] == wire.Verified("small", {"weights.bin": "ready"})
    remove = engine.send(wire.RemoveModel("small"))
    assert engine.end(remove) == wire.Done()
    assert engine.said(remove)[0] == wire.Removed("small", 100)
    assert listed(place, remove).rows[0].state == "missing"
    allow = engine.send(wire.AllowServer("box.local:8080"))
    assert engine.end(allow) == wire.Done()
    assert settings.load().allowed_hosts == ("box.local:8080",)
    check = engine.send(wire.CheckMachine())
    assert engine.end(check) == wire.Done()
    (checked,) = [report for report in engine.said(check) if isinstance(report, wire.Checked)]
    assert [(each.name, each.ok, each.hint) for each in checked.checks] == [
        ("Python", True, ""),
        ("Disk", False, "Make room."),
    ]


def test_settings_that_cannot_be_read_are_a_sentence(place: Place) -> None:
    settings.settings_file().write_text("writer = 7\n", "utf-8")
    failed = place.engine.end(place.engine.send(wire.ListModels()))
    assert isinstance(failed, wire.Failed)
    assert failed.kind == "SettingsError"
    assert failed.hint
