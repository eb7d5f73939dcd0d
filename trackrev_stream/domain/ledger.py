"""The ledger: the lines a charge should have, and the entries that bring the book there.

A line is what shall stand; an entry, once posted, is never changed. The sum of a charge's lines is always
``captured - min(captured, reversed)``, whatever the attribution (DESIGN.md, rule 5).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trackrev_stream.domain.attribution import Credit, Decision
from trackrev_stream.domain.channel import UNATTRIBUTED
from trackrev_stream.domain.ids import digest
from trackrev_stream.domain.money import split
from trackrev_stream.domain.payment import ChargeState

BASE_CURRENCY = "usd"


@dataclass(frozen=True, slots=True)
class Line:
    """A standing line: ``amount_minor`` is signed; ``usd_minor`` is None while no rate is known."""

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


@dataclass(frozen=True, slots=True)
class Change:
    """An entry to be posted: a line, or its retraction (same line, opposite amounts, ``retracts`` set)."""

    line: Line
    retracts: bool


def lines_of(key: str, state: ChargeState, decision: Decision) -> tuple[Line, ...]:
    """The lines that shall stand for a charge: its credits, then its reversals in order of time.

    ``key`` is the charge's key (it makes line ids unique). Each reversal is capped by what still stands and
    split over it, so that no share falls below zero and a full reversal is exactly zero.
    """
    shares = decision.credits or (None,)
    amounts = split(state.amount_minor, [share.weight if share else 1 for share in shares])
    facts = [(state.charge, "credit", state.created_at, amounts)]
    standing = list(amounts)
    for reversal in state.reversals:
        back = split(min(reversal.amount_minor, sum(standing)), standing)
        standing = [left - part for left, part in zip(standing, back, strict=True)]
        facts.append((reversal.id, reversal.reason, reversal.occurred_at, [-part for part in back]))
    return tuple(
        _line(digest(key, fact, reason), share, part, state.currency, reason=reason, occurred_at=at)
        for fact, reason, at, parts in facts
        for share, part in zip(shares, parts, strict=True)
        if part
    )


def net_of(state: ChargeState) -> int:
    """What a charge is worth after reversals, never below zero."""
    return state.amount_minor - min(state.amount_minor, sum(r.amount_minor for r in state.reversals))


def changes(standing: Mapping[str, Line], desired: Iterable[Line]) -> list[Change]:
    """The entries that turn the ``standing`` lines (by id) into the ``desired`` ones; retractions first."""
    wanted = {line.line_id: line for line in desired}
    gone = [line for line_id, line in standing.items() if wanted.get(line_id) != line]
    new = [line for line_id, line in wanted.items() if standing.get(line_id) != line]
    return [Change(line, retracts=True) for line in gone] + [Change(line, retracts=False) for line in new]


def _line(
    fact: str, share: Credit | None, amount_minor: int, currency: str, *, reason: str, occurred_at: int
) -> Line:
    if share is None:
        channel, source, link, partner, contact = UNATTRIBUTED, "", "", "", ""
    else:
        touch, contact = share.touch, f"{share.visitor} {share.touch.id}"
        channel, source, link, partner = touch.channel, touch.source, touch.link, touch.partner
    converts = currency == BASE_CURRENCY
    return Line(
        line_id=digest(fact, channel, source, link, partner, contact),
        reason=reason,
        channel=channel,
        source=source,
        link=link,
        partner=partner,
        amount_minor=amount_minor,
        currency=currency,
        usd_minor=amount_minor if converts else None,
        rate="1" if converts else None,
        rate_date=None,
        occurred_at=occurred_at,
    )
