"""What the agents find piece by piece is what the rules say of all facts at once."""

from functools import partial

from hypothesis import HealthCheck, given, settings

from tests.agents.histories import Fact, histories, rule_books
from tests.agents.simulation import Simulation
from trackrev_stream.agents.attribute.rows import PayerRow, journeys_told
from trackrev_stream.agents.step import Rows
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.topics import PAYMENTS
from trackrev_stream.domain.attribution.attribution_settings import SettingsTimeline
from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.attribution.inheritance import Placed, decide_own, settle_all
from trackrev_stream.domain.payments.payment import ChargeState, PaymentState
from trackrev_stream.domain.payments.subscription import (
    EARLY_MS,
    AccountFact,
    AccountKind,
    MatchEvidence,
    SubscriptionMatch,
)
from trackrev_stream.domain.values.ids import workspace_of


def tied(state: ChargeState, facts: list[AccountFact], *, guest: bool) -> SubscriptionMatch:
    """The order of evidence, looked up in all that was ever seen of the payer."""
    if state.subscription or guest:
        return (
            SubscriptionMatch(MatchEvidence.NAMED, state.subscription)
            if state.subscription
            else SubscriptionMatch()
        )
    of_invoice = [fact for fact in facts if fact.kind is AccountKind.INVOICE and fact.id == state.invoice]
    said = [(fact.observed_at, fact.subscription) for fact in of_invoice if fact.subscription]
    subscriptions = [fact for fact in facts if fact.kind is AccountKind.SUBSCRIPTION]
    latest = [fact.id for fact in subscriptions if state.invoice and fact.invoice == state.invoice]
    if said or latest:
        return SubscriptionMatch(MatchEvidence.INVOICE, max(said)[1] if said else min(latest))
    if of_invoice:
        return SubscriptionMatch()
    ends = {
        name: min(
            (f.ended_at for f in subscriptions if f.id == name and f.ended_at is not None), default=None
        )
        for name in {fact.id for fact in subscriptions}
    }
    due = set()
    for fact in facts:
        name = fact.id if fact.kind is AccountKind.SUBSCRIPTION else fact.subscription
        if fact.kind is AccountKind.CUSTOMER or not name:
            continue
        assert fact.period_start_at
        assert fact.period_end_at
        fits = (fact.amount_minor, fact.currency) == (state.amount_minor, state.currency)
        ended_at = ends.get(name)
        if fits and fact.period_start_at - EARLY_MS <= state.created_at < fact.period_end_at:
            due |= {name} if ended_at is None or state.created_at <= ended_at else set()
    if len(due) == 1:
        return SubscriptionMatch(MatchEvidence.PERIOD, due.pop())
    return SubscriptionMatch(
        MatchEvidence.AMBIGUOUS if due else MatchEvidence.UNKNOWN if state.invoice else MatchEvidence.NONE
    )


def at_once(simulation: Simulation, history: list[Fact], rules: SettingsTimeline) -> dict[str, Decision]:
    """Every decision from the last state of each payment, the journeys told, and all account facts."""
    payments: dict[tuple[str, str], PaymentState] = {}
    for _, raw in simulation.topics[PAYMENTS.name]:
        state = decode(PaymentState, raw)
        payments[state.payer, state.payment] = state
    rows = Rows(simulation.tables["attribute"].get, "nothing")
    found: dict[str, Decision] = {}
    for payer in {payer for payer, _ in payments}:
        facts = [fact for fact in history if isinstance(fact, AccountFact) and fact.payer == payer]
        paid = [charge for (owner, _), s in payments.items() for charge in s.charges if owner == payer]
        row = rows.get(PayerRow, payer)
        known = journeys_told(rows, row) if row else []
        guest = (payer, payer) in payments
        charges = [
            Placed(
                charge,
                tied(charge, facts, guest=guest),
                rules.at(workspace_of(payer), charge.created_at),
            )
            for charge in paid
        ]
        found |= settle_all(charges, partial(decide_own, journeys=known)).decisions
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(histories(), rule_books())
def test_piece_by_piece_is_all_at_once(history: list[Fact], rules: SettingsTimeline) -> None:
    simulation = Simulation(rules)
    simulation.feed(*history)
    standing = {charge.state.charge: charge.decision for charge in simulation.run().charges.values()}
    gone = {name for name, decision in standing.items() if decision.reason == "left_for_another_payer"}
    assert not gone
    failed = {name for name, decision in standing.items() if decision.reason == "charge_failed"}
    paid = {name: decision for name, decision in standing.items() if name not in failed}
    assert paid == at_once(simulation, history, rules)
