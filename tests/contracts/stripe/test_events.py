import dataclasses
import json
import re
from typing import Any

import pytest

from tests.collectors.edge import WORKSPACE
from tests.contracts.stripe.objects import CREATED, charge, event, refund
from tests.facts import NOW, VISITOR, charge_fact
from trackrev_stream.contracts.codec import Malformed, decode, encode
from trackrev_stream.contracts.stripe.events import facts_of, has_effect
from trackrev_stream.contracts.stripe.fields import Observation
from trackrev_stream.contracts.stripe.payments import charge_facts
from trackrev_stream.domain.payments.billing import PaymentRow, absorb_payment
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact, PaymentState
from trackrev_stream.domain.values.ids import email_key

OLD_SHAPE = {"invoice": "in_1", "refunds": {"object": "list", "data": [], "has_more": False}}
SEEN = Observation("own", True, NOW - 1_000, NOW, "poll", "poll_1")


def facts(event_type: str, of: dict[str, Any], **changes: Any) -> list[PaymentFact]:
    found = facts_of(event(event_type, of, **changes), WORKSPACE, NOW, "webhook")
    return [fact for fact in found if isinstance(fact, PaymentFact)]


def test_every_field_of_a_charge() -> None:
    assert facts("charge.succeeded", charge(metadata={"tr_visitor": VISITOR}, **OLD_SHAPE)) == [
        charge_fact(
            created_at=CREATED * 1_000,
            observed_at=(CREATED + 1) * 1_000,
            received_at=NOW,
            amount_minor=4_200,
            authorized_minor=4_200,
            customer="cus_1",
            email_key=email_key(WORKSPACE.email_secret, "jenny@shop.example"),
            visitor=VISITOR,
            invoice="in_1",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"invoice": "", "payment": "pi_1"}),
        ({"invoice": None}, {"invoice": ""}),
        ({"invoice": {"id": "in_2", "object": "invoice"}}, {"invoice": "in_2"}),
        ({"payment_intent": None}, {"payment": "ch_1"}),
        ({"payment_intent": {"id": "pi_2"}}, {"payment": "pi_2", "invoice": ""}),
        (
            {"payment_intent": {"id": "pi_2", "payment_details": {"order_reference": "in_3"}}},
            {"payment": "pi_2", "invoice": "in_3"},
        ),
        ({"payment_intent": {"id": "pi_2", "payment_details": {"order_reference": "42"}}}, {"invoice": ""}),
        ({"customer": {"id": "cus_2", "object": "customer", "email": None}}, {"customer": "cus_2"}),
        ({"customer": None}, {"customer": ""}),
        ({"disputed": True}, {"disputed": True}),
        ({"disputed": None}, {"disputed": False}),
        ({"captured": False, "amount_captured": 0}, {"amount_minor": 0, "captured": False}),
        ({"captured": True, "amount_captured": 3_000}, {"amount_minor": 3_000}),
        ({"captured": True, "amount_captured": None}, {"amount_minor": 4_200}),
        ({"captured": False, "amount_captured": None}, {"amount_minor": 0}),
        ({"amount_refunded": 700}, {"refunded_minor": 700}),
        ({"currency": "JPY"}, {"currency": "jpy"}),
        ({"status": "failed"}, {"status": "failed"}),
        (
            {"balance_transaction": {"id": "txn_1", "currency": "usd", "fee": 152}},
            {"fee_minor": 152, "fee_currency": "usd"},
        ),
        (
            {"balance_transaction": {"id": "txn_1", "currency": "eur", "fee": 0}},
            {"fee_minor": 0, "fee_currency": "eur"},
        ),
        ({"balance_transaction": None}, {"fee_minor": None, "fee_currency": ""}),
        ({"metadata": {"trackrev_visitor": f" {VISITOR.upper()} "}}, {"visitor": VISITOR}),
        ({"metadata": {"tr_visitor": "undefined", "trackrev_visitor": VISITOR}}, {"visitor": VISITOR}),
        ({"metadata": {"tr_visitor": "undefined"}}, {"visitor": ""}),
        ({"metadata": None}, {"visitor": ""}),
    ],
)
def test_both_shapes_of_a_charge(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    for event_type in ("charge.succeeded", "charge.updated", "charge.captured", "charge.refunded"):
        [fact] = facts(event_type, charge(**changes))
        assert {name: getattr(fact, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("billing", "receipt", "customer", "email"),
    [
        ("a@x.example", "b@x.example", "cus_1", "a@x.example"),
        (None, " B@X.example", "cus_1", "b@x.example"),
        ("", None, {"id": "cus_1", "email": "c@x.example"}, "c@x.example"),
        (None, None, "cus_1", None),
        ("noreply@airline.aero", None, "cus_1", None),
        ("guest@shop.example", "b@x.example", "cus_1", "b@x.example"),
    ],
)
def test_where_the_email_is_found(billing: Any, receipt: Any, customer: Any, email: str | None) -> None:
    changes = {"billing_details": {"email": billing}, "receipt_email": receipt, "customer": customer}
    [fact] = facts("charge.succeeded", charge(**changes))
    assert fact.email_key == (email_key(WORKSPACE.email_secret, email) if email else "")


def test_what_older_versions_kept_tells_of_no_dispute() -> None:
    fact = charge_fact()
    row = PaymentRow(fact.key)
    [state] = absorb_payment(row, fact)
    for kept in (fact, row, state):
        older = re.sub(rb',"(disputed|dispute_unseen)":false', b"", encode(kept))
        assert older != encode(kept)
        assert decode(type(kept), older) == kept
    newer = encode(state).replace(b'"dispute_unseen"', b'"not_known_yet"')
    assert decode(PaymentState, newer) == state


def test_a_refund() -> None:
    for event_type in ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"):
        [fact] = facts(event_type, refund(status="failed"))
        assert (fact.kind, fact.id, fact.charge, fact.payment) == (FactKind.REFUND, "re_1", "ch_1", "pi_1")
        assert (fact.amount_minor, fact.status, fact.created_at) == (1_000, "failed", (CREATED + 60) * 1_000)


@pytest.mark.parametrize(
    ("changes", "payment"),
    [
        ({"payment_intent": None}, "ch_1"),
        ({"payment_intent": None, "charge": {"id": "ch_1", "payment_intent": "pi_1"}}, "pi_1"),
        ({"payment_intent": {"id": "pi_1"}, "charge": {"id": "ch_1"}}, "pi_1"),
    ],
)
def test_a_refund_goes_where_its_charge_goes(changes: dict[str, Any], payment: str) -> None:
    [fact] = facts("refund.created", refund(**changes))
    assert (fact.payment, fact.charge) == (payment, "ch_1")


def test_embedded_refunds_are_told_too_and_not_counted_twice() -> None:
    listed = {
        "object": "list",
        "data": [refund(), refund(id="re_2", amount=500, payment_intent=None, status=None)],
    }
    of_charge = charge(amount_refunded=1_500, refunds=listed)
    found = facts("charge.refunded", of_charge)
    assert [(fact.kind.value, fact.id, fact.payment, fact.status) for fact in found] == [
        ("refund", "re_1", "pi_1", "succeeded"),
        ("refund", "re_2", "pi_1", "succeeded"),
        ("charge", "ch_1", "pi_1", "succeeded"),
    ]
    row = PaymentRow(found[0].key)
    for fact in [*found, *facts("refund.created", refund())]:
        states = absorb_payment(row, fact)
    assert sum(reversal.amount_minor for reversal in states[-1].charges[0].reversals) == 1_500


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_failed_did_so_when_its_money_came_home(status: str) -> None:
    home = {"id": "txn_9", "created": CREATED + 300}
    shown = refund(status=status, failure_balance_transaction=home)
    sights = charge_facts(charge(refunds={"data": [shown]}), WORKSPACE, SEEN)
    assert [fact.observed_at for fact in sights if fact.id == "re_1"] == [
        SEEN.observed_at,
        (CREATED + 300) * 1_000,
    ]
    [unexpanded] = facts("refund.updated", refund(status=status, failure_balance_transaction="txn_9"))
    assert unexpanded.status == status


EURO = {"currency": "eur"}


@pytest.mark.parametrize(
    ("changes", "authorized"),
    [
        ({}, 4_200),  # released or not: nothing tells
        ({"amount_refunded": 2_100}, 4_200),
        ({"amount_refunded": 2_100, "refunded": True}, 2_100),  # whole, and the rest is not in it
        ({"amount_refunded": 4_200, "refunded": True}, 4_200),  # whole, with the rest in it
        ({"balance_transaction": {"amount": 2_100, "fee": 91, "currency": "usd"}}, 2_100),
        ({"balance_transaction": {"amount": 4_200, "fee": 151, "currency": "usd"}}, 4_200),
        (
            {"balance_transaction": {"amount": 1_943, "fee": 91, "currency": "eur", "exchange_rate": 0.925}},
            2_100,
        ),
        (
            {"balance_transaction": {"amount": 3_885, "fee": 91, "currency": "eur", "exchange_rate": 0.925}},
            4_200,
        ),
        ({"balance_transaction": {"amount": 1_943, "fee": 91, "currency": "eur"}}, 4_200),
        ({"captured": False, "amount_captured": 0}, 4_200),
        ({"amount_captured": 4_200}, 4_200),
    ],
)
def test_what_of_an_authorization_may_have_been_released(changes: dict[str, Any], authorized: int) -> None:
    [fact] = charge_facts(charge(**{"amount_captured": 2_100} | changes), WORKSPACE, SEEN)
    assert fact.authorized_minor == authorized


def test_types_without_effect() -> None:
    assert facts_of(event("payout.paid", {"anything": 1}), WORKSPACE, NOW, "webhook") == []
    assert facts("refund.created", refund(charge=None, payment_intent=None)) == []
    assert has_effect("charge.refunded")
    assert not has_effect("payout.paid")


@pytest.mark.parametrize("outcome", ["failed", "pending", "expired"])
def test_a_charge_without_success_is_seen_and_tells_no_money(outcome: str) -> None:
    shown = {
        "failed": charge(status="failed", captured=False, amount_captured=0),
        "pending": charge(status="pending"),
    }
    found = facts(
        f"charge.{outcome}",
        shown.get(outcome, charge(captured=False, amount_captured=0, amount_refunded=4_200)),
    )
    assert absorb_payment(PaymentRow(found[0].key), found[0]) == []


def test_a_poller_gets_the_same_facts() -> None:
    [polled] = charge_facts(charge(), WORKSPACE, SEEN)
    [told] = facts("charge.succeeded", charge())
    differences = {
        field.name
        for field in dataclasses.fields(PaymentFact)
        if getattr(polled, field.name) != getattr(told, field.name)
    }
    assert differences == {"observed_at", "via", "source_id"}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 7}, {"id": ""}, {"id": "a|b"}, {"id": "x" * 256}, {"created": "1"}, {"created": True},
        {"created": -1}, {"amount": 1.5}, {"amount": 10**16}, {"amount_captured": "1"}, {"captured": None},
        {"amount_refunded": -1}, {"currency": "us$"}, {"currency": None}, {"status": None},
        {"customer": 7}, {"customer": {"id": 7}}, {"payment_intent": ["pi_1"]}, {"metadata": []},
        {"billing_details": "x"}, {"billing_details": {"email": 7}}, {"receipt_email": {}}, {"refunds": []},
        {"refunds": {"data": None}}, {"refunds": {"data": ["re_1"]}},
        {"refunds": {"data": [refund(amount=None)]}},
    ],
)  # fmt: skip
def test_wrong_types_are_malformed_and_named_without_their_value(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="should"):
        facts("charge.succeeded", charge(**changes))


@pytest.mark.parametrize(
    "changes", [{"livemode": 1}, {"created": None}, {"id": None}, {"data": {}}, {"account": 7}]
)
def test_wrong_events_are_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="should"):
        facts("charge.succeeded", charge(), **changes)


def test_nothing_personal_leaves() -> None:
    personal = charge(
        receipt_email="jo@shop.example",
        customer={"id": "cus_1", "email": "jo@shop.example", "name": "Jo Doe"},
        metadata={"email": "jo@shop.example"},
        description="Jo Doe",
    )
    told = json.dumps([dataclasses.asdict(fact) for fact in facts("charge.succeeded", personal)])
    assert not re.search("@|Jenny|Jo|Doe", told)


ENTERED = {"id": "txn_1", "object": "balance_transaction", "amount": 4_200, "currency": "usd", "fee": 152}


@pytest.mark.parametrize(
    ("changes", "kept", "settled"),
    [
        ({}, (152, "usd"), 4_200),
        ({"fee": -10}, (None, ""), 4_200),
        ({"fee": "152"}, (None, ""), 4_200),
        ({"fee": None}, (None, ""), 4_200),
        ({"currency": None}, (None, ""), 0),
        ({"amount": "4200"}, (152, "usd"), 0),
        ({"amount": 4_200, "currency": "eur", "exchange_rate": 1e-300}, (152, "eur"), 4_200),
    ],
)
def test_a_balance_transaction_that_is_not_as_it_should_be_buries_no_charge(
    changes: dict[str, Any], kept: tuple[int | None, str], settled: int
) -> None:
    [fact] = facts("charge.succeeded", charge(balance_transaction=ENTERED | changes))
    assert (fact.amount_minor, fact.status, fact.captured) == (4_200, "succeeded", True)
    assert (fact.fee_minor, fact.fee_currency) == kept
    assert fact.settled_minor == settled


def test_what_a_platform_took_is_told_apart_from_stripes_fee() -> None:
    details = [{"amount": 100, "type": "application_fee"}, {"amount": 52, "type": "stripe_fee"}]
    [fact] = facts("charge.succeeded", charge(balance_transaction=ENTERED | {"fee_details": details}))
    assert (fact.fee_minor, fact.application_fee_minor) == (152, 100)
    [state] = absorb_payment(PaymentRow(fact.key), fact)
    assert (state.charges[0].fee_minor, state.charges[0].application_fee_minor) == (152, 100)
    for wrong in ([{"amount": "100", "type": "application_fee"}], "none"):
        [fact] = facts("charge.succeeded", charge(balance_transaction=ENTERED | {"fee_details": wrong}))
        assert (fact.fee_minor, fact.application_fee_minor) == (152, 0)


def test_a_refund_names_its_charge_its_intent_or_both() -> None:
    named = [
        (fact.payment, fact.charge)
        for changes in ({}, {"payment_intent": None}, {"charge": None})
        for fact in facts("charge.refund.updated", refund(**changes))
    ]
    assert named == [("pi_1", "ch_1"), ("ch_1", "ch_1"), ("pi_1", "")]
    [fact] = facts("refund.failed", refund(status="failed", failure_balance_transaction={"created": "soon"}))
    assert fact.status == "failed"


@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize("captured", [False, True])
def test_a_charge_that_failed_after_its_success_is_undone(*, order: bool, captured: bool) -> None:
    [paid] = facts("charge.succeeded", charge())
    gone = charge(status="failed", paid=False, captured=captured, failure_balance_transaction="txn_9")
    [failed] = facts("charge.failed", gone, created=CREATED + 86_400, id="evt_2")
    row = PaymentRow(paid.key)
    for fact in (failed, paid) if order else (paid, failed):
        states = absorb_payment(row, fact)
    assert [(state.payer, state.charges) for state in states] == [("ws_1|own|live|cus_1", ())]
    assert [(one.charge, one.amount_minor) for one in states[0].undone] == [("ch_1", 0)]


PART = {"amount_captured": 2_100}
REST = PART | {"amount_refunded": 2_100}


@pytest.mark.parametrize(
    ("event_type", "changes", "before", "told"),
    [
        ("charge.captured", REST, None, (4_200, True)),  # at the capture nothing else can be in it
        ("charge.captured", PART, None, (4_200, False)),
        ("charge.captured", PART | {"amount_refunded": 2_000}, None, (4_200, False)),
        ("charge.updated", REST, None, (4_200, False)),
        ("charge.refunded", REST, 0, (4_200, False)),  # the release itself, or a refund
        ("charge.refunded", PART | {"amount_refunded": 2_050}, 0, (2_100, False)),
        ("charge.refunded", PART | {"amount_refunded": 2_200}, 2_100, (4_200, False)),
        ("charge.refunded", PART | {"amount_refunded": 2_050}, "odd", (4_200, False)),
        ("charge.refunded", REST | {"balance_transaction": ENTERED}, 0, (4_200, True)),
        ("charge.refunded", REST | {"balance_transaction": ENTERED | {"amount": 2_100}}, 0, (2_100, False)),
    ],
)
def test_what_tells_whether_the_rest_was_released(
    event_type: str, changes: dict[str, Any], before: Any, told: tuple[int, bool]
) -> None:
    data = {"object": charge(**changes), "previous_attributes": {"amount_refunded": before}}
    [fact] = facts(event_type, charge(), data=data)
    assert (fact.authorized_minor, fact.released) == told
