"""Payments: authorised, captured, declined, canceled, expired."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ops.standin import balance, objects, releases
from ops.standin.account import BY_ITSELF, Account, Origin
from ops.standin.cards import PLAIN, Card, card_of
from ops.standin.currencies import checked
from ops.standin.disputes import Disputes
from ops.standin.errors import ApiError, Declined, Json
from ops.standin.params import Params, missing

MOST_MINOR = 99_999_999
"""Stripe takes at most eight digits."""
_AUTHORISED_FOR_S: Final = 7 * 86_400
_ENTERED_AFTER_S: Final = 60
"""With asynchronous capture, when the balance transaction comes."""
_BANK_TAKES_S: Final = 4 * 86_400
_CAPTURES = ("automatic", "automatic_async", "manual")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is to be paid, how and by whom. `private` metadata is for the stand-in's own books.

    `paid` is called with the payment intent once it has succeeded, which can be days later.
    """

    amount_minor: int
    currency: str
    customer: str | None = None
    billing: Json = field(default_factory=lambda: objects.billing_details(None, None))
    receipt_email: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    card: Card = PLAIN
    capture_method: str = "automatic"
    invoice: str | None = None
    paid: Callable[[Json], None] | None = None


class Payments:
    """Takes payments for an account. Methods raise ApiError."""

    def __init__(self, account: Account, disputes: Disputes) -> None:
        self._account = account
        self._disputes = disputes
        self._intents = account.tables["payment_intents"]
        self._charges = account.tables["charges"]

    def pay(self, params: Params, origin: Origin) -> Json:
        """A payment intent that is confirmed at once."""
        params.only(_PAY_FIELDS)
        if not params.flag("confirm"):
            raise ApiError(400, "This stand-in only takes payments with confirm=true.", param="confirm")
        return self.take(self._terms(params), origin)

    def take(self, terms: Terms, origin: Origin = BY_ITSELF, again: str | None = None) -> Json:
        """The payment intent of a payment by these terms; `again` is one whose last charge was declined.

        Raises Declined when the card is.
        """
        account = self._account
        charge = self._charges.add(self._new_charge(terms, again or account.ids.new("payment_intent")))
        intent = self._intent(terms, charge)
        account.books.opened(account.id, charge, terms.private)
        account.cards[charge["id"]] = terms.card
        if terms.card.declined:
            raise self._decline(charge, intent, origin)
        if terms.card.pending:
            self._wait_for_the_bank(charge, intent, terms, origin)
        elif terms.capture_method == "manual":
            account.emit("payment_intent.amount_capturable_updated", intent, origin)
            account.emit("charge.succeeded", charge, origin)
            account.later(_AUTHORISED_FOR_S, lambda: self._expire(intent))
        else:
            self._succeed(charge, intent, terms, origin)
        return intent

    def confirm(self, id_: str, params: Params, origin: Origin) -> Json:
        """Pays again, by another card, what was declined."""
        params.only({"payment_method", "return_url"})
        intent = self._account.find("payment_intents", "payment_intent", id_)
        if intent["status"] != "requires_payment_method":
            message = f"This PaymentIntent's status is {intent['status']}: there is nothing to confirm."
            raise ApiError(400, message, code="payment_intent_unexpected_state", param="intent")
        declined = self._charges[intent["latest_charge"]]
        terms = Terms(
            amount_minor=intent["amount"],
            currency=intent["currency"],
            customer=intent["customer"],
            billing=declined["billing_details"],
            receipt_email=intent["receipt_email"],
            description=intent["description"],
            metadata=intent["metadata"],
            private=self._account.books.private_of(declined["id"]),
            card=card_of(params.text("payment_method")),
            capture_method=intent["capture_method"],
            invoice=intent["invoice"],
        )
        return self.take(terms, origin, again=id_)

    def capture(self, id_: str, params: Params, origin: Origin) -> Json:
        """Takes the authorised money, or a part of it: the rest is released."""
        params.only({"amount_to_capture", "metadata"})
        intent = self._authorised(id_, "captured", param="intent")
        charge = self._charges[intent["latest_charge"]]
        amount = params.whole("amount_to_capture", at_least=1, at_most=charge["amount"]) or charge["amount"]
        releases.capture(self._account, charge, amount, origin)
        paid = {"amount_capturable": 0, "amount_received": amount, "status": "succeeded"}
        self._account.change("payment_intent.succeeded", intent, paid, origin)
        return intent

    def cancel(self, id_: str, params: Params, origin: Origin) -> Json:
        """Gives up an authorization."""
        params.only({"cancellation_reason"})
        intent = self._authorised(id_, "canceled", param="intent")
        reason = params.text("cancellation_reason") or "requested_by_customer"
        releases.cancel(self._account, intent, self._charges[intent["latest_charge"]], reason, origin)
        return intent

    def bounce(self, charge: Json) -> None:
        """A payment that had succeeded fails after all, as a debit does that the buyer's bank returns."""
        if charge["status"] != "succeeded" or not charge["captured"]:
            raise ApiError(400, f"Charge {charge['id']} has not succeeded: it cannot fail after all.")
        home = balance.bounced(self._account, charge["id"], charge["amount_captured"], charge["currency"])
        self._account.books.bounced(charge, self._account.now_s())
        failed = {"status": "failed", "paid": False, "failure_code": "payment_method_unexpected_failure"}
        self._account.change("charge.failed", charge, {**failed, "failure_balance_transaction": home})

    def _authorised(self, id_: str, wanted: str, *, param: str) -> Json:
        intent = self._account.find("payment_intents", "payment_intent", id_)
        if intent["status"] != "requires_capture":
            message = (
                f"This PaymentIntent could not be {wanted} because it has a status of {intent['status']}. "
                "Only a PaymentIntent with one of the following statuses may be "
                f"{wanted}: requires_capture."
            )
            raise ApiError(400, message, code="payment_intent_unexpected_state", param=param)
        return intent

    def _intent(self, terms: Terms, charge: Json) -> Json:
        """The intent of a new charge: a new one, or the old one once more."""
        id_ = charge["payment_intent"]
        known = self._intents.get(id_)
        secret = known["client_secret"] if known else f"{id_}_{self._account.ids.new('client_secret')}"
        intent = objects.payment_intent(
            id_=id_, client_secret=secret, capture_method=terms.capture_method, charge=charge
        )
        if known is None:
            return self._intents.add(intent)
        known.update({**intent, "created": known["created"]})
        return known

    def _succeed(self, charge: Json, intent: Json, terms: Terms, origin: Origin) -> None:
        if intent["capture_method"] == "automatic_async":
            self._account.later(_ENTERED_AFTER_S, lambda: self._enter_late(charge))
        else:
            charge["balance_transaction"] = self._entered(charge)
        self._account.books.captured(charge, self._account.now_s())
        self._account.emit("payment_intent.succeeded", intent, origin)
        self._account.emit("charge.succeeded", charge, origin)
        card = self._account.cards[charge["id"]]
        if card.dispute is not None:
            self._disputes.open(charge, status=card.dispute, reason=card.reason)
        if terms.paid is not None:
            terms.paid(intent)

    def _entered(self, charge: Json) -> str:
        return balance.charged(self._account, charge["id"], charge["amount_captured"], charge["currency"])

    def _enter_late(self, charge: Json) -> None:
        self._account.change("charge.updated", charge, {"balance_transaction": self._entered(charge)})

    def _decline(self, charge: Json, intent: Json, origin: Origin) -> Declined:
        message = "Your card was declined."
        failure = {"failure_code": "card_declined", "failure_message": message}
        charge.update({"status": "failed", "paid": False, **_UNCAPTURED, **failure})
        error = {"code": "card_declined", "message": message, "type": "card_error"}
        intent.update(
            {"status": "requires_payment_method", "amount_received": 0, "last_payment_error": error}
        )
        intent["amount_capturable"] = 0
        self._account.emit("payment_intent.payment_failed", intent, origin)
        self._account.emit("charge.failed", charge, origin)
        return Declined(message, intent=intent["id"], charge=charge["id"])

    def _wait_for_the_bank(self, charge: Json, intent: Json, terms: Terms, origin: Origin) -> None:
        charge.update({"status": "pending", "paid": False})
        intent.update({"status": "processing", "amount_received": 0})
        self._account.emit("payment_intent.processing", intent, origin)
        self._account.emit("charge.pending", charge, origin)

        def arrived() -> None:
            charge.update({"status": "succeeded", "paid": True})
            intent.update({"status": "succeeded", "amount_received": charge["amount"]})
            self._succeed(charge, intent, terms, BY_ITSELF)

        self._account.later(_BANK_TAKES_S, arrived)

    def _expire(self, intent: Json) -> None:
        if intent["status"] == "requires_capture":
            charge = self._charges[intent["latest_charge"]]
            releases.cancel(self._account, intent, charge, None, BY_ITSELF)

    def _terms(self, params: Params) -> Terms:
        amount = params.whole("amount", at_least=1, at_most=MOST_MINOR)
        if amount is None:
            raise missing("amount")
        currency = checked(params.required("currency"), amount)
        customer = params.text("customer")
        if customer is not None:
            self._account.find("customers", "customer", customer, param="customer")
        capture = params.text("capture_method") or "automatic"
        if capture not in _CAPTURES:
            raise ApiError(
                400,
                f"Invalid capture_method: must be one of {', '.join(_CAPTURES)}",
                param="capture_method",
            )
        billing = _billing(params)
        public, private = objects.split_metadata(params.table("metadata"))
        return Terms(
            amount_minor=amount,
            currency=currency,
            customer=customer,
            billing=objects.billing_details(billing.text("email"), billing.text("name")),
            receipt_email=params.text("receipt_email"),
            description=params.text("description"),
            metadata=public,
            private=private,
            card=card_of(params.text("payment_method")),
            capture_method=capture,
        )

    def _new_charge(self, terms: Terms, intent: str) -> Json:
        return objects.charge(
            id_=self._account.ids.new("charge"),
            created=self._account.now_s(),
            livemode=self._account.livemode,
            amount_minor=terms.amount_minor,
            currency=terms.currency,
            captured=terms.capture_method != "manual",
            customer=terms.customer,
            payment_intent=intent,
            payment_method=self._account.ids.new("payment_method"),
            billing=terms.billing,
            receipt_email=terms.receipt_email,
            description=terms.description,
            metadata=terms.metadata,
            invoice=terms.invoice,
        )


_UNCAPTURED: Final = {"captured": False, "amount_captured": 0}
_PAY_FIELDS = frozenset(
    {
        "amount",
        "capture_method",
        "confirm",
        "currency",
        "customer",
        "description",
        "metadata",
        "payment_method",
        "payment_method_data",
        "receipt_email",
    }
    # Taken and of no effect.
    | {"payment_method_types", "automatic_payment_methods", "off_session", "return_url"}
)


def _billing(params: Params) -> Params:
    """The buyer's details, as a checkout's card form would give them with the payment method."""
    method: dict[str, Any] = params.table("payment_method_data")
    return Params(Params(method).table("billing_details"))
