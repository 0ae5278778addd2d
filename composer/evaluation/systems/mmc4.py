"""Pictures and paragraphs paired by one linear assignment of their cosines, as the mmc4 corpus was interleaved.

Source: Zhu et al. 2023, "Multimodal C4" (arXiv 2304.06939), and the script that came with it: every picture of a web
page goes to the sentence that a linear assignment (Jonker and Volgenant 1987) of CLIP's cosines gives it, each sentence
has at most one. Near-duplicates within a page were taken out before. Here the page's pictures are the whole pool, the
sentences are paragraphs (pictures stand between paragraphs), and only the best pairs stay, as many as an article of
this length gets. Their threshold of 0.15 on the cosine is left out: it belongs to their encoder, and a count is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from scipy.optimize import linear_sum_assignment

from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, Placed, SystemName
from composer.evaluation.systems.ground import Ground, count_for, reordered, text_at, texts_of
from composer.evaluation.systems.nearest import nearest_of
from composer.ports import Cancel, Vectors


class _Pictures(Struct, frozen=True):
    """All pictures of the pool: their ids, groups of near-duplicates, and vectors of shape (ids, dimensions)."""

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    vectors: Vectors

    def nearest(self, text: Vectors, count: int) -> tuple[str, ...]:
        """Ids of the `count` nearest to a text, shape (dimensions,), best first."""
        order: list[int] = np.argsort(-(self.vectors @ text), kind="stable")[:count].tolist()
        return tuple(self.ids[at] for at in order)


def pairs(cosines: Vectors) -> list[tuple[int, int]]:
    """The assignment with the highest sum: row and column of each pair, the pair with the highest cosine first.

    `cosines` has the shape (paragraphs, pictures); the lesser of the two numbers is how many pairs there are.
    """
    rows, columns = linear_sum_assignment(-cosines)
    order = np.lexsort((rows, -cosines[rows, columns]))
    return [(int(rows[at]), int(columns[at])) for at in order.tolist()]


class Assigned:
    """Paragraphs and pictures, paired at once."""

    name: SystemName = "mmc4"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def illustrate(self, gold: GoldArticle, cancel: Cancel) -> Illustrated:
        cancel.check()
        self._ground.warm(cancel, writes=not self._ground.reads(gold.language))
        clock, twins = self._ground.clock(), self._ground.twins
        queries = [twins.of(block.text, gold.language, clock, cancel) for block in texts_of(gold)]
        texts, pictures = self._ground.tools.encoder.encode_texts(queries), self._pictures()
        taken = _taken(texts, pictures)
        best = sorted(list(taken)[: count_for(gold)])
        slots = tuple(
            Placed(
                after=place, picture=taken[place], query=queries[place],
                candidates=pictures.nearest(texts[place], self._ground.tools.candidates),
            )
            for place in best
        )  # fmt: skip
        seconds = clock.seconds()
        again = _taken(texts, _otherwise(pictures, gold.id))
        return Illustrated(
            article=gold.id, system=self.name, slots=slots, seconds=seconds,
            shuffled=tuple(again.get(place) for place in best),
        )  # fmt: skip

    def choose(
        self,
        gold: GoldArticle,
        figure: Figure,
        words: str,  # noqa: ARG002 - it knows no captions, here as in `illustrate`
        candidates: Sequence[str],
        cancel: Cancel,
    ) -> str | None:
        """The nearest to the paragraph that the figure follows: an assignment of one place."""
        text = self._ground.twins.of(text_at(gold, figure.after), gold.language, self._ground.clock(), cancel)
        return nearest_of(self._ground, text, candidates)

    def _pictures(self) -> _Pictures:
        tools, folders = self._ground.tools, self._ground.folders
        rows, vectors = tools.catalogue.embeddings.of(tools.encoder.id, tools.catalogue.rows(folders))
        known = tools.catalogue.pictures(rows.tolist(), folders)
        return _Pictures(
            tuple(known[row].id for row in rows.tolist()),
            tuple(self._ground.group(known[row]) for row in rows.tolist()),
            vectors,
        )


def _taken(texts: Vectors, pictures: _Pictures) -> dict[int, str]:
    """Picture by place of its paragraph, the best pair first. Of near-duplicates the nearest stands for all."""
    cosines = texts @ pictures.vectors.T
    groups = sorted(set(pictures.groups))
    members = [[at for at, group in enumerate(pictures.groups) if group == each] for each in groups]
    if not members:
        return {}
    nearest = np.stack([cosines[:, some].max(axis=1) for some in members], axis=1)
    taken: dict[int, str] = {}
    for place, column in pairs(nearest):
        at = min(members[column], key=lambda each: (-float(cosines[place, each]), pictures.ids[each]))
        taken[place] = pictures.ids[at]
    return taken


def _otherwise(pictures: _Pictures, key: str) -> _Pictures:
    """The pictures in another order, and their groups' names too, which decide the order of columns."""
    order = reordered(range(len(pictures.ids)), key)
    names = dict(zip(sorted(set(pictures.groups)), reordered(sorted(set(pictures.groups)), key), strict=True))
    return _Pictures(
        tuple(pictures.ids[at] for at in order),
        tuple(names[pictures.groups[at]] for at in order),
        pictures.vectors[order],
    )
