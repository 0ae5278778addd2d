"""What every adapter must do, whatever runtime is behind it: one function a port, called by the adapters' own tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Timer

import numpy as np
import pytest
from PIL import Image

from composer.errors import Cancelled, ModelFailed
from composer.ports import (
    Cancel,
    Encoder,
    Ids,
    ImageEncoder,
    Prompt,
    Reranker,
    TextEncoder,
    VectorIndex,
    Vectors,
    Writer,
)
from composer.ports import Message as Said
from composer.types import Picture


def cancelled() -> Cancel:
    cancel = Cancel()
    cancel.cancel()
    return cancel


# --- writers ---------------------------------------------------------------------------------------------------------


def prompt(words: str, max_tokens: int = 16, temperature: float = 0.0, seed: int = 1, fresh: bool = True) -> Prompt:
    messages = (Said("user", words),)
    return Prompt(messages=messages, max_tokens=max_tokens, temperature=temperature, seed=seed, fresh=fresh)


def written(writer: Writer, asked: Prompt) -> str:
    return "".join(piece.text for piece in writer.generate(asked, Cancel()))


def check_writer(writer: Writer, words: str = "Tell of the harbour.") -> None:
    """Identity, counting, streaming, seeds, cancelling, and a prompt that is too long."""
    assert writer.id
    assert writer.capabilities.context > 0
    assert "en" in writer.capabilities.languages
    assert writer.count_tokens("") <= 1
    assert 0 < writer.count_tokens(words) <= len(words) + 1
    pieces = list(writer.generate(prompt(words), Cancel()))
    assert all(piece.text for piece in pieces)
    assert 0 < sum(piece.tokens for piece in pieces) <= 16
    check_seeds(writer, words)
    check_writer_cancel(writer, words)
    with pytest.raises(ModelFailed):
        list(writer.generate(prompt(words * writer.capabilities.context), Cancel()))
    assert written(writer, prompt(words)), "a writer must go on after a failure"


def check_seeds(writer: Writer, words: str) -> None:
    one, again, other = (
        [written(writer, prompt(words, temperature=1.0, seed=seed + n)) for n in (0, 100, 200)] for seed in (7, 7, 8)
    )
    assert one == again
    assert one != other


def check_writer_cancel(writer: Writer, words: str) -> None:
    with pytest.raises(Cancelled):
        list(writer.generate(prompt(words), cancelled()))
    cancel = Cancel()
    pieces = writer.generate(prompt(words, max_tokens=32), cancel)
    next(pieces)
    cancel.cancel()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        list(pieces)
    assert time.monotonic() - start < 0.3


# --- encoders --------------------------------------------------------------------------------------------------------


def pictures(count: int, seed: int = 1) -> list[Image.Image]:
    """Patchworks of nine colours, of different sizes and shapes."""
    random = np.random.default_rng(seed)
    patches = [Image.fromarray(random.integers(0, 256, (3, 3, 3), dtype=np.uint8)) for _ in range(count)]
    sizes = random.integers(40, 200, (count, 2))
    return [
        patch.resize((int(width), int(height)), Image.Resampling.NEAREST)
        for patch, (width, height) in zip(patches, sizes, strict=True)
    ]


def check_vectors(vectors: Vectors, count: int, dimensions: int) -> None:
    assert vectors.shape == (count, dimensions)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)


def check_image_encoder(encoder: ImageEncoder) -> None:
    """Shapes, unit rows, nothing of nothing, and vectors that do not depend on the company they were made in."""
    assert encoder.id
    assert encoder.image_size > 0
    some = pictures(3)
    vectors = encoder.encode_images(some)
    check_vectors(vectors, 3, encoder.dimensions)
    check_vectors(encoder.encode_images([]), 0, encoder.dimensions)
    alone = np.vstack([encoder.encode_images([one]) for one in reversed(some)])[::-1]
    assert np.allclose(vectors, alone, atol=2e-2)


def check_text_encoder(encoder: TextEncoder) -> None:
    """Shapes, unit rows, empty and very long texts, and the words at the end of a long text count."""
    assert encoder.id
    assert "en" in encoder.languages
    long = " ".join(["a harbour with boats"] * 100)
    vectors = encoder.encode_texts(["a harbour", "", long, long + " and a castle" * 60])
    check_vectors(vectors, 4, encoder.dimensions)
    check_vectors(encoder.encode_texts([]), 0, encoder.dimensions)
    assert not np.allclose(vectors[2], vectors[3], atol=1e-4), "a long text was cut in silence"


def check_encoder(encoder: Encoder) -> None:
    check_image_encoder(encoder)
    check_text_encoder(encoder)


# --- indexes ---------------------------------------------------------------------------------------------------------


def unit(count: int, dimensions: int, seed: int = 1) -> Vectors:
    """Unit vectors as the catalogue gives them: numbers that half floats hold."""
    vectors = np.random.default_rng(seed).normal(size=(count, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def brute_force(ids: Ids, vectors: Vectors, queries: Vectors, k: int) -> tuple[Ids, Vectors]:
    """The contract of VectorIndex.search in plain numpy."""
    cosines = queries @ vectors.T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    found, scores = ids[order], np.take_along_axis(cosines, order, axis=1)
    missing = ((0, 0), (0, k - order.shape[1]))
    return np.pad(found, missing, constant_values=-1), np.pad(scores, missing, constant_values=-np.inf)


def check_index(make: Callable[[int], VectorIndex]) -> None:
    """Empty, filled, replaced, removed, restricted, emptied. `make` builds an empty index of that many dimensions."""
    index = make(16)
    assert len(index) == 0
    assert not index.stamp()
    queries = unit(3, 16, seed=9)
    found, cosines = index.search(queries, 2)
    assert found.tolist() == [[-1, -1]] * 3
    assert np.isneginf(cosines).all()
    ids, vectors = np.arange(10, 60, dtype=np.int64), unit(50, 16)
    index.add(ids, vectors)
    _check_search(index, ids, vectors, queries, k=8)
    vectors[:20] = unit(20, 16, seed=3)
    index.add(ids[:20], vectors[:20])
    assert len(index) == 50
    _check_search(index, ids, vectors, queries, k=8)
    index.remove(np.array([10, 59, 4000], dtype=np.int64))
    assert len(index) == 48
    _check_search(index, ids[1:-1], vectors[1:-1], queries, k=60)
    among = np.array([12, 30, 31, 10, 4000], dtype=np.int64)
    found, cosines = index.search(queries, 4, among=among)
    kept = [2, 20, 21]
    expected = brute_force(ids[kept], vectors[kept], queries, 4)
    assert np.array_equal(found, expected[0])
    assert np.allclose(cosines, expected[1], atol=1e-5)
    assert (index.search(queries, 2, among=np.array([], dtype=np.int64))[0] == -1).all()
    _check_stamps(index, ids, vectors, queries)
    index.close()


def _check_stamps(index: VectorIndex, ids: Ids, vectors: Vectors, queries: Vectors) -> None:
    index.save("one:7:0")
    assert index.stamp() == "one:7:0"
    index.remove(ids[:5])
    assert index.stamp() == "one:7:0", "what is not saved has no stamp"
    index.save("one:7:5")
    assert index.stamp() == "one:7:5"
    index.clear()
    assert not index.stamp()
    assert len(index) == 0
    assert (index.search(queries, 2)[0] == -1).all()
    index.add(ids, vectors)
    _check_search(index, ids, vectors, queries, k=3)


def check_kept_index(make: Callable[[], VectorIndex]) -> None:
    """What was saved comes back, what was not does not. `make` opens one index of 16 dimensions, empty at first."""
    ids, vectors, queries = np.arange(10, 60, dtype=np.int64), unit(50, 16), unit(3, 16, seed=9)
    index = make()
    index.add(ids, vectors)
    index.save("first")
    index.remove(ids[:10])
    index.close()
    index = make()
    if index.stamp():  # one that notices that more was done may also come up empty
        assert index.stamp() == "first"
        _check_search(index, ids, vectors, queries, k=8)
    index.clear()
    index.close()
    index = make()
    assert not index.stamp()
    assert len(index) == 0
    index.close()


def _check_search(index: VectorIndex, ids: Ids, vectors: Vectors, queries: Vectors, k: int) -> None:
    found, cosines = index.search(queries, k)
    expected = brute_force(ids, vectors, queries, k)
    assert found.dtype == np.int64
    assert cosines.dtype == np.float32
    assert np.allclose(cosines, expected[1], atol=1e-5)
    assert np.array_equal(found, expected[0])


# --- re-rankers ------------------------------------------------------------------------------------------------------

CAPTION = "Boats in a harbour"
PARAGRAPH = "The town grew around its harbour, and its boats still leave before dawn."


def check_reranker(reranker: Reranker, some: Sequence[Picture]) -> None:
    """Scores are numbers or "no opinion", one a picture, whatever the order; cancelling and no pictures work."""
    assert reranker.id
    assert isinstance(reranker.sees_pictures, bool)
    assert "en" in reranker.languages
    scores = reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    assert scores.shape == (len(some),)
    assert scores.dtype == np.float32
    assert not np.isinf(scores).any()
    assert reranker.rerank([], CAPTION, PARAGRAPH, Cancel()).shape == (0,)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(some))
        shuffled = reranker.rerank([some[place] for place in order], CAPTION, PARAGRAPH, Cancel())
        assert np.allclose(shuffled, scores[order], atol=1e-4, equal_nan=True)
    prepared = list(reranker.prepare(some, Cancel()))
    assert prepared == [] or prepared[-1] == len(some)
    assert np.allclose(reranker.rerank(some, CAPTION, PARAGRAPH, Cancel()), scores, atol=1e-4, equal_nan=True)
    assert all(isinstance(sentence, str) for sentence in reranker.notices())
    assert reranker.notices() == []
    with pytest.raises(Cancelled):
        reranker.rerank(some, CAPTION, PARAGRAPH, cancelled())
    cancel = Cancel()
    timer = Timer(0.02, cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        _rerank_on_and_on(reranker, some, cancel)
    timer.join()


def _rerank_on_and_on(reranker: Reranker, some: Sequence[Picture], cancel: Cancel) -> None:
    for _ in range(10_000):
        reranker.rerank(some, CAPTION, PARAGRAPH, cancel)
