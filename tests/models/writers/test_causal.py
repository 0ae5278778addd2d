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
from composer.types import Language
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
    assert not plain.capabilities.instructed
    picky = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + checkpoints.CHAT
    writer = CausalWriter(checkpoints.causal(tmp_path / "picky", chat=picky), precision="fp32", device="cpu")
    assert writer.capabilities.instructed
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


# --- JSON under a grammar ---


@pytest.fixture(scope="module")
def spelling_writer(tmp_path_factory: pytest.TempPathFactory) -> CausalWriter:
    """A writer whose tokenizer can spell anything, as those of today's models can."""
    folder = checkpoints.causal(tmp_path_factory.mktemp("grammar"), byte_level=True)
    return CausalWriter(folder, precision="fp32", device="cpu")


FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 12},
        "tone": {"enum": ["calm", "明亮"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "parts": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {
                "anyOf": [
                    {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
                    {"type": "object", "properties": {"b": {"type": "string", "maxLength": 3}}, "required": ["b"]},
                ],
            },
        },
    },
    "required": ["title", "tone", "count", "parts"],
    "additionalProperties": False,
}
FORM["properties"]["parts"]["items"]["anyOf"][0]["additionalProperties"] = False
FORM["properties"]["parts"]["items"]["anyOf"][1]["additionalProperties"] = False


def formed(schema: dict[str, Any], max_tokens: int = 200, seed: int = 1, temperature: float = 1.0) -> Prompt:
    said = (Message("user", "the sea"),)
    return Prompt(messages=said, max_tokens=max_tokens, temperature=temperature, seed=seed, schema=schema, fresh=True)


@pytest.mark.parametrize("seed", range(6))
def test_a_random_model_writes_json_of_the_form(spelling_writer: CausalWriter, seed: int) -> None:
    from models.writers.schema import fits

    assert spelling_writer.capabilities.grammar
    pieces = list(spelling_writer.generate(formed(FORM, seed=seed, temperature=0.0 if seed == 0 else 1.0), Cancel()))
    assert len(pieces) > 5, "the answer is streamed"
    assert fits(json.loads("".join(piece.text for piece in pieces)), FORM)
    assert sum(piece.tokens for piece in pieces) <= 200


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_stages_own_schemas_are_enforced(spelling_writer: CausalWriter, language: Language) -> None:
    from composer.prompts import prompts
    from composer.stages import outline, plan
    from models.writers.schema import fits

    schema = dict(outline._schema(["港口" if language == "zh" else "Old harbour"], 1, language))
    asked = plan._prompt(prompts(language).plan, "x", 3).schema
    assert asked is not None
    for form in (schema, asked):
        answer = written(spelling_writer, formed(_shorter(form), max_tokens=300))
        assert fits(json.loads(answer), form)


def _shorter(form: Any) -> Any:  # noqa: ANN401 - JSON
    """The schema with texts of six letters: a model of chance does not end its texts by itself."""
    if isinstance(form, dict):
        return {key: 6 if key == "maxLength" else _shorter(value) for key, value in form.items()}
    return [_shorter(each) for each in form] if isinstance(form, list) else form


def test_an_answer_cut_short_ends_where_its_tokens_do(spelling_writer: CausalWriter) -> None:
    pieces = list(spelling_writer.generate(formed(FORM, max_tokens=4), Cancel()))
    assert sum(piece.tokens for piece in pieces) <= 4
    assert "".join(piece.text for piece in pieces).startswith("{")


def test_cancelling_under_a_grammar(spelling_writer: CausalWriter) -> None:
    cancel = Cancel()
    pieces = spelling_writer.generate(formed(FORM), cancel)
    next(pieces)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(pieces)


def test_repetition_does_not_weigh_on_json(tmp_path: Path) -> None:
    folder = checkpoints.causal(tmp_path, byte_level=True)
    plain = written(CausalWriter(folder, precision="fp32", device="cpu"), formed(FORM, temperature=0.0))
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(settings | {"repetition_penalty": 1.7}))
    assert written(CausalWriter(folder, precision="fp32", device="cpu"), formed(FORM, temperature=0.0)) == plain


def test_an_answer_that_passes_the_grammar_is_still_judged(
    spelling_writer: CausalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.writers.causal.fits", lambda *_: False)
    with pytest.raises(ModelFailed, match="no answer in the form"):
        written(spelling_writer, formed(FORM))


def test_tokenizers_and_schemas_that_no_grammar_can_follow(writer: CausalWriter, spelling_writer: CausalWriter) -> None:
    assert not writer.capabilities.grammar, "its tokenizer has no letters for JSON"
    assert spelling_writer._grammar is not None
    assert spelling_writer._grammar.rule({"type": "object", "$ref": "#/nowhere"}) is None


# --- models that think, and templates ---


def test_thoughts_never_become_text() -> None:
    from models.writers.thoughts import spoken

    whole = "Hello <think>about\n it</think>\n\nworld </think> 1 < 2 [THINK]no[/THINK]yes <thin"
    for size in (1, 2, 3, 7, 100):
        cut = [Piece(whole[at : at + size], 1) for at in range(0, len(whole), size)]
        pieces = list(spoken(iter(cut)))
        assert "".join(piece.text for piece in pieces) == "Hello \n\nworld  1 < 2 yes <thin"
        assert sum(piece.tokens for piece in pieces) == len(cut)
    assert list(spoken(iter([Piece("<think>on and on", 5)]))) == []
    leading = list(spoken(iter([Piece("<think>", 1), Piece("\nhm\n</think>", 3), Piece("\n\n", 1), Piece("Hi", 1)])))
    assert leading == [Piece("Hi", 6)]


def test_a_model_that_thinks_is_kept_from_it(tmp_path: Path) -> None:
    """Its template hears enable_thinking, its opening mark is never chosen, and marks that are special tokens count."""
    import torch

    template = (
        checkpoints.CHAT
        + "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
    )
    folder = checkpoints.causal(tmp_path, byte_level=True, chat=template)
    mark_thoughts(folder)
    writer = CausalWriter(folder, precision="fp32", device="cpu")
    assert writer._tokenizer.decode(writer._encode(prompt("x").messages)).endswith("<think>\n\n</think>\n\n")
    opening, closing = (writer._tokenizer.convert_tokens_to_ids(mark) for mark in ("<think>", "</think>"))
    forced = writer._forward

    def wishing(ids: list[int], cache: object, cancel: Cancel) -> object:
        logits: Any = forced(ids, cache, cancel)
        return logits.clone().index_fill_(1, torch.tensor([opening]), 1e6)

    writer._forward = wishing
    assert opening not in list(writer._tokens(prompt("x", max_tokens=4), Cancel()))
    del writer._forward
    words = writer._tokenizer("hm", add_special_tokens=False)["input_ids"]
    writer._tokens = lambda *_: iter([opening, *words, closing, *words])  # pyright: ignore[reportAttributeAccessIssue]
    assert written(writer, prompt("x")) == "hm"


def mark_thoughts(folder: Path) -> None:
    """Give the checkpoint's tokenizer the marks of a thought, as special tokens, and its model the rows for them."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words: Any = AutoTokenizer.from_pretrained(folder)
    words.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    words.save_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(words))
    model.save_pretrained(folder)


def test_thoughts_that_a_template_opens_are_closed() -> None:
    from models.writers.thoughts import unthinking

    assert unthinking("hi<think>\n", "") == "hi<think>\n\n</think>\n\n"
    assert unthinking("hi", "") == "hi"
    channels = "...<|channel|>final<|message|>..."
    assert unthinking("<|start|>assistant", channels) == "<|start|>assistant<|channel|>final<|message|>"


def test_templates_of_parts_and_beside_the_processor(tmp_path: Path) -> None:
    folder = checkpoints.causal(tmp_path, byte_level=True, chat=None)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": checkpoints.LOOK}))
    writer = CausalWriter(folder, precision="fp32", device="cpu")
    text = writer._conversation.text([Message("system", "the sea"), Message("user", "the town")])
    assert text == "<|im_start|>user:the sea\n\nthe town<end_of_utterance>\nAssistant:"


def test_templates_that_are_not_safe(tmp_path: Path) -> None:
    hostile = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    writer = CausalWriter(checkpoints.causal(tmp_path, chat=hostile), precision="fp32", device="cpu")
    with pytest.raises(ModelNotReady, match="template"):
        written(writer, prompt("x"))


# --- other architectures ---


@pytest.mark.parametrize("make", [checkpoints.looking_qwen, checkpoints.looking_gemma, checkpoints.recurrent])
def test_other_architectures_write_as_the_library_does(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    folder = make(tmp_path)
    writer = CausalWriter(folder, precision="fp32", device="cpu")
    beginning = "the harbour lies quiet before dawn and boats leave for the sea "
    asked = [beginning * 6 + "castle", beginning * 6 + "flowers", "the sea"]
    seen = [written(writer, prompt(words, max_tokens=20, fresh=False)) for words in asked]
    assert seen == [wholly(writer, words, 20) for words in asked]
    assert len(set(seen)) > 1
    assert writer.capabilities.vision == ("looking" in make.__name__)


def wholly(writer: CausalWriter, words: str, tokens: int) -> str:
    """What the library's own loop makes of the very tokens that the writer reads."""
    import torch

    ids = torch.tensor([writer._encode(prompt(words).messages)])
    with torch.inference_mode():
        made = writer._model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens, pad_token_id=0
        )
    return writer._tokenizer.decode(
        made[0, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )


def test_pictures_and_words_in_one_checkpoint_long_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = CausalWriter(checkpoints.looking_qwen(tmp_path), precision="fp32", device="cpu")
    whole = written(writer, prompt("the sea and the harbour and the old town"))
    monkeypatch.setattr("models.writers.causal.CHUNK", 5)
    assert written(writer, prompt("the sea and the harbour and the old town")) == whole


def test_models_that_do_not_write(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match="not a writer: a BertForMaskedLM"):
        CausalWriter(checkpoints.encoder_only(tmp_path / "bert"))
    judge = checkpoints.causal(tmp_path / "judge")
    config = json.loads((judge / "config.json").read_text())
    (judge / "config.json").write_text(json.dumps(config | {"architectures": ["LlamaForSequenceClassification"]}))
    with pytest.raises(ModelNotReady, match="not a writer: a LlamaForSequenceClassification"):
        CausalWriter(judge)


# --- quantised weights ---


def test_eight_bit_floats_write_as_their_unpacked_twin(tmp_path: Path) -> None:
    packed, plain = checkpoints.eight_bits(tmp_path)
    writer = CausalWriter(packed, precision="fp32", device="cpu")
    twin = CausalWriter(plain, precision="fp32", device="cpu")
    assert written(writer, prompt("the sea", max_tokens=40)) == written(twin, prompt("the sea", max_tokens=40))


@pytest.mark.parametrize("package", ["torchao", "bitsandbytes"])
def test_weights_packed_by_an_optional_package(tmp_path: Path, package: str) -> None:
    pytest.importorskip(package, reason="the optional dependencies 'quantised' are not installed")
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TorchAoConfig

    folder = checkpoints.causal(tmp_path / "plain", hidden_size=128, intermediate_size=256, head_dim=32)
    if package == "torchao":
        from torchao.quantization import Int8WeightOnlyConfig

        how: Any = TorchAoConfig(Int8WeightOnlyConfig())
    else:
        how = BitsAndBytesConfig(load_in_4bit=True)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, quantization_config=how, device_map="cpu")
    model.save_pretrained(tmp_path / "packed")
    for file in folder.glob("tokenizer*"):
        (tmp_path / "packed" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "packed" / "chat_template.jinja").write_text(checkpoints.CHAT)
    writer = CausalWriter(tmp_path / "packed", device="cpu")
    assert type(writer._model.model.layers[0].mlp.up_proj.weight).__module__.startswith(package)
    assert written(writer, prompt("the sea", max_tokens=20)) == wholly(writer, "the sea", 20)


# --- memory ---


def test_memory_is_given_back_when_another_model_stays(tmp_path: Path) -> None:
    """A writer of 130 MB in a process that keeps another adapter: closing it brings the process back to its size."""
    import psutil

    small = checkpoints.causal(tmp_path / "small")
    large = checkpoints.causal(tmp_path / "large", hidden_size=512, intermediate_size=4096, num_hidden_layers=5)
    assert (large / "model.safetensors").stat().st_size > 130e6
    host = Host("writer", threads=1)
    staying = host.build(CausalWriter, small, precision="fp32", device="cpu")
    for _ in range(2):  # what the libraries set up once is not the model's
        passing = host.build(CausalWriter, small, precision="fp32", device="cpu")
        assert written(passing, prompt("the sea"))
        passing.close()
    assert written(staying, prompt("the sea"))
    child = psutil.Process(host.pid)
    before = child.memory_info().rss
    passing = host.build(CausalWriter, large, precision="fp32", device="cpu")
    written(passing, prompt("the sea"))
    assert child.memory_info().rss > before + 120e6
    passing.close()
    assert child.memory_info().rss < 1.1 * before
    assert written(staying, prompt("the sea"))
    staying.close()
    assert host.pid is None
    assert not child.is_running()


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = CausalWriter(checkpoints.causal(tmp_path), precision="fp32", device="cpu")
    writer.close()
    with pytest.raises(ModelFailed, match="closed"):
        written(writer, prompt("x"))


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
