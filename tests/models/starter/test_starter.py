"""The starter encoder and judge on their real weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from composer.errors import ModelNotReady
from composer.ports import Cancel
from composer.types import Picture
from models.starter import minilm
from models.starter.conse import ConseEncoder
from models.starter.judge import WordsJudge
from models.starter.minilm import SentenceEncoder
from tests.models.contracts import check_encoder, check_reranker, pictures
from tests.models.starter_files import starter

pytestmark = pytest.mark.weights

TEXTS = ["a harbour with boats", "An old castle by a lake, seen from the hills in the evening.", "x", "窗", ""]


@pytest.fixture(scope="module")
def folder() -> Path:
    return starter("starter-encoder")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> ConseEncoder:
    return ConseEncoder(folder)


def described(*captions: str) -> list[Picture]:
    return [
        Picture(id=str(place), path=f"/{place}.jpg", width=1, height=1, caption=text)
        for place, text in enumerate(captions)
    ]


# --- sentences -------------------------------------------------------------------------------------------------------


def test_sentences_are_the_librarys_own(folder: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "minilm", local_files_only=True)
    model = AutoModel.from_pretrained(folder / "minilm", local_files_only=True)
    encoder = SentenceEncoder(folder / "minilm")
    for text in TEXTS:
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        plain = states.mean(0).numpy()
        assert np.allclose(encoder.encode([text])[0], plain / np.linalg.norm(plain), atol=1e-5)


def test_close_meanings_are_close(folder: Path) -> None:
    sea, boats, tax = SentenceEncoder(folder / "minilm").encode(["ships in a port", "boats in a harbour", "a tax form"])
    assert sea @ boats > 0.6
    assert sea @ tax < 0.3


def test_one_copy_for_encoder_and_judge(folder: Path, encoder: ConseEncoder) -> None:
    assert WordsJudge(folder)._texts is encoder._texts


# --- the encoder -----------------------------------------------------------------------------------------------------


def test_encoder_contract(encoder: ConseEncoder) -> None:
    check_encoder(encoder)


def test_vectors_do_not_depend_on_the_company(encoder: ConseEncoder) -> None:
    some = pictures(5)
    together = encoder.encode_images(some)
    backwards = encoder.encode_images(some[::-1])[::-1]
    alone = np.vstack([encoder.encode_images([one]) for one in some])
    assert np.allclose(together, backwards, atol=1e-4)
    assert np.allclose(together, alone, atol=1e-4)
    texts = encoder.encode_texts(TEXTS)
    assert np.allclose(texts, np.vstack([encoder.encode_texts([one]) for one in TEXTS]), atol=1e-4)


def test_the_same_again_is_the_same(folder: Path, encoder: ConseEncoder) -> None:
    some = pictures(3)
    assert np.array_equal(encoder.encode_images(some), encoder.encode_images(some))
    assert np.array_equal(encoder.encode_images(some), ConseEncoder(folder).encode_images(some))


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3), (2000, 100)])
def test_odd_shapes_are_looked_at(encoder: ConseEncoder, size: tuple[int, int]) -> None:
    assert np.allclose(np.linalg.norm(encoder.encode_images([Image.new("RGB", size, "teal")])), 1.0, atol=1e-4)


def test_closing_and_going_on(folder: Path) -> None:
    encoder = ConseEncoder(folder)
    before = encoder.encode_images(pictures(1))
    encoder.close()
    assert np.array_equal(encoder.encode_images(pictures(1)), before)
    encoder.close()
    minilm.shared.cache_clear()


def test_weights_of_another_network_are_told(folder: Path, tmp_path: Path) -> None:
    import torch

    (tmp_path / "minilm").symlink_to(folder / "minilm")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "efficientnet-lite2-9656183e.pth")
    with pytest.raises(ModelNotReady, match="does not fit"):
        ConseEncoder(tmp_path).encode_images(pictures(1))


# --- the judge -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judge(folder: Path) -> WordsJudge:
    return WordsJudge(folder)


def test_judge_contract(judge: WordsJudge) -> None:
    check_reranker(judge, described("boats in a harbour", "a castle on a hill", "", "a very long caption " * 30))


def test_the_order_given_never_changes_a_score(judge: WordsJudge) -> None:
    some = described("boats in a harbour", "a castle", "an old mill by a brook in the hills", "", "a castle")
    scores = judge.rerank(some, "a port", "Ships come and go.", Cancel())
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(some))
        again = judge.rerank([some[place] for place in order], "a port", "Ships come and go.", Cancel())
        assert np.array_equal(again, scores[order], equal_nan=True)


def test_the_judge_reads(judge: WordsJudge) -> None:
    scores = judge.rerank(described("boats in a harbour", "a tax form", ""), "ships in a port", "", Cancel())
    assert scores[0] > scores[1]
    assert np.isnan(scores[2]), "no opinion on a picture of which nothing is said"
    assert not judge.sees_pictures


def test_words_stand_in_for_a_caption(judge: WordsJudge) -> None:
    silent = Picture(id="1", path="/1.jpg", width=1, height=1, words="boats harbour")
    assert judge.rerank([silent], "ships in a port", "", Cancel())[0] > 0.3
    camera = Picture(id="2", path="/pictures/IMG_2041.jpg", width=1, height=1, words="pictures IMG 2041")
    assert np.isnan(judge.rerank([camera], "ships in a port", "", Cancel())[0])


def test_names_of_the_spaces(encoder: ConseEncoder, judge: WordsJudge) -> None:
    """Saved vectors and scores carry these names: who changes what they stand for must change them too."""
    assert encoder.id == "starter-conse-1"
    assert judge.id == "starter-words-judge-1"
    assert (encoder.dimensions, encoder.languages, judge.languages) == (384, ("en",), ("en",))
