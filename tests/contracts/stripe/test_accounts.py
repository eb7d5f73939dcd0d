"""Customers, subscriptions, invoices and checkouts as facts, in both shapes of Stripe's API."""

import dataclasses
import json
import re
from typing import Any

import pytest

from tests.collectors.edge import WORKSPACE
from tests.contracts.stripe.objects import (
    CREATED,
    checkout_session,
    customer,
    event,
    invoice,
    invoice_payment,
    line,
    payment_intent,
    subscription,
)
from tests.facts import NOW, VISITOR
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.stripe.accounts import StripeFact
from trackrev_stream.contracts.stripe.events import facts_of
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact, AccountKind
from trackrev_stream.domain.values.ids import email_key

JENNY = email_key(WORKSPACE.email_secret, "jenny@shop.example")
START, END = CREATED * 1_000, (CREATED + 2_592_000) * 1_000
NO_PERIOD = {"items": {"data": [{"id": "si_1"}]}}
ACACIA_SUBSCRIPTION = NO_PERIOD | {"current_period_start": CREATED, "current_period_end": CREATED + 2_592_000}
ACACIA_LINE = {"id": "il_1", "type": "subscription", "period": {"start": CREATED, "end": CREATED + 2_592_000}}
ACACIA_INVOICE = {
    "parent": None, "subscription": "sub_1", "charge": "ch_1", "payment_intent": "pi_1",
    "lines": {"data": [ACACIA_LINE]},
}  # fmt: skip


def facts(event_type: str, of: dict[str, Any]) -> list[StripeFact]:
    return facts_of(event(event_type, of), WORKSPACE, NOW, "webhook")


def accounts(event_type: str, of: dict[str, Any]) -> list[AccountFact]:
    return [fact for fact in facts(event_type, of) if isinstance(fact, AccountFact)]


def links(event_type: str, of: dict[str, Any]) -> list[PaymentFact]:
    return [fact for fact in facts(event_type, of) if isinstance(fact, PaymentFact)]


def has(fact: StripeFact, **expected: Any) -> None:
    assert {name: getattr(fact, name) for name in expected} == expected


def test_a_customer() -> None:
    for name in ("created", "updated", "deleted"):
        [fact] = accounts(f"customer.{name}", customer(metadata={"tr_visitor": VISITOR}))
        has(fact, kind=AccountKind.CUSTOMER, id="cus_1", customer="cus_1", payer="ws_1|own|live|cus_1")
        has(fact, email_key=JENNY, visitor=VISITOR, status="deleted" if name == "deleted" else "")
        has(fact, created_at=(CREATED - 20) * 1_000, observed_at=(CREATED + 1) * 1_000, received_at=NOW)
    [fact] = accounts("customer.updated", {"id": "cus_1", "object": "customer", "deleted": True})
    has(fact, status="deleted", email_key="", visitor="")


@pytest.mark.parametrize("name", ["created", "updated", "deleted", "paused", "resumed"])
@pytest.mark.parametrize("shape", [{}, ACACIA_SUBSCRIPTION], ids=["basil", "acacia"])
def test_a_subscription(name: str, shape: dict[str, Any]) -> None:
    shown = subscription(status="canceled", ended_at=CREATED + 5, metadata={"tr_visitor": VISITOR}, **shape)
    [fact] = accounts(f"customer.subscription.{name}", shown)
    has(fact, kind=AccountKind.SUBSCRIPTION, id="sub_1", customer="cus_1", invoice="in_1", status="canceled")
    has(fact, period_start_at=START, period_end_at=END, ended_at=(CREATED + 5) * 1_000, visitor=VISITOR)


@pytest.mark.parametrize(
    ("items", "asked"),
    [
        ([(1_000, 2), (500, 1)], 2_500),
        ([(1_000, 2), (None, 1)], 0),  # tiers have no unit amount
        ([(1_000, None)], 0),  # what is metered has no quantity
        ([], 0),
    ],
)
def test_what_a_subscription_asks_for(items: list[tuple[int | None, int | None]], asked: int) -> None:
    data = [{"price": {"unit_amount": price}, "quantity": count} for price, count in items]
    [fact] = accounts("customer.subscription.updated", subscription(items={"object": "list", "data": data}))
    has(fact, amount_minor=asked)


def test_a_subscription_of_several_periods_spans_them() -> None:
    items = [
        {"id": "si_1", "current_period_start": CREATED + 7, "current_period_end": CREATED + 100},
        {"id": "si_2", "current_period_start": CREATED, "current_period_end": CREATED + 50},
    ]
    [fact] = accounts("customer.subscription.updated", subscription(items={"data": items}))
    has(fact, period_start_at=START, period_end_at=(CREATED + 100) * 1_000)
    [fact] = accounts("customer.subscription.updated", subscription(items=None))
    has(fact, period_start_at=None, period_end_at=None)


@pytest.mark.parametrize("shape", [{}, ACACIA_INVOICE], ids=["basil", "acacia"])
def test_an_invoice(shape: dict[str, Any]) -> None:
    [fact] = accounts("invoice.paid", invoice(**shape))
    has(fact, kind=AccountKind.INVOICE, id="in_1", customer="cus_1", subscription="sub_1", status="paid")
    has(fact, billing_reason="subscription_create", amount_minor=4_200, currency="usd")
    has(fact, period_start_at=START, period_end_at=END)


def test_the_period_of_an_invoice_is_what_its_subscription_lines_bill() -> None:
    credit = line(period={"start": CREATED - 9_000, "end": CREATED})
    credit["parent"]["subscription_item_details"]["proration"] = True
    old = {"type": "invoiceitem", "proration": True, "period": {"start": 1, "end": 2}}
    [fact] = accounts("invoice.paid", invoice(lines={"data": [credit, old, line()]}))
    has(fact, period_start_at=START, period_end_at=END)
    [fact] = accounts("invoice.paid", invoice(lines={"data": [credit]}))
    has(fact, period_start_at=(CREATED - 8) * 1_000)


@pytest.mark.parametrize(
    ("shape", "payments"),
    [
        ({}, []),
        (ACACIA_INVOICE, [("pi_1", "ch_1")]),
        (ACACIA_INVOICE | {"payment_intent": None}, [("ch_1", "ch_1")]),
        (
            ACACIA_INVOICE | {"payment_intent": None, "charge": {"id": "ch_1", "payment_intent": "pi_1"}},
            [("pi_1", "ch_1")],
        ),
        (ACACIA_INVOICE | {"charge": None}, [("pi_1", "")]),
        ({"payments": {"data": [invoice_payment(), invoice_payment(status="open")]}}, [("pi_1", "")]),
    ],
)
def test_what_an_invoice_links(shape: dict[str, Any], payments: list[tuple[str, str]]) -> None:
    found = links("invoice.paid", invoice(**shape))
    assert [(link.payment, link.charge) for link in found] == payments
    for link in found:
        has(link, kind=FactKind.LINK, id="in_1", invoice="in_1", subscription="sub_1")
        has(link, customer="cus_1", email_key=JENNY, amount_minor=0)


@pytest.mark.parametrize(
    ("payment", "found"),
    [
        ({"type": "payment_intent", "payment_intent": "pi_1"}, [("pi_1", "")]),
        ({"type": "payment_intent", "payment_intent": {"id": "pi_1"}}, [("pi_1", "")]),
        ({"type": "charge", "charge": "ch_1"}, [("ch_1", "ch_1")]),
        ({"type": "charge", "charge": {"id": "ch_1", "payment_intent": "pi_1"}}, [("pi_1", "ch_1")]),
        ({"type": "payment_record", "payment_record": "pr_1"}, []),
    ],
)
def test_an_invoice_payment(payment: dict[str, Any], found: list[tuple[str, str]]) -> None:
    linked = links("invoice_payment.paid", invoice_payment(payment=payment))
    assert [(link.payment, link.charge) for link in linked] == found
    for link in linked:
        has(link, kind=FactKind.LINK, id="inpay_1", invoice="in_1", created_at=(CREATED - 4) * 1_000)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"customer": "cus_1", "invoice": "", "visitor": "", "email_key": ""}),
        ({"invoice": "in_1"}, {"invoice": "in_1"}),
        ({"payment_details": {"order_reference": "in_2"}}, {"invoice": "in_2"}),
        ({"payment_details": {"order_reference": "42"}}, {"invoice": ""}),
        ({"receipt_email": "Jenny@shop.example"}, {"email_key": JENNY}),
        ({"customer": {"id": "cus_1", "email": "jenny@shop.example"}}, {"email_key": JENNY}),
        ({"metadata": {"tr_visitor": VISITOR}}, {"visitor": VISITOR}),
    ],
)
def test_a_payment_intent(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    [link] = links("payment_intent.succeeded", payment_intent(**changes))
    has(link, kind=FactKind.LINK, payment="pi_1", charge="", **expected)


@pytest.mark.parametrize("name", ["completed", "async_payment_succeeded"])
def test_a_checkout_of_a_payment(name: str) -> None:
    shown = checkout_session(client_reference_id=f" {VISITOR.upper()}", invoice="in_1")
    [link] = links(f"checkout.session.{name}", shown)
    has(link, kind=FactKind.LINK, id="cs_1", payment="pi_1", charge="", invoice="in_1", customer="cus_1")
    has(link, visitor=VISITOR, email_key=JENNY)
    [fact] = accounts(f"checkout.session.{name}", shown)
    has(fact, kind=AccountKind.CUSTOMER, id="cus_1", visitor=VISITOR, email_key=JENNY)


def test_a_checkout_of_a_subscription() -> None:
    shown = checkout_session(
        mode="subscription",
        payment_intent=None,
        subscription="sub_1",
        invoice="in_1",
        metadata={"tr_visitor": VISITOR},
    )
    assert links("checkout.session.completed", shown) == []
    [payer, started] = accounts("checkout.session.completed", shown)
    has(payer, kind=AccountKind.CUSTOMER, visitor=VISITOR)
    has(started, kind=AccountKind.SUBSCRIPTION, id="sub_1", customer="cus_1", invoice="in_1", visitor=VISITOR)
    has(started, status="", period_start_at=None)


@pytest.mark.parametrize(
    ("changes", "visitor", "key"),
    [
        ({"client_reference_id": "order 42"}, "", JENNY),
        ({"client_reference_id": "order 42", "metadata": {"trackrev_visitor": VISITOR}}, VISITOR, JENNY),
        ({"customer_details": None, "customer_email": "jenny@shop.example"}, "", JENNY),
        ({"customer_details": {"email": None}}, "", ""),
    ],
)
def test_who_came_to_a_checkout(changes: dict[str, Any], visitor: str, key: str) -> None:
    [link] = links("checkout.session.completed", checkout_session(**changes))
    has(link, visitor=visitor, email_key=key)


def test_a_guests_checkout_has_no_account() -> None:
    assert accounts("checkout.session.completed", checkout_session(customer=None)) == []
    assert facts("checkout.session.completed", checkout_session(customer=None, payment_intent=None)) == []


SHOWN = [
    ("customer.updated", customer(), "id email metadata"),
    ("customer.subscription.updated", subscription(), "id created customer status items latest_invoice"),
    ("invoice.paid", invoice(**ACACIA_INVOICE), "id created customer currency lines charge amount_due"),
    ("invoice_payment.paid", invoice_payment(), "id created invoice payment"),
    ("payment_intent.succeeded", payment_intent(), "id created customer metadata receipt_email"),
    ("checkout.session.completed", checkout_session(), "id created customer payment_intent metadata"),
]


@pytest.mark.parametrize(
    ("event_type", "shown", "field"),
    [(kind, shown, name) for kind, shown, names in SHOWN for name in names.split()],
)
def test_wrong_types_are_malformed(event_type: str, shown: dict[str, Any], field: str) -> None:
    for wrong in (7.5, ["x"], "a|b" if field in ("id", "customer") else True):
        with pytest.raises(Malformed, match="should"):
            facts(event_type, shown | {field: wrong})


@pytest.mark.parametrize(("event_type", "shown"), [(kind, shown) for kind, shown, _ in SHOWN])
def test_nothing_personal_leaves(event_type: str, shown: dict[str, Any]) -> None:
    personal = shown | {"metadata": {"email": "jo@shop.example"}, "description": "Jo Doe"}
    told = json.dumps([dataclasses.asdict(fact) for fact in facts(event_type, personal)])
    assert not re.search("@|Jenny|Jo|Doe", told)


@pytest.mark.parametrize("created", [None, "absent"])
def test_what_need_not_say_when_it_was_made_is_told_all_the_same(created: str | None) -> None:
    shown = [
        ("checkout.session.completed", checkout_session(client_reference_id=VISITOR)),
        ("customer.subscription.updated", subscription()),
        ("invoice.paid", invoice(**ACACIA_INVOICE)),
        ("invoice_payment.paid", invoice_payment()),
        ("payment_intent.succeeded", payment_intent()),
    ]
    for event_type, whole in shown:
        bare = {name: value for name, value in whole.items() if name != "created"}
        found = facts(event_type, bare if created else bare | {"created": None})
        assert len(found) == len(facts(event_type, whole)) > 0
        assert {fact.created_at for fact in found} == {(CREATED + 1) * 1_000}
    with pytest.raises(Malformed, match="created"):
        facts("checkout.session.completed", checkout_session(client_reference_id=VISITOR, created="soon"))
