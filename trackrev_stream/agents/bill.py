"""bill: what Stripe shows of a payment becomes its money state, told to its payer."""

from trackrev_stream.agents.step import InputRecord, Rows, StepResult, is_repeat
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.topics import PAYMENTS
from trackrev_stream.domain.payments.billing import PaymentRow, absorb_payment, states_of
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.values.ids import SEPARATOR


def bill(rows: Rows, record: InputRecord) -> StepResult:
    """Apply a fact of Stripe."""
    fact = decode(PaymentFact, record.value)
    row = rows.get(PaymentRow, fact.key) or PaymentRow(fact.key)
    states = states_of(row) if is_repeat(row.positions, record) else absorb_payment(row, fact)
    rows.put(row.key, row)
    result = StepResult()
    for state in states:
        result.send(PAYMENTS, state, route=state.payer, key=SEPARATOR.join((state.payer, state.payment)))
    return result
