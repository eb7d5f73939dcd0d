"""The rows of attribute: a payer, its payments and subscriptions in rows of their own, the journeys told.

A payer of 5,000 charges costs a new charge no more than one of 5: its row holds the bindings and the few
payments up to the firm one; the list of all payments is kept in chunks that only a restatement reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from trackrev_stream.agents.step import Rows
from trackrev_stream.contracts.records import PayerJourneys
from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.attribution.inheritance import CreditOrigin, CreditOrigins
from trackrev_stream.domain.journeys.journey import Journey
from trackrev_stream.domain.payments.payment import ChargeState, PaymentState
from trackrev_stream.domain.values.ids import SEPARATOR, email_join, payer_join, workspace_of

CHUNK = 16
MOST_JOINS = 10


@dataclass(slots=True)
class PayerRow:
    """A payer: a Stripe customer, or a guest's payment."""

    payer: str
    version: int = 0
    """How many records were applied; what is sent carries it."""
    joins: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The join keys that its charges name, each with the first charge that named it: (created, id)."""
    emails: dict[str, int] = field(default_factory=dict)
    """The email keys of the customer, and when each was first seen, in milliseconds."""
    visitors: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The visitors that its charges name, each with the first charge that named it."""
    named: dict[str, int] = field(default_factory=dict)
    """The visitors that its customer or a checkout names, and since when, in milliseconds."""
    unnamed: list[str] = field(default_factory=list)
    """Visitors that stitch was told of, and that are named no more."""
    bindings: CreditOrigins = field(default_factory=CreditOrigins)
    """The charges whose credit the others inherit."""
    early: list[str] = field(default_factory=list)
    """Its payments up to the firm origin: journeys decide these."""
    asks: bool = False
    """Whether journeys decide later payments too (the setting ``returning=ask``)."""
    waiting: list[str] = field(default_factory=list)
    """Payments that are not sent on before gather has answered for every join key.

    So an ordinary charge is not posted as unattributed first.
    """
    chunks: int = 0
    """How many rows the list of all its payments has."""
    positions: dict[str, int] = field(default_factory=dict)
    """The last offset applied of each input: ARCHITECTURE.md, rule 1."""


@dataclass(slots=True)
class PaidRow:
    """One payment of a payer: its state and the decision that stands for each charge.

    ``left`` are charges that went to another payer, ``subscriptions`` those that its charges ever belonged
    to. ``decided_by`` is the record that last changed a decision, or let the payment be told: applied again
    after a crash, it tells again.
    """

    state: PaymentState
    left: dict[str, ChargeState] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    decided_by: str = ""
    subscriptions: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SubscriptionRow:
    """One subscription of a payer: its newest ``status`` and when that was seen, its end, its origin.

    ``changed_by`` is the record that last moved the end: applied again after a crash, it restates again.
    """

    status: tuple[int, str] = (0, "")
    ended_at: int | None = None
    origin: CreditOrigin | None = None
    changed_by: str = ""


@dataclass(slots=True)
class ChunkRow:
    """Up to CHUNK payments of a payer."""

    payments: list[str] = field(default_factory=list)


def paid_row(rows: Rows, payer: str, payment: str) -> PaidRow | None:
    """The row of one payment of a payer."""
    return rows.get(PaidRow, _paid_key(payer, payment))


def put_paid(rows: Rows, payer: str, row: PaidRow) -> None:
    """Write the row of one payment."""
    rows.put(_paid_key(payer, row.state.payment), row)


def subscription_row(rows: Rows, payer: str, name: str) -> SubscriptionRow:
    """The row of one subscription of a payer."""
    return rows.get(SubscriptionRow, _subscription_key(payer, name)) or SubscriptionRow()


def put_subscription(rows: Rows, payer: str, name: str, row: SubscriptionRow) -> None:
    """Write the row of one subscription."""
    rows.put(_subscription_key(payer, name), row)


def join_keys(row: PayerRow) -> list[str]:
    """The payer's join keys: those of its charges, first named first, then the customer's; MOST_JOINS."""
    if not row.emails:
        return list(row.joins)[:MOST_JOINS]
    workspace = workspace_of(row.payer)
    emails = sorted(row.emails, key=lambda email: (row.emails[email], email))
    return list(dict.fromkeys([*row.joins, *(email_join(workspace, email) for email in emails)]))[:MOST_JOINS]


def visitors_named(row: PayerRow) -> dict[str, int]:
    """The visitors that Stripe names for the payer, each since when: first named first, MOST_JOINS."""
    if not row.named and not row.visitors:
        return {}
    named = dict(row.named)
    for visitor, (created_at, _) in row.visitors.items():
        named[visitor] = min(created_at, named.get(visitor, created_at))
    return dict(sorted(named.items(), key=lambda item: (item[1], item[0]))[:MOST_JOINS])


def journeys_told(rows: Rows, row: PayerRow) -> list[Journey]:
    """All journeys the payer was told of, over its join keys and the visitors that Stripe names for it."""
    told = (_told(rows, row, join) for join in sorted(join_keys(row)))
    found = [journey for known in told if known for journey in known.journeys]
    return [*found, *_named_journeys(rows, row)]


def is_answered(rows: Rows, row: PayerRow) -> bool:
    """Whether the payer was told about each join key, and of each visitor that Stripe names for it."""
    if not all(_told(rows, row, join) for join in join_keys(row)):
        return False
    return len(_named_journeys(rows, row)) == len(visitors_named(row))


def _named_journeys(rows: Rows, row: PayerRow) -> list[Journey]:
    named = visitors_named(row)
    told = _told(rows, row, payer_join(row.payer)) if named else None
    return [journey for journey in told.journeys if journey.visitor in named] if told else []


def _told(rows: Rows, row: PayerRow, join: str) -> PayerJourneys | None:
    return rows.get(PayerJourneys, _join_key(row.payer, join))


def put_journeys(rows: Rows, told: PayerJourneys) -> bool:
    """Keep what the payer was told about a join key; False when something newer is known.

    The same version counts as news: a crash may have come between this row and what follows from it.
    """
    key = _join_key(told.payer, told.join)
    known = rows.get(PayerJourneys, key)
    if known is not None and known.version > told.version:
        return False
    rows.put(key, told)
    return True


def list_payment(rows: Rows, row: PayerRow, payment: str) -> None:
    """Add a payment to the payer's list; after a crash in between it may be there already."""
    index, chunk = max(row.chunks - 1, 0), ChunkRow()
    while found := rows.get(ChunkRow, _chunk_key(row.payer, index)):
        chunk = found
        if payment in chunk.payments or len(chunk.payments) < CHUNK:
            break
        index, chunk = index + 1, ChunkRow()
    row.chunks = index + 1
    if payment not in chunk.payments:
        chunk.payments.append(payment)
        rows.put(_chunk_key(row.payer, index), chunk)


def payments_of(rows: Rows, row: PayerRow) -> Iterator[PaidRow]:
    """Every payment of a payer, in the order in which they became known.

    The chunks themselves say how many there are: after a crash the payer's row may not know the last one.
    """
    index = 0
    while chunk := rows.get(ChunkRow, _chunk_key(row.payer, index)):
        for payment in chunk.payments:
            paid = paid_row(rows, row.payer, payment)
            if paid is not None:
                yield paid
        index += 1


def _paid_key(payer: str, payment: str) -> str:
    return SEPARATOR.join((payer, "payment", payment))


def _subscription_key(payer: str, name: str) -> str:
    return SEPARATOR.join((payer, "subscription", name))


def _join_key(payer: str, join: str) -> str:
    return SEPARATOR.join((payer, "join", join))


def _chunk_key(payer: str, index: int) -> str:
    return SEPARATOR.join((payer, "chunk", str(index)))
