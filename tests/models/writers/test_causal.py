"""The transformers writer on a tiny Llama, against the library's own generate()."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.ports import Cancel, Message, Piece, Prompt
from models.isolation import Host
from models.writers.causal import CausalWriter
from tests.models import checkpoints
from tests.models.contracts import check_writer, prompt, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.causal(tmp_path_factory.mktemp("tiny-writer"))


@pytest.fixture(scope="module")
def writer(folder: Path) -> CausalWriter:
    return CausalWriter(folder, precision="fp32", device="cpu")


def reference(folder: Path, words: str, tokens: int) -> str:
    """What the library itself writes."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    said = [{"role": "user", "content": words}]
    ids = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens)
    return tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False)


def test_contract(writer: CausalWriter) -> None:
    check_writer(writer)


def test_contract_in_a_process_of_its_own(folder: Path) -> None:
    host = Host("writer", threads=1)
    check_writer(host.build(CausalWriter, folder, precision="fp32", device="cpu"))
    host.close()


@pytest.mark.parametrize("words", ["the harbour", "tell of the old town and the sea", "castle"])
def test_greedy_is_the_librarys_own(folder: Path, writer: CausalWriter, words: str) -> None:
    assert written(writer, prompt(words, max_tokens=40)) == reference(folder, words, 40)


def test_greedy_heeds_the_models_own_settings(tmp_path: Path) -> None:
    folder = checkpoints.causal(tmp_path)
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(settings | {"repetition_penalty": 1.7}))
    writer = CausalWriter(folder, precision="fp32", device="cpu")
    assert written(writer, prompt("the sea", max_tokens=30)) == reference(folder, "the sea", 30)


def test_pieces_join_to_the_whole_in_every_script(tmp_path: Path) -> None:
    writer = CausalWriter(checkpoints.causal(tmp_path, byte_level=True), precision="fp32", device="cpu")
    text = "港口的渔船 leave before dawn 🚤, 老城 of old."
    tokens = writer._tokenizer(text)["input_ids"]
    writer._tokens = lambda *_: iter(tokens)  # pyright: ignore[reportAttributeAccessIssue]
    pieces = list(writer.generate(prompt("x"), Cancel()))
    assert "".join(piece.text for piece in pieces) == text
    assert sum(piece.tokens for piece in pieces) == len(tokens)
    assert not any("\ufffd" in piece.text for piece in pieces)
    assert len(pieces) > 5
    assert writer.capabilities.languages == ("en", "zh")


def test_languages_follow_the_vocabulary(writer: CausalWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bytes:
        chat_template = None

        def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
            return {"input_ids": list(text.encode())}

    monkeypatch.setattr(writer, "_tokenizer", Bytes())
    assert writer.capabilities.languages == ("en",)


def test_a_shared_beginning_is_not_computed_again(writer: CausalWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    beginning = "the harbour lies quiet before dawn and boats leave for the sea " * 5
    fresh = [written(writer, prompt(beginning + end, fresh=True)) for end in ("castle", "flowers", "castle")]
    assert fresh[0] == fresh[2] != fresh[1]
    sizes: list[int] = []
    whole = CausalWriter._forward

    def counted(self: CausalWriter, ids: list[int], cache: object, cancel: Cancel) -> object:
        sizes.append(len(ids))
        return whole(self, ids, cache, cancel)

    monkeypatch.setattr(CausalWriter, "_forward", counted)
    again = [written(writer, prompt(beginning + end, fresh=False)) for end in ("castle", "flowers", "castle")]
    assert again == fresh
    assert max(sizes) < 20


def test_a_cache_that_forgets_is_made_anew(tmp_path: Path) -> None:
    folder = checkpoints.sliding(tmp_path)
    writer = CausalWriter(folder, precision="fp32", device="cpu")
    beginning = "the harbour lies quiet before dawn and boats leave for the sea " * 3
    for words in (beginning + "castle", beginning + "flowers", "the sea"):
        assert written(writer, prompt(words, max_tokens=20, fresh=False)) == reference(folder, words, 20)


def test_long_prompts_are_computed_in_parts(writer: CausalWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "the harbour lies quiet before dawn and boats leave for the sea " * 6
    whole = written(writer, prompt(words))
    monkeypatch.setattr("models.writers.causal.CHUNK", 7)
    assert written(writer, prompt(words)) == whole


def test_a_forward_pass_is_stopped_between_layers(writer: CausalWriter) -> None:
    layer = writer._model.model.layers[0]
    slow = layer.register_forward_hook(lambda *_: time.sleep(0.3))
    cancel = Cancel()
    Timer(0.1, cancel.cancel).start()
    with pytest.raises(Cancelled):
        list(writer.generate(prompt("the sea"), cancel))
    slow.remove()
    assert writer._held is None
    assert written(writer, prompt("the sea", fresh=False)) == written(writer, prompt("the sea"))


def test_plain_and_systemless_templates(tmp_path: Path) -> None:
    plain = CausalWriter(checkpoints.causal(tmp_path / "plain", chat=None), precision="fp32", device="cpu")
    assert written(plain, prompt("the harbour"))
    picky = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + checkpoints.CHAT
    writer = CausalWriter(checkpoints.causal(tmp_path / "picky", chat=picky), precision="fp32", device="cpu")
    both = writer._encode([Message("system", "the sea"), Message("user", "the town")])
    assert both == writer._encode([Message("user", "the sea\n\nthe town")])


def test_bf16_on_request(folder: Path) -> None:
    import torch

    writer = CausalWriter(folder, precision="bf16", device="cpu")
    assert writer._model.dtype == torch.bfloat16
    assert written(writer, prompt("the sea"))


# --- JSON ---

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 1}, "count": {"type": "integer", "maximum": 9}},
    "required": ["title"],
}


def answering(writer: CausalWriter, *answers: str) -> Callable[[Prompt], str]:
    """The writer with its model replaced by these answers, one a try."""
    said = iter(answers)

    def prose(prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        assert prompt.schema is None
        cancel.check()
        return (Piece(letter, 1) for letter in next(said))

    writer._prose = prose
    return lambda asked: written(writer, asked)


@pytest.fixture
def asked() -> Prompt:
    return Prompt(messages=(Message("user", "the sea"),), max_tokens=8, temperature=0.0, schema=SCHEMA)


@pytest.mark.parametrize(
    "answers",
    [
        ('{"title": "海", "count": 3}',),
        ('Here: ```json\n{"title": "海", "count": 3}\n``` as you wished',),
        ("no idea", '{"title": ""}', '{"title": "海", "count": 3}'),
        ('{"count": 3}', '[1, 2] {"title": "海"}', '{"title": "海", "count": 3}'),
    ],
)
def test_json_is_asked_for_until_it_fits(folder: Path, asked: Prompt, answers: tuple[str, ...]) -> None:
    writer = CausalWriter(folder, precision="fp32", device="cpu")
    assert json.loads(answering(writer, *answers)(asked)) == {"title": "海", "count": 3}


def test_json_that_never_fits(writer: CausalWriter, asked: Prompt) -> None:
    with pytest.raises(ModelFailed, match="no answer in the form"):
        written(writer, asked)  # a random model writes no JSON


# --- files that cannot be used ---


def test_no_folder_no_config_no_weights(tmp_path: Path) -> None:
    for words in ("There is no model folder", "no config.json", "holds no weights"):
        with pytest.raises(ModelNotReady, match=words):
            CausalWriter(tmp_path / "model")
        (tmp_path / "model").mkdir(exist_ok=True)
        if words == "no config.json":
            (tmp_path / "model" / "config.json").write_text("{}")


def test_pickles_are_refused(tmp_path: Path) -> None:
    folder = checkpoints.causal(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelNotReady, match="pickles"):
        CausalWriter(folder)


def test_another_architecture(tmp_path: Path) -> None:
    folder = checkpoints.causal(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "vit"}))
    with pytest.raises(ModelNotReady, match="not a writer"):
        CausalWriter(folder)


def test_damaged_and_incomplete_weights(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = checkpoints.causal(tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelNotReady, match="incomplete"):
        CausalWriter(folder)
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(ModelNotReady, match="damaged or incomplete"):
        CausalWriter(folder)


def test_memory_that_runs_out(writer: CausalWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9999 bytes.")

    with monkeypatch.context() as patch:
        patch.setattr(CausalWriter, "_forward", full)
        with pytest.raises(ModelFailed, match="The memory ran out while writing"):
            written(writer, prompt("the sea"))
    assert written(writer, prompt("the sea"))


def test_other_weights_have_another_id(folder: Path, tmp_path: Path, writer: CausalWriter) -> None:
    assert CausalWriter(folder, precision="bf16").id == writer.id
    other = checkpoints.causal(tmp_path, initializer_range=0.41)
    assert CausalWriter(other).id.split("@")[1] != writer.id.split("@")[1]
