"""What is kept of pictures: memory, disk, limits, damage."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from models.rerankers.looks import Look, Looks


def look(seed: int, tokens: int = 10) -> Look:
    import torch

    torch.manual_seed(seed)
    features: dict[str, Any] = {"pooled": torch.randn(tokens, 8), "input.grid": torch.tensor([[1, 2, seed]])}
    return Look(run=[5, 6, seed], features=features, prefix=torch.randn(2, 2, 1, tokens, 4), start=seed + 3, prior=0.25)


def same(one: Look | None, other: Look) -> bool:
    import torch

    return (
        one is not None
        and (one.run, one.start, one.prior) == (other.run, other.start, other.prior)
        and one.features.keys() == other.features.keys()
        and all(torch.equal(one.features[name], other.features[name]) for name in other.features)
        and torch.equal(one.prefix, other.prefix)
    )


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*.safetensors"))


def test_a_look_comes_back_from_disk(tmp_path: Path) -> None:
    first = Looks(tmp_path, "model", 1 << 20)
    first.put("a", look(1))
    assert not first.whole("b")
    assert first.whole("a")
    later = Looks(tmp_path, "model", 1 << 20)
    assert same(later.get("a"), look(1))
    assert later.get("b") is None
    assert later.size == sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    later.forget()
    assert same(later.get("a"), look(1))


def test_models_do_not_see_each_others_looks(tmp_path: Path) -> None:
    Looks(tmp_path, "one", 1 << 20).put("a", look(1))
    assert Looks(tmp_path, "other", 1 << 20).get("a") is None


def test_features_alone(tmp_path: Path) -> None:
    store = Looks(tmp_path, "model", 1 << 20)
    half = look(1)
    half.prefix, half.prior = None, None
    store.put("a", half)
    assert files(tmp_path) == ["a.features.safetensors"]
    found = Looks(tmp_path, "model", 1 << 20).get("a")
    assert found is not None
    assert found.prior is None
    store.put("a", look(1))
    assert Looks(tmp_path, "model", 1 << 20).whole("a")


def test_the_limit_holds_and_features_outlive_prefixes(tmp_path: Path) -> None:
    store = Looks(tmp_path, "model", 12_000, memory=1)
    for seed in range(12):
        store.put(f"{seed:02}", look(seed))
        assert store.size <= 12_000
    assert store.full
    there = files(tmp_path)
    assert sum("features" in name for name in there) > sum("prefix" in name for name in there)
    assert store.size == sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    store = Looks(tmp_path, "model", 1 << 20)
    for name in "abc":
        store.put(name, look(ord(name)))
    for age, name in enumerate("bca"):  # a is the one used last
        for part in ("features", "prefix"):
            os.utime(tmp_path / "model" / f"{name}.{part}.safetensors", (time.time() - 100 + age,) * 2)
    size = store.size
    small = Looks(tmp_path, "model", size, memory=1)
    small.put("d", look(4))
    assert small.get("b") is None or small.get("b").prefix is None  # type: ignore[union-attr]
    assert same(small.get("a"), look(ord("a")))


def test_memory_alone_is_bounded() -> None:
    store = Looks(None, "model", 1 << 20, memory=3_000)
    for seed in range(6):
        store.put(str(seed), look(seed))
    assert store.get("0") is None
    assert same(store.get("5"), look(5))
    assert store.full
    assert not store.whole("5")


@pytest.mark.parametrize("damage", [b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}", b"nonsense" * 50])
def test_a_damaged_file_is_dropped(tmp_path: Path, damage: bytes) -> None:
    Looks(tmp_path, "model", 1 << 20).put("a", look(1))
    (tmp_path / "model" / "a.features.safetensors").write_bytes(damage)
    store = Looks(tmp_path, "model", 1 << 20)
    assert store.get("a") is None
    store.put("a", look(1))
    assert same(Looks(tmp_path, "model", 1 << 20).get("a"), look(1))


def test_a_file_that_another_process_removed(tmp_path: Path) -> None:
    Looks(tmp_path, "model", 1 << 20).put("a", look(1))
    store = Looks(tmp_path, "model", 1 << 20)
    (tmp_path / "model" / "a.prefix.safetensors").unlink()
    found = store.get("a")
    assert found is not None
    assert found.prefix is None
    assert found.prior is None


def test_leftovers_of_a_broken_write_are_removed(tmp_path: Path) -> None:
    Looks(tmp_path, "model", 1 << 20).put("a", look(1))
    old = tmp_path / "model" / "b.features.safetensors.4711"
    old.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    Looks(tmp_path, "model", 1 << 20)
    assert not old.exists()


def test_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("a file where the folder should be")
    store = Looks(tmp_path, "model", 1 << 20)
    store.put("a", look(1))
    assert same(store.get("a"), look(1)), "memory still holds it"
