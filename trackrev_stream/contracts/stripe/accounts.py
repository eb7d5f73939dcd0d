"""Stripe's customers, subscriptions, invoices and checkouts as account facts, with the links they make.

Since the API version 2025-03-31.basil a subscription's period stands on its items, an invoice names its
subscription under ``parent`` and neither its charge nor its payment intent. Both shapes are read here.
"""

from trackrev_stream.contracts.stripe.fields import (
    HashesEmails,
    Json,
    Observation,
    an_id,
    currency,
    expanded,
    hashed_email,
    listed,
    minor,
    optional_moment,
    optional_object,
    optional_text,
    reference,
    text,
    visitor_id,
    visitor_in,
)
from trackrev_stream.contracts.stripe.payments import link_fact
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact, AccountKind

DELETED = "deleted"

StripeFact = PaymentFact | AccountFact
_Period = tuple[int | None, int | None]


def customer_facts(customer: Json, workspace: HashesEmails, seen: Observation) -> list[AccountFact]:
    """The fact of a customer; a deleted one has the status "deleted". Raises Malformed."""
    customer_id = an_id(customer, "id")
    gone = customer.get("deleted") is True or seen.event_type == "customer.deleted"
    fact = AccountFact(
        kind=AccountKind.CUSTOMER,
        customer=customer_id,
        id=customer_id,
        # What is left of a deleted customer has no time of its own.
        created_at=optional_moment(customer, "created") or 0,
        status=DELETED if gone else "",
        email_key=hashed_email(workspace, optional_text(customer, "email")),
        visitor=visitor_in(workspace, customer),
        **seen.of(workspace),
    )
    return [fact]


def subscription_facts(subscription: Json, workspace: HashesEmails, seen: Observation) -> list[AccountFact]:
    """The fact of a subscription; none without a customer to tell. Raises Malformed."""
    customer = reference(subscription, "customer")
    if not customer:
        return []
    starts_at, ends_at = _subscription_period(subscription)
    fact = AccountFact(
        kind=AccountKind.SUBSCRIPTION,
        customer=customer,
        id=an_id(subscription, "id"),
        created_at=seen.time_of(subscription),
        status=text(subscription, "status"),
        visitor=visitor_in(workspace, subscription),
        invoice=reference(subscription, "latest_invoice"),
        amount_minor=_asked(subscription),
        currency=currency(subscription) if subscription.get("currency") else "",
        period_start_at=starts_at,
        period_end_at=ends_at,
        ended_at=optional_moment(subscription, "ended_at"),
        **seen.of(workspace),
    )
    return [fact]


def invoice_facts(invoice: Json, workspace: HashesEmails, seen: Observation) -> list[StripeFact]:
    """The fact of an invoice, and a link to each payment that it names. Raises Malformed."""
    customer, subscription = reference(invoice, "customer"), _subscription_of(invoice)
    email = hashed_email(workspace, optional_text(invoice, "customer_email"))
    found: list[StripeFact] = [
        link_fact(
            invoice,
            workspace,
            seen,
            payment=payment,
            charge=charge,
            customer=customer,
            email_key=email,
            invoice=an_id(invoice, "id"),
            subscription=subscription,
        )
        for payment, charge in _payments_of(invoice)
    ]
    if customer:
        found.append(_invoice(invoice, customer, subscription, workspace, seen))
    return found


def checkout_facts(session: Json, workspace: HashesEmails, seen: Observation) -> list[StripeFact]:
    """What a checkout says of its payment, customer and subscription. Raises Malformed.

    ``client_reference_id`` is the site's own: it counts where it is a visitor id. The facts of customer and
    subscription say nothing but who came: an empty field is not said.
    """
    visitor = visitor_id(workspace, session.get("client_reference_id")) or visitor_in(workspace, session)
    customer, subscription = reference(session, "customer"), reference(session, "subscription")
    invoice, payment = reference(session, "invoice"), reference(session, "payment_intent")
    email = hashed_email(
        workspace,
        optional_text(optional_object(session, "customer_details"), "email"),
        optional_text(session, "customer_email"),
    )
    found: list[StripeFact] = []
    if payment:
        who = {"customer": customer, "email_key": email, "visitor": visitor}
        what = {"payment": payment, "invoice": invoice, "subscription": subscription}
        found.append(link_fact(session, workspace, seen, **who, **what))
    shared = seen.of(workspace) | {"customer": customer, "created_at": seen.time_of(session)}
    if customer and (visitor or email):
        kind = AccountKind.CUSTOMER
        found.append(AccountFact(kind=kind, id=customer, email_key=email, visitor=visitor, **shared))
    if customer and subscription:
        kind = AccountKind.SUBSCRIPTION
        found.append(AccountFact(kind=kind, id=subscription, visitor=visitor, invoice=invoice, **shared))
    return found


def _invoice(
    invoice: Json, customer: str, subscription: str, workspace: HashesEmails, seen: Observation
) -> AccountFact:
    starts_at, ends_at = _invoice_period(invoice)
    return AccountFact(
        kind=AccountKind.INVOICE,
        customer=customer,
        id=an_id(invoice, "id"),
        created_at=seen.time_of(invoice),
        status=optional_text(invoice, "status"),
        visitor=visitor_in(workspace, invoice),
        subscription=subscription,
        billing_reason=optional_text(invoice, "billing_reason"),
        amount_minor=minor(invoice, "amount_due", 0),
        currency=currency(invoice),
        period_start_at=starts_at,
        period_end_at=ends_at,
        **seen.of(workspace),
    )


def _subscription_of(invoice: Json) -> str:
    details = optional_object(optional_object(invoice, "parent"), "subscription_details")
    return reference(invoice, "subscription") or reference(details, "subscription")


def _payments_of(invoice: Json) -> list[tuple[str, str]]:
    """The payments of an invoice, each with its charge where that is named."""
    charge = reference(invoice, "charge")
    intent = reference(invoice, "payment_intent") or reference(expanded(invoice, "charge"), "payment_intent")
    found = [(intent or charge, charge)] if intent or charge else []
    for paid in listed(invoice, "payments"):  # basil, where it is expanded
        payment = optional_object(paid, "payment")
        named, of_charge = reference(payment, "payment_intent"), reference(payment, "charge")
        if (named or of_charge) and optional_text(paid, "status") == "paid":
            found.append((named or of_charge, of_charge))
    return found


def _subscription_period(subscription: Json) -> _Period:
    starts_at = optional_moment(subscription, "current_period_start")
    ends_at = optional_moment(subscription, "current_period_end")
    if starts_at is not None or ends_at is not None:
        return starts_at, ends_at
    items = listed(subscription, "items")
    return _span([(_start(item), _end(item)) for item in items])


def _asked(subscription: Json) -> int:
    """What a period costs before discounts and taxes; 0 where an item has no plain price (metered, tiers)."""
    costs = [
        minor(optional_object(item, "price"), "unit_amount", 0) * minor(item, "quantity", 0)
        for item in listed(subscription, "items")
    ]
    return sum(costs) if all(costs) else 0


def _start(item: Json) -> int | None:
    return optional_moment(item, "current_period_start")


def _end(item: Json) -> int | None:
    return optional_moment(item, "current_period_end")


def _invoice_period(invoice: Json) -> _Period:
    """What the invoice's subscription lines are for: its own period looks back, to when items were added.

    https://docs.stripe.com/api/invoices/object: "Looking back one period"; a line's is the one billed.
    """
    periods = [
        (optional_moment(period, "start"), optional_moment(period, "end"))
        for line in listed(invoice, "lines")
        if _is_of_subscription(line) and (period := optional_object(line, "period"))
    ]
    own = (optional_moment(invoice, "period_start"), optional_moment(invoice, "period_end"))
    return _span(periods or [own])


def _is_of_subscription(line: Json) -> bool:
    """Whether a line bills a period of a subscription, and no proration of one."""
    parent = optional_object(line, "parent")
    if parent:
        details = optional_object(parent, "subscription_item_details")
        return parent.get("type") == "subscription_item_details" and details.get("proration") is not True
    return line.get("type") == "subscription" and line.get("proration") is not True


def _span(periods: list[_Period]) -> _Period:
    starts = [start for start, _ in periods if start is not None]
    ends = [end for _, end in periods if end is not None]
    return min(starts, default=None), max(ends, default=None)
