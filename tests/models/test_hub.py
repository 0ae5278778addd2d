"""Models from the hub, fetched by its own client from a stand-in that breaks off, lies, refuses and falls silent."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from composer.errors import Cancelled, ModelNotReady
from composer.ports import Cancel
from composer.settings import Settings
from models import catalogue, found, store
from models.catalogue import Model, ModelFile
from models.shelf import Shelf
from models.sources import hub as source
from tests.models import gguf_files
from tests.models.hub import COMMIT, Hub, sha

FILE = "/{repo_id}/resolve/{revision}/{filename}"
ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = random.Random(1).randbytes(400_000)
CONFIG = json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 500}).encode()
PULL = """
import sys
from composer.ports import Cancel
from models import catalogue, store
for step in store.pull(catalogue.addressed(sys.argv[1]), Cancel()):
    print(step.done, flush=True)
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(found, "found", list)
    made = Hub()
    made.add("weights.gguf", WEIGHTS)
    with made.served():
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", made.url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", made.url + FILE)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        yield made


def model(**changes: object) -> Model:
    """An entry of the catalogue that leaves size and checksum to the hub."""
    made = Model(
        name="m", purpose="writer", title="M", about="A.", licence="CC0", origin="O.", languages=("en",), memory_mb=1,
        form="gguf", files=(ModelFile("weights.gguf", sources=("hf:someone/model@main#weights.gguf",)),),
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture
def entry(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Model:
    assert hub.url
    made = model()
    monkeypatch.setattr(catalogue, "catalogue", lambda: {"m": made})
    return made


def pull(wanted: Model, cancel: Cancel | None = None) -> list[store.Progress]:
    return list(store.pull(wanted, cancel or Cancel()))


def part(name: str = "weights.gguf") -> Path:
    return store.folder(model()) / ".parts" / f"hf-{name}.part"


def problem(wanted: Model) -> ModelNotReady:
    with pytest.raises(ModelNotReady) as caught:
        pull(wanted)
    assert caught.value.hint
    return caught.value


def test_size_and_checksum_are_the_hubs_and_remembered(hub: Hub, entry: Model) -> None:
    steps = pull(entry)
    assert (store.folder(entry) / "weights.gguf").read_bytes() == WEIGHTS
    kinds = {path.split("/")[3] for path in hub.asked}
    assert kinds <= {"someone", "resolve", "cdn"}, "nothing but the record and the file is asked for"
    assert (steps[-1].done, steps[-1].total) == (len(WEIGHTS),) * 2
    assert store.state(entry) == "ready"
    (file,) = catalogue.find("m").files
    assert (file.size, file.sha256) == (len(WEIGHTS), sha(WEIGHTS))
    assert file.sources == (f"hf:someone/model@{COMMIT}#weights.gguf",), "the commit that the record was of"
    asked = len(hub.asked)
    assert pull(entry) == []
    assert len(hub.asked) == asked, "what is here and whole needs no hub"


def test_a_damaged_file_is_named_and_mended(hub: Hub, entry: Model) -> None:
    hub.add("second.gguf", b"second" * 1000)
    both = replace(
        entry, files=(*entry.files, ModelFile("second.gguf", sources=("hf:someone/model@main#second.gguf",)))
    )
    pull(both)
    path = store.folder(entry) / "weights.gguf"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelNotReady, match=r"weights\.gguf is damaged"):
        store.ready(both)
    assert store.verify(both) == {"weights.gguf": "damaged", "second.gguf": "ready"}
    hub.asked.clear()
    pull(both)
    assert store.verify(both) == {"weights.gguf": "ready", "second.gguf": "ready"}
    assert not [path for path in hub.asked if "second" in path or "/api/" in path], "only that file is fetched again"


def test_a_connection_that_breaks_is_gone_on_with(hub: Hub, entry: Model) -> None:
    hub.drop_after, hub.drops = 100_000, 2
    steps = pull(entry)
    assert (store.folder(entry) / "weights.gguf").read_bytes() == WEIGHTS
    starts = [int(path.partition(" from ")[2] or 0) for path in hub.asked if "/cdn/" in path]
    assert len(starts) == 3
    assert starts == sorted(starts)
    assert starts[1] >= 100_000, "from where it broke"
    done = [step.done for step in steps]
    assert done == sorted(done)


def test_a_hub_that_breaks_off_for_good(hub: Hub, entry: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "RETRIES", 2)
    hub.drop_after, hub.drops = 0, 99
    error = problem(entry)
    assert "cannot be reached" in error.message
    assert "what has come is kept" in error.hint
    assert store.state(entry) == "missing", "nothing came"
    assert not store.folder(entry).exists()
    assert len([path for path in hub.asked if "/cdn/" in path]) == 2, "bounded"
    hub.drops, hub.silent_after = 0, 150_000
    run = store.pull(entry, Cancel())
    while next(run).done < 100_000:
        pass
    run.close()
    assert store.state(entry) == "partial"
    assert store.disk().unfinished == part().stat().st_size >= 100_000
    hub.silent_after = None
    hub.asked.clear()
    pull(entry)
    assert any(" from " in path for path in hub.asked)
    assert store.state(entry) == "ready"
    assert not part().exists()


def test_a_pull_that_was_killed_goes_on(hub: Hub, tmp_path: Path) -> None:
    hub.silent_after = 150_000
    address = "hf:someone/model#weights.gguf"
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "PICTORIAL_HOME": str(tmp_path / "home")}
    child = subprocess.Popen([sys.executable, "-c", PULL, address], env=environment, cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    watch = threading.Timer(15, child.kill)
    watch.start()
    while (line := child.stdout.readline()) and int(line) < 100_000:
        pass
    child.kill()
    child.communicate()
    watch.cancel()
    (left,) = (tmp_path / "home" / "models").rglob("*.part")
    came = left.stat().st_size
    assert 100_000 <= came < len(WEIGHTS)
    hub.silent_after = None
    hub.asked.clear()
    wanted = catalogue.addressed(address)
    pull(wanted)
    assert (store.folder(wanted) / "weights.gguf").read_bytes() == WEIGHTS
    assert [path for path in hub.asked if path.endswith(f" from {came}")]


def test_a_server_that_ignores_the_wish_for_the_rest(hub: Hub, entry: Model) -> None:
    part().parent.mkdir(parents=True)
    part().write_bytes(b"x" * 1000)
    hub.whole_only = True
    pull(entry)
    assert (store.folder(entry) / "weights.gguf").read_bytes() == WEIGHTS


@pytest.mark.parametrize("left", [WEIGHTS, WEIGHTS + b"more", b"?" + WEIGHTS[1:5000]])
def test_what_lies_there_from_before(hub: Hub, entry: Model, left: bytes) -> None:
    assert hub.url
    part().parent.mkdir(parents=True)
    part().write_bytes(left)
    if left != WEIGHTS:
        assert "came" in problem(entry).message
        assert not part().exists(), "wrong bytes do not stay"
    pull(entry)
    assert (store.folder(entry) / "weights.gguf").read_bytes() == WEIGHTS


def test_wrong_bytes(hub: Hub, entry: Model) -> None:
    hub.spoiled.add("weights.gguf")
    assert "sha256" in problem(entry).message
    assert not (store.folder(entry) / "weights.gguf").exists()
    assert not part().exists()
    hub.spoiled.clear()
    pull(entry)
    assert store.state(entry) == "ready"


def test_the_catalogues_checksum_goes_before_the_hubs(hub: Hub) -> None:
    assert hub.url
    mine = ModelFile("weights.gguf", len(WEIGHTS), sha(b"other"), ("hf:someone/model@main#weights.gguf",))
    hub.status["/resolve/main/weights.gguf"] = (200, "")
    with pytest.raises(ModelNotReady):
        pull(model(name="pinned", files=(mine,)))


@pytest.mark.parametrize(
    ("path", "status", "code", "said", "hint"),
    [
        ("/revision/main", 403, "GatedRepo", "accepted its licence", "hf auth login"),
        ("/revision/main", 401, "GatedRepo", "accepted its licence", "Accept the licence at"),
        ("/revision/main", 401, "RepoNotFound", "no repository someone/model", "Check the name"),
        ("/revision/main", 404, "RevisionNotFound", "no such file or revision", "correct the name"),
        ("/revision/main", 500, "", "answered 500", "same command"),
        ("weights.gguf", 404, "EntryNotFound", "no such file", "correct the name"),
        ("weights.gguf", 403, "GatedRepo", "accepted its licence", "hf auth login"),
        ("weights.gguf", 503, "", "answered 503", "same command"),
    ],
)
def test_refusals_are_sentences(
    hub: Hub, entry: Model, path: str, status: int, code: str, said: str, hint: str
) -> None:
    hub.status[path] = (status, code)
    error = problem(entry)
    assert said in error.message
    assert hint in error.hint


def test_a_record_that_is_none(hub: Hub, entry: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "record", lambda: ["not", "a", "record"])
    assert "cannot be read" in problem(entry).message


def test_a_hub_that_is_not_there(hub: Hub, entry: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.url
    monkeypatch.setattr(source, "RETRIES", 1)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    assert "cannot be reached" in problem(entry).message


def test_a_client_that_is_kept_offline(hub: Hub, entry: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in problem(entry).message
    assert hub.asked == []


def test_a_file_that_the_repository_does_not_hold(hub: Hub, entry: Model) -> None:
    hub.files = {"other.gguf": b"x", "more.gguf": b"y"}
    error = problem(entry)
    assert "holds no weights.gguf" in error.message
    assert "other.gguf" in error.hint


@pytest.mark.parametrize("silent", ["file", "record"])
def test_cancelling_a_hub_that_says_nothing(
    hub: Hub, entry: Model, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.silent_after = 50_000
    if silent == "record":
        monkeypatch.setattr(hub, "record", lambda: hub.released.wait(20) or {})
    cancel = Cancel()
    threading.Timer(0.4, cancel.cancel).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        pull(entry, cancel)
    assert time.monotonic() - start < 0.4 + 0.5
    assert (store.state(entry) == "partial") == (silent == "file")
    hub.released.set()


def test_a_hub_that_falls_silent_is_asked_again(hub: Hub, entry: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "SILENCE_SECONDS", 0.4)
    monkeypatch.setattr(source, "RETRIES", 2)
    hub.silent_after = 100_000
    pull(entry)  # each request brings a piece more
    assert store.state(entry) == "ready"
    hub.silent_after = 0
    store.remove(entry)
    assert "said nothing" in problem(entry).message


def test_no_room_is_said_before_anything_is_fetched(hub: Hub, entry: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert "GB of disk" in problem(entry).message
    assert not [path for path in hub.asked if "/cdn/" in path]


def test_one_pull_at_a_time(hub: Hub, entry: Model) -> None:
    hub.silent_after = 50_000
    first = store.pull(entry, Cancel())
    next(first)
    assert "being fetched already" in problem(entry).message
    first.close()
    hub.silent_after = None
    pull(entry)


# --- by address ---


def folder_of(hub: Hub, architecture: str = "LlamaForCausalLM", **config: object) -> None:
    hub.files.clear()
    hub.large.clear()
    hub.add("model.safetensors", WEIGHTS)
    hub.add(
        "config.json", json.dumps({"architectures": [architecture], "vocab_size": 9, **config}).encode(), large=False
    )
    hub.add("tokenizer.json", b'{"model": {"vocab": {}}}', large=False)
    hub.add("pytorch_model.bin", b"pickle")
    hub.add("modeling.py", b"raise SystemExit", large=False)
    hub.add("../escape.json", b"{}", large=False)
    hub.add("onnx/model.onnx", b"x" * 1000)


def test_a_repository_by_its_address(hub: Hub) -> None:
    folder_of(hub)
    shelf = Shelf(Settings())
    assert list(shelf.pull("hf:someone/model", Cancel()))
    (row,) = [row for row in shelf.rows() if row.name == "someone--model"]
    assert (row.state, row.purpose, row.licence, row.languages) == ("ready", "writer", "apache-2.0", ("en",))
    assert row.setting == f"transformers:{row.place}"
    kept = sorted(path.name for path in Path(row.place).iterdir() if not path.name.startswith("."))
    assert kept == ["config.json", "model.safetensors", "tokenizer.json"], "no pickles, no code, nothing outside"
    assert set(shelf.verify("someone--model").values()) == {"ready"}
    small = Path(row.place) / "config.json"
    small.write_bytes(small.read_bytes().replace(b"9", b"8"))
    assert shelf.verify("hf:someone/model")["config.json"] == "damaged", "small files have checksums too"
    hub.asked.clear()
    list(shelf.pull("someone--model", Cancel()))
    assert len([path for path in hub.asked if "/cdn/" in path]) == 1
    shelf.use("someone--model")
    from composer import settings

    assert settings.load().writer == row.setting
    assert shelf.remove("someone--model") >= len(WEIGHTS)
    assert not [row for row in shelf.rows() if row.name == "someone--model"]


def test_a_repository_that_sees_is_a_reranker(hub: Hub) -> None:
    folder_of(hub, "Idefics3ForConditionalGeneration", vision_config={})
    shelf = Shelf(Settings())
    list(shelf.pull("hf:someone/model", Cancel()))
    assert catalogue.find("someone--model").purpose == "reranker"


def test_small_files_are_checked_by_the_hubs_name_for_them(hub: Hub) -> None:
    folder_of(hub)
    hub.spoiled.add("config.json")
    with pytest.raises(ModelNotReady, match=r"config\.json came damaged"):
        list(Shelf(Settings()).pull("hf:someone/model", Cancel()))


def test_a_repository_of_pickles_is_refused(hub: Hub) -> None:
    folder_of(hub)
    del hub.files["model.safetensors"]
    with pytest.raises(ModelNotReady, match="only pickles"):
        list(Shelf(Settings()).pull("hf:someone/model", Cancel()))
    assert not list((Path(os.environ["PICTORIAL_HOME"]) / "models").iterdir()), "nothing is left of it"


def test_a_gguf_file_by_its_address(hub: Hub, tmp_path: Path) -> None:
    data = gguf_files.chat_model(tmp_path / "x.gguf", chinese=True).read_bytes()
    hub.add("quants/Small-Q8_0.gguf", data)
    shelf = Shelf(Settings())
    with pytest.raises(ModelNotReady, match="no safetensors files") as caught:
        list(shelf.pull("hf:someone/model", Cancel()))
    assert "quants/Small-Q8_0.gguf" in caught.value.hint
    address = "hf:someone/model#quants/Small-Q8_0.gguf"
    with pytest.raises(ModelNotReady, match="was not fetched yet"):
        shelf.use(address)
    list(shelf.pull(address, Cancel()))
    shelf.use(address)
    (row,) = [row for row in shelf.rows() if row.name == "Small-Q8_0"]
    assert row.setting == f"gguf:{row.place}/quants/Small-Q8_0.gguf"
    assert (row.state, row.megabytes) == ("ready", round(len(data) / 1e6))
    list(shelf.pull("hf:someone/model#quants/Small-Q8_0.gguf", Cancel()))
    assert len(catalogue.remembered()) == 1, "the same address is the same model"


@pytest.mark.parametrize(
    "address",
    [
        "hf:model",
        "hf:a/b#x.bin",
        "hf:a/b#../../x.gguf",
        "hf:a/b#a.gguf+b.gguf+c.gguf",
        "pypi:x",
        "hf:a/b@#",
        "hf:a/b c",
    ],
)
def test_what_is_no_address(hub: Hub, address: str) -> None:
    with pytest.raises(ModelNotReady) as caught:
        list(Shelf(Settings()).pull(address, Cancel()))
    assert caught.value.hint
    assert hub.asked == []
