"""A year of webhooks, read by our own rules, against the books of the stand-in that sent them.

The stand-in shares no code with the program: where the two agree on every charge, both have understood
Stripe alike.
"""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from ops.standin import ACACIA, BASIL
from ops.standin.year import year
from tests.collectors.edge import WORKSPACE
from trackrev_stream.contracts.stripe.events import facts_of
from trackrev_stream.domain.payments.billing import PaymentRow, absorb_payment, states_of
from trackrev_stream.domain.payments.payment import ChargeState, PaymentFact

CHARGES = 1_000


def _standing(events: Iterable[dict[str, Any]]) -> dict[str, ChargeState]:
    """Where each charge stands after all events, in the order in which they come."""
    rows: dict[str, PaymentRow] = {}
    for event in events:
        for fact in facts_of(event, WORKSPACE, event["created"] * 1_000, "webhook"):
            if isinstance(fact, PaymentFact):
                absorb_payment(rows.setdefault(fact.key, PaymentRow(fact.key)), fact)
    states = [state for row in rows.values() for state in states_of(row)]
    return {charge.charge: charge for state in states for charge in state.charges}


@pytest.mark.parametrize("version", [ACACIA, BASIL])
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_charge_of_a_year_stands_as_in_the_books(version: str, shuffled: bool) -> None:
    made = year(seed=11, charges=CHARGES, api_version=version)
    events = list(made.events)
    if shuffled:
        chance = random.Random(11)
        events += chance.sample(events, len(events) // 5)
        chance.shuffle(events)
    standing = {}
    for id_, charge in _standing(events).items():
        gone_minor = sum(reversal.amount_minor for reversal in charge.reversals)
        standing[id_] = (charge.currency, charge.amount_minor, gone_minor)
    assert standing == {
        id_: (balance.currency, balance.captured_minor, balance.refunded_minor + balance.disputed_minor)
        for id_, balance in made.stand_in.books.by_charge().items()
    }
    assert len(standing) == CHARGES
