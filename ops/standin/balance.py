"""Balance transactions: what charges, refunds and disputes did to an account's balance."""

from ops.standin import objects
from ops.standin.account import Account
from ops.standin.currencies import exchange_rate, exchanged
from ops.standin.errors import Json

_CHARGE_FEE_PER_MILLE = 29
_CHARGE_FEE_MINOR = 30
"""2.9 % + 30, Stripe's list price in the United States; refunds do not give fees back."""
DISPUTE_FEE_MINOR = 1500


def charged(account: Account, charge: str, amount_minor: int, currency: str) -> str:
    """Money came in, less the fee; the id of the new balance transaction."""
    settled_minor = _settled(account, amount_minor, currency)
    fee_minor = _fee(settled_minor)
    return _enter(account, "charge", charge, (amount_minor, currency), (fee_minor, "Stripe processing fees"))


def released(account: Account, refund: str, charge: Json, rest_minor: int) -> str:
    """A whole authorization was entered and a part captured: the rest goes, with its share of the fees."""
    entry = account.tables["balance_transactions"][charge["balance_transaction"]]
    fee_minor = entry["fee"] - _fee(_settled(account, charge["amount"] - rest_minor, charge["currency"]))
    money = (-rest_minor, charge["currency"])
    return _enter(account, "refund", refund, money, (-fee_minor, "Stripe processing fees"))


def refunded(account: Account, refund: str, amount_minor: int, currency: str) -> str:
    """Money went back."""
    return _enter(account, "refund", refund, (-amount_minor, currency))


def refund_failed(account: Account, refund: str, amount_minor: int, currency: str) -> str:
    """Money of a refund that could not be paid out came home."""
    return _enter(account, "refund_failure", refund, (amount_minor, currency))


def bounced(account: Account, charge: str, amount_minor: int, currency: str) -> str:
    """Money that had come in went, for the payment failed after all."""
    return _enter(account, "payment_failure_refund", charge, (-amount_minor, currency))


def withdrawn(account: Account, dispute: str, amount_minor: int, currency: str) -> str:
    """A dispute took money away, and costs a fee."""
    return _enter(
        account, "adjustment", dispute, (-amount_minor, currency), (DISPUTE_FEE_MINOR, "Dispute fee")
    )


def reinstated(account: Account, dispute: str, amount_minor: int, currency: str) -> str:
    """A dispute was won: its money came home, and its fee."""
    return _enter(
        account, "adjustment", dispute, (amount_minor, currency), (-DISPUTE_FEE_MINOR, "Dispute fee")
    )


def _fee(settled_minor: int) -> int:
    return settled_minor * _CHARGE_FEE_PER_MILLE // 1000 + _CHARGE_FEE_MINOR


def _settled(account: Account, amount_minor: int, currency: str) -> int:
    to = account.settles_in or currency
    if to == currency:
        return amount_minor
    return exchanged(amount_minor, currency, to, exchange_rate(currency, to, account.now_s()))


def _enter(
    account: Account, kind: str, source: str, money: tuple[int, str], fee: tuple[int, str] = (0, "")
) -> str:
    (amount_minor, currency), (fee_minor, fee_for) = money, fee
    to = account.settles_in or currency
    entry = objects.balance_transaction(
        id_=account.ids.new("balance_transaction"),
        created=account.now_s(),
        kind=kind,
        source=source,
        amount_minor=_settled(account, amount_minor, currency),
        fee_minor=fee_minor,
        fee_for=fee_for,
        currency=to,
        exchange_rate=None if to == currency else float(exchange_rate(currency, to, account.now_s())),
    )
    account.tables["balance_transactions"].add(entry)
    return str(entry["id"])
