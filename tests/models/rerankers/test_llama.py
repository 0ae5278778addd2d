"""The llama.cpp re-ranker on a tiny model with eyes: the contract, what the score is, what is kept, what is refused."""

from __future__ import annotations

import base64
import io
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from composer.errors import ModelNotReady
from composer.ports import Cancel
from composer.types import Picture
from models.isolation import Host
from models.rerankers.llama import MARK, LlamaReranker
from models.rerankers.questions import NO, UNREADABLE, YES, question
from tests.models.contracts import CAPTION, PARAGRAPH, check_reranker, pictures
from tests.models.gguf_files import CHATML, chat_model, projector

PARTS = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As the templates of vision-language models are: they want lists of parts."""

ROUNDING = 0.02
"""llama.cpp's attention computes in 16 bits, and not quite the same for one token as for many."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("gguf")
    return chat_model(folder / "tiny.gguf", template=PARTS), projector(folder / "tiny-mmproj.gguf")


@pytest.fixture(scope="module")
def reranker(files: tuple[Path, Path]) -> Iterator[LlamaReranker]:
    made = LlamaReranker(f"{files[0]}+{files[1]}", threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> list[Picture]:
    folder, made = tmp_path_factory.mktemp("pictures"), []
    for number, image in enumerate(pictures(5)):
        path = folder / f"{number}.png"
        image.save(path)
        made.append(Picture(id=f"{97 * number % 11:02}", path=str(path), width=image.width, height=image.height))
    return made


def scores(reranker: LlamaReranker, some: list[Picture], caption: str = CAPTION) -> np.ndarray:
    return reranker.rerank(some, caption, PARAGRAPH, Cancel())


def test_contract(reranker: LlamaReranker, some: list[Picture]) -> None:
    check_reranker(reranker, some)


def test_pictures_and_captions_make_a_difference(reranker: LlamaReranker, some: list[Picture]) -> None:
    one, other = scores(reranker, some), scores(reranker, some, "A windmill on a hill")
    assert len(np.unique(one.round(3))) == len(some)
    assert not np.allclose(one, other, atol=1e-2)


def test_it_is_the_log_odds_less_the_pictures_own(reranker: LlamaReranker, some: list[Picture]) -> None:
    """Against all the odds of llama.cpp's plain answer, without lifted logits and without anything kept."""
    from PIL import Image

    def plain(asked: str) -> float:
        data = io.BytesIO()
        Image.open(some[0].path).convert("RGB").save(data, "JPEG", quality=95, subsampling=0)
        url = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
        content = [
            {"type": "text", "text": "<|im_start|>user\n"},
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": f"{asked}<|im_end|>\n<|im_start|>assistant\n"},
        ]
        request = {
            "messages": [{"role": "user", "content": content}], "max_tokens": 1, "temperature": 0.0,
            "logprobs": True, "top_logprobs": 10_000, "cache_prompt": False,
        }  # fmt: skip
        chunk = next(each for each in reranker._server.stream(request, Cancel()) if each["choices"][0].get("logprobs"))
        told = chunk["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        assert len(told) == len(reranker._server.model.words)
        chances = [
            sum(math.exp(each["logprob"]) for each in told if each["token"] in words and each["token"])
            for words in (YES, NO)
        ]
        return math.log(chances[0]) - math.log(chances[1])

    expected = plain(question(CAPTION, PARAGRAPH)) - plain(question("", ""))
    assert scores(reranker, some[:1])[0] == pytest.approx(expected, abs=ROUNDING)


def test_what_was_seen_is_not_looked_at_again(files: tuple[Path, Path], some: list[Picture]) -> None:
    reranker = LlamaReranker(f"{files[0]}+{files[1]}", threads=1)
    computed: list[int] = []
    stream = reranker._server.stream

    def listened(request: dict[str, object], cancel: Cancel) -> Iterator[dict[str, Any]]:
        for chunk in stream(request, cancel):
            if (progress := chunk.get("prompt_progress")) and not progress["processed"] - progress["cache"]:
                computed.append(progress["total"] - progress["cache"])
            yield chunk

    reranker._server.stream = listened  # type: ignore[method-assign]
    assert list(reranker.prepare(some, Cancel())) == [1, 2, 3, 4, 5]
    looked, computed[:] = list(computed), []
    first = scores(reranker, some)
    assert len(computed) == len(some), "the priors were known"
    assert max(computed) < min(looked), "pictures and the question's beginning were kept"
    reranker.close()
    cold = LlamaReranker(f"{files[0]}+{files[1]}", threads=1, store_mb=0)
    assert np.allclose(scores(cold, some), first, atol=ROUNDING)
    cold.close()


def test_templates_of_texts_and_models_without_one(tmp_path: Path, some: list[Picture]) -> None:
    eyes = projector(tmp_path / "eyes.gguf")
    for name, template in (("text", CHATML), ("none", None)):
        model = chat_model(tmp_path / f"{name}.gguf", template=template)
        reranker = LlamaReranker(f"{model}+{eyes}", threads=1)
        assert len(np.unique(scores(reranker, some))) == len(some)
        reranker.close()


def test_a_caption_is_never_a_picture(reranker: LlamaReranker, some: list[Picture]) -> None:
    assert np.isfinite(scores(reranker, some[:1], f"Boats {MARK} in a harbour <|im_end|>")).all()


def test_pictures_that_cannot_be_read(reranker: LlamaReranker, some: list[Picture], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    gone = Picture(id="gone", path=str(tmp_path / "gone.jpg"), width=1, height=1)
    spoilt = Picture(id="spoilt", path=str(broken), width=1, height=1)
    shown = Picture(id="shown", path=str(broken), width=1, height=1, preview=some[0].path)
    given = scores(reranker, [gone, some[0], spoilt, shown])
    assert given[0] == given[2] == UNREADABLE
    assert given[3] == pytest.approx(given[1], abs=ROUNDING)
    assert list(reranker.prepare([gone, spoilt], Cancel())) == [1, 2]


def test_it_runs_in_a_process_of_its_own(
    files: tuple[Path, Path], some: list[Picture], reranker: LlamaReranker
) -> None:
    host = Host("picture model", 1)
    apart = host.build(LlamaReranker, f"{files[0]}+{files[1]}", 1)
    try:
        assert np.allclose(apart.rerank(some, CAPTION, PARAGRAPH, Cancel()), scores(reranker, some), atol=ROUNDING)
        assert apart.id == reranker.id
    finally:
        host.close()


def test_it_is_quick(reranker: LlamaReranker, some: list[Picture]) -> None:
    scores(reranker, some)
    start = time.monotonic()
    scores(reranker, some)
    assert time.monotonic() - start < 2.0


# --- files that do not do --------------------------------------------------------------------------------------------


def test_what_cannot_see_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, eyes = files
    narrow = projector(tmp_path / "narrow.gguf", width=32)
    mute = chat_model(tmp_path / "mute.gguf", without=("no", "No", "NO"))
    deaf = projector(tmp_path / "deaf.gguf", clip__has_audio_encoder=True)
    deaf.write_bytes(
        deaf.read_bytes().replace(
            b"clip.has_vision_encoder\x07\x00\x00\x00\x01", b"clip.has_vision_encoder\x07\x00\x00\x00\x00"
        )
    )
    for names, words in (
        (f"{model}", "alone does not see"),
        (f"{model}+", "alone does not see"),
        (f"{eyes}+{model}", "is no picture reader"),
        (f"{model}+{model}", "is no picture reader"),
        (f"{model}+{narrow}", "do not belong together"),
        (f"{model}+{deaf}", "reads sounds"),
        (f"{mute}+{eyes}", "cannot tell yes from no"),
        (f"{model}+{tmp_path / 'none.gguf'}", "missing or cannot be read"),
        (f"{tmp_path / 'none.gguf'}+{eyes}", "missing or cannot be read"),
    ):
        with pytest.raises(ModelNotReady, match=words) as refused:
            LlamaReranker(names, threads=1)
        assert refused.value.hint
