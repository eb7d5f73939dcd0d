"""attribute: payments meet journeys; a charge leaves with the whole set of lines that shall stand for it."""

from collections.abc import Callable, Iterable

from trackrev_stream.agents.attribute.evidence import absorb_account, list_charges
from trackrev_stream.agents.attribute.names import (
    Names,
    emit_again,
    emit_names,
    names_of,
    note_account,
    note_payment,
)
from trackrev_stream.agents.attribute.rows import (
    PaidRow,
    PayerRow,
    is_answered,
    list_payment,
    paid_row,
    payments_of,
    put_journeys,
    put_paid,
)
from trackrev_stream.agents.attribute.settle import restate, restate_all, restate_journeys
from trackrev_stream.agents.step import InputRecord, Rows, StepResult, is_repeat
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.records import AttributedCharge, PayerJourneys
from trackrev_stream.contracts.topics import ATTRIBUTED_CHARGES, PAYMENTS, STRIPE_ACCOUNTS
from trackrev_stream.domain.attribution.attribution_settings import AttributionSettings
from trackrev_stream.domain.attribution.decision import Decision, Reason
from trackrev_stream.domain.attribution.inheritance import is_bound
from trackrev_stream.domain.ledger.lines import lines_of
from trackrev_stream.domain.payments.payment import ChargeState, PaymentState
from trackrev_stream.domain.payments.subscription import AccountFact
from trackrev_stream.domain.values.ids import scope_of, workspace_of


def attribute(rows: Rows, record: InputRecord) -> StepResult:
    """Apply a payment's state, what Stripe says beside it, or what gather tells of a join key."""
    if record.topic == PAYMENTS.name:
        state = decode(PaymentState, record.value)
        return _apply(rows, record, state.payer, lambda row: _on_payment(rows, row, state), state.payment)
    if record.topic == STRIPE_ACCOUNTS.name:
        fact = decode(AccountFact, record.value)
        return _apply(rows, record, fact.payer, lambda row: _on_account(rows, row, fact))
    told = decode(PayerJourneys, record.value)
    return _apply(rows, record, told.payer, lambda row: _on_journeys(rows, row, told))


def _apply(
    rows: Rows, record: InputRecord, payer: str, hear: Callable[[PayerRow], list[PaidRow]], payment: str = ""
) -> StepResult:
    """Let a payer hear of a record and tell what comes of it, or once more what came of it before."""
    result = StepResult()
    row = rows.get(PayerRow, payer) or PayerRow(payer)
    before = names_of(row) if row.chunks else Names()
    if is_repeat(row.positions, record):
        if before:
            emit_again(result, row)
        heard = [
            paid
            for paid in payments_of(rows, row)
            if paid.decided_by == rows.applying or paid.state.payment == payment
        ]
    else:
        row.version += 1
        heard = hear(row)
        if row.chunks:
            emit_names(result, row, before)
    _emit(result, rows, row, [paid for paid in heard if paid.state.payment not in row.waiting])
    rows.put(row.payer, row)
    return result


def _on_payment(rows: Rows, row: PayerRow, state: PaymentState) -> list[PaidRow]:
    known = paid_row(rows, state.payer, state.payment)
    if known and state.version < known.state.version:
        return []
    # The same version is news too: a crash may have come between the payment's row and the payer's.
    again = known is not None and known.state.version == state.version
    if known is None or again:
        list_payment(rows, row, state.payment)
    before = names_of(row)
    paid = _replaced(known, state)
    put_paid(rows, row.payer, paid)
    list_charges(rows, state)
    note_payment(rows, row, paid)
    moved = bool(before) and before != names_of(row)
    changed = restate_all(rows, row) if again or moved else restate(rows, row, [paid])
    if state.payment not in {each.state.payment for each in changed}:
        changed = [*changed, paid]
    if all(is_bound((each.created_at, each.charge), row.bindings) for each in state.charges):
        row.waiting = [payment for payment in row.waiting if payment != state.payment]
    else:
        row.waiting = sorted({*row.waiting, state.payment})
    return _released(rows, row, changed)


def _on_account(rows: Rows, row: PayerRow, fact: AccountFact) -> list[PaidRow]:
    before = names_of(row)
    note_account(row, fact)
    names, ended = absorb_account(rows, fact)
    if ended or before != names_of(row):
        return _released(rows, row, restate_all(rows, row))
    payments = [paid for name in sorted(names) if (paid := paid_row(rows, row.payer, name))]
    return _released(rows, row, restate(rows, row, payments) if payments else [])


def _on_journeys(rows: Rows, row: PayerRow, told: PayerJourneys) -> list[PaidRow]:
    return _released(rows, row, restate_journeys(rows, row)) if put_journeys(rows, told) else []


def _released(rows: Rows, row: PayerRow, changed: list[PaidRow]) -> list[PaidRow]:
    """What is to be told: with what changed, all that waited until gather had answered."""
    if not row.waiting or not is_answered(rows, row):
        return changed
    known = {paid.state.payment for paid in changed}
    waited = [paid_row(rows, row.payer, payment) for payment in row.waiting if payment not in known]
    row.waiting = []
    for paid in waited:
        if paid:
            paid.decided_by = rows.applying
            put_paid(rows, row.payer, paid)
    return [*changed, *(paid for paid in waited if paid)]


def _replaced(paid: PaidRow | None, state: PaymentState) -> PaidRow:
    """The row with a newer state; charges that it has no more are remembered."""
    if paid is None:
        return PaidRow(state)
    stay = {charge.charge for charge in state.charges}
    before = paid.left | {charge.charge: charge for charge in paid.state.charges}
    left = {name: charge for name, charge in before.items() if name not in stay}
    decisions = {name: each for name, each in paid.decisions.items() if name in stay}
    return PaidRow(state, left, decisions, paid.decided_by, paid.subscriptions)


def _emit(result: StepResult, rows: Rows, row: PayerRow, payments: Iterable[PaidRow]) -> None:
    workspace = workspace_of(row.payer)
    for paid in payments:
        undone = {state.charge: (state, Decision(Reason.FAILED)) for state in paid.state.undone}
        left = {name: (state, Decision(Reason.LEFT)) for name, state in paid.left.items()}
        told = [(state, paid.decisions[state.charge]) for state in paid.state.charges]
        for state, decision in [*told, *(left | undone).values()]:
            rules = rows.rules.at(workspace, state.created_at)
            charge = _attributed(row, paid.state, state, decision, rules)
            result.send(ATTRIBUTED_CHARGES, charge, route=row.payer, key=charge.key)


def _attributed(
    row: PayerRow,
    payment: PaymentState,
    state: ChargeState,
    decision: Decision,
    rules: AttributionSettings,
) -> AttributedCharge:
    """A charge as it is told: without lines where nothing of it stands, or not with this payer."""
    scope = scope_of(row.payer)
    key = scope.key(state.charge)
    return AttributedCharge(
        key=key,
        workspace=scope.workspace,
        account=scope.account,
        livemode=scope.livemode,
        payer=row.payer,
        payment=payment.payment,
        payment_version=payment.version,
        version=row.version,
        state=state,
        decision=decision,
        rules_version=rules.version,
        lines=() if decision.reason in (Reason.LEFT, Reason.FAILED) else lines_of(key, state, decision),
        payment_cause=payment.cause,
        payment_received_at=payment.received_at,
    )
