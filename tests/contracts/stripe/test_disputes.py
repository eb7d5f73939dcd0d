"""Disputes as facts: which money they moved, and when."""

from typing import Any

import pytest

from tests.collectors.edge import WORKSPACE
from tests.contracts.stripe.objects import CREATED, dispute, event, moved
from tests.facts import NOW
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.stripe.events import facts_of
from trackrev_stream.contracts.stripe.fields import Observation
from trackrev_stream.contracts.stripe.payments import dispute_facts
from trackrev_stream.domain.payments.payment import FactKind, Move, PaymentFact

SEEN_AT = (CREATED + 1) * 1_000
AWAY, BACK = (
    Move("txn_away", -4_200, (CREATED + 130) * 1_000, fee_minor=1_500),
    Move("txn_back", 4_200, (CREATED + 900) * 1_000, fee_minor=1_500),
)
TOLD_AWAY, TOLD_BACK = Move("", -4_200, SEEN_AT), Move("", 4_200, SEEN_AT)


def fact_of(name: str, **changes: Any) -> PaymentFact:
    [fact] = facts_of(event(f"charge.dispute.{name}", dispute(**changes)), WORKSPACE, NOW, "webhook")
    assert isinstance(fact, PaymentFact)
    return fact


def test_a_dispute() -> None:
    fact = fact_of("created")
    assert (fact.kind, fact.id, fact.charge, fact.payment) == (FactKind.DISPUTE, "dp_1", "ch_1", "pi_1")
    assert (fact.amount_minor, fact.currency, fact.status) == (4_200, "usd", "needs_response")
    assert fact_of("created", payment_intent=None).payment == "ch_1"
    nothing = dispute(charge=None, payment_intent=None)
    assert dispute_facts(nothing, WORKSPACE, Observation("own", True, 0, 0, "poll", "p")) == []


def test_a_dispute_that_names_but_its_intent_or_no_time_is_told_all_the_same() -> None:
    fact = fact_of("created", charge=None)
    assert (fact.charge, fact.payment) == ("", "pi_1")
    assert fact_of("created", created=None).created_at == SEEN_AT


@pytest.mark.parametrize(
    ("name", "status", "transactions", "moves"),
    [
        # Balance transactions say what moved, whatever the event is called.
        ("created", "needs_response", [moved(-4_200)], (AWAY,)),
        ("updated", "under_review", [moved(-4_200)], (AWAY,)),
        ("closed", "lost", [moved(-4_200)], (AWAY,)),
        ("closed", "won", [moved(-4_200), moved(4_200)], (AWAY, BACK)),
        ("closed", "won", [moved(-4_200)], (AWAY,)),  # the money is not back yet
        ("funds_reinstated", "won", [moved(-4_200), moved(4_200)], (AWAY, BACK)),
        # An event is about what it is called, even where the object was shown a moment too early.
        ("funds_withdrawn", "needs_response", [], (TOLD_AWAY,)),
        ("funds_withdrawn", "needs_response", None, (TOLD_AWAY,)),
        ("funds_reinstated", "won", [moved(-4_200)], (AWAY, TOLD_BACK)),
        # Without either, a final status tells; an open dispute has moved nothing, an inquiry never does.
        ("closed", "lost", None, (TOLD_AWAY,)),
        ("closed", "won", None, (TOLD_BACK,)),
        ("created", "needs_response", [], ()),
        ("updated", "under_review", None, ()),
        ("created", "warning_needs_response", [], ()),
        ("updated", "warning_under_review", None, ()),
        ("closed", "warning_closed", None, ()),
        ("closed", "prevented", None, ()),  # before it took anything
        ("closed", "prevented", [moved(-4_200), moved(4_200)], (AWAY, BACK)),
    ],
)
def test_what_moved(name: str, status: str, transactions: Any, moves: tuple[Move, ...]) -> None:
    assert fact_of(name, status=status, balance_transactions=transactions).moves == moves


@pytest.mark.parametrize(
    ("changes", "settled", "amount"),
    [
        ({}, {"amount": -1_700}, -1_700),  # of a payment that was refunded in part
        ({"currency": "eur"}, {"amount": -4_662, "exchange_rate": 1.11}, -4_200),
        ({"currency": "eur"}, {"amount": -4_650, "exchange_rate": 1.11}, -4_200),  # 41.89 EUR: rounded rates
        ({"currency": "eur"}, {"amount": 2_331, "exchange_rate": 1.11}, 2_100),  # half of it came back
        ({"currency": "eur"}, {"amount": -4_662, "exchange_rate": None}, -4_200),
        ({"currency": "jpy"}, {"amount": -1_330, "exchange_rate": 0.00633333}, -2_100),
        ({"currency": "kwd", "amount": 9_990}, {"amount": -3_247, "exchange_rate": 3.25}, -9_990),
    ],
)
def test_moves_are_in_the_disputes_currency(
    changes: dict[str, Any], settled: dict[str, Any], amount: int
) -> None:
    [move] = fact_of("updated", balance_transactions=[moved(settled["amount"], **settled)], **changes).moves
    assert move.amount_minor == amount


def test_fees_and_moves_in_another_balance() -> None:
    def told(**changes: Any) -> Move:
        [move] = fact_of("updated", balance_transactions=[moved(-4_662, **changes)], currency="eur").moves
        return move

    there = {"exchange_rate": 1.11, "fee": -1_500}
    at = AWAY.moved_at
    assert told(**there) == Move("txn_away", -4_200, at, -4_662, "usd", -1_500)
    assert told(**there | {"fee": None}) == Move("txn_away", -4_200, at, -4_662, "usd", None)
    for fee in ({"type": "stripe_fee"}, {"type": "adjustment", "reporting_category": "fee"}):
        assert told(**there, **fee) == Move("txn_away", 0, at, settled_currency="usd", fee_minor=3_162)
    # A fee alone moves nothing: what the dispute moved is still told by its end.
    fee_only = moved(-1_500, id="txn_fee", type="stripe_fee", fee=0)
    moves = fact_of("closed", status="lost", balance_transactions=[fee_only]).moves
    assert [(move.id, move.amount_minor, move.fee_minor) for move in moves] == [
        ("txn_fee", 0, 1_500),
        ("", -4_200, None),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"balance_transactions": "txn_1"}, {"balance_transactions": ["txn_1"]}, {"status": None},
        {"balance_transactions": [moved(-1, amount="1")]}, {"amount": -1}, {"created": "1"},
    ],
)  # fmt: skip
def test_wrong_types_are_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="should"):
        fact_of("updated", **changes)
