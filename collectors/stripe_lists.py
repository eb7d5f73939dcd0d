"""The lists of Stripe that the poller reads, and what it makes of their objects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trackrev_stream.contracts.stripe_accounts import (
    Fact,
    customer_facts,
    invoice_facts,
    subscription_facts,
)
from trackrev_stream.contracts.stripe_payments import charge_facts, dispute_facts, refund_facts
from trackrev_stream.contracts.stripe_shapes import HashesEmails, Observation, expanded

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list: where it is, what is expanded in it where the key may read that, and its objects as facts."""

    name: str
    path: str
    expand: tuple[str, ...]
    facts: Callable[[Json, HashesEmails, Observation], list[Fact]]


def _charge(charge: Json, workspace: HashesEmails, seen: Observation) -> list[Fact]:
    """A charge, and the invoice and customer that came with it."""
    found: list[Fact] = [*charge_facts(charge, workspace, seen)]
    if invoice := expanded(charge, "invoice"):
        found += invoice_facts(invoice, workspace, seen)
    customer = expanded(charge, "customer")
    if customer and not customer.get("deleted"):
        found += customer_facts(customer, workspace, seen)
    return found


def _refund(refund: Json, workspace: HashesEmails, seen: Observation) -> list[Fact]:
    return [*refund_facts(refund, workspace, seen)]


def _dispute(dispute: Json, workspace: HashesEmails, seen: Observation) -> list[Fact]:
    return [*dispute_facts(dispute, workspace, seen)]


def _subscription(subscription: Json, workspace: HashesEmails, seen: Observation) -> list[Fact]:
    return [*subscription_facts(subscription, workspace, seen)]


CHARGES = Listed("charges", "/v1/charges", ("balance_transaction", "customer", "invoice", "refunds"), _charge)
REFUNDS = Listed("refunds", "/v1/refunds", (), _refund)
DISPUTES = Listed("disputes", "/v1/disputes", (), _dispute)
SUBSCRIPTIONS = Listed("subscriptions", "/v1/subscriptions", (), _subscription)
LISTS = {listed.name: listed for listed in (CHARGES, REFUNDS, DISPUTES, SUBSCRIPTIONS)}


def without(listed: Listed, permission: str) -> Listed | None:
    """The list without the expansion that lacks ``permission``; None where the list itself lacks it."""
    kept = tuple(name for name in listed.expand if name not in permission)
    return Listed(listed.name, listed.path, kept, listed.facts) if kept != listed.expand else None


def unsettled(listed: Listed, shown: Json) -> str:
    """Why an object may change without being listed again, or "" where it is settled."""
    status = shown.get("status")
    if listed.name == "charges":
        if status == "pending":
            return "pending"
        if status == "succeeded" and not shown.get("captured"):
            return "uncaptured"
        # Capture is asynchronous: the balance transaction may come a moment after the charge.
        if status == "succeeded" and "balance_transaction" in listed.expand:
            return "" if shown.get("balance_transaction") else "fee unknown"
        return ""
    if listed.name == "refunds":
        return str(status) if status in ("pending", "requires_action") else ""
    settled = ("won", "lost", "warning_closed", "charge_refunded")
    return "" if status in settled else "open"
