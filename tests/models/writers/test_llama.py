"""The llama.cpp writer on the tiny starter model: the contract, stopping, failing, memory, and who may knock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import psutil
import pytest

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.ports import Cancel, Message, Prompt
from models import llama_server
from models.writers.llama import LlamaWriter
from tests.models import gguf_files
from tests.models.contracts import check_writer, prompt, written
from tests.models.starter_files import tiny_writer

pytestmark = pytest.mark.weights

ROOT = Path(__file__).parents[3]
SOON = 0.3
"""Seconds within which a writer must have stopped."""
LONG = " ".join(f"word{number} of the harbour" for number in range(300))
"""About 2,000 tokens, which take seconds to read."""


def loaded() -> LlamaWriter:
    return LlamaWriter(tiny_writer(), model_id="tiny")


@pytest.fixture(scope="module")
def writer() -> Iterator[LlamaWriter]:
    made = loaded()
    yield made
    made.close()


# --- what it writes --------------------------------------------------------------------------------------------------


def test_contract(writer: LlamaWriter) -> None:
    check_writer(writer)


def test_pieces_come_as_they_are_made(writer: LlamaWriter) -> None:
    stream = writer.generate(prompt("Tell a long story of the sea.", max_tokens=60), Cancel())
    start = time.monotonic()
    next(stream)
    first = time.monotonic() - start
    rest = list(stream)
    assert len(rest) > 20
    assert first < (time.monotonic() - start) / 2


def test_tokens_are_counted_not_guessed(writer: LlamaWriter) -> None:
    assert writer.count_tokens("") == 0
    assert writer.count_tokens("Tell of the harbour.") < writer.count_tokens("Tell of the harbour. " * 3)
    assert writer.count_tokens("港口") > 1  # this vocabulary has few Han characters: most take several tokens
    pieces = list(writer.generate(prompt("Write only these words: 港口 老城 🚤 港口 老城", max_tokens=30), Cancel()))
    assert 0 < sum(piece.tokens for piece in pieces) <= 30


def test_counting_leaves_the_prefix_in_memory(writer: LlamaWriter) -> None:
    shared = " ".join(LONG.split()[:300])
    written(writer, prompt(shared, max_tokens=1, fresh=True))
    writer.count_tokens("a harbour with boats")
    start = time.monotonic()
    written(writer, prompt(shared, max_tokens=1, fresh=False))
    cached = time.monotonic() - start
    start = time.monotonic()
    written(writer, prompt(shared, max_tokens=1, fresh=True))
    assert cached < (time.monotonic() - start) / 3


def test_a_fresh_run_depends_on_nothing_before_it(writer: LlamaWriter) -> None:
    def run() -> list[str]:
        """Fresh, then going on from what the first left: the way an article is written."""
        asked = [
            prompt(f"Tell of the {thing}.", 24, 0.8, seed=5, fresh=not at) for at, thing in enumerate(("sea", "town"))
        ]
        return [written(writer, each) for each in asked]

    first = run()
    written(writer, prompt("Name five colours.", fresh=False))
    assert run() == first
    cancel = Cancel()
    stream = writer.generate(prompt(LONG, max_tokens=50), cancel)
    Timer(0.2, cancel.cancel).start()
    with pytest.raises(Cancelled):
        list(stream)
    assert run() == first


def test_schema_is_obeyed(writer: LlamaWriter) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "name": {"enum": ["harbour", "castle"]},
            "numbers": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
        },
        "required": ["name", "numbers"],
        "additionalProperties": False,
    }  # fmt: skip
    for seed in range(3):
        asked = Prompt(
            messages=(Message("user", "Tell a story."),), max_tokens=120, seed=seed, schema=schema, temperature=1.0
        )
        answer = json.loads(written(writer, asked))
        assert answer["name"] in {"harbour", "castle"}
        assert 2 <= len(answer["numbers"]) <= 3


# --- stopping --------------------------------------------------------------------------------------------------------


def stopped_after(writer: LlamaWriter, asked: Prompt, wait: float) -> float:
    """Seconds from the cancel, thrown by another thread, to Cancelled."""
    cancel, thrown = Cancel(), [0.0]

    def throw() -> None:
        thrown[0] = time.monotonic()
        cancel.cancel()

    timer = Timer(wait, throw)
    timer.start()
    with pytest.raises(Cancelled):
        list(writer.generate(asked, cancel))
    return time.monotonic() - thrown[0]


def test_cancel_while_writing(writer: LlamaWriter) -> None:
    assert stopped_after(writer, prompt("Tell a long story.", max_tokens=2000, temperature=1.0), 1.0) < SOON
    assert written(writer, prompt("Name a colour."))


def test_cancel_while_the_prompt_is_read(writer: LlamaWriter) -> None:
    start = time.monotonic()
    written(writer, prompt(LONG, max_tokens=1))
    whole = time.monotonic() - start
    assert stopped_after(writer, prompt(LONG), 0.1) < SOON
    start = time.monotonic()
    assert written(writer, prompt("Name a colour.", max_tokens=1))
    assert time.monotonic() - start < whole / 3, "the cancelled prompt was read on"


def test_a_call_that_waits_for_another_can_be_cancelled(writer: LlamaWriter) -> None:
    stream = writer.generate(prompt(LONG), Cancel())
    timer = Timer(0.1, stream.__next__)
    timer.daemon = True
    timer.start()
    time.sleep(0.2)
    assert stopped_after(writer, prompt("Name a colour."), 0.1) < SOON
    timer.join()
    stream.close()  # type: ignore[attr-defined] - a generator


def test_closing_the_stream_stops_the_work(writer: LlamaWriter) -> None:
    stream = writer.generate(prompt("Tell a long story.", max_tokens=3000, temperature=1.0), Cancel())
    next(stream)
    stream.close()  # type: ignore[attr-defined] - a generator
    assert written(writer, prompt("Name a colour.", max_tokens=2))  # waits for what is under way
    time.sleep(0.1)
    before = psutil.Process().cpu_times()
    time.sleep(0.5)
    after = psutil.Process().cpu_times()
    assert after.user + after.system - before.user - before.system < 0.25


# --- failing ---------------------------------------------------------------------------------------------------------


def test_a_prompt_beyond_the_context_fails_in_words(writer: LlamaWriter) -> None:
    with pytest.raises(ModelFailed, match=r"has \d+ tokens and its answer up to 16; this writer holds 8192") as failed:
        written(writer, prompt(LONG * 6))
    assert failed.value.hint
    assert written(writer, prompt("Name a colour."))


def test_the_answer_must_fit_too() -> None:
    writer = LlamaWriter(tiny_writer(), model_id="tiny", context=256)
    assert writer.capabilities.context == 256
    with pytest.raises(ModelFailed, match="its answer up to 1000; this writer holds 256"):
        written(writer, prompt("Tell a very long story.", max_tokens=1000))
    assert written(writer, prompt("Name a colour."))
    writer.close()


def test_a_schema_that_is_none_fails_in_words(writer: LlamaWriter) -> None:
    asked = Prompt(messages=(Message("user", "x"),), max_tokens=4, schema={"type": "nonsense"})
    with pytest.raises(ModelFailed, match="The writer stopped"):
        written(writer, asked)
    assert written(writer, prompt("Name a colour."))


def test_files_that_are_no_models(tmp_path: Path) -> None:
    none, other, cut = tmp_path / "none.gguf", tmp_path / "other.gguf", tmp_path / "cut.gguf"
    other.write_bytes(b"not a model")
    with tiny_writer().open("rb") as whole:
        cut.write_bytes(whole.read(5_000_000))
    for file, words in (
        (none, "missing"),
        (other, "not a GGUF file"),
        (cut, "could not be loaded"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(ModelNotReady, match=words) as failed:
            LlamaWriter(file, model_id="x")
        assert failed.value.hint


def test_closed_is_closed() -> None:
    writer = loaded()
    stream = writer.generate(prompt("Tell a long story.", max_tokens=3000), Cancel())
    next(stream)
    writer.close()
    writer.close()
    with pytest.raises(ModelFailed, match="closed"):
        written(writer, prompt("Name a colour."))
    with pytest.raises(ModelFailed, match="closed"):
        writer.count_tokens("a colour")


# --- a process of its own: memory, silence ---------------------------------------------------------------------------

ALONE = """
import gc, sys
import psutil, xllamacpp
from pathlib import Path
from composer.ports import Cancel, Message, Prompt
from models.writers.llama import LlamaWriter

def use():
    writer = LlamaWriter(Path(sys.argv[1]), model_id="tiny")
    asked = Prompt(messages=(Message("user", "Name a colour."),), max_tokens=8)
    assert list(writer.generate(asked, Cancel()))
    held = psutil.Process().memory_info().rss
    writer.close()
    return held

for _ in range(2):  # what libraries and the allocator set up once is not the model's memory
    use()
before = psutil.Process().memory_info().rss
held = use()
gc.collect()
print(before, held, psutil.Process().memory_info().rss)
"""


def test_memory_is_given_back_and_nothing_is_printed() -> None:
    command = [sys.executable, "-c", ALONE, str(tiny_writer())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    before, held, after = (int(number) for number in done.stdout.split())
    assert held > before + 50e6
    assert after < before * 1.1


# --- who may knock ---------------------------------------------------------------------------------------------------


def listening() -> set[tuple[str, int]]:
    return {
        (each.laddr.ip, each.laddr.port)
        for each in psutil.Process().net_connections(kind="inet")
        if each.status == psutil.CONN_LISTEN
    }


@pytest.mark.skipif(os.name != "posix", reason="Windows has no Unix sockets that llama.cpp can use")
def test_nothing_listens_that_anything_could_reach() -> None:
    before = listening()
    writer = loaded()
    assert listening() == before
    assert writer.address.startswith("unix:")
    assert not Path(writer.address.removeprefix("unix://")).parent.exists()
    writer.close()


@pytest.fixture(scope="module")
def on_a_port() -> Iterator[LlamaWriter]:
    """As it is where there are no Unix sockets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llama_server, "LONGEST_SOCKET", 0)
        made = loaded()
    yield made
    made.close()


def asked_over(writer: LlamaWriter, path: str, method: str, key: str = "") -> tuple[int, dict[str, str]]:
    """Status and headers of an answer to another site's page."""
    body = json.dumps({"prompt": "x", "content": "x", "messages": [{"role": "user", "content": "x"}], "n_predict": 1})
    headers = {"Origin": "http://elsewhere.example", "Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(  # noqa: S310 - our own loopback address
        writer.address + path, data=body.encode() if method == "POST" else None, headers=headers, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers)


def test_the_port_is_this_machines_alone(on_a_port: LlamaWriter) -> None:
    port = int(on_a_port.address.rpartition(":")[2])
    assert {ip for ip, each in listening() if each == port} == {"127.0.0.1"}


READ = ["/models", "/v1/models", "/props", "/slots", "/metrics", "/lora-adapters", "/", "/index.html", "/api/tags"]
DONE = [
    "/completion", "/completions", "/v1/completions", "/chat/completions", "/v1/chat/completions", "/v1/responses",
    "/v1/messages", "/tokenize", "/detokenize", "/apply-template", "/infill", "/embedding", "/v1/embeddings", "/rerank",
    "/api/chat", "/props", "/slots/0?action=erase", "/lora-adapters", "/models/load",
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), [*(("GET", each) for each in READ), *(("POST", each) for each in DONE)])
def test_the_port_refuses_whoever_has_no_key(on_a_port: LlamaWriter, method: str, path: str) -> None:
    for key in ("", "guess"):
        assert asked_over(on_a_port, path, method, key)[0] in {401, 403, 404}


def test_other_sites_pages_may_not_read_answers(on_a_port: LlamaWriter) -> None:
    for method, path in (("OPTIONS", "/completion"), ("POST", "/completion"), ("GET", "/health")):
        _, headers = asked_over(on_a_port, path, method)
        assert headers.get("Access-Control-Allow-Origin", "") not in {"*", "http://elsewhere.example"}
        assert headers.get("Access-Control-Allow-Credentials", "false") != "true"


def test_the_key_is_long_and_new_each_time(writer: LlamaWriter, on_a_port: LlamaWriter) -> None:
    assert len(writer.key) >= 40
    assert writer.key != on_a_port.key
    assert asked_over(on_a_port, "/v1/models", "GET", on_a_port.key)[0] == 200


def test_a_model_without_a_template_only_goes_on_with_texts(tmp_path: Path) -> None:
    plain = LlamaWriter(gguf_files.chat_model(tmp_path / "plain.gguf", template=None))
    told = LlamaWriter(gguf_files.chat_model(tmp_path / "told.gguf"))
    assert not plain.capabilities.instructed
    assert told.capabilities.instructed
    assert written(plain, prompt("Tell of the harbour."))
    plain.close()
    told.close()
