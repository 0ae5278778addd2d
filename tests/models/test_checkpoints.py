"""Finding a model's files, saying what is wrong with them, and settling where they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from composer.errors import ModelFailed, ModelNotReady
from models import checkpoints as shared
from models.checkpoints import Checkpoint, located, open_checkpoint, telling, weight_files, words_of
from tests.models import checkpoints


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.causal(tmp_path_factory.mktemp("model"))


def config_with(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


# --- where a model lies ---


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache that programs share keeps someone/tiny."""
    from huggingface_hub import constants

    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    for module in (constants, __import__("transformers.utils.hub", fromlist=["hub"])):
        if hasattr(module, "HF_HUB_CACHE"):
            monkeypatch.setattr(module, "HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "hub" / "models--someone--tiny"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("1" * 40)
    return kept / "snapshots" / ("1" * 40)


def test_a_hub_model_of_the_shared_cache(cache: Path) -> None:
    checkpoints.causal(cache)
    found = open_checkpoint("someone/tiny", device="cpu")
    assert found.folder == cache
    assert found.id == open_checkpoint(cache, device="cpu").id.replace(cache.name, "someone/tiny")


@pytest.mark.usefixtures("cache")
def test_a_hub_model_in_the_programs_own_folder(tmp_path: Path) -> None:
    from models import catalogue

    model = catalogue.addressed("hf:someone/small")
    place = checkpoints.causal(catalogue.folder(model))
    catalogue.remember(model)
    assert located("someone/small") == (place, "someone/small")
    assert tmp_path / "home" in place.parents


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["someone/tiny", "nobody/nothing"])
def test_a_hub_model_that_is_not_here_is_not_fetched(name: str) -> None:
    with pytest.raises(ModelNotReady, match=f"The model {name} is not on this machine") as caught:
        open_checkpoint(name)
    assert f"python main.py models pull hf:{name}" in caught.value.hint


def test_a_folder_goes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "someone" / "tiny").mkdir(parents=True)
    assert located("someone/tiny") == (Path("someone/tiny"), "tiny")
    assert located("/no/such/folder") == (Path("/no/such/folder"), "folder")


# --- folders that are no model of ours ---


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("model_index.json", "makes pictures"),
        ("adapter_config.json", "an adapter"),
        ("some.gguf", "gguf:FILE"),
        ("readme.md", "no config.json"),
    ],
)
def test_folders_of_other_kinds(tmp_path: Path, file: str, words: str) -> None:
    (tmp_path / file).write_text("{}")
    with pytest.raises(ModelNotReady) as caught:
        weight_files(tmp_path)
    assert words in str(caught.value)


def test_parts_that_are_missing(tmp_path: Path) -> None:
    checkpoints.causal(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00001-of-00003.safetensors")
    names = {"a": "model-00001-of-00003.safetensors", "b": "model-00002-of-00003.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names | {"c": "model-00003-of-00003.safetensors"}}))
    with pytest.raises(ModelNotReady, match="2 of its weight files are missing, model-00002-of-00003"):
        weight_files(tmp_path)
    index.write_text("{")
    with pytest.raises(ModelNotReady, match="incomplete"):
        weight_files(tmp_path)


def test_a_model_without_tokenizer(tmp_path: Path) -> None:
    checkpoints.causal(tmp_path)
    for file in tmp_path.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelNotReady, match="has no tokenizer") as caught:
        words_of(open_checkpoint(tmp_path, device="cpu"))
    assert "tokenizer.json" in caught.value.hint
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelNotReady, match="tokenizer"):
        words_of(open_checkpoint(tmp_path, device="cpu"))


@pytest.mark.parametrize("place", ["config.json", "tokenizer_config.json"])
def test_code_of_strangers_never_runs(tmp_path: Path, place: str) -> None:
    from models.writers.causal import CausalWriter

    checkpoints.causal(tmp_path)
    (tmp_path / "own.py").write_text(f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()")
    names = {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M", "AutoTokenizer": ["own.T", None]}
    found = json.loads((tmp_path / place).read_text())
    found |= {"auto_map": names, "model_type": "own", "tokenizer_class": "OwnTokenizer"}
    (tmp_path / place).write_text(json.dumps(found))
    with pytest.raises(ModelNotReady, match="program code of its own, which Pictorial never runs"):
        CausalWriter(tmp_path, device="cpu")
    assert not (tmp_path / "ran").exists()


def test_known_architectures_with_code_beside_them_are_loaded_without_it(tmp_path: Path) -> None:
    from models.writers.causal import CausalWriter

    checkpoints.causal(tmp_path)
    (tmp_path / "own.py").write_text(f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()")
    config_with(tmp_path, auto_map={"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"})
    assert CausalWriter(tmp_path, device="cpu").count_tokens("the sea")
    assert not (tmp_path / "ran").exists()


def test_pickles_beside_safetensors_are_not_read(tmp_path: Path) -> None:
    import pickle

    from models.writers.causal import CausalWriter

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.mkdir, (str(tmp_path / "sprung"),)

    checkpoints.causal(tmp_path)
    for name in ("pytorch_model.bin", "tokenizer.pkl", "vocab.pkl", "training_args.bin"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    assert CausalWriter(tmp_path, device="cpu").count_tokens("the sea")
    assert not (tmp_path / "sprung").exists()


# --- quantised weights ---


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"quant_method": "gptq", "bits": 4}, "quantised with gptq, for which optimum and gptqmodel must"),
        ({"quant_method": "awq", "bits": 4}, "gptqmodel must be installed"),
        ({"load_in_4bit": True}, "quantised with bitsandbytes, for which bitsandbytes must"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors must be installed"),
        ({"quant_method": "torchao"}, "torchao must be installed"),
        ({"quant_method": "quanto"}, "optimum-quanto must be installed"),
        ({"quant_method": "something-new"}, "in a way that is not known here"),
    ],
)
def test_packages_that_quantised_weights_need(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], words: str
) -> None:
    from models import quantisation

    monkeypatch.setattr(quantisation, "_installed", lambda _: False)
    for settings in ({"quantization_config": how}, {"text_config": {"quantization_config": how}}):
        with pytest.raises(ModelNotReady, match=words) as caught:
            quantisation.check(folder, settings)
        assert "GGUF" in caught.value.hint


def test_what_is_installed_is_seen() -> None:
    from models import quantisation

    assert quantisation._installed("numpy")
    assert not quantisation._installed("no_such_package.below")
    assert quantisation.check(Path(), {"quantization_config": {"quant_method": "fp8"}})
    assert not quantisation.check(Path(), {})


def test_the_format_of_quantised_weights_is_their_own(tmp_path: Path) -> None:
    import torch

    packed, _ = checkpoints.eight_bits(tmp_path)
    assert open_checkpoint(packed, device="cpu").dtype == "auto"
    assert open_checkpoint(packed, "fp32", device="cpu").dtype == torch.float32
    config_with(packed, dtype="float16")  # slow on processors
    assert open_checkpoint(packed, device="cpu").dtype in {torch.float32, torch.bfloat16}


# --- where it runs ---


def test_weights_go_where_they_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on(device: str) -> Checkpoint:
        return Checkpoint(folder, "model", weight_files(folder), device, None)

    size = (folder / "model.safetensors").stat().st_size
    assert on("cpu").placed == {}
    assert on("mps").placed == {"device_map": {"": "mps"}}
    monkeypatch.setattr(shared, "free_on_card", lambda: size * 2)
    assert on("cuda").placed == {"device_map": {"": "cuda"}}
    monkeypatch.setattr(shared, "free_on_card", lambda: size)
    assert on("cuda").placed == {"device_map": "auto"}


def test_a_model_over_several_devices_writes_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a model does not fit on one card; the second device here is the disk."""
    from models.writers.causal import CausalWriter
    from tests.models.contracts import prompt, written

    whole = written(CausalWriter(folder, "fp32", "cpu"), prompt("the sea", max_tokens=20))
    apart: dict[str, Any] = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu"}
    apart |= {"lm_head": "cpu", "model.layers.0": "cpu", "model.layers.1": "disk", "model.layers.2": "cpu"}
    placed = {"device_map": apart, "offload_folder": str(tmp_path)}
    monkeypatch.setattr(Checkpoint, "placed", property(lambda _: placed))
    assert written(CausalWriter(folder, "fp32", "cpu"), prompt("the sea", max_tokens=20)) == whole


def test_what_goes_wrong_while_loading_is_told_by_its_kind(folder: Path) -> None:
    import torch

    kinds: list[tuple[Exception, type[Exception], str]] = [
        (ImportError("Loading it requires some-package"), ModelNotReady, "a package that is not installed"),
        (torch.OutOfMemoryError("CUDA out of memory"), ModelFailed, "does not fit"),
        (RuntimeError("GPU is required to run quantized model."), ModelNotReady, "only on a graphics card"),
        (RuntimeError("bad header"), ModelNotReady, "damaged"),
        (ValueError("nonsense"), ModelNotReady, "not a writer"),
    ]
    for error, kind, words in kinds:
        with pytest.raises(kind, match=words), telling(folder, "a writer"):
            raise error
