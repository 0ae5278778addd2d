"""The writer on a model server: the contract on llama.cpp's own, and what servers do that llama.cpp does not."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from composer.errors import Cancelled, ComposerError, ModelFailed, ModelNotReady
from composer.ports import PLACE, Cancel, Message, Prompt
from composer.settings import Settings
from composer.types import Picture
from models import address, server
from models.registry import Models
from models.writers import endpoint
from models.writers.endpoint import EndpointWriter
from tests.models.contracts import check_writer, prompt, written
from tests.models.gguf_files import chat_model
from tests.models.llama_server import Running, llama_server
from tests.models.stand_in import Handler, StandIn, delta, refusing, speaking
from tests.models.starter_files import tiny_writer

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"enum": ["harbour", "castle"]}, "count": {"type": "integer"}},
    "required": ["name", "count"],
    "additionalProperties": False,
}
GOOD = {"name": "harbour", "count": 3}


def asking(schema: dict[str, Any] | None = None, max_tokens: int = 50) -> Prompt:
    return Prompt(messages=(Message("user", "Tell of the harbour."),), max_tokens=max_tokens, schema=schema)


# --- llama.cpp's server ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with llama_server(chat_model(tmp_path_factory.mktemp("gguf") / "tiny.gguf")) as running:
        yield running


@pytest.fixture
def writer(running: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointWriter]:
    monkeypatch.setenv(server.KEY, running.key)
    made = EndpointWriter(running.url)
    yield made
    made.close()


def test_contract(writer: EndpointWriter) -> None:
    check_writer(writer)


def test_what_it_says_of_itself(writer: EndpointWriter, running: Running) -> None:
    assert writer.id == f"server:{running.url.removeprefix('http://').removesuffix('/v1')}#tiny.gguf"
    assert writer.capabilities.context == 2048
    assert writer.capabilities.grammar
    assert not writer.capabilities.vision


def test_tokens_are_the_servers(writer: EndpointWriter) -> None:
    pieces = list(writer.generate(prompt("Tell of the sea.", max_tokens=24, temperature=1.0), Cancel()))
    assert 0 < sum(piece.tokens for piece in pieces) <= 24


def test_a_fresh_run_depends_on_nothing_before_it(writer: EndpointWriter) -> None:
    def run() -> list[str]:
        asked = [prompt(f"Tell of the {thing}.", 16, 0.8, 5, fresh=not at) for at, thing in enumerate(("sea", "town"))]
        return [written(writer, each) for each in asked]

    first = run()
    written(writer, prompt("Name five colours.", fresh=False))
    assert run() == first


def test_a_grammar_that_llama_refuses(writer: EndpointWriter) -> None:
    """The tiny vocabulary cannot be held to a schema; the model is then asked in words, and writes random letters."""
    with pytest.raises(ModelFailed, match="no answer in the form"):
        written(writer, asking(SCHEMA))


def test_stopping_while_the_prompt_is_read(writer: EndpointWriter) -> None:
    long = prompt("harbour boats " * 130, max_tokens=400, temperature=1.0)
    cancel, thrown = Cancel(), [0.0]

    def throw() -> None:
        thrown[0] = time.monotonic()
        cancel.cancel()

    Timer(0.01, throw).start()  # reading 1,800 tokens takes longer, even with a tiny model
    with pytest.raises(Cancelled):
        list(writer.generate(long, cancel))
    assert time.monotonic() - thrown[0] < 0.3
    assert written(writer, prompt("Tell."))


def test_too_long_tells_the_tokens(writer: EndpointWriter) -> None:
    with pytest.raises(ModelFailed, match=r"The prompt has \d+ tokens and the answer 16; the model server holds 2048"):
        written(writer, prompt("harbour " * 2500))
    with pytest.raises(ModelFailed, match="and the answer 2048"):
        written(writer, prompt("Tell.", max_tokens=2048))


def test_a_server_that_ends_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import signal

    with llama_server(chat_model(tmp_path / "m.gguf", context=8192), context=8192) as running:
        monkeypatch.setenv(server.KEY, running.key)
        writer = EndpointWriter(running.url)
        stream = writer.generate(prompt("Tell.", max_tokens=8000, temperature=1.0), Cancel())
        next(stream)
        os.kill(running.pid, signal.SIGKILL)
        with pytest.raises(ModelFailed, match="in the middle"):
            list(stream)
        with pytest.raises(ModelNotReady, match="No model server is running"):
            written(writer, prompt("Tell."))


@pytest.fixture(scope="module")
def able() -> Iterator[Running]:
    with llama_server(tiny_writer()) as running:
        yield running


@pytest.mark.weights
def test_contract_with_a_model_that_writes(able: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.KEY, able.key)
    check_writer(EndpointWriter(able.url))


@pytest.mark.weights
def test_the_servers_grammar_is_used(able: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.KEY, able.key)
    answer = json.loads(written(EndpointWriter(able.url), replace(asking(SCHEMA), temperature=1.0)))
    assert answer["name"] in {"harbour", "castle"}


# --- what is asked of which server -----------------------------------------------------------------------------------


@pytest.fixture
def there() -> Iterator[StandIn]:
    with StandIn("some-model", owner="vllm", max_model_len=4096) as stand_in:
        stand_in.places["/tokenize"] = lambda handler, body: handler.say(200, {"count": len(body["prompt"].split())})
        yield stand_in


def test_the_request(there: StandIn) -> None:
    there.chats(speaking("The", " harbour"))
    asked = Prompt(
        messages=(Message("system", "Be brief."), Message("user", "Tell.")),
        max_tokens=9,
        temperature=0.3,
        seed=2**40 + 7,
    )
    assert written(EndpointWriter(there.url), asked) == "The harbour"
    (body,) = there.asked()
    assert body["model"] == "some-model"
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell."}]
    assert (body["max_tokens"], body["temperature"], body["seed"], body["stream"]) == (9, 0.3, 7, True)
    assert "response_format" not in body
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


def test_pictures_go_where_they_stand_in_the_words(there: StandIn, tmp_path: Path) -> None:
    there.chats(speaking("A"))
    drawn = tmp_path / "red.png"
    Image.new("RGB", (40, 60), "red").save(drawn)
    seen = Picture(id="a", path=str(drawn), width=40, height=60)
    gone = Picture(id="b", path=str(tmp_path / "gone.png"), width=40, height=60, words="a lost boat")
    said = Message("user", f"A. {PLACE}\nB. {PLACE}\nWhich?", (seen, gone))
    written(EndpointWriter(there.url), Prompt(messages=(said,), max_tokens=5))
    parts = there.asked()[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text", "text", "text"]
    address = parts[1]["image_url"]["url"]
    sent = Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/jpeg;base64,"))))
    assert sent.size == (40, 60)
    assert [part["text"] for part in parts if part["type"] == "text"] == ["A. ", "\nB. ", "a lost boat", "\nWhich?"]


@pytest.mark.parametrize(("can", "shown"), [(["completion", "vision"], True), (["completion"], False)])
def test_pictures_reach_a_model_that_the_server_calls_seeing(can: list[str], shown: bool) -> None:
    with StandIn("some", owner="library") as there:
        there.places["/api/show"] = {"capabilities": can}
        assert EndpointWriter(there.url).capabilities.shown == shown


def test_ollama_is_asked_not_to_think() -> None:
    with StandIn("qwen3", owner="library") as there:
        there.places["/api/show"] = {"capabilities": ["completion", "thinking"]}
        there.chats(speaking("Well."))
        written(EndpointWriter(there.url), asking())
        assert there.asked()[0]["reasoning_effort"] == "none"
        assert "cache_prompt" not in there.asked()[0]


def test_tokens_told_with_every_event(there: StandIn) -> None:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.begin()
        for word, tokens in (("港", 2), ("口", 5), ("!", 6)):
            handler.event({**delta(word), "usage": {"completion_tokens": tokens}})
        handler.event({**delta(finish="stop"), "usage": {"completion_tokens": 7}})

    there.chats(answer)
    pieces = list(EndpointWriter(there.url).generate(asking(), Cancel()))
    assert [piece.tokens for piece in pieces] == [2, 3, 1]


def test_a_server_that_goes_on_and_on_is_cut(there: StandIn) -> None:
    there.chats(speaking(*["word "] * 500))
    pieces = list(EndpointWriter(there.url).generate(asking(max_tokens=20), Cancel()))
    assert sum(piece.tokens for piece in pieces) == 20


def test_hanging_up_without_an_end_is_no_answer(there: StandIn) -> None:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.begin()
        handler.event(delta("The harbour was"))

    there.chats(answer)
    with pytest.raises(ModelFailed, match="in the middle"):
        written(EndpointWriter(there.url), asking())


@pytest.mark.parametrize(
    "event",
    [3, None, [], "words", {"choices": 5}, {"choices": [7]}, {"choices": [{"delta": "x"}]},
     {"choices": [{"delta": {"content": ["x"]}}]}, {"choices": [{"delta": {"content": {}}}]},
     {"choices": [{"delta": {"content": "x"}}], "usage": {"completion_tokens": "lots"}}],
)  # fmt: skip
def test_events_that_hold_anything(there: StandIn, event: object) -> None:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.begin()
        handler.event(event)

    there.chats(answer)
    with pytest.raises(ComposerError):
        written(EndpointWriter(there.url), asking())


# --- thinking --------------------------------------------------------------------------------------------------------


def thinking_apart(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin()
    for name in ("reasoning_content", "reasoning"):
        handler.event(delta(None, **{name: "Hm, boats. "}))
    handler.event(delta("The harbour."))
    handler.event(delta(finish="stop"))


@pytest.mark.parametrize(
    "answer", [thinking_apart, speaking("<thi", "nk>Hm", ", boats.</think>", "\n\n", "The harbour.")]
)
def test_thoughts_are_dropped(there: StandIn, answer: Any) -> None:  # noqa: ANN401
    there.chats(answer)
    pieces = list(EndpointWriter(there.url).generate(asking(), Cancel()))
    assert "".join(piece.text for piece in pieces) == "The harbour."
    assert sum(piece.tokens for piece in pieces) <= 2, "thoughts are not counted as the article's"


def test_more_room_for_one_that_only_thought(there: StandIn) -> None:
    def answer(handler: Handler, body: dict[str, Any]) -> None:
        long = body["max_tokens"] > endpoint.THINKING
        speaking("<think>Hm", *(["</think>", "Well."] if long else []), finish="stop" if long else "length")(
            handler, body
        )

    there.chats(answer)
    writer = EndpointWriter(there.url)
    assert written(writer, asking()) == "Well."
    assert written(writer, asking()) == "Well."
    assert [body["max_tokens"] for body in there.asked()] == [50, 50 + endpoint.THINKING, 50 + endpoint.THINKING]


def test_one_that_never_stops_thinking(there: StandIn) -> None:
    there.chats(speaking("<think>Hm", finish="length"))
    with pytest.raises(ModelFailed, match="said nothing") as failed:
        written(EndpointWriter(there.url), asking())
    assert "thinking off" in failed.value.hint


def test_thoughts_without_a_beginning(there: StandIn) -> None:
    there.chats(speaking("Hm, boats.", "</think>", "The harbour."))
    with pytest.raises(ModelFailed, match="thinks aloud"):
        written(EndpointWriter(there.url), asking())
    there.chats(speaking('{"name": "castle", "count": 1} no, ', "</think>", json.dumps(GOOD)))
    assert json.loads(written(EndpointWriter(there.url), asking(SCHEMA))) == GOOD


# --- answers in a form -----------------------------------------------------------------------------------------------


def test_a_schema_is_sent_and_the_answer_checked(there: StandIn) -> None:
    answers = iter(['{"name": "boat", "count": 3}', "no JSON", f"Here: {json.dumps(GOOD)} there."])

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        speaking(next(answers))(handler, body)

    there.chats(answer)
    assert json.loads(written(EndpointWriter(there.url), asking(SCHEMA))) == GOOD
    first, second, third = there.asked()
    assert first["response_format"]["json_schema"]["schema"] == SCHEMA
    assert "JSON schema" not in first["messages"][-1]["content"]
    assert "JSON schema" in second["messages"][-1]["content"]
    assert len({body["seed"] for body in (first, second, third)}) == 3


def test_no_answer_in_the_form_asked_for(there: StandIn) -> None:
    there.chats(speaking('{"name": "boat"}'))
    with pytest.raises(ModelFailed, match="no answer in the form"):
        written(EndpointWriter(there.url), asking(SCHEMA))
    assert len(there.asked()) == endpoint.TRIES


def test_a_server_that_knows_no_schemas(there: StandIn) -> None:
    def answer(handler: Handler, body: dict[str, Any]) -> None:
        if "response_format" in body:
            refusing(400, "response_format is not supported")(handler, body)
        else:
            speaking(json.dumps(GOOD))(handler, body)

    there.chats(answer)
    writer = EndpointWriter(there.url)
    for _ in range(2):
        assert json.loads(written(writer, asking(SCHEMA))) == GOOD
    assert len(there.asked()) == 3, "it is found out once"


# --- long prompts ----------------------------------------------------------------------------------------------------


def test_what_a_server_would_cut_in_silence_is_not_sent() -> None:
    with StandIn("m", owner="library") as there:
        there.places["/api/show"] = {"parameters": "num_ctx 1000"}
        there.chats(speaking("Well."))
        writer = EndpointWriter(there.url)
        with pytest.raises(ModelFailed, match=r"about \d+ tokens and the answer 16; the model server holds 1000"):
            written(writer, prompt("a harbour " * 500))
        assert there.asked() == []
        assert written(writer, prompt("a harbour " * 300)) == "Well."


def test_the_servers_own_refusal(there: StandIn) -> None:
    there.chats(refusing(400, "This model's maximum context length is 4096 tokens, you have 5000 input tokens."))
    with pytest.raises(ModelFailed, match="5000 tokens; the model server holds 4096"):
        written(EndpointWriter(there.url), asking())


# --- from the settings -----------------------------------------------------------------------------------------------


def test_the_settings_lead_here(there: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path))
    there.chats(speaking("Well."))
    models = Models(Settings(writer=f"server:{there.url}#some-model"))
    assert written(models.writer(), asking()) == "Well."
    models.close()


def test_the_settings_say_who_may_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path))
    elsewhere = Settings(writer="server:http://192.0.2.1:8080/v1#x")
    models = Models(elsewhere)
    with pytest.raises(ModelNotReady, match="not on this machine") as failed:
        models.writer()
    assert "models allow 192.0.2.1:8080" in failed.value.hint
    models.close()
    asked: list[str] = []

    def reachable(where: address.Address, allowed: tuple[str, ...]) -> list[str]:
        asked.append(where.place)
        address.permit(where, allowed)
        raise ModelNotReady("Far away.", "Come nearer.")

    monkeypatch.setattr(address, "reachable", reachable)
    models = Models(replace(elsewhere, allowed_hosts=("192.0.2.1:8080",)))
    with pytest.raises(ModelNotReady, match="Far away"):
        models.writer()
    assert asked == ["192.0.2.1:8080"]
    models.close()
