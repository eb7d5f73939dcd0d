"""Days and dates, against Python's calendar; the ECB's days, against all that it ever published."""

from datetime import date, timedelta

import pytest

from trackrev_stream.domain.values.days import (
    date_of,
    day_of,
    day_of_date,
    day_of_iso,
    is_ecb_day,
    iso_of,
    last_ecb_day,
    next_ecb_day,
)
from trackrev_stream.exchange_rates.ecb import bundled

EPOCH = date(1970, 1, 1)


def test_dates_are_those_of_the_calendar() -> None:
    for day in range(-1_000, 60_000):
        expected = EPOCH + timedelta(days=day)
        assert iso_of(day) == expected.isoformat()
        assert day_of_iso(expected.isoformat()) == day == day_of_date(*date_of(day))


@pytest.mark.parametrize("text", ["", "2026-02-29", "2026-13-01", "2026-1-1", "20261120", "2026-11-20T00:00"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        day_of_iso(text)


def test_a_day_begins_at_midnight_utc() -> None:
    midnight = day_of_iso("2026-11-20") * 86_400_000
    assert (iso_of(day_of(midnight - 1)), iso_of(day_of(midnight))) == ("2026-11-19", "2026-11-20")


def test_the_ecb_has_published_on_its_days_and_on_no_others() -> None:
    published = sorted(bundled())
    since = day_of_iso("2002-01-01")  # TARGET closes on the same days every year since
    days = [day for day in published if day >= since]
    assert len(days) > 6_000
    assert days == [day for day in range(since, published[-1] + 1) if is_ecb_day(day)]


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        ("2026-11-23", "2026-11-20", "2026-11-24"),  # a Monday
        ("2026-11-22", "2026-11-20", "2026-11-23"),
        ("2027-03-27", "2027-03-25", "2027-03-30"),  # Easter, from Good Friday to Monday
        ("2027-12-26", "2027-12-24", "2027-12-27"),
        ("2027-01-01", "2026-12-31", "2027-01-04"),
    ],
)
def test_the_days_around(day: str, before: str, after: str) -> None:
    assert iso_of(last_ecb_day(day_of_iso(day))) == before
    assert iso_of(next_ecb_day(day_of_iso(day))) == after
