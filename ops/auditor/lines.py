"""The lines of a charge: its money over the places that earned it, and their US dollars (decision 0009)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Context, Decimal
from fractions import Fraction

from ops.auditor.charges import Charge
from ops.auditor.credit import Decision
from ops.auditor.facts import fingerprint
from ops.auditor.people import Place

WITHOUT_DECIMALS = ("jpy", "krw")
THREE_DECIMALS = ("kwd", "bhd")
RATE = Context(prec=18)

Quotes = Mapping[str, Mapping[str, str]]  # by ISO date: what one euro was in each currency


@dataclass(frozen=True)
class Line:
    """A line that must stand; ``usd`` with the rate and its day, where one is known."""

    name: str
    reason: str
    place: Place
    amount: int
    currency: str
    at: int
    usd: int | None = None
    rate: str | None = None
    rate_day: str | None = None


def split(amount: int, weights: list[int]) -> list[int]:
    """Largest remainders: the units left over go one by one to who is furthest below its exact share."""
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    parts = [int(share) for share in exact]
    while sum(parts) < amount:
        short = [share - part for share, part in zip(exact, parts, strict=True)]
        parts[short.index(max(short))] += 1
    return parts


def lines_of(charge: Charge, decision: Decision, quotes: Quotes) -> list[Line]:
    """All lines of a charge."""
    shares = decision.shares or ((("unattributed", "", "", ""), 1),)
    places = [place for place, _ in shares]
    credits_ = split(charge.captured, [weight for _, weight in shares])
    day = datetime.fromtimestamp(charge.created_at // 1000, UTC).date().isoformat()
    lines = _lines(charge, places, "credit", charge.name, charge.created_at, charge.currency, credits_)
    standing, asked = list(credits_), 0
    for move in charge.moves:
        asked += move.amount
        left = charge.captured - max(0, min(charge.captured, asked))
        goes = sum(standing) - left
        if goes >= 0:
            change = [-part for part in split(goes, standing)] if goes else [0] * len(places)
        else:
            change = split(-goes, [whole - part for whole, part in zip(credits_, standing, strict=True)])
        standing = [part + moved for part, moved in zip(standing, change, strict=True)]
        lines += _lines(charge, places, move.reason, move.name, move.at, charge.currency, change)
    lines = _dollars(lines, _rate(charge.currency, day, quotes))
    if charge.fee:
        kept, currency = charge.fee[0], charge.fee[1] or charge.currency
        parts = [-part for part in split(kept, credits_)]
        fees = _lines(charge, places, "fee", charge.name, charge.created_at, currency, parts)
        lines += _converted(fees, _rate(currency, day, quotes))
    return lines + _dispute_fees(charge, places, credits_, day, quotes)


def _dispute_fees(
    charge: Charge, places: list[Place], weights: list[int], day: str, quotes: Quotes
) -> list[Line]:
    """Shared as the charge is; those that are taken, or given back, in one moment are converted together."""
    taken: dict[tuple[int, str, bool], list[Line]] = {}
    for fee in charge.dispute_fees:
        sign = 1 if fee.amount < 0 else -1
        parts = [sign * part for part in split(abs(fee.amount), weights)]
        of_fee = _lines(charge, places, "dispute_fee", fee.name, fee.at, fee.currency, parts)
        taken.setdefault((fee.at, fee.currency, sign < 0), []).extend(of_fee)
    together = [_converted(lines, _rate(key[1], day, quotes)) for key, lines in taken.items()]
    return [line for lines in together for line in lines]


def _lines(  # noqa: PLR0917 - each is what a line is made of
    charge: Charge, places: list[Place], reason: str, name: str, at: int, currency: str, parts: list[int]
) -> list[Line]:
    of = fingerprint(charge.key, name, reason)
    return [
        Line(fingerprint(of, *place), reason, place, part, currency, at)
        for place, part in zip(places, parts, strict=True)
        if part
    ]


def _rate(currency: str, day: str, quotes: Quotes) -> tuple[Decimal, str | None] | None:
    """Dollars for one unit, by the last day published before ``day``; None where nothing is quoted."""
    if currency == "usd":
        return Decimal(1), None
    published = max((date for date in quotes if date < day), default=None)
    euro = {"eur": "1", **quotes[published]} if published else {}
    if currency not in euro or "usd" not in euro:
        return None
    return RATE.divide(Decimal(euro["usd"]), Decimal(euro[currency])), published


def _converted(lines: list[Line], rate: tuple[Decimal, str | None] | None) -> list[Line]:
    """Lines of one fact: the whole converted once, half a cent to the even neighbour, and split."""
    if rate is None or not lines:
        return lines
    ordered = sorted(lines, key=lambda line: line.name)
    decimals = {**dict.fromkeys(WITHOUT_DECIMALS, 0), **dict.fromkeys(THREE_DECIMALS, 3)}
    scale = Fraction(100, 10 ** decimals.get(lines[0].currency, 2))
    sizes = [abs(line.amount) for line in ordered]
    cents = round(Fraction(rate[0]) * sum(sizes) * scale)  # to even
    sign = 1 if lines[0].amount > 0 else -1
    text = f"{rate[0]:f}"
    return [
        replace(line, usd=sign * part, rate=text, rate_day=rate[1])
        for line, part in zip(ordered, split(cents, sizes), strict=True)
    ]


def _dollars(lines: list[Line], rate: tuple[Decimal, str | None] | None) -> list[Line]:
    """A credit's dollars go and return with it: what stands of them is what stands of the credit, rounded."""
    credited = _converted([line for line in lines if line.reason == "credit"], rate)
    if rate is None:
        return lines
    found = list(credited)
    moves = sorted(
        (line for line in lines if line.reason != "credit"), key=lambda m: (m.at, m.amount > 0, m.name)
    )
    for credit in credited:
        left = credit.amount
        for move in (move for move in moves if move.place == credit.place):
            before, left = left, left + move.amount
            then, now = (round(Fraction((credit.usd or 0) * each, credit.amount)) for each in (before, left))
            found.append(replace(move, usd=now - then, rate=credit.rate, rate_day=credit.rate_day))
    return found
