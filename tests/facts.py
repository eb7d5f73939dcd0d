"""Hits and facts of Stripe for tests: whole and ordinary, so that a test names only what it is about."""

from typing import Any

from trackrev_stream.domain.journeys.touch import Hit, HitKind
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact, AccountKind

VISITOR = "0192f0c1-7c1e-7abc-8def-0123456789ab"
NOW = 1_790_000_000_000


def hit(at: int = NOW, **changes: Any) -> Hit:
    """A page view, received as it occurred ``at``."""
    fields: dict[str, Any] = {
        "workspace": "ws_1",
        "id": "hit-1",
        "visitor": VISITOR,
        "kind": HitKind.PAGEVIEW,
        "occurred_at": at,
        "received_at": at,
        "url": "https://shop.example/",
    }
    return Hit(**fields | changes)


def charge_fact(charge: str = "ch_1", at: int = NOW, **changes: Any) -> PaymentFact:
    """A paid charge of 48.00 USD, seen and received as it was created ``at``."""
    fields: dict[str, Any] = {
        "kind": FactKind.CHARGE,
        "workspace": "ws_1",
        "account": "own",
        "livemode": True,
        "payment": charge.replace("ch_", "pi_"),
        "charge": charge,
        "id": charge,
        "created_at": at,
        "observed_at": at,
        "received_at": at,
        "via": "webhook",
        "source_id": "evt_1",
        "status": "succeeded",
        "amount_minor": 4_800,
        "currency": "usd",
        "captured": True,
    }
    return PaymentFact(**fields | changes)


def account_fact(kind: AccountKind, id: str, at: int = NOW, **changes: Any) -> AccountFact:  # noqa: A002 - the field's name
    """A customer, subscription or invoice of ``cus_1``, seen and received as it was created ``at``."""
    fields: dict[str, Any] = {
        "kind": kind,
        "workspace": "ws_1",
        "account": "own",
        "livemode": True,
        "customer": "cus_1",
        "id": id,
        "created_at": at,
        "observed_at": at,
        "received_at": at,
        "via": "webhook",
        "source_id": "evt_1",
    }
    return AccountFact(**fields | changes)
