"""Near-duplicates: the same picture at another size, crop margin, compression or brightness."""

from __future__ import annotations

from collections.abc import Iterator
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
NEAR_ASPECT = 0.04
"""Most that the ratios of width to height may differ, as a logarithm."""

_CHUNKS = 4
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

    Only rows whose group changes are written; a picture that stands alone has none.
    """
    hashes = catalogue.hashes()
    groups = group_ids(hashes)
    changed = [(int(row), new) for row, old, new in zip(hashes.rows, hashes.groups, groups, strict=True) if old != new]
    catalogue.settle(changed)
    return len(set(groups) - {""})


def group_ids(hashes: Hashes) -> list[str]:
    """The group of each picture, "" for none, in the order given."""
    count = len(hashes.rows)
    if not count:
        return []
    first, second = near_pairs(hashes)
    labels = _connected(first, second, count)
    smallest: dict[int, str] = {}
    sizes = np.bincount(labels)
    for label, id_ in zip(labels.tolist(), hashes.ids, strict=True):
        smallest[label] = min(smallest.get(label, id_), id_)
    return [smallest[label] if sizes[label] > 1 else "" for label in labels.tolist()]


def _connected(first: NDArray[np.int64], second: NDArray[np.int64], count: int) -> NDArray[np.int32]:
    """The number of the connected part that each of `count` nodes is in."""
    from scipy import sparse  # pyright: ignore[reportMissingTypeStubs]
    from scipy.sparse import csgraph  # pyright: ignore[reportMissingTypeStubs]

    library: Any = sparse
    graph: Any = library.coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    walker: Any = csgraph
    return walker.connected_components(graph, directed=False)[1]


def near_pairs(hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of all pairs that count as near-duplicates, found without comparing every picture with every other.

    If two hashes differ in at most NEAR = 6 bits, then in one of four 16-bit chunks they differ in at most one: each
    chunk is looked up as it is and with each of its bits turned (multi-index hashing: Norouzi, Punjani and Fleet 2012,
    arXiv 1307.2982).
    """
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    log_aspect, looks = np.log(hashes.aspect), _centred(hashes.looks)
    for left, right in _candidates(hashes.phash):
        near = np.bitwise_count(hashes.phash[left] ^ hashes.phash[right]) <= NEAR
        near &= np.abs(log_aspect[left] - log_aspect[right]) <= NEAR_ASPECT
        first, second = left[near], right[near]
        near = _look_alike(looks, first, second)
        firsts.append(first[near])
        seconds.append(second[near])
    return np.concatenate(firsts), np.concatenate(seconds)


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


def _candidates(hashes: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of positions whose hashes agree in one chunk but for at most one bit; some come more than once."""
    for chunk in range(_CHUNKS):
        values = ((hashes >> np.uint64(16 * chunk)) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(values, kind="stable")
        starts = np.searchsorted(values[order], np.arange(0x10001))
        for flip in (0, *(1 << bit for bit in range(16))):
            yield from _joined(values ^ flip, order, starts)


def _joined(
    wanted: NDArray[np.int64], order: NDArray[np.int64], starts: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Every position with those whose chunk has the wanted value, each pair once, in blocks of bounded size."""
    counts = starts[wanted + 1] - starts[wanted]
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(wanted):
        done = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        part = counts[begin:end]
        first = np.repeat(np.arange(begin, end), part)
        within = np.arange(int(part.sum())) - np.repeat(np.cumsum(part) - part, part)
        second = order[np.repeat(starts[wanted[begin:end]], part) + within]
        once = first < second
        yield first[once], second[once]
        begin = end
