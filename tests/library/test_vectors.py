"""Vectors of what is seen in pictures and of what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from composer.errors import Cancelled
from composer.library.catalogue import CAPTIONS, Catalogue
from composer.library.scan import embed_captions, scan
from composer.library.vectors import VectorSearch
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
        found = search.nearest(encoder.encode_texts([text]), 1, catalogue.rows([]))[0]
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
    first = search.nearest(query, 2, everything)[0][0][0]
    others = everything[everything != first]
    assert [row for row, _ in search.nearest(query, 2, others)[0]] == others.tolist()
    assert search.nearest(query, 2, np.zeros(0, np.int64)) == [[]]
    cosine = search.cosines(query[0], everything.tolist())
    assert max(cosine, key=lambda row: cosine[row]) == first
