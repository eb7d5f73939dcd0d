"""bill: what Stripe shows of a payment becomes its money state, told to its payer.

A payment is its intent; a charge without one is a payment of its own. A refund, dispute or link may name but
the charge. It is kept in a row of the charge then, and waits, until the charge is tied to its payment: from
then on all that the charge's row knows is told to the payment's row (ops/decisions/0021).
"""

from trackrev_stream.agents.step import InputRecord, Rows, StepResult, is_repeat
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.records import ChargeTie, JoinedFacts, WaitingMoney
from trackrev_stream.contracts.topics import CHARGE_TIES, JOINED_FACTS, PAYMENTS, WAITING_MONEY
from trackrev_stream.domain.payments.billing import absorb_payment, join_payment, states_of
from trackrev_stream.domain.payments.joining import waiting_in
from trackrev_stream.domain.payments.payment import PaymentFact, PaymentState
from trackrev_stream.domain.payments.payment_row import PaymentRow
from trackrev_stream.domain.values.ids import SEPARATOR


def bill(rows: Rows, record: InputRecord) -> StepResult:
    """Apply a fact of Stripe, a tie of a charge to its payment, or what is known under the charge's key."""
    if record.topic == CHARGE_TIES.name:
        return _on_tie(rows, record, decode(ChargeTie, record.value))
    if record.topic == JOINED_FACTS.name:
        return _on_joined(rows, record, decode(JoinedFacts, record.value))
    return _on_fact(rows, record, decode(PaymentFact, record.value))


def _on_fact(rows: Rows, record: InputRecord, fact: PaymentFact) -> StepResult:
    row = rows.get(PaymentRow, fact.key) or PaymentRow(fact.key)
    repeat, waited = is_repeat(row.positions, record), waiting_in(row)
    states = states_of(row) if repeat else absorb_payment(row, fact)
    result = _told(row, states)
    _tell_waiting(result, row, changed=waiting_in(row) != waited, again=repeat)
    rows.put(row.key, row)
    return result


def _on_tie(rows: Rows, record: InputRecord, tie: ChargeTie) -> StepResult:
    row = rows.get(PaymentRow, tie.charge) or PaymentRow(tie.charge)
    if not is_repeat(row.positions, record):
        row.version += 1
        row.joined = tie.payment
    result = _told(row, states_of(row))
    _tell_waiting(result, row, changed=False, again=True)
    rows.put(row.key, row)
    return result


def _on_joined(rows: Rows, record: InputRecord, told: JoinedFacts) -> StepResult:
    row = rows.get(PaymentRow, told.payment) or PaymentRow(told.payment)
    repeat, waited = is_repeat(row.positions, record), waiting_in(row)
    states = states_of(row) if repeat else join_payment(row, told.row)
    result = _told(row, states)
    _tell_waiting(result, row, changed=waiting_in(row) != waited, again=repeat)
    rows.put(row.key, row)
    return result


def _told(row: PaymentRow, states: list[PaymentState]) -> StepResult:
    """What the payers are told; and the payment, of which this row is but a charge."""
    result = StepResult()
    for state in states:
        result.send(PAYMENTS, state, route=state.payer, key=SEPARATOR.join((state.payer, state.payment)))
    if row.joined:
        told = JoinedFacts(row.joined, row)
        result.send(JOINED_FACTS, told, route=row.joined, key=SEPARATOR.join((row.joined, row.key)))
    return result


def _tell_waiting(result: StepResult, row: PaymentRow, *, changed: bool, again: bool) -> None:
    """Tell what waits for its charge, where that has changed or may not have been told.

    What was joined waits no more; who has not seen that may tell otherwise, and is outranked.
    """
    # Its inputs have no order among each other: who saw them in another one may have told otherwise.
    beside = row.ahead > 0 and bool(row.refunds or row.disputes)
    if changed or beside or (again and row.waited):
        told = WaitingMoney(row.key, row.order, row.received_at, () if row.joined else waiting_in(row))
        result.send(WAITING_MONEY, told, route=row.key, key=row.key)
    row.waited = row.waited or changed
