"""The re-ranker that looks, on a tiny Idefics3, against plain calls of the library with one picture at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Vectors
from composer.types import Picture
from models.isolation import Host
from models.rerankers.questions import UNREADABLE, question
from models.rerankers.vision_language import NOTHING, VisionLanguageReranker, look_once
from tests.models import checkpoints, looking
from tests.models.contracts import CAPTION, PARAGRAPH, check_reranker, pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.looking(tmp_path_factory.mktemp("tiny-looker"))


@pytest.fixture(scope="module")
def reranker(folder: Path) -> VisionLanguageReranker:
    return VisionLanguageReranker(folder, precision="fp32", device="cpu", batch=3)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> list[Picture]:
    """Seven pictures of different shapes, as files."""
    place = tmp_path_factory.mktemp("pictures")
    made: list[Picture] = []
    for number, image in enumerate(pictures(7)):
        path = place / f"{number}.png"
        image.save(path)
        made.append(Picture(id=f"{97 * number % 11:02}", path=str(path), width=image.width, height=image.height))
    return made


def reference(folder: Path, reranker: VisionLanguageReranker, some: list[Picture]) -> Vectors:
    """The library called twice for each picture alone, all logits kept, nothing padded: the question, and nothing."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor: Any = AutoProcessor.from_pretrained(folder)
    look_once(processor)
    model: Any = AutoModelForImageTextToText.from_pretrained(folder)
    yes, no = reranker.sight._yes, reranker.sight._no
    scores: list[float] = []
    for picture in some:
        odds: list[float] = []
        for asked in (question(CAPTION, PARAGRAPH), NOTHING):
            prompt = reranker.sight.prompt(asked)
            inputs = processor(images=[Image.open(picture.path)], text=prompt, return_tensors="pt")
            with torch.inference_mode():
                last = model(**inputs).logits[0, -1]
            odds.append(float(last[yes].logsumexp(0) - last[no].logsumexp(0)))
        scores.append(odds[0] - odds[1])
    return np.array(scores, dtype=np.float32)


def test_contract(reranker: VisionLanguageReranker, some: list[Picture]) -> None:
    check_reranker(reranker, some)
    assert reranker.sees_pictures


def test_contract_in_a_process_of_its_own(folder: Path, some: list[Picture]) -> None:
    host = Host("re-ranker", threads=1)
    check_reranker(host.build(VisionLanguageReranker, folder, precision="fp32", device="cpu"), some)
    host.close()


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_agrees_with_plain_calls(folder: Path, some: list[Picture], batch: int) -> None:
    reranker = VisionLanguageReranker(folder, precision="fp32", device="cpu", batch=batch)
    scores = reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    expected = reference(folder, reranker, some)
    assert np.allclose(scores, expected, atol=1e-3)
    assert np.ptp(expected) > 0.01, "the pictures must differ for this to say anything"


@pytest.mark.parametrize(
    "make", [checkpoints.looking_qwen, looking.smolvlm, looking.qwen3, looking.internvl, looking.llava]
)
def test_other_families_agree_with_plain_calls(
    tmp_path: Path, some: list[Picture], make: Callable[[Path], Path]
) -> None:
    folder = make(tmp_path / "tiny")
    reranker = VisionLanguageReranker(folder, precision="fp32", device="cpu", batch=4, looks=tmp_path / "looks")
    assert reranker.ways == "prefix"
    expected = reference(folder, reranker, some)
    assert np.ptp(expected) > 0.01
    assert list(reranker.prepare(some, Cancel()))[-1] == len(some)
    assert np.allclose(reranker.rerank(some, CAPTION, PARAGRAPH, Cancel()), expected, atol=1e-3)
    reranker.forget()
    assert np.allclose(reranker.rerank(some, CAPTION, PARAGRAPH, Cancel()), expected, atol=1e-3), "from disk"
    reranker.sight.ways = "features"
    assert np.allclose(reranker.rerank(some, CAPTION, PARAGRAPH, Cancel()), expected, atol=1e-3), "without a prefix"
    plain = VisionLanguageReranker(folder, precision="fp32", device="cpu", plain=True)
    assert plain.ways == "plain"
    assert np.allclose(plain.rerank(some, CAPTION, PARAGRAPH, Cancel()), expected, atol=1e-3)


def test_a_model_trained_to_judge_is_asked_in_its_own_form(tmp_path: Path, some: list[Picture]) -> None:
    folder = looking.qwen3(tmp_path / "Tiny-VL-Reranker")
    reranker = VisionLanguageReranker(folder, precision="fp32", device="cpu")
    prompt = reranker.sight.prompt(question(CAPTION, PARAGRAPH))
    assert prompt.index(CAPTION) < prompt.index("<|image_pad|>"), "the query comes first"
    assert "Judge whether the Document" in prompt
    assert reranker.ways == "features", "nothing before the picture is the same for two slots"
    expected = reference(folder, reranker, some)
    assert np.allclose(reranker.rerank(some, CAPTION, PARAGRAPH, Cancel()), expected, atol=1e-3)


def test_what_was_seen_is_not_looked_at_again(
    folder: Path, some: list[Picture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = VisionLanguageReranker(folder, precision="fp32", device="cpu", looks=tmp_path)
    expected = first.rerank(some, CAPTION, PARAGRAPH, Cancel())

    def look(*_: object) -> None:
        raise AssertionError("the picture was looked at again")

    later = VisionLanguageReranker(folder, precision="fp32", device="cpu", looks=tmp_path)
    monkeypatch.setattr(later.sight, "look", look)
    monkeypatch.setattr(later.sight, "read", look)
    assert np.allclose(later.rerank(some, CAPTION, PARAGRAPH, Cancel()), expected, atol=1e-4)
    with pytest.raises(AssertionError, match="looked at again"):
        later.rerank([Picture(id="new", path=some[0].path, width=1, height=1)], CAPTION, PARAGRAPH, Cancel())


def test_a_question_that_begins_otherwise(reranker: VisionLanguageReranker, some: list[Picture]) -> None:
    """A tokenizer may join the first words of a caption with those before it; the score stays the plain one's."""
    expected = reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    head, reranker.sight._head = reranker.sight._head, [*reranker.sight._head[:-1], 1]
    try:
        assert np.allclose(reranker.rerank(some, CAPTION, PARAGRAPH, Cancel()), expected, atol=1e-3)
    finally:
        reranker.sight._head = head


def test_a_picture_that_the_steps_do_not_fit(
    folder: Path, some: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the trial at loading could not foresee costs time, not the answer."""
    reranker = VisionLanguageReranker(folder, precision="fp32", device="cpu")

    def look(*_: object) -> None:
        raise ValueError("features that cannot be told apart")

    monkeypatch.setattr(reranker.sight, "look", look)
    scores = reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    assert np.allclose(scores, reference(folder, reranker, some), atol=1e-3)
    assert not list(reranker.prepare(some, Cancel()))
    assert reranker.ways == "plain"
    (told,) = reranker.notices()
    assert "takes longer" in told


def test_preparing_ends_at_the_limit(folder: Path, some: list[Picture], tmp_path: Path) -> None:
    reranker = VisionLanguageReranker(
        folder, precision="fp32", device="cpu", batch=1, looks=tmp_path, looks_bytes=20_000
    )
    done = list(reranker.prepare(some, Cancel()))
    assert 0 < done[-1] < len(some)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors")) <= 20_000
    assert not list(reranker.prepare(some[done[-1] :], Cancel()))


def test_near_ties_are_compared_when_asked_for(folder: Path, some: list[Picture]) -> None:
    alone = VisionLanguageReranker(folder, precision="fp32", device="cpu").rerank(some, CAPTION, PARAGRAPH, Cancel())
    margin = float(np.sort(alone)[-1] - np.sort(alone)[-3]) + 1e-3
    reranker = VisionLanguageReranker(folder, precision="fp32", device="cpu", compare_within=margin)
    scores = reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    top = set(np.argsort(-alone)[:3].tolist())
    rest = [place for place in range(len(some)) if place not in top]
    assert np.allclose(np.sort(scores), np.sort(alone), atol=1e-4), "the scale stays"
    assert np.allclose(scores[rest], alone[rest], atol=1e-4), "what is not tied stays"
    shuffled = reranker.rerank(some[::-1], CAPTION, PARAGRAPH, Cancel())
    assert np.allclose(shuffled[::-1], scores, atol=1e-4), "places in the prompt do not count"


def test_pictures_and_words_both_count(reranker: VisionLanguageReranker, some: list[Picture]) -> None:
    scores = reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    assert np.abs(reranker.rerank(some, "A castle", PARAGRAPH, Cancel()) - scores).max() > 1e-3
    assert np.abs(reranker.rerank(some, CAPTION, "", Cancel()) - scores).max() > 1e-3


def test_memory_that_runs_out_halves_the_batch(
    folder: Path, some: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    reranker = VisionLanguageReranker(folder, precision="fp32", device="cpu", batch=7)
    expected = reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    whole = VisionLanguageReranker._scores

    def tight(self: VisionLanguageReranker, some: list[Picture], asked: str, cancel: Cancel) -> Sequence[float]:
        if len(some) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9999 bytes.")
        return whole(self, some, asked, cancel)

    monkeypatch.setattr(VisionLanguageReranker, "_scores", tight)
    assert np.allclose(reranker.rerank(some, CAPTION, PARAGRAPH, Cancel()), expected, atol=1e-4)
    assert reranker._batch == 1
    assert len(reranker.notices()) == 2
    assert reranker.notices() == []

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(VisionLanguageReranker, "_scores", full)
    with pytest.raises(ModelFailed, match="memory ran out"):
        reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())


def test_pictures_that_cannot_be_read(reranker: VisionLanguageReranker, some: list[Picture], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    gone = Picture(id="gone", path=str(tmp_path / "gone.jpg"), width=1, height=1)
    spoilt = Picture(id="spoilt", path=str(broken), width=1, height=1)
    shown = Picture(id="shown", path=str(broken), width=1, height=1, preview=some[0].path)
    scores = reranker.rerank([gone, some[0], spoilt, shown], CAPTION, PARAGRAPH, Cancel())
    assert scores[0] == scores[2] == UNREADABLE
    assert np.isclose(scores[1], scores[3], atol=1e-4)
    assert scores[1] > UNREADABLE


def test_a_checkpoint_without_chat_template(tmp_path: Path, some: list[Picture]) -> None:
    folder = checkpoints.looking(tmp_path, chat=None)
    reranker = VisionLanguageReranker(folder, precision="fp32", device="cpu")
    assert reranker.sight.prompt("Boats?").count("<image>") == 1
    check_reranker(reranker, some[:3])


def test_a_model_that_only_reads(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match="does not see pictures"):
        VisionLanguageReranker(checkpoints.causal(tmp_path))


def test_a_processor_that_is_missing(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ModelNotReady):
        VisionLanguageReranker(tmp_path)


def test_missing_weights(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(ModelNotReady, match="holds no weights"):
        VisionLanguageReranker(tmp_path)
