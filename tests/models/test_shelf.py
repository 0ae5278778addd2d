"""Choosing models: what settings may name, what is refused and why, rows and sets; and the doctor's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from composer import fusion
from composer import settings as saved
from composer.errors import ModelFailed, ModelNotReady
from composer.fusion import Fusion
from composer.ports import Cancel, Check
from composer.settings import Settings
from composer.stages.rank import Signal
from composer.types import SignalName
from models import catalogue, choices, doctor, found, machine, store
from models.catalogue import ModelFile
from models.machine import Card, Machine
from models.shelf import Shelf
from tests.models import gguf_files
from tests.models.stand_in import StandIn

FREE = Machine(total=64_000, free=60_000, cores=8, card=None, unified=False)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(found, "places", list)
    for name in ("lm_studio_folders", "jan_folders"):
        monkeypatch.setattr(found, name, lambda: [tmp_path / "programs"])
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    monkeypatch.setattr(machine, "look", lambda: FREE)
    return tmp_path


def folder(path: Path, architecture: str = "LlamaForCausalLM", **config: object) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"architectures": [architecture], **config}), "utf-8")
    (path / "model.safetensors").write_bytes(b"x" * 1000)
    (path / "tokenizer.json").write_text('{"model": {"vocab": {}}}', "utf-8")
    (path / "chat_template.jinja").write_text("x", "utf-8")
    return path


def encoder(path: Path, vocabulary: int = 49408) -> Path:
    path.mkdir(parents=True)
    config = {"model_cfg": {"embed_dim": 8, "vision_cfg": {}, "text_cfg": {"vocab_size": vocabulary}}}
    (path / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    (path / "open_clip_model.safetensors").write_bytes(b"x" * 1000)
    return path


def refused(name: str, purpose: str | None = None) -> ModelNotReady:
    """Choosing it fails with a sentence and a hint, and the settings stay as they were."""
    before = saved.load()
    with pytest.raises(ModelNotReady) as caught:
        Shelf(before).use(name, purpose)  # type: ignore[arg-type]
    assert caught.value.hint
    assert saved.load() == before
    return caught.value


# --- choosing ---


def test_a_gguf_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = gguf_files.chat_model(home / "model.gguf")
    for name in (str(path), f"gguf:{path}", f"file:{path}", path.as_uri()):
        Shelf(Settings()).use(name)
        assert saved.load().writer == f"gguf:{path}"
    for name in (str(path), path.as_uri()):
        with pytest.raises(ModelNotReady, match="used where it lies"):
            list(Shelf(Settings()).pull(name, Cancel()))
    monkeypatch.chdir(home)
    Shelf(Settings()).use("model.gguf")
    assert saved.load().writer == f"gguf:{path}", "whatever folder the program is started in"


def test_a_pair_of_gguf_files(home: Path) -> None:
    model, eyes = gguf_files.chat_model(home / "model.gguf"), gguf_files.projector(home / "mmproj.gguf")
    Shelf(Settings()).use(f"{model}+{eyes}")
    assert saved.load().reranker == f"gguf:{model}+{eyes}"
    assert "reads text only" in refused(str(model), "reranker").message
    assert "no picture reader" in refused(f"gguf:{eyes}+{model}", "reranker").message
    assert "what another model reads" in refused(str(eyes)).message
    other = gguf_files.projector(home / "mmproj-other.gguf", width=128)
    assert "belongs to another model" in refused(f"gguf:{model}+{other}").message


def test_folders(home: Path) -> None:
    shelf = Shelf(Settings())
    shelf.use(str(folder(home / "writes")))
    shelf.use(str(folder(home / "sees", "Idefics3ForConditionalGeneration", vision_config={})))
    shelf.use(str(encoder(home / "clips")))
    now = saved.load()
    assert (now.writer, now.reranker, now.encoder) == (
        f"transformers:{home}/writes", f"transformers:{home}/sees", f"open_clip:{home}/clips",
    )  # fmt: skip
    assert "reads text only" in refused(str(home / "writes"), "reranker").message
    (home / "writes" / "tokenizer.json").unlink()
    assert "no tokenizer" in refused(str(home / "writes")).message
    (home / "sees" / "model.safetensors").rename(home / "sees" / "pytorch_model.bin")
    assert "pickles" in refused(str(home / "sees")).message


def test_a_hub_id_that_was_pulled_or_lies_in_the_cache(home: Path) -> None:
    shelf = Shelf(Settings())
    assert "models pull hf:someone/writes" in refused("transformers:someone/writes", "writer").hint
    folder(home / "cache" / "models--someone--writes" / "snapshots" / "abc")
    shelf.use("transformers:someone/writes", "writer")
    assert saved.load().writer == "transformers:someone/writes"
    model = catalogue.addressed("hf:other/writes")
    folder(catalogue.folder(model))
    catalogue.remember(model)
    shelf.use("transformers:other/writes", "writer")


def test_an_open_clip_tag(home: Path) -> None:
    name = "open_clip:ViT-B-16-SigLIP2/webli"
    assert "models pull hf:timm/ViT-B-16-SigLIP2" in refused(name).hint
    encoder(home / "cache" / "models--timm--ViT-B-16-SigLIP2" / "snapshots" / "abc")
    Shelf(Settings()).use(name)
    assert choices.judge("encoder", name, Settings()).languages == ("en", "zh")
    assert "Its tags: " in refused("open_clip:ViT-B-32/nothing").hint
    assert "no model Nothing/x" in refused("open_clip:Nothing/x").message


def test_servers(home: Path) -> None:
    assert home
    away = "server:http://nas.local:11434/v1#llama"
    assert "--as writer" in refused(away).hint, "a server may be meant for two things"
    assert "models allow nas.local:11434" in refused(away, "writer").hint
    shelf = Shelf(saved.load())
    shelf.allow("NAS.local:11434")
    shelf.allow("nas.local:11434")
    assert saved.load().allowed_hosts == ("nas.local:11434",)
    assert choices.judge("writer", away, saved.load()).setting == away


def test_a_server_is_asked_before_it_is_chosen(home: Path) -> None:
    assert home
    with StandIn("llama", "qwen-vl") as there:
        Shelf(Settings()).use(f"{there.url}#llama", "writer")
        assert saved.load().writer == f"server:{there.url}#llama"
        with pytest.raises(ModelNotReady) as unclear:
            Shelf(saved.load()).use(there.url, "writer")
        assert "llama" in str(unclear.value)
        assert "qwen-vl" in str(unclear.value)
        with pytest.raises(ModelNotReady):
            Shelf(saved.load()).use(f"{there.url}#nobody", "writer")
    with StandIn("alone") as there:
        Shelf(saved.load()).use(there.url, "writer")
        assert saved.load().writer == f"server:{there.url}#alone", "the only model is named from now on"
        gone = there.url
    before = saved.load()
    with pytest.raises((ModelNotReady, ModelFailed)):
        Shelf(before).use(gone, "writer")
    assert saved.load() == before, "what cannot be used changes nothing"


@pytest.mark.parametrize(
    "host", ["nas", "nas:", "nas:x", "nas:0", "nas:70000", "http://nas:1", "a b:1", ":1", "u@nas:1"]
)
def test_hosts_that_are_none(host: str) -> None:
    with pytest.raises(ModelNotReady, match="is not a host and port"):
        Shelf(Settings()).allow(host)
    assert not saved.settings_file().exists()


@pytest.mark.parametrize("host", ["nas.local:1", "10.0.0.7:65535", "[fd00::1]:8080"])
def test_hosts(host: str) -> None:
    Shelf(Settings()).allow(host)
    assert saved.load().allowed_hosts == (host,)


def test_names_of_the_catalogue(home: Path) -> None:
    assert "models pull starter-writer" in refused("starter-writer").hint
    assert "models pull qwen3-4b" in refused("qwen3-4b").hint
    assert "more than one thing" in refused("starter").message
    assert "no encoder named starter-tiny" in refused("starter-tiny", "encoder").message
    assert "no re-ranker" in refused("nonsense", "reranker").message
    Shelf(Settings()).use("none")
    assert saved.load().reranker == "none"
    assert home


def test_a_catalogue_model_that_is_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, eyes = gguf_files.chat_model(home / "a.gguf"), gguf_files.projector(home / "mmproj-a.gguf")
    files = tuple(
        ModelFile(path.name, path.stat().st_size, store.sha256(path), ("hf:x/y@z#a.gguf",)) for path in (eyes, model)
    )
    entry = replace(catalogue.catalogue()["smolvlm-256m"], files=files)
    monkeypatch.setattr(catalogue, "catalogue", lambda: {entry.name: entry})
    place = catalogue.folder(entry)
    place.mkdir(parents=True)
    for path in (model, eyes):
        path.rename(place / path.name)
    shelf = Shelf(Settings())
    shelf.use("smolvlm-256m")
    assert saved.load().reranker == f"gguf:{place}/a.gguf+{place}/mmproj-a.gguf"
    (row,) = shelf.rows()
    assert (row.state, row.chosen, row.place) == ("ready", True, str(place))
    assert choices.judge("reranker", row.setting, saved.load()).title == entry.title
    assert "is no writer" in refused("smolvlm-256m", "writer").message
    (place / "a.gguf").write_bytes(b"GGUF")
    assert "damaged" in refused("smolvlm-256m").message


# --- rows and sets ---


def test_rows_of_found_models(home: Path) -> None:
    (home / "programs").mkdir()
    path = gguf_files.chat_model(home / "programs" / "model.gguf", template=None)
    rows = {row.name: row for row in Shelf(Settings(writer=f"gguf:{path}")).rows()}
    row = rows[f"gguf:{path}"]
    assert (row.found_in, row.state, row.chosen) == ("LM Studio", "ready", True)
    assert "not tuned" in row.about
    assert row.fit.fits == "yes"
    with pytest.raises(ModelNotReady, match="belongs to another program"):
        Shelf(Settings()).remove(row.name)
    assert path.exists()
    Shelf(Settings()).use(row.name)
    assert saved.load().writer == row.setting


def test_rows_of_the_catalogue() -> None:
    rows = {row.name: row for row in Shelf(Settings()).rows()}
    assert {row.state for row in rows.values()} == {"missing"}
    assert [name for name, row in rows.items() if row.chosen] == ["starter-writer", "starter-encoder", "starter-judge"]
    screens = {row.name: row for row in Shelf(Settings(screen_content=True)).rows()}["starter-screens"]
    assert (screens.chosen, screens.purpose) == (True, "screens")
    assert rows["siglip2-base"].megabytes == 0
    assert rows["qwen3-8b"].megabytes == 5028
    with pytest.raises(ModelNotReady, match="part of starter-encoder"):
        Shelf(Settings()).remove("starter-judge")
    with pytest.raises(ModelNotReady, match="is not on this machine"):
        Shelf(Settings()).remove("qwen3-8b")


def test_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {each.name: each for each in Shelf(Settings()).sets()}
    assert sets["ram-16-zh"].fit.fits == "yes"
    assert "siglip2-base is told when its pull begins" in sets["ram-16-zh"].fit.sentence
    assert sets["ram-16-zh"].megabytes == round((2497280736 + 1107409952 + 819394848) / 1e6)
    assert (sets["vram-8-en"].fit.fits, sets["ram-8-en"].fit.fits) == ("no", "yes"), "there is no card"
    monkeypatch.setattr(machine, "look", lambda: replace(FREE, free=1000, card=Card("RTX", 8192, 8100)))
    sets = {each.name: each for each in Shelf(Settings()).sets()}
    assert (sets["vram-8-en"].fit.fits, sets["ram-8-en"].fit.fits) == ("yes", "no")


# --- settings of the library ---


def test_where_the_library_is_searched() -> None:
    saved.save(Settings(threads=3))
    Shelf(saved.load()).set_library("milvus:~/pictures.db", read_texts=True)
    kept = Settings(threads=3, index=f"milvus:{Path('~/pictures.db').expanduser()}", read_texts=True)
    assert saved.load() == kept
    for index, said in (
        ("http://box:19530", "is no place for an index on Milvus"),
        ("milvus://box:port/x", "its host or port is not one"),
        ("milvus://nas.local:19530/x", "models allow nas.local:19530"),
    ):
        with pytest.raises(ModelNotReady) as caught:
            Shelf(saved.load()).set_library(index, read_texts=False)
        assert said in str(caught.value)
        assert saved.load() == kept
    Shelf(replace(saved.load(), allowed_hosts=("nas.local:19530",))).set_library("milvus://nas.local/x")
    assert saved.load().index == "milvus://nas.local/x"
    Shelf(saved.load()).set_library(" ")
    assert saved.load().index == ""


def test_what_is_not_installed_is_told_when_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    for index, read_texts, said in ((None, True, "pictorial[ocr]"), ("milvus:/x.db", None, "pictorial[milvus]")):
        with pytest.raises(ModelNotReady) as caught:
            Shelf(Settings()).set_library(index, read_texts)
        assert said in caught.value.hint
    assert saved.load() == Settings()
    Shelf(Settings(read_texts=True)).set_library(read_texts=True)
    with pytest.raises(ModelNotReady, match="not installed"):
        Shelf(Settings()).set_library(screen_content=True)


def test_faces_are_looked_for_only_once_the_model_is_here() -> None:
    pytest.importorskip("cv2")
    with pytest.raises(ModelNotReady) as caught:
        Shelf(Settings()).set_library(screen_content=True)
    assert "models pull starter-screens" in caught.value.hint
    assert saved.load() == Settings()
    Shelf(Settings(screen_content=True)).set_library(screen_content=False)
    assert not saved.load().screen_content


# --- the doctor ---


def test_the_doctor_looks_for_the_screens_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Screens" not in checked(Settings())
    missing = checked(Settings(screen_content=True))["Screens"]
    assert not missing.ok
    assert missing.hint
    monkeypatch.setattr("models.readers.content.weights", Path)
    assert checked(Settings(screen_content=True))["Screens"].ok


def checked(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in doctor.checks(settings)}


def test_the_doctor_looks_at_every_choice(home: Path) -> None:
    model, eyes = gguf_files.chat_model(home / "m.gguf", template=None), gguf_files.projector(home / "mmproj.gguf")
    clips = encoder(home / "clips")
    checks = checked(Settings(writer=f"gguf:{model}", encoder=f"open_clip:{clips}", reranker=f"gguf:{model}+{eyes}"))
    assert all(check.ok for check in checks.values()), checks
    assert "writes English only" in checks["Writer"].detail
    assert "not tuned to follow instructions" in checks["Writer"].detail
    assert "for a Chinese article it is asked in English" in checks["Encoder"].detail
    assert "MB needed by the chosen models together" in checks["Memory"].detail
    assert (
        "reads English and Chinese"
        in checked(Settings(encoder=f"open_clip:{encoder(home / 'm', 250_002)}"))["Encoder"].detail
    )


def test_the_doctor_says_whether_choosing_was_measured() -> None:
    clip = Settings(encoder="open_clip:/a/clip")
    assert checked(Settings())["Choosing"].detail.startswith("fitted on ")
    for settings, said in ((clip, "re-ranker and this encoder"), (replace(clip, reranker="none"), "joined with words")):
        told = checked(settings)["Choosing"]
        assert told.ok
        assert said in told.detail
        assert "evaluate GOLD --fit" in told.detail
    signals: dict[SignalName, Signal] = {"vector": Signal(1.0, 0.2, 0.1), "rerank": Signal(0.0)}
    made = Fusion(encoder=clip.encoder, reranker="starter", signals=signals, empty_below=0.3, fitted="30 places")
    path = fusion.keep(made)
    assert "adds nothing and is not asked" in checked(clip)["Choosing"].detail
    assert Shelf(clip).gain() == "nothing"
    path.write_text("[[set]")
    broken = checked(clip)["Choosing"]
    assert not broken.ok
    assert "fusion.toml cannot be used" in broken.detail
    assert "--unfit" in broken.hint


@pytest.mark.parametrize(
    ("role", "setting", "said"),
    [
        ("writer", "gguf:/nowhere/x.gguf", "There is no file"),
        ("writer", "starter", "is missing"),
        ("writer", "server:http://nas.local:1/v1#m", "is not on this machine: your texts"),
        ("writer", "gguf:", "no writer named"),
        ("encoder", "open_clip:/nowhere", "open_clip has no model"),
        ("encoder", "gguf:/x.gguf", "no encoder named"),
        ("reranker", "transformers:/nowhere", "There is no model folder"),
        ("reranker", "gguf:/x.gguf", "reads text only"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_a_choice(role: str, setting: str, said: str) -> None:
    check = checked(replace(Settings(), **{role: setting}))[{"reranker": "Re-ranker"}.get(role, role.title())]
    assert not check.ok
    assert said in check.detail
    assert check.hint


def test_the_doctor_and_the_index(home: Path) -> None:
    assert checked(Settings())["Picture index"].ok
    index = home / "home" / "library" / "indexes" / "mine"
    index.mkdir(parents=True)
    (index / "problem").write_text("no space left on device")
    check = checked(Settings())["Picture index"]
    assert not check.ok
    assert "could not be rebuilt (no space left on device)" in check.detail
    there = checked(Settings(index="milvus://127.0.0.1:19530/pictures"))["Picture index"]
    assert (there.ok, there.detail) == (True, "on Milvus, 127.0.0.1:19530")
    away = checked(Settings(index="milvus://nas.local:19530/pictures"))["Picture index"]
    assert not away.ok
    assert "models allow nas.local:19530" in away.hint


def test_the_doctor_and_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "none that can be used" in checked(Settings())["Graphics card"].detail
    card = replace(FREE, card=Card("RTX 4070", 12_282, 11_000))
    monkeypatch.setattr(machine, "look", lambda: card)
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "2.14.1+cpu" if name == "torch" else "1")
    check = checked(Settings())["Graphics card"]
    assert (check.ok, "PyTorch cannot use it" in check.detail) == (False, True)
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda _: "2.14.1+cu130")
    check = checked(Settings())["Graphics card"]
    assert check.ok
    assert "GGUF models run on the processor" in check.detail
    monkeypatch.setattr(machine, "look", lambda: replace(FREE, problem="the driver's tool nvidia-smi does not answer"))
    assert not checked(Settings())["Graphics card"].ok


def test_the_doctor_and_memory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = gguf_files.chat_model(home / "m.gguf")
    monkeypatch.setattr(machine, "look", lambda: replace(FREE, free=100))
    check = checked(Settings(writer=f"gguf:{model}"))["Memory"]
    assert not check.ok
    assert "models sets" in check.hint
