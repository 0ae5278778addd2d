"""Models of other programs: found in their folders, described by their own headers, used where they lie."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from composer.errors import ModelNotReady
from models import found, headers
from models.found import Found
from models.vocabulary import CHINESE
from tests.models import gguf_files

LAYER = "application/vnd.ollama.image."


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        "OLLAMA_MODELS",
        "HF_HOME",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def made(path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return gguf_files.chat_model(path, **options)


def eyes(path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return gguf_files.projector(path, **options)


def shown(models: list[Found]) -> list[tuple[str, str, str]]:
    return [(each.purpose, each.title, each.found_in) for each in models]


def test_nothing_is_found_where_nothing_is(home: Path) -> None:
    assert found.found() == []
    assert not list(home.iterdir()), "nor is anything made"


@pytest.mark.parametrize("place", [".lmstudio/models", ".cache/lm-studio/models"])
def test_lm_studio(home: Path, place: str) -> None:
    path = made(home / place / "maker" / "Model-GGUF" / "model-q4.gguf", chinese=True)
    (each,) = found.found()
    assert each.setting == f"gguf:{path}"
    assert shown([each]) == [("writer", "model-q4", "LM Studio")]
    assert each.header.context == 8192
    assert each.header.size == path.stat().st_size


def test_a_model_with_its_picture_reader_is_a_reranker_too(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "maker" / "vl"
    path, reader = made(folder / "Sees-2B-Q4.gguf"), eyes(folder / "mmproj-Sees-2B-f16.gguf")
    writer, reranker = found.found()
    assert (writer.purpose, reranker.purpose) == ("writer", "reranker")
    assert reranker.setting == f"gguf:{path}+{reader}"


def test_a_text_model_beside_anothers_picture_reader_is_no_reranker(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "mixed"
    made(folder / "reads.gguf", width=32)
    sees = made(folder / "sees.gguf")
    eyes(folder / "mmproj-sees.gguf")
    assert [each.setting.partition("+")[0] for each in found.found() if each.purpose == "reranker"] == [f"gguf:{sees}"]


def test_each_model_takes_the_picture_reader_of_its_name(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "two"
    for name in ("alpha-2b", "beta-2b"):
        made(folder / f"{name}-Q4_K_M.gguf")
        eyes(folder / f"mmproj-{name}-f16.gguf")
    for each in found.found():
        if each.purpose == "reranker":
            model, _, reader = each.setting.partition("+")
            assert ("alpha" in model) == ("alpha" in reader)


def test_jan(home: Path) -> None:
    made(found.jan_folders()[0] / "some-model" / "model.gguf")
    assert [each.found_in for each in found.found()] == ["Jan"]
    assert home.exists()


def ollama(place: Path, name: str, **blobs: Path) -> None:
    """What `ollama pull` leaves: a manifest, and blobs named by their checksums."""
    layers = []
    for kind, path in blobs.items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        blob = place / "blobs" / f"sha256-{digest}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        path.rename(blob)
        layers.append({"mediaType": LAYER + kind, "digest": f"sha256:{digest}", "size": blob.stat().st_size})
    manifest = place / "manifests" / "registry.ollama.ai" / "library" / name.replace(":", "/")
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}), "utf-8")


@pytest.mark.parametrize("chosen", [False, True])
def test_ollama(home: Path, monkeypatch: pytest.MonkeyPatch, chosen: bool) -> None:
    place = home / "elsewhere" if chosen else home / ".ollama" / "models"
    if chosen:
        monkeypatch.setenv("OLLAMA_MODELS", str(place))
    ollama(place, "small:1b", model=made(home / "x.gguf"), projector=eyes(home / "y.gguf"))
    models = found.found()
    assert shown(models) == [
        ("writer", "small:1b", "Ollama"),
        ("reranker", "small:1b, with its picture reader", "Ollama"),
    ]
    assert models[0].place.parent == place / "blobs", "used where it lies"


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "sha256:" + "a" * 64, "", None, 5])
def test_ollama_manifests_that_lie(home: Path, digest: object) -> None:
    manifest = home / ".ollama" / "models" / "manifests" / "r" / "n" / "m" / "latest"
    manifest.parent.mkdir(parents=True)
    for text in (
        json.dumps({"layers": [{"mediaType": LAYER + "model", "digest": digest}]}), "[", "[]", '{"layers": 3}',
    ):  # fmt: skip
        manifest.write_text(text, "utf-8")
        assert found.found() == []


def snapshot(home: Path, repository: str, files: dict[str, object]) -> Path:
    folder = home / ".cache/huggingface/hub" / f"models--{repository.replace('/', '--')}" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name).write_bytes(data)
    return folder


def test_the_hubs_cache(home: Path) -> None:
    plain = {"tokenizer.json": {"model": {"vocab": {}}}, "model.safetensors": b"x" * 1000}
    writer = snapshot(home, "a/writes", {**plain, "config.json": {"architectures": ["LlamaForCausalLM"]}})
    sees = {"architectures": ["Idefics3ForConditionalGeneration"], "vision_config": {}}
    reranker = snapshot(home, "a/sees", {**plain, "config.json": sees})
    tower = {"embed_dim": 8, "vision_cfg": {}, "text_cfg": {"vocab_size": 256000}}
    encoder = snapshot(home, "timm/clips", {**plain, "open_clip_config.json": {"model_cfg": tower}})
    snapshot(home, "a/bert", {**plain, "config.json": {"architectures": ["BertModel"]}})
    snapshot(home, "a/pickles", {"config.json": {"architectures": ["LlamaForCausalLM"]}, "pytorch_model.bin": b"x"})
    models = {each.title: each for each in found.found()}
    assert set(models) == {"a/writes", "a/sees", "timm/clips"}
    assert models["a/writes"].setting == f"transformers:{writer}"
    assert (models["a/sees"].purpose, models["a/sees"].setting) == ("reranker", f"transformers:{reranker}")
    assert models["timm/clips"].setting == f"open_clip:{encoder}"
    assert models["timm/clips"].header.languages == ("en", "zh")


@pytest.mark.parametrize("variable", ["HF_HOME", "HF_HUB_CACHE"])
def test_the_hubs_cache_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, str(home / "x"))
    assert found.hub_cache_folder() == home / ("x/hub" if variable == "HF_HOME" else "x")
    monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "c"))
    assert found.hub_cache_folder() == home / "c" / "huggingface" / "hub"


def test_parts_count_once(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "m"
    for at in (1, 2):
        made(folder / f"big-{at:05d}-of-00002.gguf")
    (each,) = found.found()
    assert each.place.name == "big-00001-of-00002.gguf"
    assert each.header.size == 2 * each.place.stat().st_size


def test_damaged_files_are_passed_over(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "m"
    whole = made(folder / "whole.gguf")
    data = whole.read_bytes()
    for at, bad in enumerate((b"", b"GGUF", data[:200], b"XXXX" + data[4:], data[:16] + b"\xff" * 8 + data[24:])):
        (folder / f"bad{at}.gguf").write_bytes(bad)
    assert [each.place for each in found.found()] == [whole]


# --- headers ---


def test_languages_are_the_vocabularys(tmp_path: Path) -> None:
    assert headers.gguf(made(tmp_path / "en.gguf")).languages == ("en",)
    assert headers.gguf(made(tmp_path / "zh.gguf", chinese=True)).languages == ("en", "zh")


def test_a_header_says_what_the_file_says(tmp_path: Path) -> None:
    path = made(
        tmp_path / "x.gguf", general__name="A\nname", general__license="mit", general__file_type=15, context=512
    )
    header = headers.gguf(path)
    assert (header.title, header.licence, header.quantisation, header.context) == (
        "A name, Q4_K_M",
        "mit",
        "Q4_K_M",
        512,
    )
    assert header.chat
    assert header.memory_mb > header.size / 1e6
    assert not headers.gguf(made(tmp_path / "y.gguf", template=None)).chat
    assert headers.gguf(eyes(tmp_path / "z.gguf")).projector


def test_a_folder_says_what_its_config_says(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x" * 5000)
    config = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 4096, "dtype": "bfloat16"}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    characters = {each: at for at, each in enumerate(CHINESE)}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": characters}}), "utf-8")
    header = headers.folder(tmp_path)
    assert (header.purpose, header.context, header.quantisation, header.size) == ("writer", 4096, "bfloat16", 5000)
    assert header.languages == ("en", "zh")
    for bad in ("", "[]", "[" * 100_000, '{"architectures": 3, "text_config": "x"'):
        (tmp_path / "config.json").write_text(bad, "utf-8")
        with pytest.raises(ModelNotReady):
            headers.folder(tmp_path)
