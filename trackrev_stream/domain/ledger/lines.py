"""The ledger: the lines a charge should have, and the entries that bring the ledger there.

A line is what shall stand; an entry, once posted, is never changed. The sum of a charge's lines is always
``captured - min(captured, reversed)``, whatever the attribution (ARCHITECTURE.md, rule 5).
"""

from collections.abc import Iterable, Iterator, Mapping

from trackrev_stream.domain.acquisition.channel import UNATTRIBUTED
from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.ledger.fx import BASE_CURRENCY
from trackrev_stream.domain.payments.payment import ChargeState
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass
from trackrev_stream.domain.values.ids import digest
from trackrev_stream.domain.values.money import split

FEE = "fee"
DISPUTE_FEE = "dispute_fee"
FEES = frozenset((FEE, DISPUTE_FEE))
# What a charge is worth: commissions and fees are lines too, but no revenue.
REVENUE = frozenset(("credit", "refund", "refund_failed", "dispute", "dispute_reinstated"))

CreditKey = tuple[str, str, str, str]  # channel, source, link, partner


@fast_dataclass(frozen=True, slots=True)
class Line:
    """A standing line: ``amount_minor`` is signed; ``usd_minor`` is None while no rate is known.

    Where the charge is not in US dollars, they come in when the line is posted: see ``domain.ledger.usd``.
    """

    line_id: str
    reason: str
    channel: str
    source: str
    link: str
    partner: str
    amount_minor: int
    currency: str
    usd_minor: int | None
    rate: str | None
    rate_date: str | None
    occurred_at: int


@fast_dataclass(frozen=True, slots=True)
class _Part:
    """A money fact split over the shares of a charge; signed amounts."""

    id: str
    reason: str
    occurred_at: int
    currency: str
    amounts_minor: list[int]


@fast_dataclass(frozen=True, slots=True)
class LineChange:
    """An entry to be posted: a line, or its retraction (same line, opposite amounts, ``retracts`` set)."""

    line: Line
    retracts: bool


def lines_of(key: str, state: ChargeState, decision: Decision) -> tuple[Line, ...]:
    """The lines that shall stand for a charge: its credits, its reversals in their order, its fee.

    ``key`` is the charge's key (it makes line ids unique). Each fact has one line for each place that earned,
    however many touches led there. All reversals together are capped by what was captured. What goes is split
    over what stands, what returns over what is gone: so no share falls below zero or exceeds its credit, and
    a full reversal is exactly zero. Fees are in the currency of settlement.
    """
    places = _places(decision)
    amounts = split(state.amount_minor, list(places.values()))
    facts = [_Part(state.charge, "credit", state.created_at, state.currency, amounts)]
    standing, gone, reversed_minor = list(amounts), 0, 0
    for reversal in state.reversals:
        reversed_minor += reversal.amount_minor
        back = min(state.amount_minor, max(0, reversed_minor)) - gone
        gone += back
        if back >= 0:
            parts = [-part for part in split(back, standing)]
        else:
            parts = split(-back, [full - left for full, left in zip(amounts, standing, strict=True)])
        standing = [left + part for left, part in zip(standing, parts, strict=True)]
        facts.append(_Part(reversal.id, reversal.reason, reversal.occurred_at, state.currency, parts))
    if state.fee_minor:
        fees = [-part for part in split(state.fee_minor, amounts)]
        facts.append(_Part(state.charge, FEE, state.created_at, state.fee_currency or state.currency, fees))
    for fee in state.dispute_fees:
        sign = -1 if fee.amount_minor > 0 else 1
        parts = [sign * part for part in split(abs(fee.amount_minor), amounts)]
        facts.append(_Part(fee.id, DISPUTE_FEE, fee.occurred_at, fee.currency, parts))
    return tuple(line for fact in facts for line in _lines(digest(key, fact.id, fact.reason), places, fact))


def credit_key_of(line: Line) -> CreditKey:
    """Where a line belongs."""
    return line.channel, line.source, line.link, line.partner


def net_of(state: ChargeState) -> int:
    """What a charge is worth after reversals, never below zero."""
    reversed_minor = sum(reversal.amount_minor for reversal in state.reversals)
    return state.amount_minor - min(state.amount_minor, max(0, reversed_minor))


def dispute_fee_of(state: ChargeState) -> tuple[int, str] | None:
    """What Stripe took for its disputes, and in which currency; None where no one sum of it is known."""
    currencies = {fee.currency for fee in state.dispute_fees} or {state.currency}
    if not state.knows_dispute_fees or len(currencies) > 1:
        return None
    return sum(fee.amount_minor for fee in state.dispute_fees), currencies.pop()


def changes(standing: Mapping[str, Line], desired: Iterable[Line]) -> list[LineChange]:
    """The entries that turn the ``standing`` lines (by id) into the ``desired`` ones; retractions first."""
    wanted = {line.line_id: line for line in desired}
    gone = [line for line_id, line in standing.items() if wanted.get(line_id) != line]
    new = [line for line_id, line in wanted.items() if standing.get(line_id) != line]
    return [LineChange(line, retracts=True) for line in gone] + [
        LineChange(line, retracts=False) for line in new
    ]


def _places(decision: Decision) -> dict[CreditKey, int]:
    """Where the credits of a decision lie, with their weights; a charge without credits is unattributed."""
    places: dict[CreditKey, int] = {}
    for credit in decision.credits:
        touch = credit.touch
        place = (touch.channel, touch.source, touch.link, touch.partner)
        places[place] = places.get(place, 0) + credit.weight
    return places or {(UNATTRIBUTED, "", "", ""): 1}


def _lines(fact: str, places: Iterable[CreditKey], part: _Part) -> Iterator[Line]:
    converts = part.currency == BASE_CURRENCY
    for place, amount_minor in zip(places, part.amounts_minor, strict=True):
        if amount_minor:
            channel, source, link, partner = place
            yield Line(
                line_id=digest(fact, *place),
                reason=part.reason,
                channel=channel,
                source=source,
                link=link,
                partner=partner,
                amount_minor=amount_minor,
                currency=part.currency,
                usd_minor=amount_minor if converts else None,
                rate="1" if converts else None,
                rate_date=None,
                occurred_at=part.occurred_at,
            )
