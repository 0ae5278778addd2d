"""The real catalogue and its sets: everything named exists, is pinned or says so, and fits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models import catalogue
from models.catalogue import HUB_ADDRESS, Model, SetEntry
from models.sources import index

MODELS = catalogue.catalogue()
LEFT = {"ram": 0.68, "vram": 0.88}
"""Share of the memory that models may take: the system and the window want the rest, pictures a little of it."""


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_entries(model: Model) -> None:
    assert model.files or model.hub or model.uses
    assert model.memory_mb > 0
    assert model.licence
    assert model.about.endswith(".")
    assert not model.uses or model.uses in MODELS
    for file in model.files:
        assert catalogue.safe_name(file.name)
        assert not file.name.endswith((".pkl", ".pickle"))
        assert file.sources
        assert bool(file.size) == bool(file.sha256), "both are known, or both are the hub's to tell"
        assert not file.sha256 or re.fullmatch("[0-9a-f]{64}", file.sha256)
        for source in file.sources:
            assert_source(source, pinned=bool(file.sha256))
    if not model.listed and not model.uses:
        assert "bout " in model.about, "a size that is not known is said in words"


def assert_source(source: str, *, pinned: bool) -> None:
    kind, _, rest = source.partition(":")
    if kind == "pypi":
        parts = index.expand(rest)
        assert len(set(parts)) == len(parts)
        assert all("==" in part and "#" in part for part in parts)
        return
    match = HUB_ADDRESS.fullmatch(source)
    assert match
    assert match["files"]
    assert not pinned or re.fullmatch("[0-9a-f]{40}", match["revision"] or ""), "a checksum is of one commit"


def test_names_and_forms() -> None:
    assert {model.form for model in MODELS.values()} == {"starter", "gguf", "transformers", "open_clip"}
    for model in MODELS.values():
        assert (model.purpose == "encoder") == (model.form == "open_clip") or model.form == "starter"
        if model.form == "gguf":
            eyes = [file for file in model.files if file.name.startswith("mmproj")]
            assert len(eyes) == (model.purpose == "reranker"), "a re-ranker needs its picture reader"
        if model.form == "gguf" and model.size:
            assert model.memory_mb > model.size / 1e6, "the weights are held in memory"


def test_there_is_a_set_for_every_machine_and_language() -> None:
    wanted = {("ram", size, each) for size in (8, 16, 32) for each in ("en", "zh")}
    wanted |= {("vram", size, each) for size in (8, 12, 24) for each in ("en", "zh")}
    assert {(entry.memory, entry.gigabytes, entry.language) for entry in catalogue.sets()} == wanted
    assert len(catalogue.sets()) == 12


@pytest.mark.parametrize("entry", catalogue.sets(), ids=lambda entry: entry.name)
def test_sets_read_their_language_and_fit_together(entry: SetEntry) -> None:
    models = [MODELS[name] for name in entry.models]
    assert [model.purpose for model in models] == ["writer", "encoder", "reranker"]
    for model in models:
        assert entry.language in model.languages, f"{model.name} does not read it"
        assert "commercial" not in model.licence, "recommended to everybody"
    assert sum(model.memory_mb for model in models) < entry.gigabytes * 1024 * LEFT[entry.memory]


def test_records_of_folders_are_not_believed_blindly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path))
    model = catalogue.addressed("hf:someone/x#a.gguf")
    place = catalogue.folder(model)
    place.mkdir(parents=True)
    catalogue.remember(model)
    assert catalogue.remembered() == {"a": model}
    record = place / catalogue.RECORD
    good = record.read_text("utf-8")
    for bad in ("", "[]", good.replace('"a"', '"b"'), good.replace("a.gguf", "../../../a.gguf"), good[:-5]):
        record.write_text(bad, "utf-8")
        assert catalogue.remembered() == {}
    assert catalogue.addressed("hf:another/y#a.gguf").name == "a", "a name is free where nothing is remembered"
