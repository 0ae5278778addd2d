from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.library.words.dates import day_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2019", "2019"),
        ("2019-05", "2019-05"),
        ("2019-05-04", "2019-05-04"),
        ("2019-05-04T23:30:00+02:00", "2019-05-04"),
        ("2019-05-04T23:30:00.123Z", "2019-05-04"),
        ("2019:05:04 23:30:00", "2019-05-04"),
        ("2019:05:   ", "2019-05"),
        ("20190504", "2019-05-04"),
        ("20190500", "2019-05"),
        ("20190000", "2019"),
        ("2019/5/4", "2019-05-04"),
        ("2019年5月4日", "2019-05-04"),
        ("2019年5月", "2019-05"),
        ("2019年", "2019"),
        ("1839-01-01", "1839-01-01"),
        ("1503", "1503"),
        ("2026-03-02", "2026-03-02"),
        ("2026", "2026"),
        ("0000:00:00 00:00:00", ""),
        ("0000", ""),
        ("2019-13-01", ""),
        ("2019-02-30", ""),
        ("2026-03-03", ""),
        ("2027", ""),
        ("9999:99:99", ""),
        ("12345", ""),
        ("19 May 2019", ""),
        ("", ""),
        ("    :  :     :  :  ", ""),
    ],
)
def test_days_are_read_as_far_as_they_are_known(text: str, day: str) -> None:
    assert day_of(text, now=NOW) == day


@pytest.mark.parametrize("text", ["1904:01:01 00:00:00", "1970:01:01", "1980:01:01 00:00:11", "1503:01:01"])
def test_what_a_clock_says_that_nobody_set_is_no_day(text: str) -> None:
    assert day_of(text, device=True) == ""
    assert day_of(text) != ""


@given(st.text(max_size=30))
def test_any_text_gives_a_day_or_nothing(text: str) -> None:
    day = day_of(text)
    assert day == "" or day_of(day) == day
