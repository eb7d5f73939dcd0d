"""Invoices: made, paid, tried again; what is too much becomes the customer's credit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ops.standin.account import Account
from ops.standin.billing_objects import Line, invoice_payment, line_item
from ops.standin.cards import Card
from ops.standin.errors import Declined, Json
from ops.standin.invoice_object import invoice as new_invoice
from ops.standin.payments import Payments, Terms

_TRY_AGAIN_AFTER_S: Final = 3 * 86_400
_MOST_ATTEMPTS: Final = 4
_DESCRIBED = {"subscription_create": "Subscription creation"}
_ELSE_DESCRIBED = "Subscription update"


class Outcome(Enum):
    """How an attempt to be paid ended."""

    PAID = "paid"
    DECLINED = "declined"
    GIVEN_UP = "given up"
    """It was declined, and there will be no further attempt."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a subscription's customer is to be asked for, and who hears of the outcome.

    `card` tells what there is to pay with at each attempt; `private` metadata is for the stand-in's books;
    `looks_back_to` is the start of the period that ended; `settled` is called after each attempt.
    """

    subscription: Json
    lines: Sequence[Line]
    reason: str
    card: Callable[[], Card]
    looks_back_to: int
    settled: Callable[[Outcome], None]
    private: dict[str, str] = field(default_factory=dict)
    retried: bool = True
    """Whether a declined card is tried again by itself; a first invoice's is not."""


class Invoices:
    """Bills an account's customers."""

    def __init__(self, account: Account, payments: Payments) -> None:
        self._account = account
        self._payments = payments
        self._payment_of: dict[str, Json] = {}

    def make(self, bill: Bill) -> Json:
        """A finalized invoice, not paid yet. Credit of the customer is used, or grows by a negative total."""
        account = self._account
        customer = account.tables["customers"][bill.subscription["customer"]]
        id_ = account.ids.new("invoice")
        invoice = new_invoice(
            id_=id_,
            created=account.now_s(),
            livemode=account.livemode,
            customer=customer,
            currency=bill.subscription["currency"],
            subscription=bill.subscription,
            reason=bill.reason,
            lines=[
                line_item(id_=account.ids.new("line_item"), invoice=id_, livemode=account.livemode, line=line)
                for line in bill.lines
            ],
            looks_back_to=bill.looks_back_to,
            starting_balance_minor=customer["balance"],
        )
        account.tables["invoices"].add(invoice)
        changes = {"balance": invoice["ending_balance"], "currency": invoice["currency"]}
        account.change("customer.updated", customer, changes)
        account.emit("invoice.created", invoice)
        return invoice

    def pay(self, invoice: Json, bill: Bill) -> None:
        """Tries to be paid, later again when the card is declined; nothing due is paid at once."""
        if invoice["status"] != "open":
            return
        if bill.subscription["status"] == "canceled":
            self.void(invoice)
            return
        if invoice["amount_due"] == 0:
            self._paid(invoice, bill)
            return
        terms = Terms(
            amount_minor=invoice["amount_due"],
            currency=invoice["currency"],
            customer=invoice["customer"],
            description=_DESCRIBED.get(bill.reason, _ELSE_DESCRIBED),
            private=bill.private,
            card=bill.card(),
            invoice=invoice["id"],
            paid=lambda intent: self._paid(invoice, bill, intent),
        )
        invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
        try:
            self._link(invoice, self._payments.take(terms, again=invoice["payment_intent"])["id"])
        except Declined as declined:
            self._link(invoice, declined.intent)
            self._failed(invoice, bill)

    def void(self, invoice: Json) -> None:
        """Asks for the money no more."""
        if invoice["status"] == "open":
            stamps = {**invoice["status_transitions"], "voided_at": self._account.now_s()}
            changes = {"status": "void", "status_transitions": stamps, "next_payment_attempt": None}
            self._account.change("invoice.voided", invoice, changes)

    def _link(self, invoice: Json, intent: str) -> Json:
        """Notes in the invoice, and in an invoice payment, by which payment it is to be paid."""
        known = self._payment_of.get(invoice["id"])
        if known is not None:
            return known
        invoice["payment_intent"] = intent
        made = invoice_payment(
            id_=self._account.ids.new("invoice_payment"),
            created=self._account.now_s(),
            invoice=invoice,
            payment_intent=intent,
        )
        self._payment_of[invoice["id"]] = made
        return self._account.tables["invoice_payments"].add(made)

    def _paid(self, invoice: Json, bill: Bill, intent: Json | None = None) -> None:
        now, amount = self._account.now_s(), invoice["amount_due"]
        payment = None if intent is None else self._link(invoice, intent["id"])
        invoice.update(
            paid=True,
            status="paid",
            amount_paid=amount,
            amount_remaining=0,
            attempted=True,
            charge=None if intent is None else intent["latest_charge"],
            next_payment_attempt=None,
            status_transitions={**invoice["status_transitions"], "paid_at": now},
        )
        for type_ in ("invoice.paid", "invoice.payment_succeeded"):
            self._account.emit(type_, invoice)
        if payment is not None:
            stamps = {**payment["status_transitions"], "paid_at": now}
            payment.update(amount_paid=amount, status="paid", status_transitions=stamps)
            self._account.emit("invoice_payment.paid", payment)
        bill.settled(Outcome.PAID)

    def _failed(self, invoice: Json, bill: Bill) -> None:
        last = bill.retried and invoice["attempt_count"] >= _MOST_ATTEMPTS
        again = bill.retried and not last
        invoice["next_payment_attempt"] = self._account.now_s() + _TRY_AGAIN_AFTER_S if again else None
        self._account.emit("invoice.payment_failed", invoice)
        if again:
            self._account.later(_TRY_AGAIN_AFTER_S, lambda: self.pay(invoice, bill))
        bill.settled(Outcome.GIVEN_UP if last else Outcome.DECLINED)
