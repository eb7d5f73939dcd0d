"""The rows of attribute: a payer, its payments in rows of their own, and the journeys it was told of.

A payer of 5,000 charges costs a new charge no more than one of 5: its row holds the bindings and the few
payments up to the firm one; the list of all payments is kept in chunks that only a restatement reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from trackrev_stream.agents.step import Rows
from trackrev_stream.contracts.records import PayerJourneys
from trackrev_stream.domain.attribution import Decision
from trackrev_stream.domain.ids import SEPARATOR, payer_join
from trackrev_stream.domain.journey import Journey
from trackrev_stream.domain.payer import Bindings
from trackrev_stream.domain.payment import ChargeState, PaymentState

CHUNK = 256


@dataclass(slots=True)
class PayerRow:
    """A payer.

    ``version`` counts the records applied; ``joins`` are its join keys and ``visitors`` those that Stripe
    names for it, with the first charge that named each; ``unnamed`` were named once and are no more;
    ``early`` are its payments up to the firm binding; ``waiting`` those that are not told before gather has
    answered for every join key, so that an ordinary charge is not first posted as unattributed.
    """

    payer: str
    version: int = 0
    joins: dict[str, tuple[int, str]] = field(default_factory=dict)
    visitors: dict[str, tuple[int, str]] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)
    bindings: Bindings = field(default_factory=Bindings)
    early: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    chunks: int = 0
    positions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class PaidRow:
    """One payment of a payer: its state and the decision that stands for each charge.

    ``left`` are charges that went to another payer, ``named`` the join keys and visitors that it ever named.
    ``decided_by`` is the record that last changed a decision: applied again after a crash, it tells again.
    """

    state: PaymentState
    named: list[str] = field(default_factory=list)
    left: dict[str, ChargeState] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    decided_by: str = ""


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


def journeys_told(rows: Rows, row: PayerRow) -> list[Journey]:
    """All journeys the payer was told of, over its join keys and the visitors that Stripe names for it."""
    told = (_told(rows, row, join) for join in sorted(row.joins))
    found = [journey for known in told if known for journey in known.journeys]
    return [*found, *_named_journeys(rows, row)]


def is_answered(rows: Rows, row: PayerRow) -> bool:
    """Whether the payer was told about each join key, and of each visitor that Stripe names for it."""
    if not all(_told(rows, row, join) for join in row.joins):
        return False
    return len(_named_journeys(rows, row)) == len(row.visitors)


def _named_journeys(rows: Rows, row: PayerRow) -> list[Journey]:
    told = _told(rows, row, payer_join(row.payer)) if row.visitors else None
    return [journey for journey in told.journeys if journey.visitor in row.visitors] if told else []


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


def _join_key(payer: str, join: str) -> str:
    return SEPARATOR.join((payer, "join", join))


def _chunk_key(payer: str, index: int) -> str:
    return SEPARATOR.join((payer, "chunk", str(index)))
