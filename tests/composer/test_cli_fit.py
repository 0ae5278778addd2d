"""`evaluate --fit`: what is fitted on, what is told and kept, and how it goes again."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from msgspec.structs import replace

from composer import fusion
from composer.acts import Act, Considered
from composer.evaluation import recording
from composer.evaluation.fitting import Fit
from composer.evaluation.gold import Gold
from composer.evaluation.nouns import Example
from composer.evaluation.pool import Pool
from composer.evaluation.runner import Progress
from composer.ports import Cancel
from composer.types import Slot
from tests.composer.evaluation.examples import drawn
from tests.composer.evaluation.golds import boats
from tests.composer.test_cli import Terminal, terminal  # noqa: F401 - a fixture


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Pool]]:
    """Gold articles give drawn examples; the pools that were asked about."""
    asked: list[Pool] = []

    def examples_of(gold: Gold, pool: Pool, cancel: Cancel) -> Generator[Progress, None, tuple[Example, ...]]:
        asked.append(pool)
        cancel.check()
        yield Progress("Collecting examples", len(gold.articles), len(gold.articles))
        return tuple(drawn(60, {"vector": 1.5, "words": 1.5, "rerank": -1.0}))

    module = ModuleType("composer.evaluation.examples")
    module.examples_of = examples_of  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return iter([asked])


def test_gold_articles_are_fitted_to_and_kept(
    terminal: Terminal,  # noqa: F811 - the fixture
    pools: Iterator[list[Pool]],
    tmp_path: Path,
) -> None:
    gold, report = boats(tmp_path / "gold"), tmp_path / "found" / "fit"
    assert terminal("evaluate", gold, "--fit", "--report", report) == 0, terminal.err
    (pool,) = next(pools)
    assert pool.tools.weights.signals["rerank"].weight > 0
    assert pool.words
    (kept,) = fusion.desk()
    assert (kept.encoder, kept.reranker) == ("starter", "starter")
    assert "60 places of 12 articles of gold" in kept.fitted
    assert kept.signals["rerank"].weight == 0
    found = msgspec.json.decode(report.with_suffix(".json").read_bytes(), type=Fit)
    assert (found.weights.signals, found.empty_below) == (kept.signals, kept.empty_below)
    assert "against the encoder alone: +" in terminal.out
    assert "more articles would tell" not in terminal.out
    assert "The re-ranker adds nothing with these models: it is not asked." in terminal.out
    assert terminal.out.splitlines()[-1] == str(fusion.desk_file())
    assert (tmp_path / "found" / "fit.parts" / "library").is_dir()
    assert terminal("evaluate", "--unfit") == 0
    assert terminal.out == "The desk's fit is removed.\n"
    assert terminal("evaluate", "--unfit", "--json") == 0
    assert json.loads(terminal.out) == {"removed": False}
    assert fusion.desk() == ()


def test_a_dry_run_only_tells(
    terminal: Terminal,  # noqa: F811 - the fixture
    pools: Iterator[list[Pool]],
    tmp_path: Path,
) -> None:
    gold = boats(tmp_path / "gold")
    assert terminal("evaluate", gold, "--fit", "--dry-run", "--json", "--vectors-only") == 0, terminal.err
    told = json.loads(terminal.out)
    assert told["file"] is None
    assert told["fit"]["share"]["chosen"] > told["fit"]["single"]["vector"]["chosen"]
    assert not next(pools)[0].words
    assert not fusion.desk_file().exists()


def test_a_desk_is_fitted_to_its_own_choices(terminal: Terminal) -> None:  # noqa: F811 - the fixture
    assert terminal("evaluate", "--fit") == 1
    assert "0 places were decided on with these models; 30 are needed." in terminal.err
    made = drawn(40, {"vector": 1.5, "words": 1.0})
    for at, example in enumerate(made):
        recording.record([_act(example, at, "colours"), _act(example, at + 100, "another")])
    assert terminal("evaluate", "--fit") == 0, terminal.err
    assert "40 places, 20 of them left as they were proposed" in terminal.err
    assert "40 places of 12 articles" in terminal.out
    assert (
        "The re-ranker was not measured at these places" in terminal.out or "Taken: the program's own" in terminal.out
    )
    assert "40 places of 12 articles of this desk: " in fusion.desk()[0].fitted


def test_a_file_that_cannot_be_written_to_is_told_before_the_work(terminal: Terminal, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "home").mkdir()
    fusion.desk_file().write_text("[[set]")
    assert terminal("evaluate", "--fit") == 1
    assert "fusion.toml cannot be used" in terminal.err
    assert terminal.chosen == []
    assert terminal("evaluate", "--unfit") == 0
    assert not fusion.desk_file().exists()


def _act(example: Example, number: int, encoder: str) -> Act:
    considered = tuple(Considered(id=each.picture.id, signals=each.signals) for each in example.candidates)
    slot = Slot(id=f"s{number}", after="p0", caption="A mill", query="mill")
    act = Act(
        deed="accept", article=example.group, language="en", title="Mills", slot=slot, place=0, blocks=2, heading="",
        before="", after="", candidates=considered, was=None, now=example.right, by="program",
        models={"encoder": encoder},
    )  # fmt: skip
    return replace(act, by="writer", deed="swap") if number % 2 else act


def test_gold_articles_are_measured_and_too_few_are_refused(
    terminal: Terminal,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    assert terminal("evaluate", boats(tmp_path / "gold"), "--fit", "--report", tmp_path / "fit") == 1
    assert "11 places of 3 articles are too few to fit weights on." in terminal.err
    assert (tmp_path / "fit.parts" / "library").is_dir()
    assert not (tmp_path / "fit.json").exists()
    assert not fusion.desk_file().exists()
