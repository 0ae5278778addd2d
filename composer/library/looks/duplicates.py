"""Near-duplicates: the same picture at another size, crop margin, compression or brightness."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as Picture

from composer.library.catalogue import Catalogue, Hashes

NEAR = 6
"""Most bits of 64 in which two perceptual hashes may differ.

Measured on 268 photographs: compressed, reduced and recoloured copies differ in at most 6 bits; of
the 35,778 pairs of different photographs none is below 12.
"""
NEAR_LOOK = 52
"""Most that any of 8 x 8 pixels may differ in any colour, of 255, the mean taken out.

The hash does not see colour and hardly sees detail: flat drawings of one kind share it. On the same photographs copies
differ by at most 47, drawings that share a hash by at least 64. A colourful picture and its grey version stand apart.
"""
CHAIN = 12
"""Members of a group from which each must be near one and the same of them."""
NEAR_ASPECT = 0.04
"""Most that the ratios of width to height may differ, as a logarithm."""

_BLOCKS, _INTACT = 9, 3
"""A hash is cut into 9 blocks of 7 bits (the last has 8). Six bits that differ leave at least 3 blocks as they are."""
_CROWD = 300
"""Pictures that agree in 3 blocks up to which each is compared with each."""
_WINDOW = 64
"""In a greater crowd (flat drawings by the thousand) each is compared with so many that come next to it in order of
hash and look: time stays bounded, and only pairs that are far apart in every order of every crowd can be missed."""
_FEW = 1_000
"""New pictures up to which each is compared with all others: faster than sorting those."""
_BLOCK = 4_000_000
"""Pairs compared at a time: some 100 MB."""
_LOOKS = 100_000
"""The same for looks, which are larger."""


def fingerprint(preview: Picture) -> tuple[int, bytes]:
    """Perceptual hash (DCT, Zauner 2010), 64 bits, and the look, 192 bytes, of an upright RGB picture."""
    import imagehash

    hasher: Any = imagehash  # has no type hints
    little = preview.reduce(
        max(1, min(preview.size) // 96)
    )  # means first: Lanczos over all of it takes ten times as long
    bits: NDArray[np.bool_] = hasher.phash(little).hash
    look = little.convert("RGB").resize((8, 8), Image.Resampling.HAMMING).tobytes()
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big"), look


def group(catalogue: Catalogue) -> int:
    """Give near-duplicates one group id, the smallest picture id among them. Returns how many groups there are.

    Pictures that came since the last time are compared with all, not all with all. When a member of a group has gone,
    what has a group is compared anew: it may have held others together. Only rows whose group changes are written; a
    picture that stands alone has none.
    """
    hashes = catalogue.hashes()
    groups = group_ids(hashes, _fresh(catalogue, hashes))
    changed = [(int(row), new) for row, old, new in zip(hashes.rows, hashes.groups, groups, strict=True) if old != new]
    catalogue.settle(changed)
    _remember(catalogue, int(hashes.rows.max(initial=0)), sum(map(bool, groups)))
    return len(set(groups) - {""})


def _fresh(catalogue: Catalogue, hashes: Hashes) -> NDArray[np.bool_]:
    """Which pictures have to be compared with all."""
    last, members = (_recalled(catalogue, name) for name in ("grouped", "members"))
    grouped = np.fromiter(map(bool, hashes.groups), np.bool_, len(hashes.groups))
    fresh = hashes.rows > last
    return fresh if int(grouped.sum()) == members else fresh | grouped


def _recalled(catalogue: Catalogue, name: str) -> int:
    return catalogue.database.number("SELECT value FROM meta WHERE name = ?", [name])


def _remember(catalogue: Catalogue, last: int, members: int) -> None:
    """A kill between `settle` and this costs a comparison that was done already, nothing else."""
    with catalogue.database.writing() as link:
        link.executemany(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", [("grouped", last), ("members", members)]
        )


def group_ids(hashes: Hashes, fresh: NDArray[np.bool_] | None = None) -> list[str]:
    """The group of each picture, "" for none, in the order given.

    With `fresh` only those are compared with all; of the others the groups that they have count.
    """
    count = len(hashes.rows)
    if not count:
        return []
    first, second = near_pairs(hashes, fresh)
    if fresh is not None:
        known, anchors = _known(hashes, fresh)
        first, second = np.concatenate([first, known]), np.concatenate([second, anchors])
    labels = _untangled(hashes, _connected(first, second, count))
    smallest: dict[int, str] = {}
    sizes = np.bincount(labels)
    for label, id_ in zip(labels.tolist(), hashes.ids, strict=True):
        smallest[label] = min(smallest.get(label, id_), id_)
    return [smallest[label] if sizes[label] > 1 else "" for label in labels.tolist()]


def _untangled(hashes: Hashes, labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels in which large groups are those that are near one of their own, not near each other in a chain.

    Flat drawings of one kind lie so close that links led from a flask to a cluster of discs: of 101,000 icons 4,648
    were one group.
    """
    labels = labels.copy()
    sizes = np.bincount(labels)
    order, ends = np.argsort(labels, kind="stable"), np.cumsum(sizes)
    free = len(sizes)
    for label in np.flatnonzero(sizes > CHAIN).tolist():
        rest = order[ends[label] - sizes[label] : ends[label]]
        looks = _centred([hashes.looks[place] for place in rest.tolist()])
        while len(rest):
            near = np.bitwise_count(hashes.phash[rest] ^ hashes.phash[rest[0]]) <= NEAR
            near &= np.abs(np.log(hashes.aspect[rest] / hashes.aspect[rest[0]])) <= NEAR_ASPECT
            near &= np.abs(looks - looks[0]).max(axis=1) <= NEAR_LOOK
            labels[rest[near]], free = free, free + 1
            rest, looks = rest[~near], looks[~near]
    return labels


def _known(hashes: Hashes, fresh: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs that hold the groups of those together that are not fresh."""
    anchor: dict[str, int] = {}
    pairs = [
        (place, anchor.setdefault(name, place)) for place, name in enumerate(hashes.groups) if name and not fresh[place]
    ]
    flat = np.array(pairs, np.int64).reshape(-1, 2)
    return flat[:, 0], flat[:, 1]


def _connected(first: NDArray[np.int64], second: NDArray[np.int64], count: int) -> NDArray[np.int32]:
    """The number of the connected part that each of `count` nodes is in."""
    from scipy import sparse  # pyright: ignore[reportMissingTypeStubs]
    from scipy.sparse import csgraph  # pyright: ignore[reportMissingTypeStubs]

    library: Any = sparse
    graph: Any = library.coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    walker: Any = csgraph
    return walker.connected_components(graph, directed=False)[1]


def near_pairs(hashes: Hashes, fresh: NDArray[np.bool_] | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of all pairs that count as near-duplicates, found without comparing every picture with every other.

    With `fresh` only pairs of which one is fresh. Pictures alike in hash, shape and look are compared once for all of
    them. If two hashes differ in at most NEAR = 6 bits, three of nine blocks are the same in both: pictures are sorted
    by each choice of three blocks (Manku, Jain and Das Sarma 2007, "Detecting near-duplicates for web crawling").
    """
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    log_aspect, looks = np.log(hashes.aspect), _centred(hashes.looks)
    some, same, one = _distinct(hashes)
    wanted = np.ones(len(some), np.bool_) if fresh is None else fresh[some]
    for left, right in _candidates(hashes.phash[some], looks[some], wanted):
        near = np.bitwise_count(hashes.phash[some[left]] ^ hashes.phash[some[right]]) <= NEAR
        near &= np.abs(log_aspect[some[left]] - log_aspect[some[right]]) <= NEAR_ASPECT
        first, second = some[left[near]], some[right[near]]
        near = _look_alike(looks, first, second)
        firsts.append(first[near])
        seconds.append(second[near])
    firsts.append(one)
    seconds.append(same)
    return np.concatenate(firsts), np.concatenate(seconds)


def _distinct(hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Positions of pictures that differ, of those that are as one of them, and which one that is."""
    seen: dict[tuple[int, float, bytes], int] = {}
    keys = zip(hashes.phash.tolist(), hashes.aspect.tolist(), hashes.looks, strict=True)
    owner = np.fromiter((seen.setdefault(key, place) for place, key in enumerate(keys)), np.int64, len(hashes.rows))
    places = np.arange(len(owner))
    return places[owner == places], places[owner != places], owner[owner != places]


def _centred(looks: list[bytes]) -> NDArray[np.int16]:
    """Shape (n, 192): the looks with each colour's mean taken out, so that brightness does not count."""
    pixels = np.frombuffer(b"".join(looks), np.uint8).reshape(len(looks), 64, 3)
    means = pixels.mean(axis=1, keepdims=True).astype(np.int16)
    return (pixels.astype(np.int16) - means).reshape(len(looks), -1)


def _look_alike(looks: NDArray[np.int16], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
    parts = [np.empty(0, np.bool_)]
    for begin in range(0, len(first), _LOOKS):
        here = slice(begin, begin + _LOOKS)
        parts.append(np.abs(looks[first[here]] - looks[second[here]]).max(axis=1) <= NEAR_LOOK)
    return np.concatenate(parts)


def _candidates(
    hashes: NDArray[np.uint64], looks: NDArray[np.int16], wanted: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of positions worth a look, of which one is wanted; some come more than once."""
    few = np.flatnonzero(wanted)
    if len(few) <= _FEW and len(few) < len(wanted):
        for place in few.tolist():
            near = np.flatnonzero(np.bitwise_count(hashes ^ hashes[place]) <= NEAR)
            yield np.full(len(near), place), near
        return
    order = np.argsort(looks.astype(np.float32) @ np.linspace(-1, 1, looks.shape[1], dtype=np.float32), kind="stable")
    order = order[np.argsort(hashes[order], kind="stable")]  # by hash, then by look: neighbours in a crowd are alike
    sorted_hashes, sorted_wanted = hashes[order], wanted[order]
    for left, right in _neighbours(sorted_hashes):  # pictures of one hash: once, not in each order again
        either = sorted_wanted[left] | sorted_wanted[right]
        yield order[left[either]], order[right[either]]
    for blocks in combinations(range(_BLOCKS), _INTACT):
        keys = sorted_hashes & np.uint64(sum(_mask(block) for block in blocks))
        by_key = np.argsort(keys, kind="stable")
        for left, right in _neighbours(keys[by_key]):
            left, right = by_key[left], by_key[right]  # noqa: PLW2901 - the same pairs, by position
            either = (sorted_wanted[left] | sorted_wanted[right]) & (sorted_hashes[left] != sorted_hashes[right])
            yield order[left[either]], order[right[either]]


def _mask(block: int) -> int:
    bits = 7 if block < _BLOCKS - 1 else 8
    return ((1 << bits) - 1) << (7 * block)


def _neighbours(keys: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of places in sorted keys with one key, each once; of a crowd only those within the window."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sizes = np.diff(np.append(starts, len(keys)))
    ends = np.repeat(starts + sizes, sizes)
    reach = np.repeat(np.where(sizes > _CROWD, _WINDOW, sizes), sizes)
    counts = np.minimum(reach, ends - np.arange(len(keys)) - 1)
    totals = np.cumsum(counts)
    begin = 0
    while begin < len(keys):
        done = int(totals[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(totals, done + _BLOCK, side="right")))
        part = counts[begin:end]
        first = np.repeat(np.arange(begin, end), part)
        yield first, first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(part) - part, part)
        begin = end
