"""Refunds: succeeded, pending, failed or canceled later."""

from typing import Final

from ops.standin import balance, objects
from ops.standin.account import BY_ITSELF, Account, Origin
from ops.standin.errors import ApiError, Json
from ops.standin.params import Params
from ops.standin.payments import MOST_MINOR

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_SETTLES_AFTER_S: Final = 86_400
_GONE = ("failed", "canceled")


class Refunds:
    """Gives money of an account's charges back. Methods raise ApiError."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._refunds = account.tables["refunds"]

    def create(self, params: Params, origin: Origin) -> Json:
        """Gives back an amount, or all that is left, of a charge."""
        params.only({"payment_intent", "charge", "amount", "reason", "metadata"})
        charge = self._charge_to_refund(params)
        reason = params.text("reason")
        if reason is not None and reason not in _REASONS:
            raise ApiError(400, f"Invalid reason: must be one of {', '.join(_REASONS)}", param="reason")
        public, _ = objects.split_metadata(params.table("metadata"))
        amount = params.whole("amount", at_least=1, at_most=MOST_MINOR)
        return self.give_back(charge, amount, reason=reason, metadata=public, origin=origin)

    def give_back(
        self,
        charge: Json,
        amount_minor: int | None = None,
        *,
        reason: str | None = None,
        metadata: Json | None = None,
        origin: Origin = BY_ITSELF,
    ) -> Json:
        """A new refund; how it goes on is for the charge's card to say."""
        released = self._account.released.get(charge["id"], 0)
        amount = _checked(charge, amount_minor, released)
        if charge["id"] in self._account.charged_back:
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise ApiError(400, message, code="charge_disputed")
        how = self._account.cards[charge["id"]].refund
        refund = objects.refund(
            id_=self._account.ids.new("refund"),
            created=self._account.now_s(),
            charge=charge,
            amount_minor=amount,
            status="pending" if how == "pending" else "succeeded",
            reason=reason,
            metadata=metadata or {},
        )
        refund["balance_transaction"] = balance.refunded(
            self._account, refund["id"], amount, charge["currency"]
        )
        self._refunds.add(refund)
        refunded = charge["amount_refunded"] + amount
        changes = {"amount_refunded": refunded, "refunded": refunded - released >= charge["amount_captured"]}
        previous = {name: charge[name] for name, value in changes.items() if charge[name] != value}
        charge.update(changes)
        self._account.books.refunded(refund, self._account.now_s())
        self._account.emit("refund.created", refund, origin)
        self._account.emit("charge.refunded", charge, origin, previous)
        if how == "pending":
            self._account.later(_SETTLES_AFTER_S, lambda: self.settle(refund))
        elif how == "fails":
            self._account.later(_SETTLES_AFTER_S, lambda: self.fail(refund))
        return refund

    def cancel(self, id_: str, params: Params, origin: Origin) -> Json:
        """Takes a refund back that is still pending."""
        params.only(())
        refund = self._account.find("refunds", "refund", id_)
        if refund["status"] != "pending":
            raise ApiError(400, f"Refund {id_} cannot be canceled: its status is {refund['status']}.")
        self._undo(refund, {"status": "canceled"}, origin)
        return refund

    def settle(self, refund: Json) -> None:
        """A pending refund arrived."""
        if refund["status"] == "pending":
            self._account.change("refund.updated", refund, {"status": "succeeded"})

    def fail(self, refund: Json, reason: str = "expired_or_canceled_card") -> None:
        """A refund came back from the buyer's bank, also one that had succeeded."""
        if refund["status"] not in _GONE:
            self._undo(refund, {"status": "failed", "failure_reason": reason}, BY_ITSELF)

    def _undo(self, refund: Json, changes: Json, origin: Origin) -> None:
        home = balance.refund_failed(self._account, refund["id"], refund["amount"], refund["currency"])
        previous = {name: refund.get(name) for name in changes}
        refund.update(changes, failure_balance_transaction=home)
        charge = self._account.tables["charges"][refund["charge"]]
        charge.update(amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)
        self._account.books.refund_undone(refund, self._account.now_s())
        types = ["refund.updated", "charge.refund.updated"]
        for type_ in [*types, "refund.failed"] if refund["status"] == "failed" else types:
            self._account.emit(type_, refund, origin, previous)

    def _charge_to_refund(self, params: Params) -> Json:
        intent, charge = params.text("payment_intent"), params.text("charge")
        if (intent is None) == (charge is None):
            raise ApiError(400, "One of the following params should be provided: payment_intent or charge.")
        if intent is not None:
            found = self._account.find("payment_intents", "payment_intent", intent, param="payment_intent")
            charge = str(found["latest_charge"])
        assert charge is not None
        return self._account.find("charges", "charge", charge, param="charge")


def _checked(charge: Json, amount_minor: int | None, released_minor: int) -> int:
    """The amount to give back: what is asked for, else all that is left."""
    left = charge["amount_captured"] - (charge["amount_refunded"] - released_minor)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise ApiError(400, f"Charge {charge['id']} has not been captured: there is nothing to refund.")
    if charge["captured"] and left <= 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise ApiError(400, message, code="charge_already_refunded")
    if amount_minor is not None and amount_minor > left:
        message = f"Refund amount ({amount_minor}) is greater than unrefunded amount on charge ({left})"
        raise ApiError(400, message, param="amount")
    return amount_minor or left
