"""The lists of Stripe that the poller reads, and what it makes of their objects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trackrev_stream.contracts.stripe_events import (
    HashesEmails,
    Observation,
    charge_facts,
    refund_facts,
)
from trackrev_stream.domain.payment import PaymentFact
from trackrev_stream.domain.subscription import AccountFact

Json = Mapping[str, Any]
Fact = PaymentFact | AccountFact


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
    return found


def _refund(refund: Json, workspace: HashesEmails, seen: Observation) -> list[Fact]:
    return [*refund_facts(refund, workspace, seen)]


CHARGES = Listed("charges", "/v1/charges", ("balance_transaction", "customer", "invoice", "refunds"), _charge)
REFUNDS = Listed("refunds", "/v1/refunds", (), _refund)
DISPUTES = Listed("disputes", "/v1/disputes", (), lambda *_: [])
SUBSCRIPTIONS = Listed("subscriptions", "/v1/subscriptions", (), lambda *_: [])
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
