"""Accounts: what Stripe shows of a payer beside its payments, and how it ties charges to subscriptions.

Every rule here is a function of the set of facts, never of the order in which they came.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass
from trackrev_stream.domain.values.ids import Scope

BUCKET_MS = 32 * DAY_MS  # what is due is looked up by such stretches of time
MOST_BUCKETS = 40  # of one period: Stripe's longest has three years
EARLY_MS = 3_600_000  # a first payment may be some seconds older than the subscription that it starts


class AccountKind(StrEnum):
    """What a fact of ``stripe-accounts`` says."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"


@fast_dataclass(frozen=True, slots=True)
class AccountFact:
    """One observation of a customer, subscription or invoice, as Stripe showed it at ``observed_at``.

    ``id`` is the object's own; ``customer`` names the payer. ``subscription`` is an invoice's; ``invoice`` a
    subscription's latest one. ``visitor`` is named by metadata, or by the checkout that made the object.
    ``amount_minor`` is what an invoice asked to be paid, or a subscription asks for each period (0 where that
    is not known), in ``currency``; ``period_start_at`` and ``period_end_at`` are the period that an invoice
    or subscription is for. ``via`` decides nothing.
    """

    kind: AccountKind
    workspace: str
    account: str
    livemode: bool
    customer: str
    id: str
    created_at: int
    observed_at: int
    received_at: int
    via: str
    source_id: str
    status: str = ""
    email_key: str = ""
    visitor: str = ""
    subscription: str = ""
    invoice: str = ""
    billing_reason: str = ""
    amount_minor: int = 0
    currency: str = ""
    period_start_at: int | None = None
    period_end_at: int | None = None
    ended_at: int | None = None

    @property
    def payer(self) -> str:
        """The key of the payer the fact is about."""
        return Scope(self.workspace, self.account, self.livemode).key(self.customer)


class MatchEvidence(StrEnum):
    """By what evidence a charge is tied to a subscription, strongest first, or why it is to none."""

    NAMED = "payment_names_subscription"
    INVOICE = "invoice_of_subscription"
    PERIOD = "only_subscription_with_amount_and_period"
    AMBIGUOUS = "several_subscriptions_with_amount_and_period"
    UNKNOWN = "invoice_of_unknown_subscription"
    NONE = "no_subscription"

    @property
    def doubtful(self) -> bool:
        """Whether the charge may belong to a subscription, and it is not known to which."""
        return self in (MatchEvidence.AMBIGUOUS, MatchEvidence.UNKNOWN)


@fast_dataclass(frozen=True, slots=True)
class SubscriptionMatch:
    """The subscription a charge belongs to (empty: none, or not known), and how that is known."""

    by: MatchEvidence = MatchEvidence.NONE
    subscription: str = ""


@dataclass(slots=True)
class InvoiceRow:
    """What is known of one invoice of a payer.

    ``said`` is what the invoice itself said last of its subscription, and when; ``claimed_by`` are the
    subscriptions whose latest invoice it ever was; ``payments`` those that name it.
    """

    seen: bool = False
    said: tuple[int, str] = (0, "")
    claimed_by: list[str] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)

    @property
    def subscription(self) -> str:
        """The subscription of the invoice; empty when it has none, or none is known."""
        return self.said[1] or min(self.claimed_by, default="")


@dataclass(slots=True)
class DueRow:
    """What subscriptions of a payer ask for in one stretch of time: one amount in one currency.

    ``periods`` has for each subscription the starts and ends; ``payments`` are those that looked here.
    """

    periods: dict[str, dict[int, int]] = field(default_factory=dict)
    payments: list[str] = field(default_factory=list)

    def at(self, moment: int) -> list[str]:
        """The subscriptions that have a period at this time."""
        return [
            name
            for name, periods in sorted(self.periods.items())
            if any(start - EARLY_MS <= moment < end for start, end in periods.items())
        ]


def absorb_invoice(row: InvoiceRow, fact: AccountFact) -> None:
    """Apply an invoice, or a subscription whose latest invoice it is, to the invoice's row in place."""
    if fact.kind is AccountKind.INVOICE:
        row.seen = True
        if fact.subscription:
            row.said = max(row.said, (fact.observed_at, fact.subscription))
    elif fact.id not in row.claimed_by:
        row.claimed_by = sorted([*row.claimed_by, fact.id])


def absorb_due(row: DueRow, fact: AccountFact) -> None:
    """Apply the period of a subscription or of its invoice to a row in place."""
    subscription = fact.id if fact.kind is AccountKind.SUBSCRIPTION else fact.subscription
    assert fact.period_start_at is not None, "buckets_of a fact without a period are none"
    assert fact.period_end_at is not None, "buckets_of a fact without a period are none"
    periods = row.periods.setdefault(subscription, {})
    periods[fact.period_start_at] = max(periods.get(fact.period_start_at, 0), fact.period_end_at)


def bucket_of(moment: int) -> int:
    """The stretch of time that a moment lies in."""
    return moment // BUCKET_MS


def buckets_of(fact: AccountFact) -> Iterator[int]:
    """The stretches of time in which a fact asks for money; none where it does not say how much and when."""
    subscribed = fact.kind is AccountKind.SUBSCRIPTION or fact.subscription
    if not subscribed or not fact.amount_minor or fact.period_start_at is None or fact.period_end_at is None:
        return
    first = bucket_of(fact.period_start_at - EARLY_MS)
    yield from range(first, min(bucket_of(fact.period_end_at - 1), first + MOST_BUCKETS) + 1)


def match_by_invoice(invoice: str, row: InvoiceRow | None) -> SubscriptionMatch | None:
    """What the invoice of a charge says; None when its subscription has to be found in another way."""
    if not invoice or row is None:
        return None
    if row.subscription:
        return SubscriptionMatch(MatchEvidence.INVOICE, row.subscription)
    return SubscriptionMatch() if row.seen else None


def match_by_period(invoice: str, due: Collection[str]) -> SubscriptionMatch:
    """What the subscriptions say that have a period at the charge's time and ask for its very amount."""
    if len(due) == 1:
        return SubscriptionMatch(MatchEvidence.PERIOD, next(iter(due)))
    if due:
        return SubscriptionMatch(MatchEvidence.AMBIGUOUS)
    return SubscriptionMatch(MatchEvidence.UNKNOWN if invoice else MatchEvidence.NONE)
