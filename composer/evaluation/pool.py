"""The library of an evaluation: a catalogue of its own that holds the pictures of all gold articles, no others."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from composer.collection import Filter, Query
from composer.errors import LibraryError
from composer.evaluation import placing
from composer.evaluation.gold import Gold
from composer.evaluation.nouns import Figure
from composer.library.catalogue import Catalogue
from composer.library.database import absolute
from composer.library.filling.embed import embed, embed_captions
from composer.library.filling.folders import Folder
from composer.library.filling.scan import ScanProgress, scan
from composer.library.finding.query import aim, find
from composer.library.finding.vectors import VectorSearch
from composer.library.words.metadata import Words, words_of
from composer.library.words.tokens import tokens
from composer.library.words.xmp import Fields
from composer.ports import Cancel, Encoder, Vectors
from composer.stages import places
from composer.tools import Tools
from composer.types import Language, Picture

_PATTERN = re.compile(r"([\\*?\[\]!# ])")
"""What gitignore patterns give a meaning to."""


@dataclass(frozen=True, eq=False)
class Pool:
    """The pictures of a gold set in a catalogue, with vectors and, where wished, words."""

    folder: str
    """The gold folder, absolute: what `Brief.libraries` and searches take."""
    tools: Tools
    """On this catalogue."""
    pictures: Mapping[str, Picture]
    """The catalogue's picture by its path below the gold folder; copies of one content are one picture."""
    words: bool
    """Whether pictures may carry words."""
    unseen: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    """Weights of places that were fitted without the article, by its id, where the program's own know the set."""

    @property
    def catalogue(self) -> Catalogue:
        return self.tools.catalogue

    @property
    def encoder(self) -> Encoder:
        return self.tools.encoder

    @property
    def search(self) -> VectorSearch:
        """By what is seen in the pictures."""
        return self.tools.search

    @property
    def captions(self) -> VectorSearch:
        """By what is said of them."""
        return self.tools.captions

    @property
    def worded(self) -> int:
        """How many pictures carry words."""
        return sum(bool(picture.words) for picture in self.by_id().values())

    def by_id(self) -> dict[str, Picture]:
        """The pictures by the catalogue's id, in the order of the articles."""
        return {picture.id: picture for picture in self.pictures.values()}

    def id_of(self, image: str) -> str:
        """The catalogue's id of a figure's picture."""
        return self.pictures[image].id

    def group_of(self, picture: str) -> str:
        """What a picture shares with its near-duplicates and with nothing else."""
        return self._groups.get(picture) or picture

    def vectors(self) -> tuple[tuple[str, ...], Vectors]:
        """Ids of all pictures that have a vector of the encoder, and the vectors, shape (ids, dimensions)."""
        rows, vectors = self.catalogue.embeddings.of(self.encoder.id, self.catalogue.rows([self.folder]))
        found = self.catalogue.pictures(rows.tolist(), [self.folder])
        return tuple(found[row].id for row in rows.tolist()), vectors

    def vector_of(self, picture: str) -> Vectors:
        """What is seen in a picture of the pool, shape (dimensions,)."""
        ids, vectors = self.vectors()
        return vectors[ids.index(picture)]

    def near(self, vector: Vectors) -> tuple[str, ...]:
        """Ids of all pictures by their cosine with a vector, shape (dimensions,), the nearest first."""
        nearest = self.search.nearest(vector[None, :], len(self.pictures), [self.folder])[0]
        return self._ids([row for row, _ in nearest])

    def found(self, text: str, cancel: Cancel) -> tuple[str, ...]:
        """Ids that the library's search finds for a text, best first, near-duplicates as one."""
        query = Query(text=text, filter=Filter(folders=(self.folder,)))
        aimed = aim(self.catalogue, lambda: self.tools, query, cancel)
        return self._ids(find(self.catalogue, query, cancel, aimed).rows.tolist())

    def reads(self, language: Language) -> bool:
        """Whether the encoder reads texts in that language."""
        return language in self.encoder.languages

    def _ids(self, rows: Sequence[int]) -> tuple[str, ...]:
        found = self.catalogue.pictures(rows, [self.folder])
        return tuple(found[row].id for row in rows if row in found)

    @cached_property
    def _groups(self) -> dict[str, str]:
        return {picture.id: picture.group for picture in self.pictures.values()}


def author_words(figure: Figure) -> str:
    """What its author says of a figure: the caption, else the alternative text."""
    return figure.caption or figure.alt


def fill(gold: Gold, tools: Tools, cancel: Cancel, *, words: bool = True) -> Generator[ScanProgress, None, Pool]:
    """Take the pictures of a gold set into the catalogue of `tools`, made for it; what is there is not done again.

    With `words` a picture carries its author's alternative text as its caption, unless that is what somebody who looks
    for it would ask (the caption of its figure, else its alternative text): then it carries none, since a search for
    its own words says nothing. Names of files and words inside them never count.
    Raises LibraryError when a picture cannot be used, Cancelled on request.
    """
    folder, catalogue = absolute(gold.folder), tools.catalogue
    wanted = ("/" + _PATTERN.sub(r"\\\1", image) for image in gold.images)
    catalogue.folders.put(Folder(folder, include="\n".join(wanted)))
    yield from scan(catalogue, Path(folder), cancel)
    rows = _rows(catalogue, folder, gold)
    _tell(catalogue, gold, rows, words=words)
    yield from embed(catalogue, [folder], tools.encoder, cancel)
    yield from embed_captions(catalogue, [folder], tools.encoder, cancel)
    for done, total in chain(tools.search.follow(cancel), tools.captions.follow(cancel)):
        yield ScanProgress(done, total, "")
    found = catalogue.pictures(list(set(rows.values())), [folder])
    pictures = {image: found[row] for image, row in rows.items()}
    unseen = placing.unseen(gold.articles, places.shipped()["library"]) if gold.hash in places.fitted_on() else {}
    return Pool(folder=folder, tools=tools, pictures=pictures, words=words, unseen=unseen)


def _rows(catalogue: Catalogue, folder: str, gold: Gold) -> dict[str, int]:
    """The catalogue's row of every picture of the set, by its path below the folder."""
    found: dict[str, int] = {}
    for row in catalogue.rows([folder]).tolist():
        for path in catalogue.paths(row):
            if Path(path).is_relative_to(folder):
                found[Path(path).relative_to(folder).as_posix()] = row
    for image in gold.images:
        if image not in found:
            why = {Path(each.path): each.reason for each in catalogue.skipped(folder)}
            reason = why.get(Path(folder, image), "it is not a kind of picture that can be read").rstrip(".")
            raise LibraryError(f"The picture {image} cannot be used: {reason}.", "Replace it, or take out its figure.")
    return {image: found[image] for image in gold.images}


def _tell(catalogue: Catalogue, gold: Gold, rows: Mapping[str, int], *, words: bool) -> None:
    """Set the words of every picture."""
    said = dict(_said(catalogue, gold, rows)) if words else {}
    before = catalogue.pictures(list(set(rows.values())))
    for row in before:
        told = words_of(Fields(description=said.get(row, "")), "", ())
        if (before[row].caption, before[row].words) != (told.caption, told.words):
            catalogue.retell(row, [told if told.caption else Words()])


def _said(catalogue: Catalogue, gold: Gold, rows: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    """Rows with their alternative text, where it is none of the queries for the picture or for a near-duplicate."""
    pictures = catalogue.pictures(list(set(rows.values())))
    figures = [figure for article in gold.articles for figure in article.figures]
    asked = {(_group(pictures[rows[each.image]]), tokens(author_words(each))) for each in figures}
    for figure in reversed(figures):  # of several figures of one picture the first counts
        row = rows[figure.image]
        if figure.alt and (_group(pictures[row]), tokens(figure.alt)) not in asked:
            yield row, figure.alt


def _group(picture: Picture) -> str:
    return picture.group or picture.id
