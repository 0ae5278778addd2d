"""A whole run on fakes: what it reports, what it keeps, and how it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from composer.errors import Cancelled
from composer.evaluation import results
from composer.evaluation.figures import MEASURE
from composer.evaluation.gold import Gold, read_gold
from composer.evaluation.nouns import GoldArticle, Placed, Report, SystemName, Tally
from composer.evaluation.pool import Pool
from composer.evaluation.results import Results
from composer.evaluation.runner import Wanted, evaluate
from composer.library.catalogue import Catalogue
from composer.pipeline import Tools
from composer.ports import Cancel
from tests.composer.evaluation.golds import Told, boats, done
from tests.composer.fakes import Bench


class Stage:
    """Runs evaluations of one set with systems of the test's own, each in the same folder."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.folder = bench, folder
        self.gold: Gold = read_gold(boats(folder / "gold"))
        self.systems: dict[SystemName, Told] = {
            "ours": Told(self.as_author, "ours", choice=self.right_one),
            "even": Told(self.at_the_end),
        }
        self.built: list[SystemName] = []
        self.pool: Pool | None = None
        self.cancel = Cancel()
        self.catalogue = Catalogue(folder / "set" / "catalogue.sqlite", folder / "set" / "previews")

    def as_author(self, gold: GoldArticle) -> Sequence[Placed]:
        assert self.pool is not None
        ids = [(each.after, self.pool.id_of(each.image)) for each in gold.figures]
        return [Placed(after=after, picture=id_, candidates=(id_,)) for after, id_ in ids]

    @staticmethod
    def at_the_end(gold: GoldArticle) -> Sequence[Placed]:
        return [Placed(after=len(gold.kinds) - 1, picture=None)]

    def right_one(self, candidates: Sequence[str]) -> str:
        assert self.pool is not None
        return next(each for each in candidates if each == self.pool.id_of("images/red.png") or each == candidates[-1])

    def build(self, name: SystemName, pool: Pool, tools: Tools) -> Told:
        assert tools.catalogue is pool.catalogue is self.catalogue
        self.built.append(name)
        self.pool = pool
        return self.systems[name]

    def run(self, **wanted: object) -> Report:
        return done(self.steps(**wanted))

    def steps(self, **wanted: object):  # noqa: ANN201 - the generator itself
        asked = msgspec.convert({"systems": ("ours", "even"), **wanted}, Wanted)
        tools = self.bench.tools_on(self.catalogue)
        return evaluate(self.gold, asked, tools, self.build, Results(self.folder / "kept"), self.cancel)


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(bench, tmp_path)
    yield made
    made.catalogue.close()


def test_the_report(stage: Stage) -> None:
    report = stage.run()
    assert (report.articles, report.pictures, report.words, report.seed) == (3, 6, True, 1)
    assert report.gold == stage.gold.title
    assert report.models == {"encoder": "colours", "writer": "scripted", "reranker": "words"}
    assert list(report.systems) == ["ours", "even"]
    assert all(set(figures) == set(MEASURE) for figures in report.systems.values())
    ours, even = report.systems["ours"], report.systems["even"]
    for name in ("placement_f1", "placement_recall_near", "end_to_end", "recall_at_8"):
        assert (ours[name].value, ours[name].low, ours[name].high, ours[name].articles) == (1, 1, 1, 3)
    assert (ours["empty"].value, even["empty"].value) == (0, 1)
    assert (even["end_to_end"].value, even["placement_f1"].value, even["pick"].value) == (0, 0, 0)
    assert even["duplicates"].value is None
    assert ours["order_sensitivity"].value is None
    assert ours["seconds_per_slot"].value == pytest.approx(3 * 2.0 / 6)
    assert ours["pick"].value is not None
    assert report.tallies["ours"]["pick"]["harbour"].bottom == 3
    assert report.tallies["even"]["placement_f1"] == {
        "harbour": Tally(0, 3), "street": Tally(0, 2), "kitchen": Tally(0, 3),
    }  # fmt: skip
    assert report.by_language["en"] == report.systems
    assert set(report.by_repository) == {"one/blog", "two/site"}
    assert report.by_repository["two/site"]["ours"]["end_to_end"].articles == 1
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_searching(stage: Stage) -> None:
    report = stage.run(words=False)
    assert set(report.retrieval) == {"caption", "paragraph", "planner"}
    # Five figures have words of their author, and each names its colour; the encoder sees nothing else.
    assert report.retrieval["caption"]["recall_at_1"].value == 1
    # Of the paragraphs that stand before a figure "red", "green" (with the blue one) and "yellow" name a colour, but
    # the list before the bicycle does not.
    assert report.retrieval["paragraph"]["recall_at_1"].articles == 3
    assert report.retrieval["paragraph"]["mrr"].value is not None
    assert report.retrieval["planner"]["mrr"].value == 1
    assert "planner" not in stage.run(systems=("even",)).retrieval


def test_what_must_be_read_with_the_figures(stage: Stage) -> None:
    limits = " ".join(stage.run(limit=2).limits)
    assert "Only 2 of 3 articles" in limits
    assert "1 of 2 articles are from" in limits
    assert "3 of 6 pictures carry their author's alternative text" in limits
    assert "author said nothing" in limits or "kitchen" not in stage.systems["ours"].illustrated
    assert "Pictures carried no words" in " ".join(stage.run(words=False).limits)


def test_a_run_that_was_stopped_goes_on(stage: Stage) -> None:
    with closing(stage.steps()) as run:
        for step in run:
            if step.title == "Illustrating articles" and step.done == 3:
                break
    first = [*stage.systems["ours"].illustrated], [*stage.systems["even"].illustrated]
    assert first == (["harbour", "street"], ["harbour"])
    stage.run()
    assert stage.systems["ours"].illustrated == ["harbour", "street", "kitchen"]
    assert stage.systems["even"].illustrated == ["harbour", "street", "kitchen"]
    built = len(stage.built)
    again = stage.run()
    assert len(stage.built) == built  # nothing to do: no model is loaded
    assert again.systems["ours"]["end_to_end"].value == 1


def test_cancelling(stage: Stage) -> None:
    run = stage.steps()
    while next(run).title != "Illustrating articles" or not stage.systems["ours"].illustrated:
        pass
    stage.cancel.cancel()
    with pytest.raises(Cancelled):
        next(run)
    assert stage.systems["ours"].illustrated == ["harbour"]
    stage.cancel = Cancel()
    assert stage.run().articles == 3
    assert stage.systems["ours"].illustrated == ["harbour", "street", "kitchen"]


def test_what_was_made_from_other_inputs_is_made_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.run(limit=2)
    assert len(stage.systems["even"].illustrated) == 2
    stage.run(limit=3)
    assert len(stage.systems["even"].illustrated) == 3
    stage.run(words=False)
    assert len(stage.systems["even"].illustrated) == 6
    stage.run(words=False, seed=2)
    assert len(stage.systems["even"].illustrated) == 9
    monkeypatch.setattr(results, "_program", lambda: "another program")
    stage.run(words=False, seed=2)
    assert len(stage.systems["even"].illustrated) == 12
    for file in (stage.folder / "kept" / "even").iterdir():
        file.write_text("{half")
    stage.run(words=False, seed=2)
    assert len(stage.systems["even"].illustrated) == 15


def test_an_article_that_a_system_fails_at(stage: Stage) -> None:
    stage.systems["ours"].failing = {"street"}
    notices = [step.notice for step in stage.steps() if step.notice]
    assert notices == ["ours could not illustrate street, which counts as no pictures: The writer fell silent."]
    report = stage.run()
    assert notices[0] in report.limits
    assert report.tallies["ours"]["end_to_end"]["street"] == Tally(0, 1)
    assert report.tallies["ours"]["pick"]["street"] == Tally(0, 1)
    stage.systems["ours"].failing.clear()
    assert stage.run().systems["ours"]["end_to_end"].value == 1


def test_one_seed_gives_one_report(stage: Stage) -> None:
    assert stage.run() == stage.run()
    assert stage.run(seed=5).systems["ours"]["end_to_end"].value == 1
