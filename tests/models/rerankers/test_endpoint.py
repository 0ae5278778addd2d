"""The re-ranker on a model server: the contract on llama.cpp's own with eyes, and what others answer."""

from __future__ import annotations

import base64
import io
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest
from PIL import Image

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.ports import Cancel
from composer.types import Picture
from models import server
from models.rerankers import endpoint
from models.rerankers.endpoint import EndpointReranker, log_odds
from models.rerankers.questions import UNREADABLE, question
from tests.models.contracts import CAPTION, PARAGRAPH, check_reranker, pictures
from tests.models.gguf_files import chat_model, projector
from tests.models.llama_server import Running, llama_server
from tests.models.stand_in import Handler, StandIn, refusing


def kept(folder: Path, count: int) -> list[Picture]:
    """Pictures on the disk, in an order that is not their ids'."""
    found: list[Picture] = []
    for number, image in enumerate(pictures(count)):
        path = folder / f"{number}.png"
        image.save(path)
        name = f"picture-{(number * 7) % 10}"
        found.append(Picture(id=name, path=str(path), width=image.width, height=image.height))
    return found


@pytest.fixture
def some(tmp_path: Path) -> list[Picture]:
    return kept(tmp_path, 5)


# --- llama.cpp's server ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gguf")
    with llama_server(chat_model(folder / "seer.gguf"), projector(folder / "eyes.gguf"), slots=2) as running:
        yield running


def test_contract(seeing: Running, some: list[Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.KEY, seeing.key)
    reranker = EndpointReranker(f"{seeing.url}#seer.gguf")
    scores = reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    assert np.isfinite(scores).all()
    assert len(set(scores.round(3).tolist())) > 1, "pictures make a difference"
    check_reranker(reranker, some)
    reranker.close()


def test_one_at_a_time_or_several(seeing: Running, some: list[Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    """The company in which a picture is judged changes no more than rounding does."""
    monkeypatch.setenv(server.KEY, seeing.key)
    one, several = (
        EndpointReranker(seeing.url, at_once=count).rerank(some, CAPTION, PARAGRAPH, Cancel()) for count in (1, 4)
    )
    assert np.allclose(one, several, atol=0.05)


def test_a_model_without_eyes(tmp_path: Path, some: list[Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    with llama_server(chat_model(tmp_path / "blind.gguf")) as running:
        monkeypatch.setenv(server.KEY, running.key)
        reranker = EndpointReranker(running.url)
        with pytest.raises(ModelNotReady, match=r"blind\.gguf does not see pictures"):
            reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
        with pytest.raises(ModelNotReady, match="does not see pictures"):
            list(reranker.prepare(some, Cancel()))


# --- what others answer ----------------------------------------------------------------------------------------------


@pytest.fixture
def there() -> Iterator[StandIn]:
    with StandIn("seer", owner="vllm") as stand_in:
        stand_in.chats(judging())
        yield stand_in


def asked(body: dict[str, Any]) -> tuple[Image.Image, str]:
    """The picture and the words of a question; the picture must come first."""
    (message,) = body["messages"]
    picture, words = message["content"]
    assert (picture["type"], words["type"]) == ("image_url", "text")
    kind, _, data = picture["image_url"]["url"].partition(";base64,")
    assert kind == "data:image/jpeg"
    return Image.open(io.BytesIO(base64.b64decode(data))), words["text"]


def words(*first: tuple[str, float], content: str = "x") -> dict[str, Any]:
    tops = [{"token": token, "logprob": chance, "bytes": None} for token, chance in first]
    return {
        "choices": [{"message": {"content": content}, "logprobs": {"content": [{**tops[0], "top_logprobs": tops}]}}]
    }


def judging(prior: float = 0.5) -> Any:  # noqa: ANN401
    """Yes by a picture's red, on top of what it says of any picture when asked about nothing."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        image, text = asked(body)
        red = float(np.asarray(image, dtype=np.float32)[..., 0].mean() / 255)
        odds = prior + (red if text != question("", "") else 0.0)
        handler.say(200, words(("Yes", -1.0), (" no", -1.0 - odds), ("The", -9.0)))

    return answer


def without_chances(*contents: str) -> Any:  # noqa: ANN401
    """Answers in turn, the last again and again, without logprobs."""
    left, lock = list(contents), threading.Lock()

    def answer(handler: Handler, _: dict[str, Any]) -> None:
        with lock:
            content = left.pop(0) if len(left) > 1 else left[0]
        handler.say(200, {"choices": [{"message": {"content": content}, "logprobs": None}]})

    return answer


def test_contract_elsewhere(there: StandIn, some: list[Picture]) -> None:
    check_reranker(EndpointReranker(there.url), some)
    there.chats(without_chances("7"))
    check_reranker(EndpointReranker(there.url), some)


def test_the_prior_is_taken_away(there: StandIn, some: list[Picture]) -> None:
    scores = EndpointReranker(there.url).rerank(some, CAPTION, PARAGRAPH, Cancel())
    reds = [np.asarray(Image.open(each.path).convert("RGB"))[..., 0].mean() / 255 for each in some]
    assert np.allclose(scores, reds, atol=0.02)
    there.chats(judging(prior=-3.0))
    assert np.allclose(EndpointReranker(there.url).rerank(some, CAPTION, PARAGRAPH, Cancel()), scores, atol=1e-4)


def test_one_question_is_asked_once(there: StandIn, some: list[Picture]) -> None:
    reranker = EndpointReranker(there.url)
    assert list(reranker.prepare(some, Cancel())) == [1, 2, 3, 4, 5]
    assert len(there.asked()) == 6, "one to try it out, and one a picture"
    assert all(asked(body)[1] == question("", "") for body in there.asked())
    first = reranker.rerank([*some, some[0]], CAPTION, PARAGRAPH, Cancel())
    assert first[0] == first[-1]
    assert len(there.asked()) == 11
    reranker.rerank(some[::-1], CAPTION, PARAGRAPH, Cancel())
    assert len(there.asked()) == 11
    body = there.asked()[-1]
    assert (body["max_tokens"], body["temperature"], body["logprobs"], body["top_logprobs"]) == (1, 0.0, True, 20)
    assert CAPTION in asked(body)[1]


def test_pictures_are_sent_small(there: StandIn, tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1000), "red").save(tmp_path / "large.jpg")
    large = Picture(id="1", path=str(tmp_path / "large.jpg"), width=3000, height=1000)
    EndpointReranker(there.url).rerank([large], CAPTION, "", Cancel())
    assert {asked(body)[0].size for body in there.asked()[1:]} == {(768, 256)}


def test_unreadable_pictures_are_not_sent(there: StandIn, some: list[Picture], tmp_path: Path) -> None:
    lost = Picture(id="lost", path=str(tmp_path / "none.png"), width=1, height=1)
    scores = EndpointReranker(there.url).rerank([lost, some[0]], CAPTION, PARAGRAPH, Cancel())
    assert scores[0] == UNREADABLE
    assert abs(scores[1]) < 2


def test_log_odds() -> None:
    assert log_odds([("Yes", -1.0), ("no", -3.0)]) == pytest.approx(2.0)
    assert log_odds([("▁yes", math.log(0.2)), ("Yes", math.log(0.2)), (" No", math.log(0.1))]) == pytest.approx(
        math.log(4)
    )
    assert log_odds([("yes", -0.1), ("The", -4.0)]) == pytest.approx(3.9), "no is at most as likely as the last"
    assert log_odds([("No", -0.1), ("Not", -2.0)]) == pytest.approx(-1.9)
    assert math.isnan(log_odds([("The", -0.1), ("None", -2.0)]))
    assert math.isnan(log_odds([]))


def test_neither_yes_nor_no_is_no_opinion(there: StandIn, some: list[Picture]) -> None:
    there.chats(lambda handler, _: handler.say(200, words(("The", -0.1), ("A", -2.0))))
    assert np.isnan(EndpointReranker(there.url).rerank(some, CAPTION, PARAGRAPH, Cancel())).all()


def test_numbers_where_no_chances_are_told(there: StandIn, some: list[Picture]) -> None:
    there.chats(without_chances("anything", "8", " 3/10. ", "10"))
    reranker = EndpointReranker(there.url, at_once=1)
    scores = reranker.rerank(some[:3], CAPTION, PARAGRAPH, Cancel())
    expected = sorted(math.log((number + 0.5) / (10.5 - number)) for number in (8, 3, 10))
    assert np.allclose(sorted(scores), expected)
    assert any("0 to 10" in sentence for sentence in reranker.notices())
    assert list(reranker.prepare(some, Cancel())) == []
    assert "0 (not at all) to 10" in asked(there.asked()[-1])[1]
    assert CAPTION in asked(there.asked()[-1])[1]


@pytest.mark.parametrize("content", ["It is an 8.", "11", "-3", "8 or 9", "", "7.5", "yes"])
def test_numbers_are_read_strictly(there: StandIn, some: list[Picture], content: str) -> None:
    there.chats(without_chances(content))
    assert np.isnan(EndpointReranker(there.url).rerank(some[:1], CAPTION, PARAGRAPH, Cancel())).all()
    assert len(there.asked()) == 3, "tried out, asked, and asked again once"


def test_a_server_that_refuses_pictures(there: StandIn, some: list[Picture]) -> None:
    there.chats(refusing(400, "seer is not a multimodal model"))
    with pytest.raises(ModelNotReady, match="seer does not see pictures"):
        EndpointReranker(there.url).rerank(some, CAPTION, PARAGRAPH, Cancel())


@pytest.mark.parametrize("answer", [{}, [], "x", {"choices": [{}]}, {"choices": [{"message": {"content": 3}}]}])
def test_nonsense(there: StandIn, some: list[Picture], answer: object) -> None:
    there.chats(lambda handler, _: handler.say(200, answer))
    with pytest.raises(ModelFailed, match="not what a model server says"):
        EndpointReranker(there.url).rerank(some, CAPTION, PARAGRAPH, Cancel())


def test_nothing_is_asked_before_the_first_picture(some: list[Picture]) -> None:
    with StandIn() as gone:
        url = gone.url
    reranker = EndpointReranker(f"{url}#seer")
    assert reranker.id == f"server:{url}#seer"
    assert reranker.sees_pictures
    assert reranker.rerank([], CAPTION, PARAGRAPH, Cancel()).shape == (0,)
    with pytest.raises(ModelNotReady, match="No model server is running"):
        reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    with pytest.raises(ModelNotReady, match="not on this machine"):
        EndpointReranker("http://192.0.2.1:8080/v1#seer")


# --- several at once, and stopping -----------------------------------------------------------------------------------


def test_several_are_asked_at_once_but_not_more(there: StandIn, tmp_path: Path) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        judging()(handler, body)

    there.chats(answer)
    EndpointReranker(there.url).rerank(kept(tmp_path, 8), CAPTION, PARAGRAPH, Cancel())
    assert 1 < most[0] <= endpoint.AT_ONCE


@pytest.mark.parametrize("silent_from", [0, 3])
def test_stopping_while_the_server_is_silent(there: StandIn, some: list[Picture], silent_from: int) -> None:
    def answer(handler: Handler, body: dict[str, Any]) -> None:
        judging()(handler, body) if len(there.asked()) <= silent_from else handler.hang()

    there.chats(answer)
    cancel, thrown = Cancel(), [0.0]

    def throw() -> None:
        thrown[0] = time.monotonic()
        cancel.cancel()

    Timer(0.5, throw).start()
    with pytest.raises(Cancelled):
        EndpointReranker(there.url).rerank(some, CAPTION, PARAGRAPH, cancel)
    assert time.monotonic() - thrown[0] < 0.3
    assert there.broken_off.wait(2)


def test_the_first_failure_stops_the_others(there: StandIn, some: list[Picture]) -> None:
    def answer(handler: Handler, body: dict[str, Any]) -> None:
        count = len(there.asked())
        if count == 1:
            judging()(handler, body)
        elif count == 4:
            refusing(500, "out of memory")(handler, body)
        else:
            handler.hang()

    there.chats(answer)
    reranker = EndpointReranker(there.url)
    start = time.monotonic()
    with pytest.raises(ModelFailed, match="out of memory"):
        reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())
    assert time.monotonic() - start < 5
    there.chats(judging())
    assert np.isfinite(reranker.rerank(some, CAPTION, PARAGRAPH, Cancel())).all()
