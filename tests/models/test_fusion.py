"""Which weights hold with which models: the desk's fit, else the program's; and what is known of the re-ranker."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from composer import fusion as desk
from composer.fusion import Fusion
from composer.settings import Settings
from composer.stages.rank import Signal
from models import fusion

CLIP = Settings(encoder="open_clip:/a/clip")
EYE = Settings(reranker="transformers:/a/vlm")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path))
    return tmp_path


def fitted(settings: Settings, rerank: float | None, words: str = "30 places") -> Fusion:
    signals = {"vector": Signal(1.0, 0.2, 0.1), **({} if rerank is None else {"rerank": Signal(rerank)})}
    return Fusion(encoder=settings.encoder, reranker=settings.reranker, signals=signals, empty_below=0.25, fitted=words)  # type: ignore[arg-type]


def test_the_programs_own_file_has_a_set_for_any_models() -> None:
    for settings in (Settings(), CLIP, EYE, replace(CLIP, reranker="transformers:/a/vlm")):
        assert fusion.own(settings) in fusion.known()
    assert fusion.own(Settings()).fitted
    assert not fusion.own(CLIP).fitted


def test_each_score_is_on_the_scale_of_the_model_that_gives_it() -> None:
    starter, both = fusion.weights_of(Settings()).signals, fusion.weights_of(replace(CLIP, reranker="x")).signals
    mixed, other = fusion.weights_of(EYE).signals, fusion.weights_of(CLIP).signals
    assert (mixed["vector"], mixed["rerank"]) == (starter["vector"], both["rerank"])
    assert (other["vector"], other["rerank"]) == (both["vector"], starter["rerank"])


def test_a_desks_fit_wins_for_its_models_alone() -> None:
    mine = fitted(CLIP, 0.5)
    desk.keep(mine)
    assert fusion.weights_of(CLIP) == mine.weights
    assert fusion.own(CLIP) != mine
    assert fusion.weights_of(Settings()) == fusion.own(Settings()).weights


def test_a_desks_file_that_cannot_be_used_is_told_and_passed_over(home: Path) -> None:
    assert fusion.problem() is None
    (home / "fusion.toml").write_text("[[set]]")
    assert fusion.weights_of(CLIP) == fusion.own(CLIP).weights
    assert "fusion.toml cannot be used" in str(fusion.problem())


def test_places_stay_empty_as_the_writer_set_it_else_as_fitted() -> None:
    desk.keep(fitted(CLIP, 0.5))
    assert fusion.empty_below_of(CLIP) == 0.25
    assert fusion.empty_below_of(replace(CLIP, empty_below=0.7)) == 0.7
    assert fusion.empty_below_of(Settings()) == fusion.own(Settings()).empty_below


def test_what_is_known_of_the_reranker() -> None:
    assert fusion.gain_of(Settings()) == ""
    assert fusion.gain_of(CLIP) == "unmeasured"
    assert fusion.gain_of(replace(CLIP, reranker="none")) == ""
    desk.keep(fitted(CLIP, 0.5))
    assert fusion.gain_of(CLIP) == ""
    desk.keep(fitted(CLIP, 0.0))
    assert fusion.gain_of(CLIP) == "nothing"
    desk.keep(fitted(CLIP, None))
    assert fusion.gain_of(CLIP) == "unmeasured"
