"""The day a picture was taken or made, in the many forms that metadata gives it, as far as it is known."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_DAY = re.compile(
    r"(?P<year>\d{4})"
    r"(?:(?P<gap>[-:/.年])(?P<month>\d{1,2})(?:[-:/.月](?P<day>\d{1,2}))?|(?P<months>\d\d)(?P<days>\d\d)?)?"
    r"(?P<rest>月|日)?(?![\d])"
)
_CLOCKS = frozenset({"1904-01-01", "1970-01-01", "1980-01-01"})
"""Where clocks of formats, systems and cameras begin: what a device writes that was never set."""
FIRST_PHOTOGRAPH = 1826
"""Niépce's view from Le Gras. What a camera dates earlier is nonsense; paintings may be older."""


def day_of(text: str, *, device: bool = False, now: datetime | None = None) -> str:
    """ISO 8601, as exact as the text: 2019, 2019-05 or 2019-05-04; "" for what is no date, or lies in the future.

    Takes ISO 8601, Exif ("2019:05:04 10:00:00"), IPTC-IIM ("20190504", "20190000") and Chinese ("2019年5月4日") forms.
    The day is the one that was on the calendar at the place: hours and offsets never move it. `device` is for fields
    that cameras fill in: days on which clocks begin are dropped.
    """
    match = _DAY.match(text.strip())
    if match is None:
        return ""
    month, day = int(match["month"] or match["months"] or 0), int(match["day"] or match["days"] or 0)
    found = _day(int(match["year"]), month, day)
    latest = ((now or datetime.now(UTC)) + timedelta(days=1)).date().isoformat()  # it is tomorrow already further east
    if not found or found > latest[: len(found)]:
        return ""
    if device and (found in _CLOCKS or int(found[:4]) < FIRST_PHOTOGRAPH):
        return ""
    return found


def _day(year: int, month: int, day: int) -> str:
    """Parts that are 0 are not known; a month or day that does not exist takes the rest with it."""
    if year == 0 or month > 12:
        return ""
    if month == 0:
        return f"{year:04}"
    if day == 0:
        return f"{year:04}-{month:02}"
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""
