"""Days as whole numbers since 1 January 1970, UTC: their dates, and on which of them the ECB has rates."""

import re
from functools import cache

DAY_MS = 86_400_000
HOUR_MS = 3_600_000

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


def day_of(at: int) -> int:
    """The day (UTC) of a time in milliseconds."""
    return at // DAY_MS


def day_of_date(year: int, month: int, day: int) -> int:
    """The day of a date of the Gregorian calendar.

    By Howard Hinnant's days_from_civil (https://howardhinnant.github.io/date_algorithms.html): years begin in
    March, so that leap days are last.
    """
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def date_of(day: int) -> tuple[int, int, int]:
    """Year, month and day of the month: the reverse of ``day_of_date``."""
    era, of_era = divmod(day + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = (shifted + 2) % 12 + 1
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def iso_of(day: int) -> str:
    """The date of a day as ``2026-11-20``."""
    year, month, of_month = date_of(day)
    return f"{year:04}-{month:02}-{of_month:02}"


def day_of_iso(text: str) -> int:
    """The day of a date such as ``2026-11-20``. Raises ValueError when it is none."""
    parts = _DATE.fullmatch(text)
    day = day_of_date(*map(int, parts.groups())) if parts else 0
    if not parts or iso_of(day) != text:
        raise ValueError(f"{text[:20]!r} is no date such as 2026-11-20")
    return day


def is_ecb_day(day: int) -> bool:
    """Whether the European Central Bank publishes reference rates on a day.

    It does on every working day of TARGET, whose closing days are the weekends, 1 January, Good Friday,
    Easter Monday, 1 May, 25 and 26 December (since 2002).
    """
    if (day + 3) % 7 >= 5:  # day 0 was a Thursday
        return False
    year, month, of_month = date_of(day)
    return (month, of_month) not in ((1, 1), (5, 1), (12, 25), (12, 26)) and day - _easter(year) not in (
        -2,
        1,
    )


def last_ecb_day(before: int) -> int:
    """The last day before ``before`` on which the ECB publishes."""
    return next(day for day in range(before - 1, before - 15, -1) if is_ecb_day(day))


def next_ecb_day(after: int) -> int:
    """The first day after ``after`` on which the ECB publishes."""
    return next(day for day in range(after + 1, after + 15) if is_ecb_day(day))


@cache
def _easter(year: int) -> int:
    """Easter Sunday in the Gregorian calendar, by the algorithm of Meeus, Jones and Butcher."""
    golden, (century, of_century) = year % 19, divmod(year, 100)
    correction = century - century // 4 - (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + correction + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    late = (golden + 11 * moon + 22 * sunday) // 451
    month, of_month = divmod(moon + sunday - 7 * late + 114, 31)
    return day_of_date(year, month, of_month + 1)
