"""A report reads back as it was written; its page is well-formed, escapes what comes from outside, and tells all."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from msgspec.structs import replace

from composer.errors import ComposerError
from composer.evaluation import plots, report
from composer.evaluation.figures import MEASURE, figure_text, range_text
from composer.evaluation.nouns import Interval, Report
from tests.composer.evaluation.reports import toy_report


def page_of(made: Report) -> ET.Element:
    return ET.fromstring(report.html(made).split("\n", 1)[1])  # noqa: S314 - our own page


def words_of(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


@pytest.fixture(scope="module")
def made() -> Report:
    return toy_report()


def test_a_report_reads_back_as_it_was_written(made: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(report.json(made))
    assert report.read(path) == made
    assert list(report.read(path).systems) == list(made.systems)
    top = msgspec.json.decode(path.read_bytes())
    assert {"systems", "by_language", "by_repository", "retrieval", "format"} <= top.keys()
    assert top["systems"]["ours"]["pick"].keys() == {"value", "low", "high", "articles"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n\xff", "not a report"),
        (b'{"title": "a project"}', "not a report"),
        (b"[" * 100_000, "not a report"),
        (b'{"format": 99}', "newer version"),
        (b'{"format": 1, "gold": 3}', "damaged"),
    ],
)
def test_what_is_no_report_is_refused_with_a_sentence(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(data)
    with pytest.raises(ComposerError, match=said) as caught:
        report.read(path)
    assert "other.json" in caught.value.message
    assert caught.value.hint


def test_a_report_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ComposerError, match="cannot be opened"):
        report.read(tmp_path / "none.json")


def test_the_page_is_well_formed_and_asks_for_nothing(made: Report) -> None:
    page = page_of(made)
    tags = {element.tag for element in page.iter()}
    assert not tags & {"script", "link", "img", "iframe"}
    assert not re.search(r"(src|url\(|@import|https?:)", report.html(made))


def test_limits_come_before_all_figures(made: Report) -> None:
    body = page_of(made).find("body")
    assert body is not None
    whole = words_of(body)
    assert whole.index("One author wrote half of them.") < whole.index("All figures")


def test_every_figure_of_every_system_is_on_the_page_with_its_interval(made: Report) -> None:
    whole = words_of(page_of(made))
    for figures in made.systems.values():
        for name, interval in figures.items():
            assert figure_text(interval.value, MEASURE[name].unit) in whole
            assert range_text(interval, MEASURE[name].unit) in whole


def test_links_lead_somewhere(made: Report) -> None:
    page = page_of(made)
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert {element.get("href", "")[1:] for element in page.iter("a")} == set(ids)


def test_what_comes_from_outside_is_escaped(made: Report) -> None:
    nasty = "</style><script>alert(1)</script>&\x00"
    dirty = replace(made, gold=nasty, models={nasty: nasty}, limits=(nasty,), by_repository={nasty: made.systems})
    page = page_of(dirty)
    assert not list(page.iter("script"))
    assert "</style><script>alert(1)</script>&" in words_of(page)


def test_an_empty_report_still_makes_a_page() -> None:
    page = page_of(
        Report(
            gold="none", articles=0, pictures=0, words=False, models={}, seed=1, systems={}, by_language={},
            by_repository={}, retrieval={}, tallies={},
        )
    )  # fmt: skip
    assert "0 articles" in words_of(page)


def test_nothing_to_count_is_said_not_drawn_as_zero(made: Report) -> None:
    gone = {system: {**figures, "pick": Interval(None)} for system, figures in made.systems.items()}
    page = page_of(replace(made, systems=gone, by_language={}, by_repository={}))
    plot = next(each for each in page.iter("svg") if each.get("aria-label", "").startswith("Right choice"))
    assert not list(plot.iter("circle"))
    assert "nothing to count" in words_of(plot)


def test_a_figure_of_a_later_version_is_shown_under_its_own_name(made: Report) -> None:
    more = {system: {**figures, "new_figure": Interval(0.5, 0.4, 0.6, 3)} for system, figures in made.systems.items()}
    assert "new figure" in words_of(page_of(replace(made, systems=more)))


def test_points_lie_where_the_figures_say() -> None:
    row = plots.Row(label="one", interval=Interval(0.5, 0.25, 1.0, 9), text="")
    plot = ET.fromstring(plots.whiskers("t", [row], high=1.0))  # noqa: S314 - our own picture
    dot = next(plot.iter("circle"))
    line = next(each for each in plot.iter("line") if "whisker" in each.get("class", ""))
    span = plots.WIDTH - plots.RIGHT - plots.LEFT
    assert float(dot.get("cx", "")) == pytest.approx(plots.LEFT + span / 2, abs=0.1)
    assert float(line.get("x1", "")) == pytest.approx(plots.LEFT + span / 4, abs=0.1)
    assert float(line.get("x2", "")) == pytest.approx(plots.LEFT + span, abs=0.1)


def test_ticks_are_round_and_hold_every_interval() -> None:
    rows = [plots.Row(label="one", interval=Interval(1.1, 0.2, 3.37, 9), text="")]
    top = plots.nice_top(rows)
    assert top >= 3.37
    assert plots.Scale(0, top, 0, 100).ticks()[0] == 0
    assert plots.nice_top([plots.Row(label="one", interval=Interval(0.0, 0.0, 0.0, 9), text="")]) == 1.0
