"""Differences of two runs: against brute force, and in the direction that they have."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from msgspec.structs import replace

from composer.errors import ComposerError
from composer.evaluation.comparison import Comparison, Difference, against, compare, html, table
from composer.evaluation.figures import MEASURES
from composer.evaluation.nouns import Report, Tally
from tests.composer.evaluation.reports import toy_report, toy_tallies


def row_of(comparison: Comparison, system: str, figure: str) -> Difference:
    return next(row for row in comparison.rows if row.system == system and row.figure == figure)


def moved(made: Report, by: float) -> Report:
    """The same run, every figure of every article higher by so much."""
    tallies = {
        system: {
            name: {one: Tally(tally.top + by * tally.bottom, tally.bottom) for one, tally in found.items()}
            for name, found in figures.items()
        }
        for system, figures in made.tallies.items()
    }
    return replace(made, tallies=tallies)


def test_every_system_and_figure_is_compared() -> None:
    found = compare(toy_report(1), toy_report(2), 1)
    assert len(found.rows) == 5 * len(MEASURES)
    assert found.articles == 12


def test_the_paired_difference_is_that_of_brute_force() -> None:
    a, b = toy_report(1), toy_report(2)
    row = row_of(compare(a, b, 7), "ours", "pick")
    before, after = a.tallies["ours"]["pick"], b.tallies["ours"]["pick"]
    names = list(before)
    dice, found = np.random.default_rng(99), []
    for _ in range(4000):
        drawn = [names[at] for at in dice.integers(0, len(names), len(names))]
        found.append(
            sum(after[name].top for name in drawn) / sum(after[name].bottom for name in drawn)
            - sum(before[name].top for name in drawn) / sum(before[name].bottom for name in drawn)
        )
    low, high = np.quantile(found, [0.025, 0.975])
    assert row.difference.value == pytest.approx((row.b or 0) - (row.a or 0))
    assert row.difference.low == pytest.approx(low, abs=0.03)
    assert row.difference.high == pytest.approx(high, abs=0.03)


def test_better_in_every_article_is_an_interval_above_zero() -> None:
    made = toy_report(3)
    found = compare(made, moved(made, 0.05), 1)
    pick, spacing = row_of(found, "ours", "pick"), row_of(found, "ours", "spacing")
    assert pick.difference.low == pytest.approx(0.05)
    assert (pick.verdict, spacing.verdict) == ("better", "worse")
    assert row_of(found, "ours", "empty").verdict == "differs"
    assert row_of(compare(moved(made, 0.05), made, 1), "ours", "pick").verdict == "worse"


def test_the_same_run_twice_differs_in_nothing() -> None:
    made = toy_report(1)
    found = compare(made, made, 1)
    assert {row.difference.value for row in found.rows} == {0.0}
    assert {row.verdict for row in found.rows} == {"unclear"}


def test_only_articles_of_both_count() -> None:
    a, b = toy_report(1), toy_report(2)
    few = {
        system: {name: {one: found[one] for one in ("a1", "a2", "a3")} for name, found in figures.items()}
        for system, figures in b.tallies.items()
    }
    row = row_of(compare(a, replace(b, tallies=few), 1), "mmc4", "pick")
    shared = [a.tallies["mmc4"]["pick"][name] for name in ("a1", "a2", "a3")]
    assert row.difference.articles == 3
    assert row.a == pytest.approx(sum(one.top for one in shared) / sum(one.bottom for one in shared))


def test_runs_without_a_common_article_are_refused() -> None:
    a = toy_report(1)
    other = {
        system: {name: {f"x{one}": tally for one, tally in found.items()} for name, found in figures.items()}
        for system, figures in toy_tallies().items()
    }
    with pytest.raises(ComposerError, match="no article in common"):
        compare(a, replace(a, tallies=other), 1)


def test_in_what_else_two_runs_differ_is_told_first() -> None:
    a = toy_report(1)
    b = replace(a, words=False, gold="Others", models={"encoder": "another"}, seed=2)
    notes = " ".join(compare(a, b, 1).notes)
    for said in ("gold sets differ", "carried their words", "seeds differ", "encoder differs", "reranker differs"):
        assert said in notes
    assert len(compare(a, a, 1).notes) == 1
    assert table(compare(a, b, 1)).index("gold sets differ") < table(compare(a, b, 1)).index("pick")


def test_a_system_against_its_rivals() -> None:
    made = toy_report(1)
    found = against(made)
    assert {row.system for row in found.rows} == {"xcomposer", "even", "encoder", "mmc4"}
    row = row_of(found, "even", "pick")
    assert row.b == pytest.approx(made.systems["ours"]["pick"].value)
    assert row.a == pytest.approx(made.systems["even"]["pick"].value)
    assert not against(replace(made, tallies={"even": made.tallies["even"]})).rows


def test_the_tables_hold_every_row() -> None:
    found = compare(toy_report(1), toy_report(2), 1, ("<old>", "new"))
    lines = table(found).splitlines()
    assert sum(line.startswith("ours ") for line in lines) == len(MEASURES)
    page = ET.fromstring(html(found).split("\n", 1)[1])  # noqa: S314 - our own page
    assert len(list(page.iter("table"))) == 5
    assert "<old>" in "".join(page.itertext())
