"""Stripe's JSON to payment facts: pure, for both shapes of its API, and with nothing personal left in it.

Since the API version 2025-03-31.basil a charge carries no ``invoice``, and newer versions do not embed its
refunds. A webhook follows the version of its endpoint, so both shapes are read here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.domain.ids import OWN_ACCOUNT, email_key, is_plain, is_visitor_id, normalise_email
from trackrev_stream.domain.payment import FactKind, PaymentFact
from trackrev_stream.domain.placeholders import is_placeholder
from trackrev_stream.metrics import EMAILS_REFUSED

MOST_MINOR = 10**15  # more than Stripe can charge, and far from the end of a 64-bit integer
LONGEST_ID = 255  # https://docs.stripe.com/upgrades: ids can be up to 255 characters
VISITOR_KEYS = ("tr_visitor", "trackrev_visitor")

_CURRENCY = re.compile(r"^[a-z]{3}$")

Json = Mapping[str, Any]


class HashesEmails(Protocol):
    """What is needed of a workspace: its id, and the secret of its email keys."""

    @property
    def id(self) -> str:
        """The workspace's id."""
        ...

    @property
    def domain(self) -> str:
        """The domain of its site."""
        ...

    @property
    def email_secret(self) -> bytes:
        """The secret under which its emails are hashed."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """Where, when and by which way an object was seen; times in milliseconds.

    ``source_id`` names the source for people: an event, or a poll.
    """

    account: str
    livemode: bool
    observed_at: int
    received_at: int
    via: str
    source_id: str


def facts_of(event: Json, workspace: HashesEmails, received_at: int, via: str) -> list[PaymentFact]:
    """The facts that a Stripe event tells; none when its type has no effect here (see ``has_effect``).

    Raises Malformed when the event is not of the shape that Stripe documents.
    """
    make = _BY_TYPE.get(_text(event, "type"))
    if make is None:
        return []
    seen = Observation(
        account=account_of(event),
        livemode=_flag(event, "livemode"),
        observed_at=_seconds(event, "created") * 1_000,
        received_at=received_at,
        via=via,
        source_id=_id(event, "id"),
    )
    return make(_object(_object(event, "data"), "object"), workspace, seen)


def has_effect(event_type: str) -> bool:
    """Whether events of this type can move anything."""
    return event_type in _BY_TYPE


def account_of(event: Json) -> str:
    """The account an event belongs to: a connected one, or "own". Raises Malformed."""
    return OWN_ACCOUNT if event.get("account") is None else _id(event, "account")


def charge_facts(charge: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The fact of a charge, and one for each refund embedded in it. Raises Malformed."""
    charge_id = _id(charge, "id")
    payment = _reference(charge, "payment_intent") or charge_id
    captured = _flag(charge, "captured")
    amount = _minor(charge, "amount")
    fact = PaymentFact(
        kind=FactKind.CHARGE,
        workspace=workspace.id,
        account=seen.account,
        livemode=seen.livemode,
        payment=payment,
        charge=charge_id,
        id=charge_id,
        created_at=_seconds(charge, "created") * 1_000,
        observed_at=seen.observed_at,
        received_at=seen.received_at,
        via=seen.via,
        source_id=seen.source_id,
        status=_text(charge, "status"),
        amount_minor=_minor(charge, "amount_captured", amount if captured else 0),
        currency=_currency(charge),
        captured=captured,
        refunded_minor=_minor(charge, "amount_refunded", 0),
        customer=_reference(charge, "customer"),
        email_key=_hashed_email(charge, workspace),
        visitor=_visitor(charge),
        invoice=_invoice(charge),
        fee_minor=_fee(charge),
    )
    return [fact, *_embedded_refunds(charge, charge_id, payment, workspace, seen)]


def refund_facts(refund: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The fact of a refund; none for one that gives back no charge (a customer balance). Raises Malformed."""
    charge = refund.get("charge")
    of_charge = _reference(charge, "payment_intent") if isinstance(charge, Mapping) else ""
    charge_id = _reference(refund, "charge")
    if not charge_id:
        return []
    payment = _reference(refund, "payment_intent") or of_charge or charge_id
    return [_refund(refund, charge_id, payment, workspace, seen)]


def _embedded_refunds(
    charge: Json, charge_id: str, payment: str, workspace: HashesEmails, seen: Observation
) -> Iterator[PaymentFact]:
    if charge.get("refunds") is None:
        return
    listed = _object(charge, "refunds").get("data")
    if not isinstance(listed, list):
        raise Malformed("refunds.data should be a list")
    for refund in listed:
        if not isinstance(refund, Mapping):
            raise Malformed("refunds.data should hold refunds")
        # The payment is the charge's own, so that a refund can never be sent elsewhere than its charge.
        yield _refund(refund, charge_id, payment, workspace, seen)


def _refund(
    refund: Json, charge_id: str, payment: str, workspace: HashesEmails, seen: Observation
) -> PaymentFact:
    return PaymentFact(
        kind=FactKind.REFUND,
        workspace=workspace.id,
        account=seen.account,
        livemode=seen.livemode,
        payment=payment,
        charge=charge_id,
        id=_id(refund, "id"),
        created_at=_seconds(refund, "created") * 1_000,
        observed_at=seen.observed_at,
        received_at=seen.received_at,
        via=seen.via,
        source_id=seen.source_id,
        # Null on refunds from before Stripe gave them a status: those had gone through.
        status=_optional_text(refund, "status") or "succeeded",
        amount_minor=_minor(refund, "amount"),
        currency=_currency(refund),
    )


def _hashed_email(charge: Json, workspace: HashesEmails) -> str:
    customer = charge.get("customer")
    places = (
        _optional_text(_optional_object(charge, "billing_details"), "email"),
        _optional_text(charge, "receipt_email"),
        _optional_text(customer, "email") if isinstance(customer, Mapping) else "",
    )
    for email in map(normalise_email, places):
        if is_placeholder(email, workspace.domain):
            EMAILS_REFUSED.inc()
        elif "@" in email:
            return email_key(workspace.email_secret, email)
    return ""


def _visitor(charge: Json) -> str:
    metadata = _optional_object(charge, "metadata")
    for name in VISITOR_KEYS:
        value = metadata.get(name)
        if isinstance(value, str) and is_visitor_id(value.strip().lower()):
            return value.strip().lower()
    return ""


def _invoice(charge: Json) -> str:
    named = _reference(charge, "invoice")
    intent = charge.get("payment_intent")
    if named or not isinstance(intent, Mapping):
        return named
    # Without `invoice`, an expanded payment intent still names it; merchants may set the field themselves.
    reference = _optional_text(_optional_object(intent, "payment_details"), "order_reference")
    return reference if reference.startswith("in_") and is_plain(reference, LONGEST_ID) else ""


def _fee(charge: Json) -> int | None:
    transaction = charge.get("balance_transaction")
    # The fee is in the currency of settlement: in another one it says nothing about this charge's amount.
    if not isinstance(transaction, Mapping) or _currency(transaction) != _currency(charge):
        return None
    return _minor(transaction, "fee")


def _object(of: Json, name: str) -> Json:
    value = of.get(name)
    if not isinstance(value, Mapping):
        raise Malformed(f"{name} should be an object")
    return value


def _optional_object(of: Json, name: str) -> Json:
    return {} if of.get(name) is None else _object(of, name)


def _text(of: Json, name: str) -> str:
    value = of.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} should be text")
    return value


def _optional_text(of: Json, name: str) -> str:
    return "" if of.get(name) is None else _text(of, name)


def _id(of: Json, name: str) -> str:
    value = _text(of, name)
    if not is_plain(value, LONGEST_ID):
        raise Malformed(f"{name} should be an id of at most {LONGEST_ID} plain characters")
    return value


def _reference(of: Json, name: str) -> str:
    """The id of an expandable field, which holds an id, a whole object or nothing."""
    value = of.get(name)
    if value is None:
        return ""
    return _id(value, "id") if isinstance(value, Mapping) else _id(of, name)


def _flag(of: Json, name: str) -> bool:
    value = of.get(name)
    if not isinstance(value, bool):
        raise Malformed(f"{name} should be true or false")
    return value


def _integer(of: Json, name: str, most: int) -> int:
    value = of.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Malformed(f"{name} should be a whole number from 0 to {most}")
    return value


def _minor(of: Json, name: str, default: int | None = None) -> int:
    if default is not None and of.get(name) is None:
        return default
    return _integer(of, name, MOST_MINOR)


def _seconds(of: Json, name: str) -> int:
    return _integer(of, name, 10**11)


def _currency(of: Json) -> str:
    value = _text(of, "currency").lower()
    if not _CURRENCY.match(value):
        raise Malformed("currency should be a code of three letters")
    return value


_BY_TYPE: dict[str, Callable[[Json, HashesEmails, Observation], list[PaymentFact]]] = {
    "charge.succeeded": charge_facts,
    "charge.updated": charge_facts,
    "charge.captured": charge_facts,
    "charge.refunded": charge_facts,
    "charge.refund.updated": refund_facts,
    "refund.created": refund_facts,
    "refund.updated": refund_facts,
    "refund.failed": refund_facts,
}
