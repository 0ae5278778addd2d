# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""Finding pictures: words, vectors and examples in one answer, kept as arrays of which pages are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL.Image import Image

from composer.collection import Hit, Query
from composer.errors import ComposerError, LibraryError
from composer.library.catalogue import Catalogue
from composer.library.database import LISTED
from composer.library.decoding import decoders
from composer.library.decoding.quality import UnusablePicture
from composer.library.filling.embed import readable
from composer.library.finding.filters import matching
from composer.library.finding.listing import copies, listing, marked
from composer.library.finding.search import by_words
from composer.library.finding.vectors import VectorSearch
from composer.library.marks import Marked
from composer.ports import Cancel, Encoder, Ids, Vectors
from composer.rights import rights_of
from composer.stages.retrieve import RRF_K, Ranking, fused
from composer.types import Picture

EXACT = 0.75
"""Score by words from which a picture counts twice: who types a caption means that picture, and no resemblance may come
before it."""
DEPTH = 1_000
"""How far down each ranking an answer goes."""
SORTED = 200
"""Of the best answers to words or examples, how many are put into another order when one is asked for."""
FEW = 2_000
"""Pictures up to which every one is compared, instead of asking the index for the nearest."""
CAPTIONS_WEIGHT = 3.0
"""Of the ranking by what is said of pictures, as for an article's slots (composer/pipeline.py)."""
TEXT, LIKE, UNLIKE = 1.0, 0.75, 0.15
"""What the text, the mean of the examples and the mean of the counter-examples weigh in the query's vector.

Rocchio 1971, with the weights of Manning, Raghavan and Schuetze 2008, "Introduction to Information Retrieval", 9.1.1.
"""


class Finders(Protocol):
    """What finds by vector; the pipeline's Tools are such."""

    @property
    def encoder(self) -> Encoder: ...
    @property
    def search(self) -> VectorSearch:
        """By what is seen in the pictures."""
        ...

    @property
    def captions(self) -> VectorSearch:
        """By what is said of them."""
        ...


class Aim(Struct, frozen=True, kw_only=True):
    """A query as vectors, shape (dimensions,), and where to look for what is near them."""

    seen: Vectors | None = None
    """Near which a picture should be."""
    said: Vectors | None = None
    """Near which its caption should be."""
    finders: Finders | None = None
    notice: str = ""


class Found(Struct, frozen=True, kw_only=True):
    """An answer: rows in their order and, where the pictures were scored, the scores in that order."""

    rows: Ids
    score: NDArray[np.float64] | None = None
    vectors: dict[int, float] = {}
    words: dict[int, float] = {}
    query: Query = Query()
    aim: Aim = Aim()

    @property
    def notice(self) -> str:
        return self.aim.notice


def is_ranked(query: Query) -> bool:
    """Whether anything is looked for, so that there is a best; otherwise pictures are only listed."""
    return bool(query.text.strip() or query.like or query.unlike or query.example)


def needs_vectors(query: Query) -> bool:
    """Whether words alone cannot answer it."""
    return bool(query.like or query.unlike or query.example)


def aim(catalogue: Catalogue, finders: Callable[[], Finders], query: Query, cancel: Cancel) -> Aim:
    """Turn what is looked for into vectors and bring the indexes up to date. May load the encoder: seconds.

    An encoder that is not there, fails or does not read the text's language gives an Aim that says so.
    Raises LibraryError for an example that cannot be used, Cancelled when the writer gave up.
    """
    try:
        return _aim(catalogue, finders(), query, cancel)
    except LibraryError:
        raise
    except ComposerError as error:
        return Aim(notice=f"Only words were searched: {error.message}")


def find(catalogue: Catalogue, query: Query, cancel: Cancel, aimed: Aim | None = None) -> Found:
    """The answer to a query; without `aimed` by words alone.

    Rankings by picture vectors, by caption vectors and by words are fused (reciprocal rank fusion, composer/stages/
    retrieve.py); each goes DEPTH down, so that far more than anyone looks through is found, but not everything that
    has something of it. Score 1 is the first of every ranking. Of near-duplicates the best copy is shown, where the
    best placed of them was. Counter-examples and their copies come last; examples are left out.
    Raises LibraryError when the catalogue cannot be read, Cancelled when the writer gave up.
    """
    cancel.check()
    aimed = aimed or Aim()
    ids = matching(catalogue, query.filter)
    cancel.check()
    if not is_ranked(query):
        rows = listing(catalogue, ids, query.order, best=not query.filter.copies)
        return Found(rows=rows, query=query, aim=aimed)
    found = _ranked(catalogue, query, ids, aimed)
    cancel.check()
    return found if query.order == "best" else _reordered(catalogue, found)


def hits(catalogue: Catalogue, found: Found, start: int, count: int) -> tuple[Hit, ...]:
    """A page of an answer. Pictures that went since are left out of it, so that it may be shorter than asked for."""
    rows = found.rows[max(0, start) : max(0, start) + max(0, count)]
    pictures = catalogue.pictures(rows.tolist(), found.query.filter.folders)
    marks = catalogue.marks.of([picture.id for picture in pictures.values()])
    sizes = {} if found.query.filter.copies else _group_sizes(catalogue, pictures.values())
    vectors = {**_cosines(found, rows), **found.vectors}
    scores = {} if found.score is None else dict(zip(rows.tolist(), found.score[start:].tolist(), strict=False))
    return tuple(
        hit(
            pictures[row], marks.get(pictures[row].id, Marked()), score=scores.get(row, 0.0),
            vector=vectors.get(row), words=found.words.get(row), copies=max(0, sizes.get(pictures[row].group, 1) - 1),
        )
        for row in rows.tolist() if row in pictures
    )  # fmt: skip


def hit(
    picture: Picture,
    mark: Marked,
    *,
    score: float = 0.0,
    vector: float | None = None,
    words: float | None = None,
    copies: int = 0,
) -> Hit:
    """A picture with its marks and scores."""
    return Hit(
        picture=picture, vector=vector, words=words, score=score, copies=copies, rating=mark.rating,
        hidden=mark.hidden, tags=mark.tags, rights=rights_of(picture.licence, picture.terms, picture.copyright),
    )  # fmt: skip


# --- what is looked for, as vectors -----------------------------------------------------------------------------------


def _aim(catalogue: Catalogue, finders: Finders, query: Query, cancel: Cancel) -> Aim:
    encoder, text = finders.encoder, query.text.strip()
    notice, said = "", None
    if text and not (text := readable(text, encoder.languages)):
        notice = "The encoder does not read this language: only words were searched for the text."
    if text:
        said = encoder.encode_texts([text])[0]
    cancel.check()
    like = _examples(catalogue, encoder, query.like, query.example)
    unlike = _examples(catalogue, encoder, query.unlike, "")
    for search in (finders.search, finders.captions):
        for _ in search.follow(cancel):
            cancel.check()
    return Aim(seen=_moved(said, like, unlike), said=said, finders=finders, notice=notice)


def _moved(text: Vectors | None, like: Vectors, unlike: Vectors) -> Vectors | None:
    """The query's vector: towards text and examples, away from counter-examples (Rocchio 1971); None without any."""
    parts = [] if text is None else [TEXT * text]
    parts += [LIKE * like.mean(axis=0)] if len(like) else []
    parts += [-UNLIKE * unlike.mean(axis=0)] if len(unlike) else []
    if not parts:
        return None
    whole = np.sum(parts, axis=0)
    length = float(np.linalg.norm(whole))
    return (whole / length).astype(np.float32) if length > 0 else None


def _examples(catalogue: Catalogue, encoder: Encoder, ids: Sequence[str], path: str) -> Vectors:
    """Vectors of pictures: stored ones, else made now. Shape (n, dimensions)."""
    rows = _rows_of(catalogue, ids)
    if ids and not len(rows):
        raise LibraryError("That picture is not in the library any more.", "Choose another one.")
    have, vectors = catalogue.embeddings.of(encoder.id, np.sort(rows))
    missing = [catalogue.paths(row) for row in rows.tolist() if row not in set(have.tolist())]
    paths = [each[0] for each in missing if each] + ([path] if path else [])
    if paths:
        made = encoder.encode_images([_opened(each, encoder.image_size) for each in paths])
        vectors = np.concatenate([vectors, made]) if len(vectors) else made
    return vectors


def _opened(path: str, side: int) -> Image:
    try:
        return decoders.open_upright(path, side)
    except UnusablePicture as error:
        raise LibraryError(f"{Path(path).name} cannot be an example: {error.reason}.", "Choose another one.") from error


def _rows_of(catalogue: Catalogue, ids: Sequence[str]) -> Ids:
    sql = f"SELECT row FROM pictures WHERE id IN {LISTED}"
    return np.array([row for (row,) in catalogue.database.all(sql, [json.dumps(list(ids))])], np.int64)


# --- the answer -------------------------------------------------------------------------------------------------------


def _ranked(catalogue: Catalogue, query: Query, ids: Ids | None, aimed: Aim) -> Found:
    finders = aimed.finders
    words = by_words(catalogue, query.text, (), DEPTH, among=ids) if query.text.strip() else []
    near = _near(finders.search, aimed.seen, ids) if finders else []
    said = _near(finders.captions, aimed.said, ids) if finders else []
    looked, heard = (finders.search.coverage(), finders.captions.coverage()) if finders and query.text else (1.0, 1.0)
    rankings = [
        Ranking("vector", tuple(near), looked),
        Ranking("captions", tuple(said), CAPTIONS_WEIGHT * heard),
        Ranking("words", tuple(words)),
        Ranking("exact", tuple(hit for hit in words if hit[1] >= EXACT)),
    ]
    scores = fused(rankings)
    best = sum(ranking.weight for ranking in rankings if ranking.rows) / (RRF_K + 1) or 1.0
    rows = np.array(sorted(scores, key=lambda row: (-scores[row], row)), np.int64)
    score = np.array([scores[row] / best for row in rows.tolist()], np.float64).clip(0.0, 1.0)
    rows, score = _folded(catalogue, query, ids, rows, score)
    return Found(rows=rows, score=score, vectors=dict(near), words=dict(words), query=query, aim=aimed)


def _near(search: VectorSearch, vector: Vectors | None, ids: Ids | None) -> list[tuple[int, float]]:
    """The nearest of those ids, at most DEPTH."""
    if vector is None:
        return []
    if ids is None or len(ids) > FEW:
        return search.nearest(vector[None, :], DEPTH, (), ids)[0]
    cosines = search.cosines(vector, ids.tolist())
    return sorted(cosines.items(), key=lambda item: (-item[1], item[0]))[:DEPTH]


def _folded(
    catalogue: Catalogue, query: Query, ids: Ids | None, rows: Ids, score: NDArray[np.float64]
) -> tuple[Ids, NDArray[np.float64]]:
    """Near-duplicates as one, examples left out, counter-examples at the end."""
    asked = np.concatenate([_rows_of(catalogue, query.like), _rows_of(catalogue, query.unlike)])
    members, group = copies(catalogue, np.concatenate([rows, asked]))
    of: dict[int, int] = dict(zip(members.tolist(), group.tolist(), strict=True))
    liked, unliked = (_with_copies(catalogue, each, of) for each in (query.like, query.unlike))
    usable = set(members[marked(members, ids)].tolist()) if ids is not None else catalogue.among(members.tolist(), ())
    best: dict[int, int] = {}
    for row in members.tolist():
        if row in usable:
            best.setdefault(of[row], row)
    kept: dict[int, float] = {}
    last: dict[int, float] = {}
    scored: list[tuple[int, float]] = list(zip(rows.tolist(), score.tolist(), strict=True))
    for row, value in scored:
        if row in liked:
            continue
        group_of = of.get(row)
        shown: int = row if query.filter.copies or group_of is None else best.get(group_of, row)
        if row in unliked:
            last.setdefault(shown, 0.0)
        else:
            kept.setdefault(shown, value)
    whole = {**kept, **last}
    return np.array(list(whole), np.int64), np.array(list(whole.values()), np.float64)


def _with_copies(catalogue: Catalogue, ids: Sequence[str], of: dict[int, int]) -> set[int]:
    """Rows of pictures and of their near-duplicates."""
    rows = set(_rows_of(catalogue, ids).tolist())
    groups = {of[row] for row in rows if row in of}
    return rows | {row for row, group in of.items() if group in groups}


def _reordered(catalogue: Catalogue, found: Found) -> Found:
    """The best of an answer in another order."""
    top = found.rows[:SORTED]
    rows = listing(catalogue, np.sort(top), found.query.order)
    place = {row: at for at, row in enumerate(top.tolist())}
    score = None if found.score is None else found.score[[place[row] for row in rows.tolist()]]
    return Found(rows=rows, score=score, vectors=found.vectors, words=found.words, query=found.query, aim=found.aim)


def _cosines(found: Found, rows: Ids) -> dict[int, float]:
    """Cosines of pictures that only words or captions had found."""
    missing = [row for row in rows.tolist() if row not in found.vectors]
    if found.aim.seen is None or found.aim.finders is None or not missing:
        return {}
    return dict(found.aim.finders.search.cosines(found.aim.seen, missing))


def _group_sizes(catalogue: Catalogue, pictures: Iterable[Picture]) -> dict[str, int]:
    groups = sorted({picture.group for picture in pictures} - {""})
    sql = f"SELECT grp, count(*) FROM pictures WHERE grp IN {LISTED} AND grp <> '' GROUP BY grp"
    return dict(catalogue.database.all(sql, [json.dumps(groups)])) if groups else {}
