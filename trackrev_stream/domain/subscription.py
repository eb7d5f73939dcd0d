"""Accounts: what Stripe shows of a payer beside its payments: customer, subscriptions, invoices."""

from dataclasses import dataclass
from enum import StrEnum

from trackrev_stream.domain.ids import Scope


class AccountKind(StrEnum):
    """What a fact of ``stripe-accounts`` says."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"


@dataclass(frozen=True, slots=True)
class AccountFact:
    """One observation of a customer, subscription or invoice, as Stripe showed it at ``observed_at``.

    ``id`` is the object's own; ``customer`` names the payer. ``subscription`` is an invoice's; ``invoice`` a
    subscription's latest one. ``visitor`` is named by metadata, or by the checkout that made the object.
    ``amount_minor`` is what an invoice asked to be paid, in ``currency``; ``period_start_at`` and
    ``period_end_at`` are the period that an invoice or subscription is for. ``via`` decides nothing.
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
