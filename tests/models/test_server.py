"""One way to speak with model servers, against servers that hang, lie, break off, redirect and flood."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from threading import Timer
from typing import Any

import pytest

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.ports import Cancel
from models import address, server
from models.server import Server
from tests.models.stand_in import Handler, StandIn, delta, refusing, speaking

SOON = 0.3
"""Seconds within which a cancel must free the caller."""
SECRET = "sk-not-to-be-seen"  # noqa: S105 - nobody's


@pytest.fixture
def there() -> Iterator[StandIn]:
    with StandIn("some-model") as stand_in:
        yield stand_in


def chat(there: StandIn) -> list[Any]:
    return list(Server(there.url).stream({"messages": []}, Cancel(), bool))


def failing(there: StandIn, answer: Callable[[Handler, dict[str, Any]], None]) -> ModelFailed | ModelNotReady:
    """What is raised; the next request must work again."""
    there.chats(answer)
    speaker = Server(there.url)
    with pytest.raises((ModelFailed, ModelNotReady)) as failed:
        list(speaker.stream({"messages": []}, Cancel(), bool))
    there.chats(speaking("well"))
    assert list(speaker.stream({"messages": []}, Cancel(), bool))
    assert failed.value.hint
    return failed.value


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_events_come_as_they_are_sent(there: StandIn) -> None:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.begin()
        handler.event(delta("one"))
        handler.raw(b": a sign of life\n\n")
        there.broken_off.wait(5)
        handler.event(delta("two"))

    there.chats(answer)
    stream = Server(there.url).stream({"messages": []}, Cancel(), bool)
    assert next(stream) == delta("one")
    there.broken_off.set()
    assert list(stream) == [delta("two")]


def test_the_environment_adds_nothing(there: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_ORG_ID", SECRET)
    monkeypatch.setenv("OPENAI_PROJECT_ID", SECRET)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Mine: {SECRET}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.delenv(server.KEY, raising=False)
    there.chats(speaking("well"))
    assert chat(there)
    headers = there.seen[-1][1]
    assert set(headers) == {
        "host", "accept", "content-type", "content-length", "accept-encoding", "connection",
    }  # fmt: skip
    assert headers["host"] == there.place


def test_the_key_is_sent_and_never_told(there: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.KEY, SECRET)
    for status in (400, 500):
        failed = failing(there, refusing(status, f"wrong: Bearer {SECRET} was sent"))
        assert SECRET not in str(failed)
    assert there.seen[-1][1]["authorization"] == f"Bearer {SECRET}"


def test_what_was_checked_is_connected_to(there: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes its meaning between the check and the connection changes nothing."""
    asked: list[str] = []

    def reachable(where: address.Address, _: object) -> list[str]:
        asked.append(where.host)
        return ["127.0.0.1"]

    monkeypatch.setattr(address, "reachable", reachable)
    port = there.place.partition(":")[2]
    speaker = Server(f"http://box.invalid:{port}/v1", (f"box.invalid:{port}",))
    there.places["/props"] = {"fine": True}
    assert speaker.get(f"http://box.invalid:{port}/props") == {"fine": True}
    assert asked == ["box.invalid"]
    assert there.seen[-1][1]["host"] == f"box.invalid:{port}"


def test_a_server_elsewhere_is_not_even_made() -> None:
    with pytest.raises(ModelNotReady, match="not on this machine"):
        Server("http://192.0.2.1:8080/v1")


def test_requests_go_to_the_server_alone(there: StandIn) -> None:
    with pytest.raises(ModelNotReady, match="another server"):
        Server(there.url).get("http://127.0.0.1:1/props")


# --- servers that are not there, or not themselves -------------------------------------------------------------------


def test_nobody_there() -> None:
    with StandIn() as gone:
        url = gone.url
    start = time.monotonic()
    with pytest.raises(ModelNotReady, match="No model server is running") as failed:
        Server(url).get(f"{url}/models")
    assert "Start it" in failed.value.hint
    assert time.monotonic() - start >= server.CONNECT_PAUSE, "a server that is just starting is given a moment"


def test_an_address_that_takes_no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECT_SECONDS", 0.2)
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]  # fills the queue of those who wait to be let in
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            with pytest.raises((ModelNotReady, ModelFailed), match=r"cannot be reached|said nothing"):
                Server(f"http://127.0.0.1:{port}").post(f"http://127.0.0.1:{port}/props", {}, wait=1.0)
        finally:
            for each in waiting:
                each.close()


def test_redirects_are_not_followed(there: StandIn) -> None:
    with StandIn("other") as other:
        for status in (301, 302, 307, 308):

            def away(handler: Handler, _: dict[str, Any], status: int = status) -> None:
                handler.say(status, b"", Location=f"{other.url}/chat/completions")

            assert "elsewhere" in failing(there, away).message
        assert other.seen == []


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("text/html", b"<html><body>Welcome to nginx</body></html>"),
        ("text/event-stream", b"data: {not json}\n\n"),
        ("text/event-stream", b"data: \xff\xfe\x00\n\n"),
        ("text/event-stream", b"data: " + b"[" * 100_000 + b"\n\n"),
        ("application/json", b'{"choices": []}'),
        ("application/octet-stream", bytes(range(256))),
    ],
)
def test_nonsense(there: StandIn, kind: str, data: bytes) -> None:
    failed = failing(there, lambda handler, _: handler.say(200, data, kind))
    assert "not what a model server says" in failed.message


@pytest.mark.parametrize("data", [b"<html>", b"{", b"", b"\xff", b"[" * 100_000])
def test_nonsense_in_whole_answers(there: StandIn, data: bytes) -> None:
    there.places["/v1/props"] = lambda handler, _: handler.say(200, data)
    speaker = Server(there.url)
    with pytest.raises(ModelFailed):
        speaker.reading(speaker.get(f"{there.url}/props"), dict[str, int])


def test_an_answer_that_is_not_http(there: StandIn) -> None:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.raw(b"SSH-2.0-OpenSSH_9.9\r\n")

    assert "in the middle" in failing(there, answer).message


def test_half_an_answer(there: StandIn) -> None:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.raw(b"ff\r\ndata: {")

    assert "in the middle" in failing(there, answer).message


@pytest.mark.parametrize("flood", [b"data: " + b"x" * 65_000, b"data: {}\n\n" * 6_500, b": alive\n\n" * 7_000])
def test_answers_without_an_end(there: StandIn, flood: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A giant line, and events or comments on and on: memory and time stay bounded."""
    monkeypatch.setattr(server, "LONGEST_ANSWER", 2 << 20)

    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.begin()
        for _ in range(2_000):
            handler.raw(flood)

    start = time.monotonic()
    assert "in the middle" in failing(there, answer).message
    assert time.monotonic() - start < 30
    assert there.broken_off.wait(5), "the server is told that nobody listens any more"


def test_compressed_answers_are_not_unpacked(there: StandIn) -> None:
    import gzip

    bomb = gzip.compress(bytes(1 << 20))
    failing(there, lambda handler, _: handler.say(200, bomb, "text/event-stream", **{"Content-Encoding": "gzip"}))


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words", "kind", "said"),
    [
        (401, "Invalid API Key", ModelNotReady, "PICTORIAL_SERVER_KEY"),
        (403, "no", ModelNotReady, "PICTORIAL_SERVER_KEY"),
        (404, "model 'x' not found", ModelNotReady, "model 'x' not found"),
        (429, "slow down", ModelFailed, "busy"),
        (503, "Loading model", ModelFailed, "Loading model"),
        (500, "CUDA error\n<b>out</b> of memory", ModelFailed, "CUDA error out of memory"),
        (400, "x" * 5_000, ModelFailed, "xxx"),
        (413, "", ModelFailed, "too long"),
        (418, "", ModelFailed, "no reason was given"),
    ],
)
def test_refusals_are_sentences(there: StandIn, status: int, words: str, kind: type, said: str) -> None:
    failed = failing(there, refusing(status, words))
    assert isinstance(failed, kind)
    assert said in str(failed)
    assert len(str(failed)) < 500
    assert len(there.asked()) == 2, "what was refused is not asked again"


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("request (6031 tokens) exceeds the available context size (2048 tokens), try increasing it",
         {"type": "exceed_context_size_error", "n_prompt_tokens": 6031, "n_ctx": 2048}),
        ("This model's maximum context length is 2048 tokens. However, your request has 6031 input tokens.", {}),
        ("request (6031 tokens) exceeds the available context size (2048 tokens), try increasing it", {}),
    ],
)  # fmt: skip
def test_too_long_tells_the_tokens(there: StandIn, words: str, more: dict[str, object]) -> None:
    failed = failing(there, refusing(400, words, **more))
    assert "6031 tokens" in failed.message
    assert "2048" in failed.message


def test_errors_in_the_middle_of_a_stream(there: StandIn) -> None:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.begin()
        handler.event(delta("well"))
        handler.event({"error": {"message": "the model crashed", "code": 500}})

    assert "the model crashed" in failing(there, answer).message


# --- silence and stopping --------------------------------------------------------------------------------------------


def mute(handler: Handler, _: dict[str, Any]) -> None:
    handler.hang()


def mute_after_headers(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin()
    handler.hang()


def mute_after_a_word(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin()
    handler.event(delta("well"))
    handler.hang()


@pytest.mark.parametrize("answer", [mute, mute_after_headers, mute_after_a_word])
def test_cancelling_while_the_server_is_silent(there: StandIn, answer: Callable[[Handler, Any], None]) -> None:
    there.chats(answer)
    cancel, thrown = Cancel(), [0.0]

    def throw() -> None:
        thrown[0] = time.monotonic()
        cancel.cancel()

    Timer(0.3, throw).start()
    with pytest.raises(Cancelled):
        list(Server(there.url).stream({}, cancel, bool))
    assert time.monotonic() - thrown[0] < SOON
    assert there.broken_off.wait(2), "the connection is broken off, so that the server stops computing"
    _no_threads_left()


def test_closing_the_answer_or_the_server_breaks_off(there: StandIn) -> None:
    there.chats(mute_after_a_word)
    speaker = Server(there.url)
    stream = speaker.stream({}, Cancel(), bool)
    next(stream)
    stream.close()  # type: ignore[attr-defined] - a generator
    assert there.broken_off.wait(2)
    there.broken_off.clear()
    Timer(0.2, speaker.close).start()
    with pytest.raises(ModelFailed):
        list(speaker.stream({}, Cancel(), bool))
    with pytest.raises(ModelFailed, match="closed"):
        speaker.get(f"{there.url}/models")
    _no_threads_left()


@pytest.mark.parametrize("answer", [mute, mute_after_a_word])
def test_silence_has_an_end(
    there: StandIn, answer: Callable[[Handler, Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FIRST_SECONDS", 0.4)
    monkeypatch.setattr(server, "NEXT_SECONDS", 0.4)
    assert "said nothing for too long" in failing(there, answer).message


def test_signs_of_life_are_no_words(there: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_SECONDS", 0.5)

    def answer(handler: Handler, _: dict[str, Any]) -> None:
        handler.begin()
        for _ in range(100):
            handler.event({"choices": []})
            if there.broken_off.wait(0.05):
                return

    there.chats(answer)
    start = time.monotonic()
    with pytest.raises(ModelFailed, match="said nothing"):
        list(Server(there.url).stream({}, Cancel(), lambda event: bool(event["choices"])))
    assert time.monotonic() - start < 2


def test_a_cancel_before_the_start_asks_nothing(there: StandIn) -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(Server(there.url).stream({}, cancel, bool))
    assert there.seen == []


def _no_threads_left() -> None:
    for thread in threading.enumerate():
        if thread.name == "model-server":
            thread.join(2)
            assert not thread.is_alive()
