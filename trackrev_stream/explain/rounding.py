"""How the amounts of a charge were rounded: what each share is exactly, and what was posted for it."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.ledger.fx import BASE_CURRENCY
from trackrev_stream.domain.ledger.lines import REVENUE
from trackrev_stream.domain.values.money import exponent
from trackrev_stream.store.reports.charges import ChargeDetail, ChargeSummary, Share

_MOST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Rounded:
    """A share of a charge: ``exact`` and ``exact_usd`` in minor units, before anything was rounded."""

    share: Share
    fraction: Fraction
    exact: Fraction
    exact_usd: Fraction | None


@dataclass(frozen=True, slots=True)
class InDollars:
    """A charge in US dollars, in cents: what was paid, exactly and as posted, and what remains of it.

    None is what is not known while a rate is waited for, or where the ECB has none.
    """

    gross_minor: int | None
    net_minor: int | None
    exact: Fraction | None
    rate: str | None
    rate_date: str | None


def shares_of(charge: ChargeSummary, decision: Decision) -> list[Rounded]:
    """The shares as they were split. The whole is converted once; its dollars are split as its amount is."""
    weights: dict[tuple[str, str, str, str], Fraction] = {}
    for credit in decision.credits:
        touch = credit.touch
        place = (touch.channel, touch.source, touch.link, touch.partner)
        weights[place] = weights.get(place, Fraction()) + Fraction(credit.weight, credit.of)
    dollars = _sum([share.usd_minor for share in charge.shares])
    found = []
    for share in charge.shares:
        part = weights.get((share.channel, share.source, share.link, share.partner), Fraction(1))
        usd = None if dollars is None else Fraction(dollars * share.amount_minor, charge.gross_minor)
        found.append(Rounded(share, part, part * charge.gross_minor, usd))
    return found


def in_dollars(detail: ChargeDetail) -> InDollars:
    """The charge in US dollars, from the entries that stand."""
    taken_back = {entry.retracts for entry in detail.entries}
    standing = [
        entry
        for entry in detail.entries
        if entry.entry_id not in taken_back and not entry.retracts and entry.reason in REVENUE
    ]
    credits_ = [entry for entry in standing if entry.reason == "credit"]
    rate = next((entry.rate for entry in credits_), None)
    exact = None
    if rate:
        shift = exponent(BASE_CURRENCY) - exponent(detail.summary.currency)
        exact = Fraction(Decimal(rate)) * detail.summary.gross_minor * Fraction(10) ** shift
    return InDollars(
        gross_minor=_sum([entry.usd_minor for entry in credits_]),
        net_minor=_sum([entry.usd_minor for entry in standing]),
        exact=exact,
        rate=rate,
        rate_date=next((entry.rate_date for entry in credits_), None),
    )


def exactly(minor: Fraction, currency: str) -> str:
    """An exact amount for people: ``33.333333... EUR``, with dots where digits are left out."""
    digits = exponent(currency) + _MOST_DIGITS
    scaled = minor / 10 ** exponent(currency) * 10**digits
    text = f"{Decimal(int(scaled)).scaleb(-digits):,.{digits}f}"
    kept = text.rstrip("0") if scaled.denominator == 1 else f"{text[: -_MOST_DIGITS + 4]}..."
    whole, _, decimals = kept.partition(".")
    shown = f"{whole}.{decimals.ljust(exponent(currency), '0')}" if decimals or exponent(currency) else whole
    return f"{shown} {currency.upper()}"


def _sum(parts: list[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
