"""bill: what Stripe shows of a payment becomes its money state, told to its payer."""

from trackrev_stream.agents.step import Outcome, Record, Rows, is_repeat
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.topics import PAYMENTS
from trackrev_stream.domain.payments.billing import PaymentRow, absorb, states_of
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.values.ids import SEPARATOR


def bill(rows: Rows, record: Record) -> Outcome:
    """Apply a fact of Stripe."""
    fact = decode(PaymentFact, record.value)
    row = rows.get(PaymentRow, fact.key) or PaymentRow(fact.key)
    states = states_of(row) if is_repeat(row.positions, record) else absorb(row, fact)
    rows.put(row.key, row)
    outcome = Outcome()
    for state in states:
        outcome.send(PAYMENTS, state, route=state.payer, key=SEPARATOR.join((state.payer, state.payment)))
    return outcome
