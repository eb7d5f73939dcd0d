"""Stripe's events to facts: pure, for both shapes of its API, and with nothing personal left in them."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from trackrev_stream.contracts.stripe.accounts import (
    StripeFact,
    checkout_facts,
    customer_facts,
    invoice_facts,
    subscription_facts,
)
from trackrev_stream.contracts.stripe.fields import (
    HashesEmails,
    Json,
    Observation,
    an_id,
    an_object,
    expanded,
    flag,
    moment,
    text,
)
from trackrev_stream.contracts.stripe.payments import (
    charge_facts,
    dispute_facts,
    invoice_payment_facts,
    payment_intent_facts,
    refund_facts,
)
from trackrev_stream.domain.values.ids import OWN_ACCOUNT

_Reader = Callable[[Json, HashesEmails, Observation], Sequence[StripeFact]]


def facts_of(event: Json, workspace: HashesEmails, received_at: int, via: str) -> list[StripeFact]:
    """The facts that a Stripe event tells; none when its type has no effect here (see ``has_effect``).

    Raises Malformed when the event is not of the shape that Stripe documents.
    """
    event_type = text(event, "type")
    read = _BY_TYPE.get(event_type)
    if read is None:
        return []
    data = an_object(event, "data")
    seen = Observation(
        account=account_of(event),
        livemode=flag(event, "livemode"),
        observed_at=moment(event, "created"),
        received_at=received_at,
        via=via,
        source_id=an_id(event, "id"),
        event_type=event_type,
        refunded_before=_refunded_before(data),
    )
    return list(read(an_object(data, "object"), workspace, seen))


def has_effect(event_type: str) -> bool:
    """Whether events of this type can move anything."""
    return event_type in _BY_TYPE


def event_types() -> list[str]:
    """The types of events that can move something: what an endpoint should be subscribed to."""
    return sorted(_BY_TYPE)


def account_of(event: Json) -> str:
    """The account an event belongs to: a connected one, or "own". Raises Malformed."""
    return OWN_ACCOUNT if event.get("account") is None else an_id(event, "account")


def _refunded_before(data: Json) -> int | None:
    """What an event says that ``amount_refunded`` was before; it need not say anything."""
    before = expanded(data, "previous_attributes").get("amount_refunded")
    return before if isinstance(before, int) and not isinstance(before, bool) else None


def _each(prefix: str, names: str, read: _Reader) -> dict[str, _Reader]:
    return {f"{prefix}.{name}": read for name in names.split()}


_BY_TYPE: Mapping[str, _Reader] = MappingProxyType(
    _each("charge", "succeeded updated captured refunded failed pending expired", charge_facts)
    | _each("charge.refund", "updated", refund_facts)  # what `refund.updated` was called before 2024-10-28
    | _each("refund", "created updated failed", refund_facts)
    | _each("charge.dispute", "created updated closed funds_withdrawn funds_reinstated", dispute_facts)
    | _each("payment_intent", "succeeded", payment_intent_facts)
    | _each("invoice_payment", "paid", invoice_payment_facts)
    | _each("invoice", "paid", invoice_facts)
    | _each("checkout.session", "completed async_payment_succeeded", checkout_facts)
    | _each("customer", "created updated deleted", customer_facts)
    | _each("customer.subscription", "created updated deleted paused resumed", subscription_facts)
)
