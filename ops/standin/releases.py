"""What becomes of authorised money that is not captured: by the API's version, it counts as refunded or not.

Before basil a partial capture and a cancellation made a refund of what was released, with the charge's
`amount_refunded` and a balance transaction of its own; since basil they leave no trace of that kind:
https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow.
No money of the buyer's has moved either way, so the books know nothing of it.
"""

from ops.standin import balance, objects
from ops.standin.account import Account, Origin
from ops.standin.errors import Json
from ops.standin.versions import is_basil


def capture(account: Account, charge: Json, amount_minor: int, origin: Origin) -> None:
    """Captures a part of what a charge has authorised, and releases the rest. All events show the outcome."""
    as_refund = _as_refund(account, origin)
    charge["amount_captured"] = amount_minor
    account.books.captured(charge, account.now_s())
    entered = charge["amount"] if as_refund else amount_minor
    entry = balance.charged(account, charge["id"], entered, charge["currency"])
    changes: Json = {"captured": True, "balance_transaction": entry}
    rest_minor = charge["amount"] - amount_minor
    if not as_refund or rest_minor == 0:
        account.change("charge.captured", charge, changes, origin)
        return
    refund = _refund(account, charge, rest_minor)
    account.change("charge.captured", charge, {**changes, "amount_refunded": rest_minor}, origin)
    refund["balance_transaction"] = balance.released(account, refund["id"], charge, rest_minor)
    account.emit("refund.created", refund, origin)
    account.emit("charge.refunded", charge, origin, {"amount_refunded": 0})


def cancel(account: Account, intent: Json, charge: Json, reason: str | None, origin: Origin) -> None:
    """Gives up all that a charge has authorised; without a reason it was the buyer's time that ran out."""
    as_refund = _as_refund(account, origin)
    if as_refund:
        refund = _refund(account, charge, charge["amount"])
        account.emit("refund.created", refund, origin)
        changes = {"amount_refunded": charge["amount"], "refunded": True}
        account.change("charge.refunded", charge, changes, origin)
    if reason is None:
        account.emit("charge.expired", charge, origin)
    given_up = {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": account.now_s(),
        "cancellation_reason": reason or ("automatic" if as_refund else "expired"),
    }
    account.change("payment_intent.canceled", intent, given_up, origin)


def _as_refund(account: Account, origin: Origin) -> bool:
    return not is_basil(origin.api_version or account.api_version)


def _refund(account: Account, charge: Json, rest_minor: int) -> Json:
    """The refund that a release counted as."""
    account.released[charge["id"]] = rest_minor
    return account.tables["refunds"].add(
        objects.refund(
            id_=account.ids.new("refund"),
            created=account.now_s(),
            charge=charge,
            amount_minor=rest_minor,
            status="succeeded",
            reason=None,
            metadata={},
        )
    )
