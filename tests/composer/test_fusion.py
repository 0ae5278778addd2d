"""How signals are joined, on the disk: what is written reads back, and what cannot be used is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomlkit
from msgspec.structs import replace

from composer import fusion
from composer.errors import SettingsError
from composer.fusion import ANY, Fusion
from composer.stages.rank import Signal

MADE = Fusion(
    encoder="open_clip:/a \"folder\"", reranker="none", fitted="30 places\nof \x7f an article",
    signals={"vector": Signal(0.7, 0.21, 1e-6), "rerank": Signal(0.0)}, empty_below=0.3,
)  # fmt: skip
HEAD = '[[set]]\nencoder = "a"\nreranker = "b"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path))
    return tmp_path


def test_a_desk_without_a_file_has_no_fit() -> None:
    assert fusion.desk() == ()
    assert not fusion.forget("a", "b")


def test_what_is_kept_reads_back() -> None:
    other = replace(MADE, reranker="starter")
    path = fusion.keep(MADE)
    fusion.keep(other)
    assert fusion.desk() == (MADE, other)
    assert tomlkit.parse(path.read_text("utf-8"))["set"]
    again = replace(MADE, fitted="anew")
    fusion.keep(again)
    assert fusion.desk() == (other, again)
    assert fusion.forget(again.encoder, again.reranker)
    assert fusion.desk() == (other,)
    assert not fusion.forget(again.encoder, again.reranker)
    assert fusion.forget(other.encoder, other.reranker)
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[set]", "fusion.toml cannot be used"),
        (HEAD + "empty_below = 2.0\nsignals = {vector = {weight = 1}}", "empty_below"),
        (HEAD + "empty_below = 0.2\nsignals = {taste = {weight = 1}}", "taste"),
        (HEAD + "empty_below = 0.2\nsignals = {vector = {weight = -1}}", "vector has a weight or width below 0"),
        (HEAD + "empty_below = 0.2\nsignals = {vector = {weight = 1, middle = nan}}", "no number"),
        (HEAD + "empty_below = 0.2\nsignals = {vector = {weight = 0}}", "no signal has a weight above 0"),
        (HEAD + "empty_below = 0.2\nsignals = {}", "no signal has a weight above 0"),
        (HEAD + "signals = {vector = {weight = 1}}", "empty_below"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_can_be_removed(home: Path, text: str, said: str) -> None:
    path = home / "fusion.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"fusion\.toml cannot be used") as failed:
        fusion.desk()
    assert said in failed.value.message
    assert "--unfit" in failed.value.hint
    with pytest.raises(SettingsError):
        fusion.keep(MADE)
    assert path.read_text() == text
    assert fusion.forget("x", "y")
    assert not path.exists()


def test_a_file_of_bytes_is_told(home: Path) -> None:
    (home / "fusion.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read"):
        fusion.desk()


def test_the_nearest_set_is_taken() -> None:
    pairs = [(ANY, ANY), (ANY, "b"), ("a", ANY), ("a", "b")]
    known = [replace(MADE, encoder=encoder, reranker=reranker) for encoder, reranker in pairs]
    for asked, found in {("a", "b"): 3, ("a", "c"): 2, ("c", "b"): 1, ("c", "c"): 0}.items():
        assert fusion.chosen(known, *asked) == known[found]
    assert fusion.chosen(known[3:], "a", "c") is None
