"""The llama.cpp writer on GGUF files of all kinds, tiny and of random weights: what it reads, what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Message, Prompt
from models import gguf
from models.gguf import token_bytes
from models.llama_server import LlamaServer
from models.writers import llama
from models.writers.llama import LlamaWriter, most_tokens
from tests.models.contracts import check_writer, prompt, written
from tests.models.gguf_files import CHATML, chat_model, projector

ASKED = CHATML.removesuffix("{% endif %}")
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    made: list[LlamaWriter] = []

    def open_one(**options: Any) -> LlamaWriter:  # noqa: ANN401 - of chat_model
        made.append(LlamaWriter(chat_model(tmp_path / f"tiny{len(made)}.gguf", **options), threads=1))
        return made[-1]

    yield open_one
    for writer in made:
        writer.close()


def asked_for(
    writer: LlamaWriter, monkeypatch: pytest.MonkeyPatch, asked: Prompt, answer: list[str]
) -> tuple[str, str]:
    """The prompt that reaches llama.cpp, and what becomes of an answer."""
    told: list[str] = []

    def stream(_: LlamaServer, request: dict[str, Any], cancel: Cancel) -> Iterator[dict[str, Any]]:
        cancel.check()
        told.append(request["prompt"])
        yield from ({"choices": [{"text": text}]} for text in answer)

    with monkeypatch.context() as patch:
        patch.setattr(LlamaServer, "stream", stream)
        text = written(writer, asked)
    return told[0], text


def test_contract(opened: Any) -> None:  # noqa: ANN401 - as above
    check_writer(opened())


def test_capabilities_are_the_models(opened: Any) -> None:  # noqa: ANN401 - as above
    english = opened(context=2048).capabilities
    assert (english.context, english.languages, english.grammar, english.vision) == (2048, ("en",), True, False)
    assert opened(chinese=True, context=1 << 20).capabilities.languages == ("en", "zh")


def test_ids_tell_weights_apart(opened: Any) -> None:  # noqa: ANN401 - as above
    one, other = opened(seed=1).id, opened(seed=2).id
    assert one.startswith("gguf:tiny0@")
    assert one.partition("@")[2] != other.partition("@")[2]


# --- room ------------------------------------------------------------------------------------------------------------


def test_room_grows_with_the_request(opened: Any) -> None:  # noqa: ANN401 - as above
    writer = opened(context=16_384)
    assert writer._server.context == llama.CONTEXT
    assert writer.capabilities.context == 16_384
    long = " ".join(f"q{number}" for number in range(1800))

    def run() -> list[str]:
        asked = (("hi", True), (long, False), ("there", False))
        return [written(writer, prompt(words, 16, 0.8, seed=5, fresh=fresh)) for words, fresh in asked]

    first = run()
    assert writer._server.context == 2 * llama.CONTEXT
    assert run() == first, "what is written depends on the room that an earlier run left"
    with pytest.raises(ModelFailed, match=r"has \d+ tokens and its answer up to 16; this writer holds 16384"):
        written(writer, prompt(long * 4))
    assert written(writer, prompt("hi"))


def test_without_memory_to_grow_shorter_requests_go_on(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    writer = opened(context=16_384)
    load = LlamaWriter._load

    def no_more(self: LlamaWriter, context: int) -> LlamaServer:
        if context > llama.CONTEXT:
            raise ModelNotReady("There is not enough memory.", "Close other programs.")
        return load(self, context)

    monkeypatch.setattr(LlamaWriter, "_load", no_more)
    with pytest.raises(ModelNotReady, match="not enough memory"):
        written(writer, prompt(" ".join(f"q{number}" for number in range(1800))))
    assert written(writer, prompt("hi"))


def test_no_more_room_than_the_memory_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    model = gguf.read(chat_model(tmp_path / "tiny.gguf", context=1 << 20))
    assert token_bytes(model) == 2 * 2 * 2 * (16 + 16)  # bytes, layers, heads, numbers a key and a value
    plenty = psutil.virtual_memory()
    assert most_tokens(model, 0) == llama.MOST
    for free, most in ((10_000 * token_bytes(model), 9984), (0, llama.CONTEXT)):
        seen = plenty._replace(available=llama.SPARE_BYTES + free)
        monkeypatch.setattr(psutil, "virtual_memory", lambda seen=seen: seen)
        assert most_tokens(model, 0) == most


# --- templates and thoughts ------------------------------------------------------------------------------------------


def test_the_files_template_is_used(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - as above
    said = replace(prompt("Of boats."), messages=(Message("system", "You write."), Message("user", "Of boats.")))
    whole = "<|im_start|>system\nYou write.<|im_end|>\n<|im_start|>user\nOf boats.<|im_end|>\n<|im_start|>assistant\n"
    folded = "<|im_start|>user\nYou write.\n\nOf boats.<|im_end|>\n<|im_start|>assistant\n"
    for template, expected in (
        (CHATML, whole),
        ("{{ bos_token }}" + CHATML, whole),  # which llama.cpp writes itself
        (NO_SYSTEM, folded),
        (None, "You write.\n\nOf boats.\n\n"),
    ):
        assert asked_for(opened(template=template), monkeypatch, said, [])[0] == expected


def test_thoughts_are_not_written(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - as above
    always = opened(template=ASKED + "{{ '<think>\n' }}{% endif %}")
    text, _ = asked_for(always, monkeypatch, prompt("hi"), [])
    assert text.endswith("<think>\n\n</think>\n\n")
    switch = opened(
        template=ASKED + "{% if enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
    )
    text, said = asked_for(
        switch, monkeypatch, prompt("hi"), ["<thi", "nk>A secret", ".</th", "ink>\n\nThe boats", " leave."]
    )
    assert text.endswith("<think>\n\n</think>\n\n")
    assert said == "The boats leave."
    assert written(always, prompt("hi"))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "does not end"),
        ("{{ ''.__class__.__mro__ }}", "not safe"),
        ("{% if", "cannot be used"),
    ],
)
def test_templates_are_judged_before_the_model_is_loaded(
    template: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xllamacpp

    from models import templates

    monkeypatch.setattr(templates, "SECONDS", 1.0)
    monkeypatch.setattr(xllamacpp, "Server", None)
    with pytest.raises(ModelNotReady, match=words):
        LlamaWriter(chat_model(tmp_path / "tiny.gguf", template=template))


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_model_in_several_files(tmp_path: Path) -> None:
    chat_model(tmp_path / "big.gguf", split=8)
    files = sorted(tmp_path.glob("*.gguf"))
    assert len(files) > 1
    for file in (files[0], files[-1]):
        writer = LlamaWriter(file, threads=1)
        assert written(writer, prompt("hi"))
        writer.close()
    apart = tmp_path / "apart.gguf"
    apart.write_bytes(files[0].read_bytes())
    with pytest.raises(ModelNotReady, match=r"one of \d files of a model, under another name"):
        LlamaWriter(apart)
    last = files[-1].read_bytes()
    files[-1].write_bytes(last[: len(last) // 2])
    with pytest.raises(ModelNotReady, match=f"{files[-1].name} could not be loaded: it is cut short"):
        LlamaWriter(files[0])
    files[-1].unlink()
    with pytest.raises(ModelNotReady, match=f"{files[-1].name} is missing"):
        LlamaWriter(files[0])


def test_models_that_are_no_writers(tmp_path: Path) -> None:
    made = {
        "only turns pictures": projector(tmp_path / "eyes.gguf"),
        "only changes another model": chat_model(tmp_path / "adapter.gguf", general__type="adapter"),
        "turns texts into vectors": chat_model(tmp_path / "bert.gguf", arch="bert"),
        "an embedding model": chat_model(tmp_path / "pooled.gguf", llama__pooling_type=1),
        r"of a kind \(nonsense\) that this": chat_model(tmp_path / "nonsense.gguf", arch="nonsense"),
    }
    for words, file in made.items():
        with pytest.raises(ModelNotReady, match=words) as refused:
            LlamaWriter(file)
        assert refused.value.hint
