"""The library's commands, on a real catalogue with fakes for every model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from PIL.Image import Image

from composer import wire
from composer.collection import Edit, Filter, LibraryFolder, Query
from composer.errors import Cancelled, LibraryError, ModelNotReady
from composer.gate import Gate
from composer.librarian import SEARCHES, Librarian, LibraryCommand
from composer.library.filling.pace import Pace
from composer.pipeline import Tools
from composer.ports import Cancel, Content, ContentScreen, TextReader, Vectors
from tests.composer.fakes import Bench, draw, draw_library

R = TypeVar("R")


class Desk:
    """A librarian over a bench, and what it answers."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.pace = Pace()
        self.librarian = Librarian(self, self.pace, Gate())
        self.error: Exception | None = None
        """Raised instead of giving tools."""
        self.missing: Exception | None = None
        """Raised instead of giving what looks for faces."""

    def catalogue(self):  # noqa: ANN201 - the bench's
        return self.bench.catalogue()

    def tools(self) -> Tools:
        if self.error is not None:
            raise self.error
        return self.bench.tools()

    def reader(self) -> TextReader | None:
        return self.bench.reader()

    def content_screen(self) -> ContentScreen | None:
        if self.missing is not None:
            raise self.missing
        return self.bench.content_screen()

    def problems(self) -> list[str]:
        return self.bench.problems()

    def do(self, command: LibraryCommand, cancel: Cancel | None = None) -> list[wire.AnyReport]:
        return list(self.librarian.carry_out(command, cancel or Cancel()))

    def last(self, command: LibraryCommand, kind: type[R]) -> R:
        report = self.do(command)[-1]
        assert isinstance(report, kind)
        return report

    def index(self, *folders: Path) -> list[wire.AnyReport]:
        return self.do(wire.IndexLibrary(tuple(map(str, folders))))

    def names(self, query: Query, search: str = "library") -> list[str]:
        found = self.last(wire.FindPictures(query, search), wire.Matched)
        return [Path(hit.picture.path).stem for hit in found.hits]

    def id_of(self, name: str) -> str:
        found = self.last(wire.FindPictures(Query(filter=Filter(copies=True)), "ids", 1000), wire.Matched)
        return next(hit.picture.id for hit in found.hits if Path(hit.picture.path).stem == name)


@pytest.fixture
def desk(bench: Bench) -> Iterator[Desk]:
    made = Desk(bench)
    yield made
    made.librarian.close()


@pytest.fixture
def filled(desk: Desk, library: Path) -> Desk:
    desk.index(library)
    return desk


@pytest.fixture
def own(desk: Desk, tmp_path: Path) -> Path:
    """A folder that a test may change."""
    folder = draw_library(tmp_path / "own")
    desk.index(folder)
    return folder


# --- taking pictures in -----------------------------------------------------------------------------------------------


def test_indexing_goes_step_by_step(desk: Desk, library: Path) -> None:
    said = desk.index(library)
    steps = [report.step for report in said if isinstance(report, wire.Indexing)]
    assert list(dict.fromkeys(steps)) == ["scan", "look", "captions", "screens", "index"]
    assert wire.Scanned(str(library), 8, 8, 0) in said
    last = said[-1]
    assert isinstance(last, wire.LibraryShown)
    assert (last.state.pictures, last.state.files, last.state.without_vectors) == (8, 8, 0)
    assert [(folder.path, folder.pictures, folder.there) for folder in last.state.folders] == [(str(library), 8, True)]
    assert desk.bench.encoder.images == 8
    desk.index()
    assert desk.bench.encoder.images == 8, "the whole library again: nothing is new"


def test_indexing_without_an_encoder(desk: Desk, library: Path) -> None:
    desk.error = ModelNotReady("The encoder is not here.", "Run `models pull`.")
    said = desk.index(library)
    notices = [report.notice for report in said if isinstance(report, wire.Indexing) and report.notice]
    assert notices[0] == "Pictures were not looked at: The encoder is not here. Run `models pull`."
    assert desk.names(Query(text="red boat"))[0] == "red-boat"


def test_text_in_pictures_is_read_when_there_is_a_reader(filled: Desk) -> None:
    class Reader:
        id, version = "sign", 1

        def read(self, images: Sequence[Image]) -> list[str]:
            return ["Harbour office"] * len(images)

        def close(self) -> None:
            pass

    filled.bench.text_reader = Reader()
    steps = [report.step for report in filled.index() if isinstance(report, wire.Indexing)]
    assert "text" in steps
    assert len(filled.names(Query(text="harbour office"))) == 8


def test_faces_are_looked_for_when_it_is_wished(filled: Desk) -> None:
    class Everyone:
        id, version = "everyone", 1

        def look(self, images: Sequence[Image]) -> list[Content]:
            return [Content(0.1, 2)] * len(images)

        def close(self) -> None:
            pass

    assert filled.names(Query(filter=Filter(people=True))) == []
    filled.bench.screen = Everyone()
    steps = [report.step for report in filled.index() if isinstance(report, wire.Indexing)]
    assert "content" in steps
    assert len(filled.names(Query(filter=Filter(people=True)))) == 8
    assert filled.names(Query(filter=Filter(people=False))) == []


def test_what_looks_for_faces_and_is_not_there_is_told_and_the_rest_is_done(filled: Desk) -> None:
    filled.missing = ModelNotReady("The model starter-screens cannot be used.", "Pull it.")
    said = filled.index()
    notices = [report.notice for report in said if isinstance(report, wire.Indexing) and report.step == "content"]
    assert notices == ["Faces and unsafe pictures were not told: The model starter-screens cannot be used. Pull it."]
    assert isinstance(said[-1], wire.LibraryShown)


def test_a_folder_that_is_away(filled: Desk, tmp_path: Path) -> None:
    away = draw_library(tmp_path / "away")
    filled.index(away)
    away.rename(tmp_path / "elsewhere")
    said = filled.index()
    assert any("does not exist" in report.notice for report in said if isinstance(report, wire.Indexing))
    last = said[-1]
    assert isinstance(last, wire.LibraryShown)
    assert [folder.there for folder in last.state.folders if folder.path == str(away)] == [False]
    with pytest.raises(LibraryError, match="does not exist"):
        filled.index(away)


def test_indexing_can_be_stopped(desk: Desk, library: Path) -> None:
    cancel = Cancel()
    work = desk.librarian.carry_out(wire.IndexLibrary((str(library),)), cancel)
    next(work)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(work)
    assert isinstance(desk.index(library)[-1], wire.LibraryShown)


def test_pausing_and_sharing(filled: Desk) -> None:
    state = filled.last(wire.SetPace(paused=True, share=0.5), wire.LibraryShown).state
    assert (state.paused, state.share) == (True, 0.5)
    assert filled.pace.paused
    state = filled.last(wire.SetPace(), wire.LibraryShown).state
    assert (state.paused, state.share) == (False, 1.0)


def test_what_is_wrong_with_an_index_is_shown_with_the_library(filled: Desk) -> None:
    assert filled.last(wire.ShowLibrary(), wire.LibraryShown).state.problems == ()
    filled.bench.wrong = ["The index could not be rebuilt."]
    assert filled.last(wire.ShowLibrary(), wire.LibraryShown).state.problems == ("The index could not be rebuilt.",)


# --- folders ----------------------------------------------------------------------------------------------------------


def test_folders_and_their_rules(desk: Desk, own: Path) -> None:
    rules = LibraryFolder(path=str(own), exclude="red-*", watched=True)
    (folder,) = desk.last(wire.PutFolder(rules), wire.LibraryShown).state.folders
    assert (folder.exclude, folder.watched, folder.pictures) == ("red-*", True, 8)
    desk.index(own)
    assert "red-boat" not in desk.names(Query())
    with pytest.raises(LibraryError, match="does not exist"):
        desk.do(wire.PutFolder(LibraryFolder(path=str(own / "none"))))


def test_skipped_files_come_page_by_page(desk: Desk, tmp_path: Path) -> None:
    folder = draw_library(tmp_path / "some")
    for name in ("z/a.jpg", "a.jpg", "b!.jpg", "b/c.jpg", "b/d.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no picture")
    (scanned,) = [report for report in desk.index(folder) if isinstance(report, wire.Scanned)]
    assert (scanned.unusable, len(scanned.skipped)) == (5, 5)
    seen, more, after = list[str](), True, ""
    while more:
        page = desk.last(wire.ShowSkipped(str(folder), after, 2), wire.SkippedShown)
        assert page.folder == str(folder)
        assert all(each.reason for each in page.files)
        seen += [str(Path(each.path).relative_to(folder)) for each in page.files]
        more, after = page.more, page.files[-1].path if page.files else ""
    assert seen == ["a.jpg", "b!.jpg", "b/c.jpg", "b/d.jpg", "z/a.jpg"]
    assert len(desk.last(wire.ShowSkipped(str(folder / "b")), wire.SkippedShown).files) == 2


def test_a_folder_taken_out(filled: Desk, tmp_path: Path) -> None:
    inner = draw_library(tmp_path / "outer" / "inner").parent
    draw(inner / "alone.png", "red", 99)
    filled.index(inner)
    filled.do(wire.PutFolder(LibraryFolder(path=str(inner / "inner"))))
    state = filled.last(wire.DropFolder(str(inner)), wire.LibraryShown).state
    assert str(inner) not in [folder.path for folder in state.folders]
    assert "alone" not in filled.names(Query())
    assert filled.catalogue().places(str(inner / "inner")), "another folder of the library still has these"
    assert (inner / "alone.png").is_file()


# --- finding ----------------------------------------------------------------------------------------------------------


def test_finding_and_showing_more(filled: Desk) -> None:
    (matched,) = filled.do(wire.FindPictures(Query(text="red boat"), "mine", 3))
    assert isinstance(matched, wire.Matched)
    assert (matched.search, matched.total, len(matched.hits)) == ("mine", 8, 3)
    assert Path(matched.hits[0].picture.path).stem == "red-boat"
    more = filled.last(wire.ShowHits("mine", 3, 100), wire.HitsShown)
    assert (more.start, len(more.hits)) == (3, 5)
    assert {hit.picture.id for hit in more.hits}.isdisjoint(hit.picture.id for hit in matched.hits)


def test_only_the_last_searches_are_kept(filled: Desk) -> None:
    for name in range(SEARCHES + 1):
        filled.do(wire.FindPictures(Query(), str(name)))
    assert filled.do(wire.ShowHits("1", 0, 1))
    with pytest.raises(LibraryError, match="not kept"):
        filled.do(wire.ShowHits("0", 0, 1))


def test_words_come_first_while_the_encoder_is_slow(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    go, encode = threading.Event(), filled.bench.encoder.encode_texts

    def slowly(texts: Sequence[str]) -> Vectors:
        go.wait(20)
        return encode(texts)

    monkeypatch.setattr(filled.bench.encoder, "encode_texts", slowly)
    answers = filled.librarian.carry_out(wire.FindPictures(Query(text="red boat")), Cancel())
    first = next(answers)
    assert isinstance(first, wire.Matched)
    assert all(hit.vector is None for hit in first.hits)
    go.set()
    (second,) = answers
    assert isinstance(second, wire.Matched)
    assert second.hits[0].vector is not None


def test_a_search_that_waits_for_the_encoder_can_be_stopped(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    encode = filled.bench.encoder.encode_texts
    monkeypatch.setattr(filled.bench.encoder, "encode_texts", lambda texts: (go.wait(20), encode(texts))[1])
    cancel = Cancel()
    answers = filled.librarian.carry_out(wire.FindPictures(Query(text="red boat")), cancel)
    next(answers)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(answers)
    go.set()


def test_an_encoder_that_is_not_there(filled: Desk) -> None:
    filled.error = ModelNotReady("The encoder is not here.")
    matched = filled.last(wire.FindPictures(Query(text="red boat")), wire.Matched)
    assert matched.notice == "Only words were searched: The encoder is not here."
    assert Path(matched.hits[0].picture.path).stem == "red-boat"


def test_what_was_found_outlives_the_models(filled: Desk) -> None:
    filled.do(wire.FindPictures(Query(text="red"), "mine"))
    filled.librarian.forget()
    assert len(filled.last(wire.ShowHits("mine", 0, 100), wire.HitsShown).hits) == 8


# --- marks, uses, words -----------------------------------------------------------------------------------------------


def test_marks(filled: Desk) -> None:
    boat, door = filled.id_of("red-boat"), filled.id_of("green-door")
    assert filled.do(wire.MarkPictures((boat, door), rating=3, tags=("coast", "b"))) == [
        wire.LibraryChanged((boat, door))
    ]
    filled.do(wire.MarkPictures((boat,), add_tags=("cover", "coast"), remove_tags=("b",)))
    filled.do(wire.MarkPictures((door,), hidden=True))
    described = filled.last(wire.DescribePicture(boat), wire.Described).details
    assert (described.rating, described.tags, described.hidden) == (3, ("coast", "cover"), False)
    assert filled.names(Query(filter=Filter(hidden=True))) == ["green-door"]
    assert filled.names(Query(filter=Filter(tags=("cover",)))) == ["red-boat"]
    shown = filled.last(wire.ShowLibrary(), wire.LibraryShown).state
    assert shown.tags[0] == "coast"
    filled.do(wire.MarkPictures((boat,), rating=0))
    assert filled.last(wire.DescribePicture(boat), wire.Described).details.tags == ("coast", "cover")


def test_uses(filled: Desk) -> None:
    boat = filled.id_of("red-boat")
    filled.do(wire.UsePictures("/a.pictorial", "The coast", (boat,)))
    assert filled.last(wire.DescribePicture(boat), wire.Described).details.uses[0].title == "The coast"
    assert "red-boat" not in filled.names(Query(filter=Filter(unused=True)))
    filled.do(wire.UsePictures("/a.pictorial", "The coast", ()))
    assert "red-boat" in filled.names(Query(filter=Filter(unused=True)))


def test_describing(filled: Desk, library: Path) -> None:
    details = filled.last(wire.DescribePicture(filled.id_of("red-boat")), wire.Described).details
    assert details.picture.caption == "A red boat on the quay"
    assert details.paths == (str(library / "red-boat.png"),)
    assert details.rights == "free"
    assert details.warning
    assert details.credential is None
    assert details.sidecar.startswith(str(library / "red-boat"))
    with pytest.raises(LibraryError, match="not in the library"):
        filled.do(wire.DescribePicture("f" * 32))


def test_editing(desk: Desk, own: Path) -> None:
    before = (own / "red-boat.png").read_bytes()
    id_ = desk.id_of("red-boat")
    edited = desk.last(wire.EditPicture(id_, Edit(caption="A cutter in the fog", place="Oslo")), wire.Described).details
    assert (edited.picture.caption, edited.picture.place) == ("A cutter in the fog", "Oslo")
    assert Path(edited.sidecar).is_file()
    assert (own / "red-boat.png").read_bytes() == before
    desk.index(own)
    assert desk.names(Query(text="cutter in the fog"))[0] == "red-boat"
    assert desk.names(Query(filter=Filter(place="oslo"))) == ["red-boat"]
