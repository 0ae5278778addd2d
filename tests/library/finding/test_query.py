"""Finding by words, vectors, examples and counter-examples; copies as one; pages of an answer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from composer.collection import Filter, Hit, Query
from composer.errors import LibraryError, ModelNotReady
from composer.library.catalogue import CAPTIONS, Catalogue, Entry
from composer.library.finding.query import CAPTIONS_WEIGHT, Aim, aim, find, hits, needs_vectors
from composer.library.finding.vectors import VectorSearch
from composer.library.words.metadata import Words
from composer.ports import Cancel
from tests.composer.fakes import BruteIndex, ColourEncoder

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 40), "blue": (40, 60, 210), "yellow": (240, 220, 40)}
THINGS = ("boat", "door", "tower")


class Place:
    """Twelve pictures, a colour and a thing each, with vectors of both kinds."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.encoder = ColourEncoder()
        self.search = VectorSearch(catalogue, BruteIndex(), self.encoder)
        self.captions = VectorSearch(catalogue, BruteIndex(), self.encoder, CAPTIONS)
        for place, (colour, thing) in enumerate((colour, thing) for thing in THINGS for colour in COLOURS):
            self.put(f"{colour}-{thing}", f"A {colour} {thing}", COLOURS[colour], taken=f"20{10 + place}")

    def put(
        self,
        name: str,
        caption: str,
        colour: tuple[int, int, int],
        *,
        size: int = 100,
        taken: str = "",
        group: str = "",
    ) -> int:
        told = Words(caption=caption, words=f"{caption} {name}", taken=taken)
        self.catalogue.record([
            Entry(path=f"/p/{name}.png", size=1, mtime_ns=1, id=f"{name:0>32}", width=size, height=size, told=told,
                  look=bytes(192), preview="x")
        ])  # fmt: skip
        row = self.catalogue.row_of(f"{name:0>32}")
        assert row is not None
        rows = np.array([row])
        picture = self.encoder.encode_images([Image.new("RGB", (4, 4), colour)])
        self.catalogue.embeddings.store(self.encoder.id, rows, picture)
        self.catalogue.embeddings.store(self.encoder.id + CAPTIONS, rows, self.encoder.encode_texts([caption]))
        self.catalogue.settle([(row, group)])
        return row

    def find(self, query: Query, *, words_only: bool = False) -> list[Hit]:
        aimed = None if words_only else aim(self.catalogue, lambda: self, query, Cancel())
        found = find(self.catalogue, query, Cancel(), aimed)
        return list(hits(self.catalogue, found, 0, 100))

    def names(self, query: Query, *, words_only: bool = False) -> list[str]:
        return [name_of(hit) for hit in self.find(query, words_only=words_only)]


def name_of(hit: Hit) -> str:
    return Path(hit.picture.path).stem


def key(name: str) -> str:
    return f"{name:0>32}"


@pytest.fixture
def place(catalogue: Catalogue) -> Place:
    return Place(catalogue)


def test_words_and_vectors_are_joined_and_both_scores_are_shown(place: Place) -> None:
    best = place.find(Query(text="red boat"))[0]
    assert name_of(best) == "red-boat"
    assert best.vector == pytest.approx(1.0, abs=1e-2)
    assert best.words is not None
    assert best.words > 0.5
    assert 0 < best.score <= 1


def test_the_first_of_every_ranking_has_the_score_one(place: Place) -> None:
    place.put("only", "Purple lantern", (140, 40, 160))
    found = place.find(Query(text="purple lantern"))
    assert name_of(found[0]) == "only"
    assert found[0].score == pytest.approx(1.0)
    assert all(later.score <= earlier.score for earlier, later in pairwise(found))


def test_words_alone_do_not_ask_the_encoder(place: Place) -> None:
    before = len(place.encoder.texts)
    assert place.names(Query(text="red"), words_only=True) == ["red-boat", "red-door", "red-tower"]
    assert len(place.encoder.texts) == before


def test_a_picture_that_only_words_found_has_its_cosine_on_the_page(place: Place) -> None:
    place.put("odd", "A tower of paper", (240, 220, 40))
    by_name = {name_of(hit): hit for hit in place.find(Query(text="tower of paper red"))}
    assert by_name["odd"].vector is not None


def test_chinese_with_an_encoder_that_reads_none(place: Place) -> None:
    place.put("sofa", "一只猫在沙发上", (220, 30, 30))
    before = len(place.encoder.texts)
    aimed = aim(place.catalogue, lambda: place, Query(text="沙发"), Cancel())
    assert "only words" in aimed.notice
    assert len(place.encoder.texts) == before
    assert place.names(Query(text="沙发")) == ["sofa"]
    place.encoder.languages = ("en", "zh")
    assert not aim(place.catalogue, lambda: place, Query(text="沙发"), Cancel()).notice


def test_an_encoder_that_is_not_there(place: Place) -> None:
    def missing() -> Place:
        raise ModelNotReady("The encoder is not here.", "Run `models pull`.")

    aimed = aim(place.catalogue, missing, Query(text="red"), Cancel())
    assert aimed == Aim(notice="Only words were searched: The encoder is not here.")
    found = find(place.catalogue, Query(text="red"), Cancel(), aimed)
    assert len(found.rows) == 3
    assert found.notice == aimed.notice


# --- examples ---------------------------------------------------------------------------------------------------------


def test_pictures_like_one_leave_that_one_out(place: Place) -> None:
    names = place.names(Query(like=(key("red-boat"),)))
    assert set(names[:2]) == {"red-door", "red-tower"}
    assert "red-boat" not in names
    assert place.encoder.images == 12, "its stored vector is used"


def test_like_this_but(place: Place) -> None:
    """The text moves the example's vector, and its words count."""
    assert place.names(Query(like=(key("red-boat"),), text="green"))[0].startswith("green")
    by_name = {name_of(hit): hit for hit in place.find(Query(like=(key("red-boat"),), text="tower"))}
    assert (by_name["red-tower"].vector or 0) > (by_name["green-tower"].vector or 0)
    assert (by_name["red-tower"].words or 0) > (by_name["red-door"].words or 0)


def test_counter_examples_are_moved_away_from_and_come_last(place: Place) -> None:
    plain, away = place.names(Query(text="boat")), place.names(Query(text="boat", unlike=(key("red-boat"),)))
    assert plain.index("red-boat") < 4
    assert away[-1] == "red-boat"
    assert set(plain) == set(away)
    alone = place.find(Query(unlike=(key("red-boat"),)))
    assert name_of(alone[0]).split("-")[0] != "red"


def test_an_example_from_a_file(place: Place, tmp_path: Path) -> None:
    Image.new("RGB", (80, 80), COLOURS["blue"]).save(tmp_path / "elsewhere.png")
    names = place.names(Query(example=str(tmp_path / "elsewhere.png")))
    assert [name.split("-")[0] for name in names[:3]] == ["blue"] * 3


@pytest.mark.parametrize("name", ["missing.png", "broken.png"])
def test_an_example_that_cannot_be_used(place: Place, tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.png").write_bytes(b"nothing of a picture")
    with pytest.raises(LibraryError, match="cannot be an example"):
        place.find(Query(example=str(tmp_path / name)))


def test_an_example_that_went(place: Place) -> None:
    with pytest.raises(LibraryError, match="not in the library any more"):
        place.find(Query(like=("f" * 32,)))


def test_an_example_without_a_vector_is_looked_at(
    catalogue: Catalogue, folder: Path, run: Callable[..., object]
) -> None:
    Image.new("RGB", (80, 80), COLOURS["blue"]).save(folder / "blue.png")
    run()
    place = Place(catalogue)
    (id_,) = {picture.id for picture in catalogue.pictures([1]).values()}
    names = place.names(Query(like=(id_,)))
    assert [name.split("-")[0] for name in names[:3]] == ["blue"] * 3


# --- copies, marks, orders, pages -------------------------------------------------------------------------------------


def test_the_best_copy_stands_for_all_of_them(place: Place) -> None:
    place.put("small", "Purple lantern, purple lantern", (140, 40, 160), size=200, group="g")
    place.put("large", "A lantern", (150, 50, 160), size=900, group="g")
    place.put("middle", "Unnamed", (150, 50, 160), size=400, group="g")
    found = place.find(Query(text="purple lantern"))
    assert name_of(found[0]) == "large"
    assert found[0].copies == 2
    assert {"small", "middle"}.isdisjoint(map(name_of, found))
    every = place.find(Query(text="purple lantern", filter=Filter(copies=True)))
    assert {"small", "middle", "large"} <= set(map(name_of, every))
    assert {hit.copies for hit in every} == {0}
    listed = place.names(Query(order="name"))
    assert "large" in listed
    assert {"small", "middle"}.isdisjoint(listed)


def test_a_copy_stands_for_itself_where_the_best_is_not_wanted(place: Place) -> None:
    place.put("small", "A lantern", (140, 40, 160), size=200, taken="1999", group="g")
    place.put("large", "A lantern", (150, 50, 160), size=900, taken="2005", group="g")
    query = Query(text="lantern", filter=Filter(taken_to="2000"))
    assert place.names(query, words_only=True) == ["small"]
    assert place.names(Query(filter=Filter(taken_to="2000"))) == ["small"]
    place.catalogue.marks.put([key("large")], hidden=True)
    assert place.names(Query(text="lantern"), words_only=True) == ["small"]


def test_hidden_pictures_only_when_asked_for(place: Place) -> None:
    place.catalogue.marks.put([key("red-boat")], hidden=True, rating=4, tags=["cover"])
    assert "red-boat" not in place.names(Query(text="red boat"))
    assert "red-boat" not in place.names(Query())
    (hidden,) = place.find(Query(text="red boat", filter=Filter(hidden=True)))
    assert (name_of(hidden), hidden.hidden, hidden.rating, hidden.tags) == ("red-boat", True, 4, ("cover",))
    assert hidden.vector is not None
    assert place.names(Query(filter=Filter(hidden=True))) == ["red-boat"]


def test_filters_hold_for_words_and_vectors(place: Place) -> None:
    query = Query(text="red boat", filter=Filter(taken_from="2012", taken_to="2013"))
    assert set(place.names(query)) == {"blue-boat", "yellow-boat"}


@pytest.mark.parametrize(
    ("order", "first"),
    [("newest", ["b", "a", "none"]), ("oldest", ["a", "b", "none"]), ("name", ["a", "b", "none"]),
     ("largest", ["none", "b", "a"]), ("rating", ["a", "b", "none"]), ("best", ["b", "a", "none"])],
)  # fmt: skip
def test_orders(catalogue: Catalogue, order: str, first: list[str]) -> None:
    place = Place.__new__(Place)
    place.catalogue, place.encoder = catalogue, ColourEncoder()
    place.put("none", "A hill", (1, 1, 1), size=300)
    place.put("a", "A hill", (1, 1, 1), taken="2001-05", size=100)
    place.put("b", "A hill", (1, 1, 1), taken="2001-06-07", size=200)
    catalogue.marks.put([key("a")], rating=2)
    listed = Query(order=order)  # pyright: ignore[reportArgumentType]
    assert place.names(listed, words_only=True) == first
    if order != "best":
        asked = Query(order=order, text="hill")  # pyright: ignore[reportArgumentType]
        assert place.names(asked, words_only=True) == first


def test_pages(place: Place) -> None:
    found = find(place.catalogue, Query(order="name"), Cancel())
    pages = [hits(place.catalogue, found, start, 5) for start in (0, 5, 10, 15)]
    assert [len(page) for page in pages] == [5, 5, 2, 0]
    names = [name_of(hit) for page in pages for hit in page]
    assert names == sorted(names)
    place.catalogue.forget("/p", ["blue-boat.png"])
    assert len(hits(place.catalogue, found, 0, 5)) == 4, "one that went leaves no hole behind"


def test_nothing_to_be_found(catalogue: Catalogue) -> None:
    for query in (Query(), Query(text="x"), Query(order="rating"), Query(order="largest"), Query(order="oldest")):
        found = find(catalogue, query, Cancel())
        assert not len(found.rows)
        assert hits(catalogue, found, 0, 10) == ()


def test_what_needs_vectors() -> None:
    assert not needs_vectors(Query(text="x"))
    assert needs_vectors(Query(like=("a",)))
    assert needs_vectors(Query(example="/x.png"))


def test_many_pictures_are_searched_by_the_index(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few ids every stored vector is compared; with many the index is asked among them: one answer."""
    from composer.library.finding import query as module

    wish = Query(text="green tower", filter=Filter(taken_from="2011"))
    exact = place.find(wish)
    monkeypatch.setattr(module, "FEW", 0)
    assert [(name_of(hit), round(hit.score, 9)) for hit in place.find(wish)] == [
        (name_of(hit), round(hit.score, 9)) for hit in exact
    ]
    assert CAPTIONS_WEIGHT > 1


def test_who_types_a_caption_finds_that_picture_first(place: Place) -> None:
    place.put("mine", "A red boat of grandfather's", (250, 250, 250))
    assert place.names(Query(text="a red boat of grandfather's"))[0] == "mine"


def test_the_few_that_have_vectors_do_not_come_before_what_the_words_found(place: Place) -> None:
    told = [Words(caption=f"A brown heron number {number}", words="heron") for number in range(200)]
    place.catalogue.record([
        Entry(path=f"/q/{number}.png", size=1, mtime_ns=1, id=f"{number:0>32}", width=90, height=90, told=each,
              look=bytes(192), preview="x")
        for number, each in enumerate(told)
    ])  # fmt: skip
    found = place.find(Query(text="red heron"))
    assert all(hit.words for hit in found[:100])
