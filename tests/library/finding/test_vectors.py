"""Vectors of what is seen in pictures and of what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from composer.errors import Cancelled
from composer.library.catalogue import CAPTIONS, Catalogue
from composer.library.filling.embed import embed_captions
from composer.library.filling.scan import scan
from composer.library.finding import vectors
from composer.library.finding.vectors import VectorSearch
from composer.ports import Cancel, Vectors
from composer.types import Language
from tests.composer.fakes import BruteIndex
from tests.library.conftest import paint

WORDS = ("boat", "castle", "mill", "cat")


class Bags:
    """Texts as counts of four words: what a caption says, and nothing else."""

    id = "bags"
    dimensions = len(WORDS)
    languages: tuple[Language, ...] = ("en",)

    def __init__(self) -> None:
        self.read: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        counts = np.array([[text.lower().count(word) for word in WORDS] for text in texts], np.float32) + 1e-3
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    def close(self) -> None:
        pass


def library(folder: Path, captions: dict[str, str]) -> None:
    for place, name in enumerate(captions):
        paint(place).save(folder / name)
    lines = [f"{name}\t{caption}" for name, caption in captions.items()]
    (folder / "captions.tsv").write_text("file\tcaption\n" + "\n".join(lines) + "\n", "utf-8")


def scanned(catalogue: Catalogue, folder: Path) -> None:
    for _ in scan(catalogue, folder, Cancel()):
        pass


def test_captions_get_a_vector_once_and_a_new_one_when_they_change(catalogue: Catalogue, folder: Path) -> None:
    encoder = Bags()
    library(folder, {"a.png": "A boat", "b.png": "A castle"})
    scanned(catalogue, folder)
    reports = list(embed_captions(catalogue, [str(folder)], encoder, Cancel(), batch=1))
    assert [(report.done, report.total) for report in reports] == [(1, 2), (2, 2)]
    assert sorted(encoder.read) == ["A boat", "A castle"]
    assert list(embed_captions(catalogue, [str(folder)], encoder, Cancel())) == []
    library(folder, {"a.png": "A mill", "b.png": "A castle"})
    scanned(catalogue, folder)
    list(embed_captions(catalogue, [str(folder)], encoder, Cancel()))
    assert encoder.read[2:] == ["A mill"], "only what changed is read again"
    rows, _ = catalogue.embeddings.of(encoder.id)
    assert not len(rows), "vectors of words are never taken for vectors of pictures"


def test_cancelling(catalogue: Catalogue, folder: Path) -> None:
    library(folder, {"a.png": "A boat"})
    scanned(catalogue, folder)
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(embed_captions(catalogue, [str(folder)], Bags(), cancel))


def test_search_follows_the_catalogue(catalogue: Catalogue, folder: Path) -> None:
    encoder = Bags()
    library(folder, {"a.png": "A boat", "b.png": "A castle", "c.png": "A mill"})
    scanned(catalogue, folder)
    list(embed_captions(catalogue, [str(folder)], encoder, Cancel()))
    search = VectorSearch(catalogue, BruteIndex(), encoder, CAPTIONS)

    def best(text: str) -> str:
        found = search.nearest(encoder.encode_texts([text]), 1)[0]
        return catalogue.pictures([found[0][0]])[found[0][0]].caption

    assert best("castle") == "A castle"
    library(folder, {"a.png": "A boat", "b.png": "A cat", "c.png": "A mill"})
    scanned(catalogue, folder)
    list(embed_captions(catalogue, [str(folder)], encoder, Cancel()))
    assert best("cat") == "A cat"
    (folder / "c.png").unlink()
    scanned(catalogue, folder)
    assert best("mill") != "A mill", "a picture that is gone is not found"


def test_only_the_rows_asked_for_are_found(catalogue: Catalogue, folder: Path) -> None:
    encoder = Bags()
    library(folder, {"a.png": "A boat", "b.png": "A castle"})
    scanned(catalogue, folder)
    list(embed_captions(catalogue, [str(folder)], encoder, Cancel()))
    search = VectorSearch(catalogue, BruteIndex(), encoder, CAPTIONS)
    query = encoder.encode_texts(["boat"])
    everything = catalogue.rows([])
    first = search.nearest(query, 2)[0][0][0]
    others = everything[everything != first]
    assert [row for row, _ in search.nearest(query, 2, among=others)[0]] == others.tolist()
    assert search.nearest(query, 2, among=np.zeros(0, np.int64)) == [[]]
    cosine = search.cosines(query[0], everything.tolist())
    assert max(cosine, key=lambda row: cosine[row]) == first


class Fleeting(BruteIndex):
    """An index that can lose what it was not told to save, as one in a process that died."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: tuple[dict[int, Vectors], str] = ({}, "")

    def save(self, stamp: str) -> None:
        super().save(stamp)
        self._kept = (dict(self._held), stamp)

    def die(self, *, whole: bool = False) -> None:
        held, self._stamp = ({}, "") if whole else self._kept
        self._held = dict(held)


def stored(catalogue: Catalogue, folder: Path, names: str) -> Bags:
    encoder = Bags()
    library(folder, {f"{name}.png": f"A {WORDS[number]}" for number, name in enumerate(names)})
    scanned(catalogue, folder)
    list(embed_captions(catalogue, [str(folder)], encoder, Cancel()))
    return encoder


def test_an_index_that_died_is_filled_from_where_it_was_saved(catalogue: Catalogue, folder: Path) -> None:
    encoder = stored(catalogue, folder, "ab")
    index = Fleeting()
    search = VectorSearch(catalogue, index, encoder, CAPTIONS)
    search.refresh()
    assert index.added == 2
    index.die()
    search.refresh()
    assert index.added == 2, "what was saved is there"
    index.die(whole=True)
    search.refresh()
    assert (index.added, len(index)) == (4, 2)


def test_another_catalogues_index_is_emptied(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    encoder = stored(catalogue, folder, "abc")
    index = Fleeting()
    VectorSearch(catalogue, index, encoder, CAPTIONS).refresh()
    with Catalogue(tmp_path / "other.db", tmp_path / "other") as other:
        (tmp_path / "few").mkdir()
        few = stored(other, tmp_path / "few", "a")
        VectorSearch(other, index, few, CAPTIONS).refresh()
        assert len(index) == 1


def test_a_search_that_starts_later_takes_in_only_what_is_new(catalogue: Catalogue, folder: Path) -> None:
    encoder = stored(catalogue, folder, "ab")
    index = Fleeting()
    VectorSearch(catalogue, index, encoder, CAPTIONS).refresh()
    stored(catalogue, folder, "abc")
    later = VectorSearch(catalogue, index, encoder, CAPTIONS)
    assert list(later.follow(Cancel())) == [(1, 1)]
    assert list(later.follow(Cancel())) == []
    assert (index.added, len(index)) == (3, 3)


def test_a_cancelled_filling_goes_on_where_it_was(
    catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "CHUNK", 1)
    monkeypatch.setattr(vectors, "SAVED", 1)
    encoder = stored(catalogue, folder, "abc")
    index, cancel = Fleeting(), Cancel()
    search = VectorSearch(catalogue, index, encoder, CAPTIONS)
    work = search.follow(cancel)
    assert next(work) == (1, 3)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(work)
    assert list(search.follow(Cancel())) == [(1, 2), (2, 2)]
    assert index.added == 3


def test_hidden_pictures_and_other_folders_are_left_out(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    encoder = stored(catalogue, folder, "abc")
    library(tmp_path / "others", {"d.png": "A boat and a boat"})
    paint(77).save(tmp_path / "others" / "d.png")
    scanned(catalogue, tmp_path / "others")
    list(embed_captions(catalogue, [], encoder, Cancel()))
    search = VectorSearch(catalogue, BruteIndex(), encoder, CAPTIONS)
    query = encoder.encode_texts(["boat"])
    assert len(search.nearest(query, 9)[0]) == 4
    here = [row for row, _ in search.nearest(query, 9, [str(folder)])[0]]
    assert here == [row for row in here if row in catalogue.rows([str(folder)])]
    assert len(here) == 3
    catalogue.marks.put([catalogue.pictures(here)[here[0]].id], hidden=True)
    assert [row for row, _ in search.nearest(query, 9, [str(folder)])[0]] == here[1:]
