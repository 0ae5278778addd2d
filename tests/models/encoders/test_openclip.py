"""The open_clip encoder on tiny checkpoints of real architectures, against open_clip's own documented call."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Vectors
from models.encoders.openclip import OpenClipEncoder
from models.isolation import Host
from tests.models import checkpoints
from tests.models.contracts import check_encoder, check_vectors, pictures

TEXTS = ["a harbour at dawn", "castle", "", "two boats, one gull"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.clip(tmp_path_factory.mktemp("tiny-clip"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> OpenClipEncoder:
    return OpenClipEncoder(str(folder), precision="fp32", device="cpu", batch=2)


def reference(name: str, images: list[Image.Image], texts: list[str], **options: object) -> tuple[Vectors, Vectors]:
    """open_clip's own call, one picture at a time."""
    import open_clip
    import torch

    create: Any = open_clip.create_model_and_transforms
    model, _, preprocess = create(name, **options)
    tokenizer = open_clip.get_tokenizer(name)
    model.eval()
    with torch.inference_mode():
        seen = [model.encode_image(preprocess(image).unsqueeze(0), normalize=True) for image in images]
        read = model.encode_text(tokenizer(texts), normalize=True)
    return torch.cat(seen).numpy(), read.numpy()


def cosines(one: Vectors, other: Vectors) -> Vectors:
    return (one * other).sum(axis=1)


def test_contract(encoder: OpenClipEncoder) -> None:
    check_encoder(encoder)
    assert encoder.image_size == 32
    assert encoder.dimensions == 24
    assert encoder.languages == ("en",)


def test_contract_in_a_process_of_its_own(folder: Path) -> None:
    host = Host("picture encoder", threads=1)
    check_encoder(host.build(OpenClipEncoder, str(folder), precision="fp32", device="cpu"))
    host.close()


def test_agrees_with_open_clip(folder: Path, encoder: OpenClipEncoder) -> None:
    images, texts = reference(f"local-dir:{folder}", pictures(5), TEXTS)
    assert (images @ images.T).min() < 0.99, "the pictures must differ for this to say anything"
    assert cosines(encoder.encode_images(pictures(5)), images).min() > 0.99999
    assert cosines(encoder.encode_texts(TEXTS), texts).min() > 0.99999


def test_bf16_stays_close(folder: Path, encoder: OpenClipEncoder) -> None:
    import torch

    half = OpenClipEncoder(str(folder), precision="bf16", device="cpu")
    assert next(half._model.parameters()).dtype == torch.bfloat16
    assert half.id == encoder.id
    assert cosines(half.encode_images(pictures(5)), encoder.encode_images(pictures(5))).min() > 0.995
    assert cosines(half.encode_texts(TEXTS), encoder.encode_texts(TEXTS)).min() > 0.995


def test_multilingual_text_tower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoints.multilingual_clip(tmp_path / "xlm")
    encoder = OpenClipEncoder(str(folder), precision="fp32", device="cpu")
    assert encoder.languages == ("en", "zh")
    check_encoder(encoder)
    monkeypatch.chdir(folder)  # the reference finds the tower's config by its relative name
    texts = ["港口的渔船", "a harbour"]
    images, read = reference(f"local-dir:{folder}", pictures(2), texts, pretrained_text=False)
    assert cosines(encoder.encode_images(pictures(2)), images).min() > 0.99999
    assert cosines(encoder.encode_texts(texts), read).min() > 0.99999


def test_long_texts_are_the_mean_of_their_parts(encoder: OpenClipEncoder) -> None:
    text = "the harbour lies quiet before dawn and boats leave for the sea while gulls cry over old roofs"
    parts = list(encoder._windows(text))
    assert len(parts) == 2
    assert " ".join(parts) == text
    mean = encoder.encode_texts(parts).mean(axis=0)
    assert cosines(encoder.encode_texts([text]), (mean / np.linalg.norm(mean))[None]).min() > 0.9999
    chinese = "港口的渔船在黎明前出发，老城的屋顶还在雾里，鸥鸟在叫。" * 4
    pieces = list(encoder._windows(chinese))
    assert "".join(pieces) == chinese
    assert all(encoder._length(piece) <= 16 for piece in pieces)
    assert list(encoder._windows("x" * 400)) == ["x" * 400]


def test_memory_that_runs_out_halves_the_batch(
    folder: Path, encoder: OpenClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = OpenClipEncoder(str(folder), precision="fp32", device="cpu", batch=8)
    whole = OpenClipEncoder._encode_images

    def tight(self: OpenClipEncoder, images: list[Image.Image]) -> object:
        if len(images) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9999 bytes.")
        return whole(self, images)

    monkeypatch.setattr(OpenClipEncoder, "_encode_images", tight)
    assert np.allclose(small.encode_images(pictures(7)), encoder.encode_images(pictures(7)), atol=1e-5)
    assert small._batch == 2

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(OpenClipEncoder, "_encode_images", full)
    with pytest.raises(ModelFailed, match="memory ran out"):
        small.encode_images(pictures(3))


# --- other towers ---


@pytest.mark.parametrize("vision", [None, checkpoints.CONVOLUTIONS], ids=["siglip", "convolutions"])
def test_towers_of_timm_with_texts_of_siglip(tmp_path: Path, vision: dict[str, Any] | None) -> None:
    folder = checkpoints.siglip(tmp_path, vision)
    encoder = OpenClipEncoder(str(folder), precision="fp32", device="cpu")
    check_encoder(encoder)
    assert encoder.image_size == 160
    images, texts = reference(f"local-dir:{folder}", pictures(4), TEXTS)
    assert (images @ images.T).min() < 0.999
    assert cosines(encoder.encode_images(pictures(4)), images).min() > 0.99999
    assert cosines(encoder.encode_texts(TEXTS), texts).min() > 0.99999
    assert all(encoder._length(part) <= 64 for part in encoder._windows("the harbour lies quiet " * 80))


# --- bf16 only where it gives the same vectors ---


@pytest.mark.parametrize(("agrees", "halved"), [(0.99, True), (1.1, False)])
def test_bf16_is_kept_only_where_vectors_stay_the_same(
    folder: Path, encoder: OpenClipEncoder, monkeypatch: pytest.MonkeyPatch, agrees: float, *, halved: bool
) -> None:
    import torch

    monkeypatch.setattr("models.encoders.openclip.choose_dtype", lambda *_: torch.bfloat16)
    monkeypatch.setattr("models.encoders.openclip.AGREES", agrees)
    settled = OpenClipEncoder(str(folder), device="cpu")
    assert settled._dtype == next(settled._model.parameters()).dtype
    assert (settled._dtype == torch.bfloat16) == halved
    near = cosines(settled.encode_images(pictures(5)), encoder.encode_images(pictures(5))).min()
    assert near > (0.99 if halved else 0.99999)


def test_numbers_that_are_not_finite_agree_with_nothing() -> None:
    from models.encoders.openclip import _agree

    one = np.ones((2, 3), dtype=np.float32)
    assert _agree(one, one * 2)
    assert not _agree(one, np.full_like(one, np.nan))
    assert not _agree(one, one * np.array([1, -1, 1], dtype=np.float32))


# --- several models, one library ---


def test_switching_back_encodes_nothing_again(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from composer.library.catalogue import Catalogue
    from composer.library.filling.embed import embed, embed_captions
    from composer.library.filling.scan import scan
    from tests.composer.fakes import draw_library

    library = [str(draw_library(tmp_path / "quay"))]
    other = OpenClipEncoder(str(checkpoints.siglip(tmp_path / "siglip")), precision="fp32", device="cpu")
    one = OpenClipEncoder(str(folder), precision="fp32", device="cpu")
    seen = {"pictures": 0, "texts": 0}

    def counted(kind: str, encode: Any) -> Any:  # noqa: ANN401 - either of the two
        def counting(self: OpenClipEncoder, items: list[Any]) -> object:
            seen[kind] += len(items)
            return encode(self, items)

        return counting

    monkeypatch.setattr(OpenClipEncoder, "_encode_images", counted("pictures", OpenClipEncoder._encode_images))
    monkeypatch.setattr(OpenClipEncoder, "_encode_texts", counted("texts", OpenClipEncoder._encode_texts))
    catalogue = Catalogue(tmp_path / "catalogue.sqlite", tmp_path / "previews")
    list(scan(catalogue, Path(library[0]), Cancel()))
    kept: dict[str, Vectors] = {}
    for encoder, new in ((one, True), (other, True), (one, False), (other, False)):
        before = seen.copy()
        list(embed(catalogue, library, encoder, Cancel()))
        list(embed_captions(catalogue, library, encoder, Cancel()))
        assert (seen["pictures"] - before["pictures"] == 8) == new
        assert (seen != before) == new
        vectors = catalogue.embeddings.of(encoder.id)[1]
        assert vectors.shape == (8, encoder.dimensions)
        assert np.array_equal(kept.setdefault(encoder.id, vectors), vectors)
    again = OpenClipEncoder(str(folder), precision="fp32", device="cpu")  # as after a restart
    before = seen.copy()
    assert list(embed(catalogue, library, again, Cancel())) == []
    assert seen == before
    catalogue.close()


# --- models named by a tag ---


@pytest.fixture
def tagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model and tag that open_clip knows, whose weights belong into the folder given back."""
    import open_clip
    from huggingface_hub import constants

    known = {"hf_hub": "someone/tiny/", "quick_gelu": True, "mean": (0.1, 0.5, 0.6), "std": (0.3, 0.3, 0.2)}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-tiny", checkpoints.TINY_CLIP)
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "ViT-tiny", {"noise": known})
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "hub" / "models--someone--tiny"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("1" * 40)
    return kept / "snapshots" / ("1" * 40)


def test_a_tag_whose_weights_were_fetched(tagged: Path) -> None:
    checkpoints.clip(tagged)
    encoder = OpenClipEncoder("ViT-tiny/noise", precision="fp32", device="cpu")
    assert encoder.id.startswith("open_clip:ViT-tiny/noise@")
    images, texts = reference("ViT-tiny", pictures(3), TEXTS, pretrained="noise", force_quick_gelu=True)
    assert cosines(encoder.encode_images(pictures(3)), images).min() > 0.99999
    assert cosines(encoder.encode_texts(TEXTS), texts).min() > 0.99999


def test_a_hub_repository_that_was_fetched(tagged: Path) -> None:
    checkpoints.clip(tagged)
    encoder = OpenClipEncoder("hf-hub:someone/tiny", precision="fp32", device="cpu")
    assert encoder.id.startswith("open_clip:someone/tiny@")
    images, _ = reference(f"local-dir:{tagged}", pictures(3), TEXTS)
    assert cosines(encoder.encode_images(pictures(3)), images).min() > 0.99999


def pulled_into_the_programs_folder(monkeypatch: pytest.MonkeyPatch, home: Path, repository: str) -> Path:
    from models import catalogue

    monkeypatch.setenv("PICTORIAL_HOME", str(home))
    model = catalogue.addressed(f"hf:{repository}")
    catalogue.folder(model).mkdir(parents=True)
    catalogue.remember(model)
    return catalogue.folder(model)


@pytest.mark.usefixtures("tagged")
@pytest.mark.parametrize(
    ("name", "title"), [("ViT-tiny/noise", "ViT-tiny/noise"), ("hf-hub:someone/tiny", "someone/tiny")]
)
def test_models_that_pictorial_pulled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: OpenClipEncoder, name: str, title: str
) -> None:
    checkpoints.clip(pulled_into_the_programs_folder(monkeypatch, tmp_path / "home", "someone/tiny"))
    here = OpenClipEncoder(name, precision="fp32", device="cpu")
    assert here.id == encoder.id.replace(encoder.id.partition("@")[0], f"open_clip:{title}")
    check_vectors(here.encode_images(pictures(2)), 2, 24)


def test_a_tag_whose_tokenizer_lies_apart(
    tagged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: OpenClipEncoder
) -> None:
    import open_clip

    named = checkpoints.TINY_CLIP | {
        "text_cfg": checkpoints.TINY_CLIP["text_cfg"] | {"hf_tokenizer_name": "some/words"}
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-tiny", named)
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "empty"))
    checkpoints.clip(tagged)
    with pytest.raises(ModelNotReady, match="some/words, which reads texts") as caught:
        OpenClipEncoder("ViT-tiny/noise", precision="fp32", device="cpu")
    assert "models pull hf:some/words" in caught.value.hint
    words = checkpoints.tokenizer()
    words.save_pretrained(pulled_into_the_programs_folder(monkeypatch, tmp_path / "home", "some/words"))
    here = OpenClipEncoder("ViT-tiny/noise", precision="fp32", device="cpu")
    apart = here._tokenizer.tokenizer(TEXTS[0])["input_ids"]
    assert apart == words(TEXTS[0])["input_ids"]
    check_vectors(here.encode_texts(TEXTS), len(TEXTS), encoder.dimensions)


@pytest.mark.usefixtures("tagged")
@pytest.mark.parametrize("name", ["ViT-tiny/noise", "hf-hub:someone/tiny", "hf-hub:nobody/nothing"])
def test_weights_that_are_missing_are_said_and_not_fetched(name: str) -> None:
    with pytest.raises(ModelNotReady, match="is not on this machine") as caught:
        OpenClipEncoder(name)
    repository = "someone/tiny" if name == "ViT-tiny/noise" else name.removeprefix("hf-hub:")
    assert caught.value.hint == f"Fetch it with `python main.py models pull hf:{repository}`."
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_weights_outside_the_hub_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import open_clip

    known = {"url": "https://example.invalid/tiny.pt"}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "ViT-B-32", {"elsewhere": known})
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ModelNotReady, match="is not on this machine"):
        OpenClipEncoder("ViT-B-32/elsewhere")
    assert not list(tmp_path.iterdir())


# --- what cannot be used ---


def test_names_that_mean_nothing() -> None:
    with pytest.raises(ModelNotReady, match="There is no encoder ViT-B-32/nonsense") as caught:
        OpenClipEncoder("ViT-B-32/nonsense")
    assert "laion2b_s34b_b79k" in caught.value.hint
    with pytest.raises(ModelNotReady, match="There is no encoder nonsense"):
        OpenClipEncoder("nonsense")


def test_models_of_many_languages_come_first() -> None:
    from models.encoders.openclip import offered

    names = offered()
    assert "ViT-B-32/laion2b_s34b_b79k" in names
    assert {"xlm", "nllb", "siglip2"} & set("-".join(names[:10]).lower().replace("/", "-").split("-"))
    with pytest.raises(ModelNotReady) as caught:
        OpenClipEncoder("nonsense/nothing")
    assert names[0] in caught.value.hint


def test_a_folder_of_another_library(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match="is a LlamaForCausalLM of transformers"):
        OpenClipEncoder(str(checkpoints.causal(tmp_path)))


def test_folders_that_are_not_whole(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match=r"no open_clip_config\.json"):
        OpenClipEncoder(str(tmp_path))
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": {}}))
    with pytest.raises(ModelNotReady, match="damaged"):
        OpenClipEncoder(str(tmp_path))
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": checkpoints.TINY_CLIP}))
    with pytest.raises(ModelNotReady, match="is not on this machine"):
        OpenClipEncoder(str(tmp_path))
    checkpoints.clip(tmp_path)
    with (tmp_path / "open_clip_model.safetensors").open("r+b") as file:
        file.truncate(4000)
    with pytest.raises(ModelNotReady, match="damaged or incomplete"):
        OpenClipEncoder(str(tmp_path))


def test_a_pickle_that_would_run_code_is_not_read(tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    folder = checkpoints.clip(tmp_path / "model")
    (folder / "open_clip_model.safetensors").unlink()
    (folder / "open_clip_pytorch_model.bin").write_bytes(pickle.dumps({"state_dict": Trap()}))
    with pytest.raises(ModelNotReady):
        OpenClipEncoder(str(folder))
    assert not (tmp_path / "sprung").exists()
