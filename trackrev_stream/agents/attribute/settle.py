"""Settling a payer's charges: a few beside the others where that is enough, or all of them anew."""

from collections.abc import Iterable

from trackrev_stream.agents.attribute.evidence import match_of
from trackrev_stream.agents.attribute.rows import (
    PaidRow,
    PayerRow,
    journeys_told,
    paid_row,
    payments_of,
    put_paid,
    put_subscription,
    subscription_row,
)
from trackrev_stream.agents.step import Rows
from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.attribution.inheritance import (
    Own,
    Placed,
    Settled,
    decide_own,
    is_bound,
    settle_all,
    settle_some,
)
from trackrev_stream.domain.journeys.journey import Journey
from trackrev_stream.domain.values.ids import workspace_of


def restate(rows: Rows, row: PayerRow, heard: list[PaidRow]) -> list[PaidRow]:
    """Settle some payments; where they move what others inherit, all of the payer's.

    Returns the payments whose decisions this record changed.
    """
    # Half of what this record does may be done: a crash came in between. Only all of it anew is sure.
    if any(paid.decided_by == rows.applying for paid in heard):
        return restate_all(rows, row)
    placed = _place(rows, heard)
    names = {name for paid in heard for name in paid.subscriptions}
    names |= {charge.match.subscription for charge in placed if charge.match.subscription}
    origins = {name: subscription_row(rows, row.payer, name).origin for name in sorted(names)}
    known = Settled(row.bindings, {name: origin for name, origin in origins.items() if origin})
    gone = {charge for paid in heard for charge in paid.left}
    settled = settle_some(placed, gone, known, _own(rows, row))
    return restate_all(rows, row) if settled is None else _keep(rows, row, heard, placed, settled)


def restate_journeys(rows: Rows, row: PayerRow) -> list[PaidRow]:
    """Settle the payments that journeys decide: those up to the firm binding, or all without one."""
    if row.bindings.firm is None or row.asks:
        return restate_all(rows, row)
    return restate(rows, row, [paid for name in row.early if (paid := paid_row(rows, row.payer, name))])


def restate_all(rows: Rows, row: PayerRow) -> list[PaidRow]:
    """Find the bindings and origins anew, and settle every payment; returns those that changed."""
    everything = list(payments_of(rows, row))
    placed = _place(rows, everything)
    settled = settle_all(placed, _own(rows, row))
    row.bindings, row.early, row.asks = settled.bindings, [], False
    return _keep(rows, row, everything, placed, settled)


def _place(rows: Rows, payments: Iterable[PaidRow]) -> list[Placed]:
    return [
        Placed(
            state,
            match_of(rows, paid.state, state),
            rows.rules.at(workspace_of(paid.state.payer), state.created_at),
            paid.decisions.get(state.charge),
        )
        for paid in payments
        for state in paid.state.charges
    ]


def _own(rows: Rows, row: PayerRow) -> Own:
    journeys: list[Journey] | None = None  # read where they matter: most charges inherit

    def own(charge: Placed) -> Decision:
        nonlocal journeys
        journeys = journeys_told(rows, row) if journeys is None else journeys
        return decide_own(charge, journeys)

    return own


def _keep(
    rows: Rows, row: PayerRow, payments: Iterable[PaidRow], placed: Iterable[Placed], settled: Settled
) -> list[PaidRow]:
    """Write decisions, then what others inherit; return the payments whose decisions this record changed."""
    changed, names = [], set(settled.origins)
    for paid in payments:
        names |= set(paid.subscriptions)
        decisions = {state.charge: settled.decisions[state.charge] for state in paid.state.charges}
        if decisions != paid.decisions:
            belongs = {each.subscription for each in decisions.values() if each.subscription}
            paid.decisions, paid.decided_by = decisions, rows.applying
            paid.subscriptions = sorted(belongs.union(paid.subscriptions))
            put_paid(rows, row.payer, paid)
        if paid.decided_by == rows.applying:
            changed.append(paid)
    for name in sorted(names):
        each = subscription_row(rows, row.payer, name)
        if each.origin != settled.origins.get(name):
            each.origin = settled.origins.get(name)
            put_subscription(rows, row.payer, name, each)
    _note(row, payments, placed, settled)
    return changed


def _note(row: PayerRow, payments: Iterable[PaidRow], placed: Iterable[Placed], settled: Settled) -> None:
    """Remember which payments journeys can decide."""
    if row.bindings.firm is None:
        return
    for paid in payments:
        orders = [(state.created_at, state.charge) for state in paid.state.charges]
        if paid.state.payment not in row.early and not all(is_bound(order, row.bindings) for order in orders):
            row.early.append(paid.state.payment)
    origins = {origin.charge for origin in settled.origins.values()}
    row.asks = row.asks or any(
        charge.asks
        and is_bound(charge.order, row.bindings)
        and (not charge.match.subscription or charge.state.charge in origins)
        for charge in placed
    )
