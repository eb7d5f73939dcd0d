"""Lines in US dollars: a function of the lines and of the rates of the charge's day, in no order of its own.

A charge is converted once, at the rate of its day, and split over its credits; a reversal takes its part of
these dollars. So a full reversal is exactly zero in US dollars too, for each place that earned.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from trackrev_stream.domain.ledger.fx import Rate, convert_parts, standing_usd
from trackrev_stream.domain.ledger.lines import FEES, REVENUE, Line, credit_key_of

RateOf = Callable[[str], Rate | None]


def in_usd(lines: Iterable[Line], rate_of: RateOf) -> list[Line]:
    """The lines of one charge with their US dollars; without any where ``rate_of`` the currency is None.

    Revenue and fees are converted; lines of other reasons are left as they are.
    """
    given = list(lines)
    # As they happened; within one moment what goes before what returns, so that nothing falls below zero.
    ordered = sorted(given, key=lambda line: (line.occurred_at, line.amount_minor > 0, line.line_id))
    usd = _usd_of_revenue(ordered, rate_of) | _usd_of_fees(ordered, rate_of)
    return [
        _with_usd(line, usd[line.line_id], rate_of(line.currency)) if line.line_id in usd else line
        for line in given
    ]


def _usd_of_revenue(lines: Sequence[Line], rate_of: RateOf) -> dict[str, int | None]:
    credited = [line for line in lines if line.reason == "credit"]
    standing = {
        credit_key_of(one): _Share(one.amount_minor, dollars)
        for one, dollars in _converted(credited, rate_of)
    }
    usd: dict[str, int | None] = {line.line_id: standing[credit_key_of(line)].usd for line in credited}
    for line in lines:
        if line.reason in REVENUE and line.reason != "credit":
            usd[line.line_id] = standing[credit_key_of(line)].move(line.amount_minor)
    return usd


def _usd_of_fees(lines: Sequence[Line], rate_of: RateOf) -> dict[str, int | None]:
    """Those of one reason, moment, currency and sign are one fact, or as good as one."""
    facts: dict[tuple[str, int, str, bool], list[Line]] = {}
    for line in lines:
        if line.reason in FEES:
            fact = (line.reason, line.occurred_at, line.currency, line.amount_minor > 0)
            facts.setdefault(fact, []).append(line)
    converted = (_converted(of_fact, rate_of) for of_fact in facts.values())
    return {line.line_id: dollars for of_fact in converted for line, dollars in of_fact}


def _converted(lines: Sequence[Line], rate_of: RateOf) -> Iterable[tuple[Line, int | None]]:
    """Lines of one currency and sign, converted together."""
    rate = rate_of(lines[0].currency) if lines else None
    if rate is None:
        return [(line, None) for line in lines]
    sign = 1 if lines[0].amount_minor > 0 else -1
    parts = convert_parts([sign * line.amount_minor for line in lines], lines[0].currency, rate.usd)
    return [(line, sign * part) for line, part in zip(lines, parts, strict=True)]


class _Share:
    """What a place was credited with, and what is left of it."""

    def __init__(self, amount_minor: int, usd: int | None) -> None:
        self.usd = usd
        self._amount_minor = self._left_minor = amount_minor

    def move(self, amount_minor: int) -> int | None:
        """The dollars of a reversal of (or, positive, a return to) what is left."""
        before = self._left_minor
        self._left_minor += amount_minor
        if self.usd is None:
            return None
        then, now = (standing_usd(self.usd, self._amount_minor, left) for left in (before, self._left_minor))
        return now - then


def _with_usd(line: Line, usd_minor: int | None, rate: Rate | None) -> Line:
    text, date = (rate.text, rate.date) if rate else (None, None)
    return replace(line, usd_minor=usd_minor, rate=text, rate_date=date)
