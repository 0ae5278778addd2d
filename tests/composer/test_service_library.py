"""The engine and the library: who waits for whom, and nothing is closed under anybody's hands."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from composer import settings, wire
from composer.collection import LibraryFolder, Query
from composer.gate import Gate, Within
from composer.library.filling.folders import Folder
from composer.ports import Cancel, Vectors
from composer.settings import Settings
from tests.composer.fakes import draw, draw_library
from tests.composer.test_service import PATIENCE, Place


class HeldEncoder:
    """Makes an encoder wait in the midst of pictures."""

    def __init__(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held, self.go = threading.Event(), threading.Event()
        self._encode = place.bench.encoder.encode_images
        monkeypatch.setattr(place.bench.encoder, "encode_images", self._held)

    def _held(self, images: Sequence[Image.Image]) -> Vectors:
        self.held.set()
        assert self.go.wait(PATIENCE)
        return self._encode(images)


@pytest.fixture
def place(tmp_path: Path, library: Path) -> Iterator[Place]:
    made = Place(tmp_path / "home", library)
    yield made
    made.writer.go.set()
    made.engine.stop()


def index(place: Place) -> int:
    return place.engine.send(wire.IndexLibrary((str(place.library),)))


def found(place: Place, text: str = "red boat") -> wire.Matched:
    job = place.engine.send(wire.FindPictures(Query(text=text)))
    assert place.engine.end(job) == wire.Done()
    matched = place.engine.said(job)[-2]
    assert isinstance(matched, wire.Matched)
    return matched


def test_indexing_and_finding(place: Place) -> None:
    job = index(place)
    assert place.engine.end(job) == wire.Done()
    said = place.engine.said(job)
    assert wire.Scanned(str(place.library), 8, 8, 0) in said
    assert isinstance(said[-2], wire.LibraryShown)
    matched = found(place)
    assert matched.total == 8
    assert Path(matched.hits[0].picture.path).stem == "red-boat"
    show = place.engine.send(wire.ShowHits("library", 2, 3))
    assert place.engine.end(show) == wire.Done()
    (page,) = [report for report in place.engine.said(show) if isinstance(report, wire.HitsShown)]
    assert len(page.hits) == 3
    described = place.engine.send(wire.DescribePicture("f" * 32))
    assert isinstance(place.engine.end(described), wire.Failed)


def test_finding_does_not_wait_for_an_article_or_for_indexing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.engine.end(index(place))
    article = place.compose_until_held()
    assert found(place).hits[0].vector is not None
    encoder = HeldEncoder(place, monkeypatch)
    place.engine.send(wire.IndexLibrary())
    assert found(place).total == 8
    assert not [report for report in place.engine.said(article) if isinstance(report, wire.Done)]
    encoder.go.set()


def test_indexing_gives_way_to_an_article(place: Place, tmp_path: Path) -> None:
    place.compose_until_held()
    job = place.engine.send(wire.IndexLibrary((str(draw_library(tmp_path / "other")),)))
    found(place)
    assert not [report for report in place.engine.said(job) if isinstance(report, wire.LibraryShown)]
    place.writer.go.set()
    assert place.engine.end(job) == wire.Done()


def test_pausing_is_answered_at_once_and_a_paused_job_can_be_stopped(place: Place) -> None:
    pause = place.engine.send(wire.SetPace(paused=True))
    assert place.engine.end(pause) == wire.Done()
    first = index(place)
    again = place.engine.send(wire.SetPace(paused=True, share=0.5))
    assert place.engine.end(again) == wire.Done()
    (shown,) = [report for report in place.engine.said(again) if isinstance(report, wire.LibraryShown)]
    assert (shown.state.paused, shown.state.share) == (True, 0.5)
    place.engine.send(wire.CancelJob(first))
    assert place.engine.end(first) == wire.Stopped()
    second = index(place)
    place.engine.send(wire.SetPace())
    assert place.engine.end(second) == wire.Done()


def test_the_share_outlives_the_engine_and_the_pause_does_not(place: Place, tmp_path: Path, library: Path) -> None:
    assert place.engine.end(place.engine.send(wire.SetPace(paused=True, share=0.5))) == wire.Done()
    again = Place(tmp_path / "home", library)
    try:
        show = again.engine.send(wire.ShowLibrary())
        assert again.engine.end(show) == wire.Done()
        (shown,) = [report for report in again.engine.said(show) if isinstance(report, wire.LibraryShown)]
        assert (shown.state.paused, shown.state.share) == (False, 0.5)
    finally:
        again.writer.go.set()
        again.engine.stop()


def test_the_share_leaves_the_other_settings_alone(place: Place) -> None:
    settings.settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings.settings_file().write_text("# mine\nthreads = 3\n")
    assert place.engine.end(place.engine.send(wire.SetPace(share=0.0))) == wire.Done()
    assert settings.load() == Settings(threads=3, background_share=0.01)
    assert "# mine" in settings.settings_file().read_text()


def test_where_pictures_are_searched_and_whether_they_are_read(place: Place) -> None:
    job = place.engine.send(wire.SetLibrary("milvus:/far/pictures.db", read_texts=True, screen_content=True))
    assert place.engine.end(job) == wire.Done()
    (shown,) = [report for report in place.engine.said(job) if isinstance(report, wire.LibraryShown)]
    assert (shown.state.index, shown.state.read_texts) == ("milvus:/far/pictures.db", True)
    assert shown.state.screen_content
    renew = place.engine.send(wire.RenewModels())
    assert place.engine.end(renew) == wire.Done()
    assert place.bench.renewed == 2, "the next search is made from the new settings"
    wrong = place.engine.end(place.engine.send(wire.SetLibrary("nonsense", read_texts=False)))
    assert isinstance(wrong, wire.Failed)
    assert wrong.message == "nonsense is no place."
    kept = Settings(index="milvus:/far/pictures.db", read_texts=True, screen_content=True)
    assert settings.load() == kept, "nothing was changed"
    assert place.engine.end(place.engine.send(wire.SetLibrary(read_texts=False))) == wire.Done()
    assert settings.load() == Settings(index="milvus:/far/pictures.db", screen_content=True)


def test_settings_that_cannot_be_read_do_not_stop_the_engine(tmp_path: Path, library: Path) -> None:
    settings.settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings.settings_file().write_text("background_share = 2.0\n")
    made = Place(tmp_path / "home", library)
    try:
        end = made.engine.end(made.engine.send(wire.SetPace(share=0.5)))
        assert isinstance(end, wire.Failed)
        assert "background_share" in end.message
        assert settings.settings_file().read_text() == "background_share = 2.0\n"
    finally:
        made.writer.go.set()
        made.engine.stop()


def test_renewing_the_models_waits_for_indexing_to_leave_and_it_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HeldEncoder(place, monkeypatch)
    job = index(place)
    assert encoder.held.wait(PATIENCE)
    renew = place.engine.send(wire.RenewModels())
    during = [report for report in place.engine.said(renew) if isinstance(report, wire.Done)]
    assert not during
    assert place.bench.renewed == 0, "the encoder is at work"
    encoder.go.set()
    assert place.engine.end(renew) == wire.Done()
    assert place.bench.renewed == 1
    assert place.engine.end(job) == wire.Done(), "it went on with the new models"
    assert found(place).hits[0].vector is not None


def test_a_watched_folder_is_indexed_when_it_changes(place: Place, tmp_path: Path) -> None:
    folder = draw_library(tmp_path / "watched")
    put = place.engine.send(wire.PutFolder(LibraryFolder(path=str(folder), watched=True)))
    assert place.engine.end(put) == wire.Done()
    place.engine.end(place.engine.send(wire.IndexLibrary()))
    draw(folder / "new-boat.png", "red", 77)
    place.engine.reports.wait(lambda line: line.job == 0 and isinstance(line.report, wire.LibraryChanged))
    assert found(place, "new").hits[0].picture.path == str(folder / "new-boat.png")


def test_what_changed_while_no_engine_ran(place: Place, tmp_path: Path) -> None:
    folder = draw_library(tmp_path / "watched")
    place.bench.catalogue().folders.put(Folder(str(folder), watched=True))
    place.engine.send(wire.ShowLibrary())
    place.engine.reports.wait(lambda line: line.job == 0 and isinstance(line.report, wire.LibraryChanged))
    assert found(place).total == 8


# --- the gate ---------------------------------------------------------------------------------------------------------


def test_alone_waits_for_those_inside_and_holds_others_off() -> None:
    gate, order, asked = Gate(), list[str](), threading.Event()

    def alone() -> None:
        with gate.alone():
            order.append("alone")

    def later() -> None:
        with gate.using():
            order.append("later")

    with gate.using(asked.set):
        one = threading.Thread(target=alone)
        one.start()
        assert asked.wait(PATIENCE), "whoever can leave is asked to"
        two = threading.Thread(target=later)
        two.start()
        gate.again()  # for work that was begun from inside
        gate.leave()
        order.append("inside")
    one.join(PATIENCE)
    two.join(PATIENCE)
    assert order == ["inside", "alone", "later"]


def test_a_cancel_within_another() -> None:
    outer = Cancel()
    inner = Within(outer)
    assert not inner.cancelled
    outer.cancel()
    assert inner.cancelled
    alone = Within(Cancel())
    alone.cancel()
    assert alone.cancelled
