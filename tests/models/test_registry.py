"""From names to adapters: what is built when, and what is said about names that are none."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace
from PIL import Image

from composer.errors import ModelNotReady
from composer.library.catalogue import Catalogue
from composer.pipeline import compose
from composer.ports import Cancel
from composer.settings import Settings
from composer.types import Brief, Composed
from models import store
from models.registry import (
    DEFAULT_PASSAGE,
    ENCODERS,
    RERANKERS,
    WRITERS,
    Models,
    _Known,
)
from tests.models import checkpoints, contracts
from tests.models.starter_files import starter

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "open_clip", "timm", "faiss", "xllamacpp", "PySide6")


def test_importing_it_imports_nothing_heavy() -> None:
    script = f"import sys, models.registry; print([name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_is_in_the_catalogue() -> None:
    for table in (WRITERS, ENCODERS, RERANKERS):
        for name in table.values():
            assert store.find(name)


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("writer", "nobody"), ("writer", "gguf:"), ("writer", "transformers:"), ("writer", ""),
        ("encoder", "nobody"), ("encoder", "open_clip:"), ("reranker", "nobody"), ("reranker", "transformers:"),
    ],
)  # fmt: skip
@pytest.mark.weights
def test_unknown_names_are_told_in_words(
    setting: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter("starter-encoder")
    _own_library(tmp_path, monkeypatch)
    models = Models(replace(Settings(), **{setting: name}))
    try:
        with pytest.raises(ModelNotReady, match=r"There is no (writer|encoder|re-ranker) named") as failed:
            models.writer() if setting == "writer" else models.tools()
        assert "Set one of: starter" in failed.value.hint
    finally:
        models.close()


def test_a_writers_file_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path))
    for name in ("starter", "starter-tiny", f"gguf:{tmp_path / 'none.gguf'}"):
        models = Models(replace(Settings(), writer=name))
        with pytest.raises(ModelNotReady) as failed:
            models.writer()
        assert "main.py models pull" in failed.value.hint
        models.close()


def test_an_encoder_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path))
    models = Models(Settings())
    with pytest.raises(ModelNotReady, match="starter-encoder"):
        models.tools()
    models.close()


@pytest.mark.weights
def test_tools_are_there_before_anything_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter("starter-encoder")
    _own_library(tmp_path, monkeypatch)
    models = Models(Settings())
    try:
        before = set(psutil.Process().children(recursive=True))
        tools = models.tools()
        assert models.tools() is tools
        assert tools.encoder.id == "starter-conse-1"
        assert tools.encoder.dimensions == 384
        assert models._writer is None
        assert models._search.pid is None, "the search process has nothing to do yet"
        started = set(psutil.Process().children(recursive=True)) - before
        names = [" ".join(child.cmdline()) for child in started]
        assert sum("spawn_main" in name for name in names) == 1, "only the picture models warm up"
        assert models.catalogue() is tools.catalogue
    finally:
        models.close()
    assert models._torch.pid is None


@pytest.mark.weights
def test_the_same_tools_on_another_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter("starter-encoder")
    _own_library(tmp_path, monkeypatch)
    models = Models(Settings())
    other = tmp_path / "other"
    try:
        with Catalogue(other / "catalogue.sqlite", other / "previews") as catalogue:
            tools = models.tools_on(catalogue)
            assert tools.catalogue is catalogue
            assert tools.encoder is models.tools().encoder
            assert models.tools().catalogue is models.catalogue()
            assert list(tools.search.follow(Cancel())) == list(tools.captions.follow(Cancel())) == []
            assert len(list((other / "indexes").iterdir())) == 2
            assert not (tmp_path / "library" / "indexes").exists()
    finally:
        models.close()


@pytest.mark.weights
def test_no_re_ranker_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter("starter-encoder")
    _own_library(tmp_path, monkeypatch)
    models = Models(replace(Settings(), reranker="none"))
    try:
        assert models.tools().reranker is None
    finally:
        models.close()


@pytest.mark.weights
def test_known_constants_are_the_encoders_own() -> None:
    from models.starter.conse import ConseEncoder

    real = ConseEncoder(starter("starter-encoder"))
    known = _Known(real, ConseEncoder)
    for name in ("id", "dimensions", "image_size", "languages"):
        assert getattr(known, name) == getattr(real, name)
    assert known.encode_texts(["a harbour"]).shape == (1, known.dimensions)


def test_longest_passages_are_the_catalogues() -> None:
    assert Models(Settings()).longest_passage("en") == store.find("starter-writer").longest_passage["en"]
    assert Models(replace(Settings(), writer="gguf:/x.gguf")).longest_passage("zh") == DEFAULT_PASSAGE["zh"]


def test_a_desks_fit_that_cannot_be_used_is_among_the_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path))
    assert Models(Settings()).problems() == []
    (tmp_path / "fusion.toml").write_text("nonsense")
    (told,) = Models(replace(Settings(), index="milvus:x.db")).problems()
    assert "fusion.toml cannot be used" in told


@pytest.mark.weights
def test_an_article_on_ones_own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open_clip encoder and a vision-language re-ranker, tiny and random, through the whole pipeline."""
    starter("starter-writer-tiny")
    _own_library(tmp_path, monkeypatch)
    clip = checkpoints.clip(tmp_path / "tiny-clip")
    eye = checkpoints.looking(tmp_path / "tiny-eye")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, image in enumerate(contracts.pictures(6)):
        image.resize((200, 160)).save(pictures / f"{number}.png")
    chosen = replace(
        Settings(), writer="starter-tiny", encoder=f"open_clip:{clip}", reranker=f"transformers:{eye}", empty_below=0.0
    )
    models = Models(chosen)
    brief = Brief(topic="Boats in a harbour", length=100, pictures=1, libraries=(str(pictures),))
    try:
        with closing(compose(brief, None, models.tools(), Cancel())) as events:
            made = [event for event in events if isinstance(event, Composed)][-1].composition
    finally:
        models.close()
    assert made.models["encoder"].startswith("open_clip:tiny-clip@")
    assert made.models["reranker"].startswith("transformers:tiny-eye@")
    (found,) = made.candidates.values()
    assert len(found) >= 4
    assert len({candidate.signals["rerank"] for candidate in found}) > 1, "the pictures were told apart"
    assert all(pick.picture is not None for pick in made.picks.values())
    kept = list((tmp_path / "looks").rglob("*.features.safetensors"))
    assert len(kept) == len(found), "what was seen is kept for the next slot"


def _own_library(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of its own beside the models that are there."""
    from composer.home import subfolder

    models = subfolder("models")
    (home / "models").symlink_to(models)
    monkeypatch.setenv("PICTORIAL_HOME", str(home))


def test_a_reader_of_texts_is_made_only_when_it_is_wanted_and_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Models(Settings())) as models:
        assert models.reader() is None
    pytest.importorskip("rapidocr")
    with closing(Models(Settings(read_texts=True))) as models:
        reader = models.reader()
        assert reader is not None
        assert reader is models.reader()
        assert reader.read([Image.new("RGB", (64, 64), "white")]) == [""]
        monkeypatch.setattr("models.readers.rapid.RapidReader.installed", lambda: False)
        assert models.reader() is None


def test_what_looks_for_faces_is_made_only_when_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Models(Settings())) as models:
        assert models.content_screen() is None
    pytest.importorskip("cv2")
    with monkeypatch.context() as patch, closing(Models(Settings(screen_content=True))) as models:
        patch.setenv("PICTORIAL_HOME", str(tmp_path))
        with pytest.raises(ModelNotReady, match="starter-screens"):
            models.content_screen()
    if store.state(store.find("starter-screens")) != "ready":
        pytest.skip("starter-screens was not pulled")
    with closing(Models(Settings(screen_content=True))) as models:
        screen = models.content_screen()
        assert screen is not None
        assert screen is models.content_screen()
        assert [each.faces for each in screen.look([Image.new("RGB", (64, 64), "white")])] == [0]
        assert screen.version > 0
