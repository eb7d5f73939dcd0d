"""attribute: payments meet journeys; a charge leaves with the whole set of lines that shall stand for it."""

from collections.abc import Iterable

from trackrev_stream.agents.payer_names import ask_again, names_in, note_names
from trackrev_stream.agents.payer_rows import (
    PaidRow,
    PayerRow,
    is_answered,
    journeys_told,
    list_payment,
    paid_row,
    payments_of,
    put_journeys,
    put_paid,
)
from trackrev_stream.agents.step import Outcome, Record, Rows, is_repeat
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.records import AttributedCharge, PayerJourneys
from trackrev_stream.contracts.topics import ATTRIBUTED_CHARGES, PAYMENTS
from trackrev_stream.domain.attribution import Decision, Reason, Rules
from trackrev_stream.domain.ids import scope_of
from trackrev_stream.domain.ledger import lines_of
from trackrev_stream.domain.payer import Binding, Bindings, binding_of, choose, decide_own, is_bound, settle
from trackrev_stream.domain.payment import ChargeState, PaymentState

RULES = Rules()  # the first version, which holds from the beginning


def attribute(rows: Rows, record: Record) -> Outcome:
    """Apply a payment's state, or what gather tells of a join key."""
    if record.topic == PAYMENTS.name:
        return _hear_payment(rows, record, decode(PaymentState, record.value))
    return _hear_journeys(rows, record, decode(PayerJourneys, record.value))


def _hear_payment(rows: Rows, record: Record, state: PaymentState) -> Outcome:
    outcome = Outcome()
    row = rows.get(PayerRow, state.payer) or PayerRow(state.payer)
    paid = paid_row(rows, state.payer, state.payment)
    if is_repeat(row.positions, record):
        ask_again(outcome, row)
        _tell(outcome, row, [paid] if paid and state.payment not in row.waiting else [])
    else:
        row.version += 1
        if paid is None:
            list_payment(rows, row, state.payment)
        # The same version counts as news: a crash may have come between the payment's row and the payer's.
        if paid is None or state.version >= paid.state.version:
            paid = _replaced(paid, state)
            put_paid(rows, row.payer, paid)
            moved = note_names(rows, row, paid, outcome)
            changed = _restate_all(rows, row, paid) if moved else _restate_payment(rows, row, paid)
            _tell(outcome, row, _released(rows, row, changed, paid))
    rows.put(row.payer, row)
    return outcome


def _hear_journeys(rows: Rows, record: Record, told: PayerJourneys) -> Outcome:
    outcome = Outcome()
    row = rows.get(PayerRow, told.payer) or PayerRow(told.payer)
    if is_repeat(row.positions, record):
        _tell(outcome, row, [p for p in payments_of(rows, row) if p.state.payment not in row.waiting])
    else:
        row.version += 1
        if put_journeys(rows, told):
            _tell(outcome, row, _released(rows, row, _restate_journeys(rows, row)))
    rows.put(row.payer, row)
    return outcome


def _released(
    rows: Rows, row: PayerRow, changed: list[PaidRow], heard: PaidRow | None = None
) -> list[PaidRow]:
    """What may be told: what needs no journeys at once, the rest when gather has answered."""
    if heard and any(not is_bound(state, row.bindings) for state in heard.state.charges):
        row.waiting = sorted({*row.waiting, heard.state.payment})
    elif heard and heard.state.payment in row.waiting:
        row.waiting.remove(heard.state.payment)
    if not row.waiting:
        return changed
    if not is_answered(rows, row):
        return [paid for paid in changed if paid.state.payment not in row.waiting]
    known = {paid.state.payment for paid in changed}
    waited = [paid_row(rows, row.payer, payment) for payment in row.waiting if payment not in known]
    row.waiting = []
    return [*changed, *(paid for paid in waited if paid)]


def _replaced(paid: PaidRow | None, state: PaymentState) -> PaidRow:
    """The row with a newer state; charges and join keys that it has no more are remembered."""
    joins, visitors = names_in(state.payer, state.charges)
    named = {*joins, *visitors}
    if paid is None:
        return PaidRow(state, sorted(named))
    stay = {charge.charge for charge in state.charges}
    before = paid.left | {charge.charge: charge for charge in paid.state.charges}
    left = {name: charge for name, charge in before.items() if name not in stay}
    decisions = {name: each for name, each in paid.decisions.items() if name in stay}
    return PaidRow(state, sorted(named.union(paid.named)), left, decisions, paid.decided_by)


def _restate_payment(rows: Rows, row: PayerRow, paid: PaidRow) -> list[PaidRow]:
    """Settle one payment; where it moves a binding, all of the payer's."""
    own = _decide_own(rows, row, [paid])
    mine = {*paid.left, *(state.charge for state in paid.state.charges)}
    others = [b for b in (row.bindings.firm, row.bindings.late) if b and b.charge not in mine]
    if choose([*others, *_candidates([paid], own)]) != row.bindings:
        return _restate_all(rows, row, paid)
    _note_early(row, paid)
    _settle(rows, row, [paid], own)
    return [paid]


def _restate_journeys(rows: Rows, row: PayerRow) -> list[PaidRow]:
    """Settle the payments that journeys decide: those up to the firm binding, or all without one."""
    if row.bindings.firm is None:
        return _restate_all(rows, row, None)
    early = [paid for payment in row.early if (paid := paid_row(rows, row.payer, payment))]
    own = _decide_own(rows, row, early)
    bindings = choose(_candidates(early, own))
    if bindings.firm != row.bindings.firm:
        return _restate_all(rows, row, None)
    row.bindings = bindings
    return _settle(rows, row, early, own)


def _restate_all(rows: Rows, row: PayerRow, heard: PaidRow | None) -> list[PaidRow]:
    """Find the bindings anew and settle every payment; ``heard`` is told even where nothing changed."""
    row.bindings = Bindings()
    everything = list(payments_of(rows, row))
    own = _decide_own(rows, row, everything)
    row.bindings = choose(_candidates(everything, own))
    row.early = []
    for paid in everything:
        _note_early(row, paid)
    changed = _settle(rows, row, everything, own)
    if heard is None or heard.state.payment in {paid.state.payment for paid in changed}:
        return changed
    return [*changed, *(paid for paid in everything if paid.state.payment == heard.state.payment)]


def _decide_own(rows: Rows, row: PayerRow, payments: Iterable[PaidRow]) -> dict[str, Decision]:
    open_charges = [
        (state, paid.decisions.get(state.charge))
        for paid in payments
        for state in paid.state.charges
        if not is_bound(state, row.bindings)
    ]
    journeys = journeys_told(rows, row) if open_charges else []
    return {state.charge: decide_own(state, journeys, RULES, before) for state, before in open_charges}


def _candidates(payments: Iterable[PaidRow], own: dict[str, Decision]) -> list[Binding]:
    charges = (state for paid in payments for state in paid.state.charges if state.charge in own)
    return [found for state in charges if (found := binding_of(state, own[state.charge]))]


def _settle(
    rows: Rows, row: PayerRow, payments: Iterable[PaidRow], own: dict[str, Decision]
) -> list[PaidRow]:
    """Write the final decisions; return the payments whose decisions this record changed."""
    changed = []
    for paid in payments:
        undecided = Decision(Reason.NO_TOUCH)
        decisions = {
            s.charge: settle(s, own.get(s.charge, undecided), row.bindings) for s in paid.state.charges
        }
        if decisions != paid.decisions:
            paid.decisions = decisions
            paid.decided_by = rows.applying
            put_paid(rows, row.payer, paid)
        if paid.decided_by == rows.applying:
            changed.append(paid)
    return changed


def _note_early(row: PayerRow, paid: PaidRow) -> None:
    if row.bindings.firm is None or paid.state.payment in row.early:
        return
    if any(not is_bound(state, row.bindings) for state in paid.state.charges):
        row.early.append(paid.state.payment)


def _tell(outcome: Outcome, row: PayerRow, payments: Iterable[PaidRow]) -> None:
    for paid in payments:
        for state in paid.state.charges:
            _tell_charge(outcome, row, paid.state, state, paid.decisions[state.charge])
        for state in paid.left.values():
            _tell_charge(outcome, row, paid.state, state, None)


def _tell_charge(
    outcome: Outcome, row: PayerRow, payment: PaymentState, state: ChargeState, decision: Decision | None
) -> None:
    scope = scope_of(row.payer)
    key = scope.key(state.charge)
    charge = AttributedCharge(
        key=key,
        workspace=scope.workspace,
        account=scope.account,
        livemode=scope.livemode,
        payer=row.payer,
        payment=payment.payment,
        payment_version=payment.version,
        version=row.version,
        state=state,
        decision=decision or Decision(Reason.LEFT),
        rules_version=RULES.version,
        lines=lines_of(key, state, decision) if decision else (),
        payment_cause=payment.cause,
        payment_received_at=payment.received_at,
    )
    outcome.send(ATTRIBUTED_CHARGES, charge, route=row.payer, key=key)
