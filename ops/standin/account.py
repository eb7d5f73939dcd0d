"""One Stripe account in memory: what it holds, and what can be done to it."""

import re
from dataclasses import dataclass
from typing import Any, Protocol

from ops.standin import objects
from ops.standin.books import Books
from ops.standin.clock import Clock
from ops.standin.errors import ApiError, Json, missing_object
from ops.standin.ids import Ids
from ops.standin.params import Params, missing

_MOST_MINOR = 99_999_999
"""Stripe takes at most eight digits."""
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


@dataclass(frozen=True, slots=True)
class Origin:
    """The API request that caused an event."""

    request_id: str | None = None
    idempotency_key: str | None = None


class Emit(Protocol):
    """Tells the webhooks that something happened to an object, at a time in seconds since the epoch."""

    def __call__(
        self, type_: str, stored: Json, *, created: int, origin: Origin, previous: Json | None = None
    ) -> None: ...


class Account:
    """Holds objects by resource and id, in the order of their creation. Methods raise ApiError."""

    def __init__(self, *, ids: Ids, clock: Clock, livemode: bool, books: Books, emit: Emit) -> None:
        self.id = ids.new("account")
        self.livemode = livemode
        self.customers: dict[str, Json] = {}
        self.charges: dict[str, Json] = {}
        self.payment_intents: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.balance_transactions: dict[str, Json] = {}
        self.subscriptions: dict[str, Json] = {}
        self._ids = ids
        self._clock = clock
        self._books = books
        self._emit = emit

    def create_customer(self, params: Params, origin: Origin) -> Json:
        params.only({"email", "name", "description", "phone", "metadata"})
        metadata, _ = objects.split_metadata(params.table("metadata"))
        customer = objects.customer(
            id_=self._ids.new("customer"),
            created=self._now_s(),
            livemode=self.livemode,
            email=params.text("email"),
            metadata=metadata,
        )
        customer |= {name: params.text(name) for name in ("name", "description", "phone")}
        self.customers[customer["id"]] = customer
        self._emit("customer.created", customer, created=customer["created"], origin=origin)
        return customer

    def pay(self, params: Params, origin: Origin) -> Json:
        """A payment intent that is confirmed at once: its charge is captured and has succeeded."""
        params.only(_PAY_FIELDS)
        if not params.flag("confirm"):
            raise ApiError(400, "This stand-in only takes payments with confirm=true.", param="confirm")
        charge = self._new_charge(params)
        secret = f"{charge['payment_intent']}_{self._ids.new('client_secret')}"
        intent = objects.payment_intent(id_=charge["payment_intent"], client_secret=secret, charge=charge)
        self.charges[charge["id"]] = charge
        self.payment_intents[intent["id"]] = intent
        for type_, stored in (("payment_intent.succeeded", intent), ("charge.succeeded", charge)):
            self._emit(type_, stored, created=charge["created"], origin=origin)
        return intent

    def refund(self, params: Params, origin: Origin) -> Json:
        """Gives back an amount, or all that is left, of a charge."""
        params.only({"payment_intent", "charge", "amount", "reason", "metadata"})
        charge = self._charge_to_refund(params)
        left = charge["amount_captured"] - charge["amount_refunded"]
        if left == 0:
            message = f"Charge {charge['id']} has already been refunded."
            raise ApiError(400, message, code="charge_already_refunded")
        amount = params.whole("amount", at_least=1, at_most=_MOST_MINOR) or left
        if amount > left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise ApiError(400, message, param="amount")
        refund = self._new_refund(params, charge, amount)
        refunded = charge["amount_refunded"] + amount
        changes = {"amount_refunded": refunded, "refunded": refunded == charge["amount_captured"]}
        previous = {name: charge[name] for name, value in changes.items() if charge[name] != value}
        charge |= changes
        self.refunds[refund["id"]] = refund
        self._emit("refund.created", refund, created=refund["created"], origin=origin)
        self._emit("charge.refunded", charge, created=refund["created"], origin=origin, previous=previous)
        return refund

    def _new_charge(self, params: Params) -> Json:
        amount = params.whole("amount", at_least=1, at_most=_MOST_MINOR)
        if amount is None:
            raise missing("amount")
        currency = params.required("currency").lower()
        if not re.fullmatch("[a-z]{3}", currency):
            raise ApiError(400, f"Invalid currency: {currency}", param="currency")
        customer = params.text("customer")
        if customer is not None and customer not in self.customers:
            raise missing_object("customer", customer, status=400, param="customer")
        billing = _billing(params)
        metadata, private = objects.split_metadata(params.table("metadata"))
        id_, created = self._ids.new("charge"), self._now_s()
        charge = objects.charge(
            id_=id_,
            created=created,
            livemode=self.livemode,
            amount_minor=amount,
            currency=currency,
            customer=customer,
            payment_intent=self._ids.new("payment_intent"),
            payment_method=self._ids.new("payment_method"),
            billing=objects.billing_details(billing.text("email"), billing.text("name")),
            receipt_email=params.text("receipt_email"),
            description=params.text("description"),
            metadata=metadata,
            # Last: it is kept at once, so nothing after it may refuse.
            balance_transaction=self._balance("charge", id_, created, amount, currency),
        )
        self._books.tag(id_, private)
        return charge

    def _new_refund(self, params: Params, charge: Json, amount_minor: int) -> Json:
        reason = params.text("reason")
        if reason is not None and reason not in _REASONS:
            raise ApiError(400, f"Invalid reason: must be one of {', '.join(_REASONS)}", param="reason")
        metadata, _ = objects.split_metadata(params.table("metadata"))
        id_, created = self._ids.new("refund"), self._now_s()
        return objects.refund(
            id_=id_,
            created=created,
            charge=charge,
            amount_minor=amount_minor,
            balance_transaction=self._balance("refund", id_, created, -amount_minor, charge["currency"]),
            reason=reason,
            metadata=metadata,
        )

    def _charge_to_refund(self, params: Params) -> Json:
        intent, charge = params.text("payment_intent"), params.text("charge")
        if (intent is None) == (charge is None):
            raise ApiError(400, "One of the following params should be provided: payment_intent or charge.")
        if intent is not None:
            if intent not in self.payment_intents:
                raise missing_object("payment_intent", intent, status=400, param="payment_intent")
            charge = str(self.payment_intents[intent]["latest_charge"])
        assert charge is not None
        if charge not in self.charges:
            raise missing_object("charge", charge, status=400, param="charge")
        return self.charges[charge]

    def _balance(self, kind: str, source: str, created: int, amount_minor: int, currency: str) -> str:
        # 2.9 % + 30, as Stripe's list price in the United States; refunds do not give fees back.
        fee_minor = amount_minor * 29 // 1000 + 30 if kind == "charge" else 0
        entry = objects.balance_transaction(
            id_=self._ids.new("balance_transaction"),
            created=created,
            kind=kind,
            source=source,
            amount_minor=amount_minor,
            fee_minor=fee_minor,
            currency=currency,
        )
        self.balance_transactions[entry["id"]] = entry
        return str(entry["id"])

    def _now_s(self) -> int:
        return self._clock() // 1000


_PAY_FIELDS = frozenset(
    {
        "amount",
        "currency",
        "confirm",
        "customer",
        "receipt_email",
        "metadata",
        "description",
        "payment_method_data",
    }
    # Taken and of no effect: there is one kind of card, and it always succeeds.
    | {"payment_method", "payment_method_types", "automatic_payment_methods", "off_session", "return_url"}
)


def _billing(params: Params) -> Params:
    """The buyer's details, as a checkout's card form would give them with the payment method."""
    method: dict[str, Any] = params.table("payment_method_data")
    return Params(Params(method).table("billing_details"))
