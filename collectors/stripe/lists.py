"""The lists of Stripe that the poller reads, as far as its key may, and what it makes of their objects."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from collectors.stripe.client import NotPermitted, Page, StripeReader
from trackrev_stream.contracts.stripe.accounts import (
    StripeFact,
    checkout_facts,
    customer_facts,
    invoice_facts,
    subscription_facts,
)
from trackrev_stream.contracts.stripe.fields import HashesEmails, Observation, expanded
from trackrev_stream.contracts.stripe.payments import (
    charge_facts,
    dispute_facts,
    payment_intent_facts,
    refund_facts,
)
from trackrev_stream.domain.payments.reversals import FAILED

REFUND_FAILS_DAYS = 45  # up to 30 days after it was made: https://docs.stripe.com/refunds#failed-refunds
PAYMENT_FAILS_DAYS = 90  # a debit comes back for as long: https://docs.stripe.com/payments/ach-direct-debit
FAILURE = "payment_failure_refund"  # https://docs.stripe.com/reports/balance-transaction-types
DISPUTE_ENDS_DAYS = 180  # a decision takes months: https://docs.stripe.com/disputes/how-disputes-work

Json = Mapping[str, Any]
T = TypeVar("T")

_ENDED = frozenset(("won", "lost", "warning_closed", "charge_refunded", "prevented"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A list: where it is, what is expanded in it where the key may read that, and its objects as facts."""

    name: str
    path: str
    expand: tuple[str, ...]
    facts: Callable[[Json, HashesEmails, Observation], list[StripeFact]]


def _charge(charge: Json, workspace: HashesEmails, seen: Observation) -> list[StripeFact]:
    """A charge, and the invoice and customer that came with it."""
    found: list[StripeFact] = [*charge_facts(charge, workspace, seen)]
    if invoice := expanded(charge, "invoice"):
        found += invoice_facts(invoice, workspace, seen)
    customer = expanded(charge, "customer")
    if customer and not customer.get("deleted"):
        found += customer_facts(customer, workspace, seen)
    return found


def _refund(refund: Json, workspace: HashesEmails, seen: Observation) -> list[StripeFact]:
    return [*refund_facts(refund, workspace, seen)]


def _dispute(dispute: Json, workspace: HashesEmails, seen: Observation) -> list[StripeFact]:
    return [*dispute_facts(dispute, workspace, seen)]


def _subscription(subscription: Json, workspace: HashesEmails, seen: Observation) -> list[StripeFact]:
    return [*subscription_facts(subscription, workspace, seen)]


def _customer(customer: Json, workspace: HashesEmails, seen: Observation) -> list[StripeFact]:
    return [*customer_facts(customer, workspace, seen)]


def _nothing(_: Json, __: HashesEmails, ___: Observation) -> list[StripeFact]:
    return []  # what a balance transaction is about is read for itself


def _intent(intent: Json, workspace: HashesEmails, seen: Observation) -> list[StripeFact]:
    return [*payment_intent_facts(intent, workspace, seen)]


_OF_CHARGE = (
    *("balance_transaction", "customer", "invoice", "refunds"),
    "refunds.data.failure_balance_transaction",
)
CHARGES = Listed("charges", "/v1/charges", _OF_CHARGE, _charge)
REFUNDS = Listed("refunds", "/v1/refunds", ("failure_balance_transaction",), _refund)
DISPUTES = Listed("disputes", "/v1/disputes", (), _dispute)
SUBSCRIPTIONS = Listed("subscriptions", "/v1/subscriptions", (), _subscription)
# These are not listed: objects of them are read where an event names one.
CUSTOMERS = Listed("customers", "/v1/customers", (), _customer)
INVOICES = Listed("invoices", "/v1/invoices", (), invoice_facts)
INTENTS = Listed("payment_intents", "/v1/payment_intents", (), _intent)
FAILURES = Listed("failures", "/v1/balance_transactions", (), _nothing)
CHECKOUTS = Listed("sessions", "/v1/checkout/sessions", (), checkout_facts)
LISTS = {
    listed.name: listed
    for listed in (
        *(CHARGES, REFUNDS, DISPUTES, SUBSCRIPTIONS),
        *(CUSTOMERS, INVOICES, INTENTS, CHECKOUTS, FAILURES),
    )
}


class ListReader:
    """Reads the lists of one account, with as many expansions as its key may read.

    ``missing`` are the permissions that it was found to lack.
    """

    def __init__(self, reader: StripeReader) -> None:
        self.missing: set[str] = set()
        self._reader = reader
        self._lists = dict(LISTS)

    def __getitem__(self, name: str) -> Listed:
        """A list with what the key may read, as far as that is known."""
        return self._lists[name]

    async def page(self, name: str, **params: Any) -> Page:
        """One page. Raises NotPermitted, CannotRead."""
        return await self._poorer(
            name, lambda listed: self._reader.page(listed.path, **params, **_data(listed))
        )

    async def pages(self, name: str, **params: Any) -> AsyncIterator[Page]:
        """All pages, newest first. Raises NotPermitted, CannotRead."""
        page = await self.page(name, **params)
        yield page
        while page.more and page.objects:
            page = await self.page(name, **params, starting_after=page.objects[-1]["id"])
            yield page

    async def found(self, name: str, query: str) -> list[Page]:
        """All that a search finds. Raises Refused where there is no search, NotPermitted, CannotRead."""

        async def find(listed: Listed) -> list[Page]:
            return [page async for page in self._reader.found(listed.path, query, **_data(listed))]

        return await self._poorer(name, find)

    async def one(self, name: str, object_id: str) -> tuple[dict[str, Any], int]:
        """One object, and a time at or before which Stripe looked. Raises NotPermitted, CannotRead."""

        async def read(listed: Listed) -> tuple[dict[str, Any], int]:
            expand = {"expand": list(listed.expand)} if listed.expand else {}
            return await self._reader.one(f"{listed.path}/{object_id}", **expand)

        return await self._poorer(name, read)

    async def _poorer(self, name: str, read: Callable[[Listed], Awaitable[T]]) -> T:
        """What is read of a list, leaving out what may not be expanded. Raises as ``read`` does."""
        while True:
            listed = self._lists[name]
            try:
                return await read(listed)
            except NotPermitted as error:
                self.missing.add(error.permission)
                kept = tuple(each for each in listed.expand if _needed(each) not in error.permission)
                if kept == listed.expand:
                    raise
                self._lists[name] = replace(listed, expand=kept)


def _data(listed: Listed) -> dict[str, list[str]]:
    return {"expand": [f"data.{each}" for each in listed.expand]} if listed.expand else {}


def _needed(expansion: str) -> str:
    """The kind of object that is expanded, as the names of permissions have it."""
    return expansion.rpartition(".")[2].removeprefix("failure_")


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
    if listed.name == "disputes":
        return "" if status in _ENDED else "open"
    return ""  # a subscription is listed again with each of its periods


def came_late(listed: Listed, shown: Json) -> bool:
    """Whether an object is one of those that may have changed when nobody expected it any more."""
    status = shown.get("status")
    if listed.name == "charges":  # it had succeeded, for there is something to take back
        return status == "failed" and bool(shown.get("failure_balance_transaction"))
    return status in _ENDED if listed.name == "disputes" else status in FAILED
