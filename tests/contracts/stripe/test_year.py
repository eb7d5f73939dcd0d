"""A year of the stand-in, whose books are kept apart: its events, in any order, come to the same money."""

import random
from collections import Counter
from collections.abc import Iterable

import pytest

from ops.standin import ACACIA, BASIL
from ops.standin.books import Balance, Kind
from ops.standin.year import Year, year
from tests.collectors.edge import WORKSPACE
from trackrev_stream.contracts.stripe.events import facts_of
from trackrev_stream.domain.attribution.decision import Decision, Reason
from trackrev_stream.domain.ledger.lines import REVENUE, dispute_fee_of, lines_of, net_of
from trackrev_stream.domain.payments.billing import PaymentRow, absorb_payment
from trackrev_stream.domain.payments.payment import ChargeState, PaymentFact, PaymentState
from trackrev_stream.domain.values.days import DAY_MS

UNTOLD = frozenset(("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"))


@pytest.fixture(scope="module", params=[ACACIA, BASIL])
def made(request: pytest.FixtureRequest) -> Year:
    return year(seed=7, charges=600, api_version=request.param)


def told(made: Year, leave_out: Iterable[str] = ()) -> list[PaymentFact]:
    """The facts of all events in an order of their own, some of them twice."""
    rng = random.Random(3)
    events = [event for event in made.events if event["type"] not in leave_out]
    events += rng.sample(events, len(events) // 5)
    rng.shuffle(events)
    found = [fact for event in events for fact in facts_of(event, WORKSPACE, 0, "webhook")]
    return [fact for fact in found if isinstance(fact, PaymentFact)]


def states_of(facts: Iterable[PaymentFact]) -> dict[str, ChargeState]:
    rows: dict[str, PaymentRow] = {}
    newest: dict[str, PaymentState] = {}
    for fact in facts:
        for state in absorb_payment(rows.setdefault(fact.key, PaymentRow(fact.key)), fact):
            if state.charges:
                newest[state.payment] = state
    return {charge.charge: charge for state in newest.values() for charge in state.charges}


def test_every_charge_is_worth_what_the_books_say(made: Year) -> None:
    books = {
        name: (one.captured_minor, one.net_minor) for name, one in made.stand_in.books.by_charge().items()
    }
    found = {name: (state.amount_minor, net_of(state)) for name, state in states_of(told(made)).items()}
    assert found == books


def test_the_fees_of_disputes_are_those_of_the_balance(made: Year) -> None:
    found, taken = states_of(told(made)), Counter[str]()
    for merchant in made.stand_in.merchants.values():
        for dispute in merchant.account.tables["disputes"].values():
            taken[dispute["charge"]] += sum(entry["fee"] for entry in dispute["balance_transactions"])
    assert len(taken) > 10
    known = {name: dispute_fee_of(state) for name, state in found.items()}
    assert {name: fee and fee[0] for name, fee in known.items()} == {name: taken[name] for name in known}


def test_what_goes_and_returns_does_so_on_the_day_of_the_books(made: Year) -> None:
    found: Counter[tuple[str, int]] = Counter()
    for name, state in states_of(told(made)).items():
        for line in lines_of(name, state, Decision(Reason.NO_VISITOR)):
            if line.reason in REVENUE - {"credit"}:
                found[name, line.occurred_at // DAY_MS] += line.amount_minor
    books: Counter[tuple[str, int]] = Counter()
    balances: dict[str, Balance] = {}
    for moved in made.stand_in.books.movements:
        balance = balances.setdefault(moved.charge, Balance(moved.account, moved.currency))
        before = balance.net_minor
        balance.apply(moved)
        if moved.kind is not Kind.CAPTURED:  # a charge counts on the day it was made
            books[moved.charge, moved.at_s * 1_000 // DAY_MS] += balance.net_minor - before
    assert {day: amount for day, amount in found.items() if amount} == {d: a for d, a in books.items() if a}


def test_refunds_whose_objects_are_never_told_are_known_by_their_sum(made: Year) -> None:
    books = {name: one.net_minor for name, one in made.stand_in.books.by_charge().items()}
    found = {name: net_of(state) for name, state in states_of(told(made, UNTOLD)).items()}
    assert {name for name in books if found.get(name) != books[name]} == set()
