"""What servers tell of their models, each in its own way, and what is assumed where they tell nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer.errors import ModelFailed, ModelNotReady
from models import server
from models.served import ASSUMED_CONTEXT, About, Counter, about, estimate, models_of
from models.server import Server
from tests.models.gguf_files import chat_model, projector
from tests.models.llama_server import Running, llama_server
from tests.models.stand_in import StandIn, refusing


def known(there: StandIn, model: str = "") -> About:
    return about(Server(f"{there.url}#{model}"))


# --- llama.cpp itself ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("seeing")
    with llama_server(chat_model(folder / "seer.gguf"), projector(folder / "eyes.gguf"), context=1024) as running:
        yield running


def test_llama_tells_all(seeing: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.KEY, seeing.key)
    (listed,) = models_of(seeing.url)
    assert listed.kind == "llama.cpp"
    assert listed.vision is True
    for name in ("", "seer.gguf", listed.name):
        found = about(Server(f"{seeing.url}#{name}"))
        assert (found.context, found.told_context, found.vision, found.schema) == (1024, True, True, True)
        assert found.short == "seer.gguf"
        assert not found.thinks


def test_llama_counts(seeing: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.KEY, seeing.key)
    speaker = Server(seeing.url)
    counter = Counter(speaker, about(speaker))
    assert counter.exact
    assert counter.count("") == 0
    assert counter.count("harbour harbour") == 2 * counter.count("harbour") < estimate("x" * 60)
    assert counter.exact


def test_a_wrong_key_is_told(seeing: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("", "wrong"):
        monkeypatch.setenv(server.KEY, key)
        with pytest.raises(ModelNotReady, match="asks for a key"):
            Counter(Server(seeing.url), about(Server(seeing.url)))


def test_a_thinkers_template_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if enable_thinking %}<think>{% endif %}"
    with llama_server(chat_model(tmp_path / "m.gguf", template=template)) as running:
        monkeypatch.setenv(server.KEY, running.key)
        assert about(Server(running.url)).thinks


# --- the others ------------------------------------------------------------------------------------------------------


def ollama(there: StandIn, **shown: object) -> None:
    there.places["/api/version"] = {"version": "0.14.0"}
    there.places["/api/show"] = {"model_info": {"qwen25vl.context_length": 128_000}, **shown}


def test_ollama_is_asked_what_the_model_runs_with() -> None:
    with StandIn("qwen2.5vl:7b", owner="library") as there:
        ollama(there, capabilities=["completion", "vision", "thinking"])
        found = known(there)
        assert (found.kind, found.vision, found.thinks) == ("ollama", True, True)
        assert (found.context, found.told_context) == (ASSUMED_CONTEXT, False), "what it was trained for is no use"
        ollama(there, capabilities=["completion"], parameters='num_ctx    16384\nstop "<end>"')
        assert (known(there).context, known(there).vision) == (16_384, False)
        there.places["/api/ps"] = {"models": [{"model": "qwen2.5vl:7b", "context_length": 8192}]}
        assert known(there).context == 8192
        ollama(there, model_info={"tiny.context_length": 2048})
        there.places["/api/ps"] = {"models": []}
        assert known(there).context == 2048


def test_ollamas_short_names() -> None:
    with StandIn("smollm2:latest", "qwen3:4b") as there:
        ollama(there)
        assert known(there, "smollm2").model == "smollm2:latest"
        assert known(there, "qwen3:4b").kind == "ollama", "told by its version when the list does not say"


def test_lm_studio() -> None:
    with StandIn("some-vlm", "text-embedding-nomic", owner="organization_owner") as there:
        there.places["/api/v0/models"] = {
            "data": [
                {"id": "some-vlm", "type": "vlm", "max_context_length": 32_768, "loaded_context_length": 6000},
                {"id": "text-embedding-nomic", "type": "embeddings"},
            ]
        }
        found = known(there)
        assert (found.kind, found.vision, found.context) == ("lm-studio", True, 6000)
        with pytest.raises(ModelNotReady, match="makes vectors"):
            known(there, "text-embedding-nomic")


def test_vllm() -> None:
    with StandIn("Qwen/Qwen3-4B", owner="vllm", max_model_len=40_960) as there:
        found = known(there)
        assert (found.kind, found.vision, found.context, found.told_context) == ("vllm", None, 40_960, True)
        there.places["/tokenize"] = {"count": 7, "max_model_len": 40_960, "tokens": [1] * 7}
        assert Counter(Server(there.url), found).count("some words") == 7
        assert there.seen[-1][2] == {"model": "Qwen/Qwen3-4B", "prompt": "some words", "add_special_tokens": False}


def test_lmdeploy() -> None:
    with StandIn("internlm", owner="lmdeploy") as there:
        there.places["/v1/encode"] = {"input_ids": [1, 2, 3], "length": 3}
        assert Counter(Server(there.url), known(there)).count("some words") == 3


def test_a_server_that_tells_nothing() -> None:
    with StandIn("something") as there:
        found = known(there)
        assert found == About(
            kind="unknown", model="something", context=ASSUMED_CONTEXT, told_context=False, vision=None, schema=False
        )
        assert not Counter(Server(there.url), found).exact


# --- which model -----------------------------------------------------------------------------------------------------


def test_the_choice_must_be_clear() -> None:
    with StandIn("one", "two", "nomic-embed-text") as there:
        with pytest.raises(ModelNotReady, match=r"several models: one, two\.") as failed:
            known(there)
        assert f"server:{there.url}#one" in failed.value.hint
        with pytest.raises(ModelNotReady, match="has no model 'three'") as failed:
            known(there, "three")
        assert failed.value.hint == "It has: one, two."
        assert known(there, "two").model == "two"
    with StandIn("one", "nomic-embed-text") as there:
        assert known(there).model == "one"
    with StandIn() as there, pytest.raises(ModelNotReady, match="has no model"):
        known(there)


@pytest.mark.parametrize(
    "listed",
    [[], "x", None, {"data": "x"}, {"data": {}}, {"error": "Unexpected endpoint"}, 7],
)
def test_lists_that_are_none(listed: object) -> None:
    with StandIn() as there:
        there.places["/v1/models"] = lambda handler, _: handler.say(200, listed)
        with pytest.raises(ModelFailed, match="not what a model server says"):
            models_of(there.url)


def test_rows_that_hold_anything() -> None:
    rows = [
        None, 3, {}, {"id": 3}, {"id": ""}, {"id": "odd", "max_model_len": "many", "meta": [], "architecture": 1},
        {"id": "odder", "owned_by": ["vllm"], "aliases": {"a": 1}, "max_model_len": -3},
    ]  # fmt: skip
    with StandIn() as there:
        there.places["/v1/models"] = {"data": rows}
        there.places["/api/version"] = {"version": 3}
        there.places["/api/v0/models"] = {"data": None}
        there.places["/props"] = ["default_generation_settings"]
        assert [(each.name, each.context, each.kind) for each in models_of(there.url)] == [
            ("odd", 0, "unknown"), ("odder", 0, "unknown"),
        ]  # fmt: skip


# --- counting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [refusing(500, "no"), refusing(404, "no"), lambda handler, _: handler.say(200, [])])
def test_counting_never_fails(answer: object) -> None:
    with StandIn("x", owner="vllm", max_model_len=100) as there:
        there.places["/tokenize"] = answer
        counter = Counter(Server(there.url), known(there))
        assert counter.count("four letters each") == estimate("four letters each") == 5
        assert not counter.exact
        before = len(there.seen)
        assert counter.count("more") == 1
        assert len(there.seen) == before, "a server that cannot count is not asked again"


def test_counting_without_a_server() -> None:
    with StandIn("x", owner="vllm", max_model_len=100) as there:
        counter = Counter(Server(there.url), known(there))
    start = time.monotonic()
    assert counter.count("words") == 2
    assert time.monotonic() - start < 3


def test_estimates() -> None:
    assert estimate("") == 0
    assert estimate("a harbour with boats") == 5
    assert estimate("港口的渔船") == 5
    assert estimate("é" * 8) == 2
