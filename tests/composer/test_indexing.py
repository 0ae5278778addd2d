"""How far work in the background is, as it is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from composer import indexing
from composer.indexing import told
from composer.library.filling.scan import ScanProgress


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(indexing, "time", made)
    return made


def test_time_left_is_that_of_the_files_to_be_opened(clock: Clock) -> None:
    def scanning() -> Iterator[ScanProgress]:
        for seen in (5_000, 10_000):
            clock.now += 60.0  # a slow drive lists for two minutes
            yield ScanProgress(0, seen, "")
        for done in (1, 2, 3, 4):
            clock.now += 2.0
            yield ScanProgress(done, 4, "")

    reports = list(told("scan", scanning()))
    assert [(each.done, each.total, each.seconds_left) for each in reports] == [
        (0, 5_000, None), (0, 10_000, None), (1, 4, 6.0), (2, 4, 4.0), (3, 4, 2.0), (4, 4, 0.0),
    ]  # fmt: skip


def test_reports_that_follow_fast_are_not_all_told_but_notices_and_the_last_are(clock: Clock) -> None:
    def fast() -> Iterator[ScanProgress]:
        for done in range(1, 1001):
            clock.now += 0.001
            yield ScanProgress(done, 1000, "", "Look here." if done == 500 else "")

    reports = list(told("look", fast()))
    assert len(reports) < 8
    assert [each.done for each in reports if each.notice] == [500]
    assert reports[-1].done == 1000
