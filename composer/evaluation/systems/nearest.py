"""Pictures nearest to a text by the encoder alone, and taking the nearest that is still free."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from composer.evaluation.nouns import Placed
from composer.evaluation.systems.ground import Ground, reordered

DEPTH = 200
"""Pictures looked at for one place: an article has at most 40, and each takes its near-duplicates along."""


class Wanted(Struct, frozen=True, kw_only=True):
    """A place that wants a picture, and the text that it is looked for with."""

    after: int
    """Counted as Figure.after."""
    query: str
    caption: str = ""


class Found(Struct, frozen=True):
    """A picture and how near it is."""

    id: str
    group: str
    cosine: float


def found(ground: Ground, queries: Sequence[str], count: int = DEPTH) -> list[list[Found]]:
    """For each query the nearest pictures, best first."""
    if not queries:
        return []
    tools = ground.tools
    nearest = tools.search.nearest(tools.encoder.encode_texts(queries), count, ground.folders)
    rows = sorted({row for near in nearest for row, _ in near})
    known = tools.catalogue.pictures(rows, ground.folders)
    return [
        [Found(known[row].id, ground.group(known[row]), cosine) for row, cosine in near if row in known]
        for near in nearest
    ]


def first_free(handed: Sequence[Sequence[Found]]) -> list[str | None]:
    """Place after place the nearest picture of which neither it nor a near-duplicate was taken before.

    The order in which pictures are handed over says nothing: of equally near ones the lower id is taken.
    """
    used: set[str] = set()
    taken: list[str | None] = []
    for pictures in handed:
        free = (each for each in pictures if each.group not in used)
        best = min(free, key=lambda each: (-each.cosine, each.id), default=None)
        taken.append(best.id if best else None)
        if best:
            used.add(best.group)
    return taken


def placed(wanted: Sequence[Wanted], near: Sequence[Sequence[Found]], shown: int) -> tuple[Placed, ...]:
    """The nearest free picture at every place; `shown` of those found are kept as its candidates."""
    return tuple(
        Placed(
            after=want.after, picture=picture, candidates=tuple(each.id for each in pictures[:shown]),
            caption=want.caption, query=want.query,
        )
        for want, pictures, picture in zip(wanted, near, first_free(near), strict=True)
    )  # fmt: skip


def taken_otherwise(near: Sequence[Sequence[Found]], key: str) -> tuple[str | None, ...]:
    """What `placed` takes when each place's pictures are handed over in another order."""
    return tuple(first_free([reordered(pictures, f"{key} {at}") for at, pictures in enumerate(near)]))


def nearest_of(ground: Ground, text: str, candidates: Sequence[str]) -> str | None:
    """Of the candidates the nearest to the text; of equally near ones the lower id."""
    rows = {picture: ground.tools.catalogue.row_of(picture) for picture in candidates}
    vector = ground.tools.encoder.encode_texts([text])[0]
    cosines = ground.tools.search.cosines(vector, [row for row in rows.values() if row is not None])
    near = [(-cosines[row], picture) for picture, row in rows.items() if row is not None and row in cosines]
    return min(near)[1] if near else None
