"""The rows of attribute: a payer, its payments in rows of their own, and the journeys it was told of.

A payer of 5,000 charges costs a new charge no more than one of 5: its row holds the bindings and the few
payments up to the firm one; the list of all payments is kept in chunks that only a restatement reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from trackrev_stream.agents.step import Rows
from trackrev_stream.contracts.records import PayerJourneys
from trackrev_stream.domain.attribution import Decision
from trackrev_stream.domain.ids import SEPARATOR
from trackrev_stream.domain.journey import Journey
from trackrev_stream.domain.payer import Bindings
from trackrev_stream.domain.payment import ChargeState, PaymentState

CHUNK = 256


@dataclass(slots=True)
class PayerRow:
    """A payer. ``version`` counts the records applied; ``early`` are its payments up to the firm binding."""

    payer: str
    version: int = 0
    joins: list[str] = field(default_factory=list)
    bindings: Bindings = field(default_factory=Bindings)
    early: list[str] = field(default_factory=list)
    chunks: int = 0
    positions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class PaidRow:
    """One payment of a payer: its state, the decision that stands for each charge, and charges that left."""

    state: PaymentState
    left: dict[str, ChargeState] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)


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
    """All journeys the payer was told of, over its join keys."""
    told = (rows.get(PayerJourneys, _join_key(row.payer, join)) for join in row.joins)
    return [journey for known in told if known for journey in known.journeys]


def put_journeys(rows: Rows, told: PayerJourneys) -> bool:
    """Keep what the payer was told about a join key; False when something newer is known."""
    key = _join_key(told.payer, told.join)
    known = rows.get(PayerJourneys, key)
    if known is not None and known.version >= told.version:
        return False
    rows.put(key, told)
    return True


def list_payment(rows: Rows, row: PayerRow, payment: str) -> None:
    """Add a payment to the payer's list; after a crash in between it may be there already."""
    last = max(row.chunks - 1, 0)
    chunk = rows.get(ChunkRow, _chunk_key(row.payer, last)) or ChunkRow()
    if payment in chunk.payments:
        row.chunks = max(row.chunks, 1)
        return
    if len(chunk.payments) >= CHUNK:
        last, chunk = last + 1, rows.get(ChunkRow, _chunk_key(row.payer, last + 1)) or ChunkRow()
        if payment in chunk.payments:
            row.chunks = last + 1
            return
    chunk.payments.append(payment)
    row.chunks = last + 1
    rows.put(_chunk_key(row.payer, last), chunk)


def payments_of(rows: Rows, row: PayerRow) -> Iterator[PaidRow]:
    """Every payment of a payer, in the order in which they became known."""
    for index in range(row.chunks):
        chunk = rows.get(ChunkRow, _chunk_key(row.payer, index)) or ChunkRow()
        for payment in chunk.payments:
            paid = paid_row(rows, row.payer, payment)
            if paid is not None:
                yield paid


def _paid_key(payer: str, payment: str) -> str:
    return SEPARATOR.join((payer, "payment", payment))


def _join_key(payer: str, join: str) -> str:
    return SEPARATOR.join((payer, "join", join))


def _chunk_key(payer: str, index: int) -> str:
    return SEPARATOR.join((payer, "chunk", str(index)))
