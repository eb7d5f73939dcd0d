"""Billing periods: counted from an anchor in UTC, month ends clamped as Stripe does.

Source: https://docs.stripe.com/billing/subscriptions/billing-cycle.
"""

import calendar
from datetime import UTC, datetime

from ops.standin.errors import ApiError

_SECONDS = {"day": 86_400, "week": 7 * 86_400}
_MONTHS = {"month": 1, "year": 12}


def checked_interval(interval: str) -> str:
    """The interval. Raises ApiError 400 for none."""
    if interval not in {*_SECONDS, *_MONTHS}:
        message = "Invalid recurring[interval]: must be one of day, month, week, or year"
        raise ApiError(400, message, param="recurring[interval]")
    return interval


def after(anchor_s: int, interval: str, times: int) -> int:
    """The moment so many intervals after the anchor: the 31st becomes the last of a shorter month."""
    if interval in _SECONDS:
        return anchor_s + times * _SECONDS[interval]
    anchor = datetime.fromtimestamp(anchor_s, UTC)
    months = anchor.year * 12 + anchor.month - 1 + times * _MONTHS[interval]
    year, month = months // 12, months % 12 + 1
    day = min(anchor.day, calendar.monthrange(year, month)[1])
    return int(anchor.replace(year=year, month=month, day=day).timestamp())


def next_end(anchor_s: int, interval: str, count: int, begins_s: int) -> int:
    """The end of the period that begins at `begins_s`: the next moment of the anchor's row after it."""
    times = count
    while after(anchor_s, interval, times) <= begins_s:
        times += count
    return after(anchor_s, interval, times)
