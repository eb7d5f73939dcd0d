"""Stripe's balance transactions: what a charge or dispute moved, in which currency, and for what fee."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.stripe.fields import (
    MOST_MINOR,
    Json,
    Observation,
    an_id,
    currency,
    expanded,
    minor,
    moment,
    objects,
    optional_text,
    signed_minor,
    text,
)
from trackrev_stream.domain.payments.disputes import ROUNDING_PARTS
from trackrev_stream.domain.payments.payment import Move
from trackrev_stream.domain.values.money import exponent


@dataclass(frozen=True, slots=True)
class Entered:
    """What the balance transaction of a charge tells; None, 0 or "" of what it does not, or does wrongly.

    ``settled_minor`` and ``fee_minor`` (with ``application_fee_minor``, the platform's, where it takes one)
    are in ``currency``, that of settlement; ``minor`` is what was entered in the charge's currency.
    """

    currency: str = ""
    settled_minor: int = 0
    fee_minor: int | None = None
    minor: int | None = None
    application_fee_minor: int = 0


def entered_of(charge: Json) -> Entered:
    """What the balance transaction of a charge tells where it is expanded; the charge stands without it."""
    transaction = expanded(charge, "balance_transaction")
    try:
        settled_in = currency(transaction) if transaction else ""
    except Malformed:
        settled_in = ""
    if not settled_in:
        return Entered()
    settled = _told(lambda: signed_minor(transaction, "amount"))
    return Entered(
        settled_in,
        max(0, settled or 0),
        _told(lambda: minor(transaction, "fee")),
        None if settled is None else _told(lambda: _unconverted(charge, transaction)),
        _told(lambda: _application_fee(transaction)) or 0,
    )


def _application_fee(transaction: Json) -> int:
    """What of a fee went to an application: https://docs.stripe.com/api/balance_transactions/object."""
    details = objects(transaction, "fee_details")
    return sum(minor(one, "amount") for one in details if one.get("type") == "application_fee")


def _told(read: Callable[[], int | None]) -> int | None:
    try:
        return read()
    except Malformed:
        return None


def moves_of(dispute: Json, seen: Observation) -> tuple[Move, ...]:
    """What a dispute moved: its balance transactions, and what they do not show of what the event is about.

    Only without any does a final status tell: the money of a dispute that was won may come back later.
    """
    amount, status = minor(dispute, "amount"), text(dispute, "status")
    transactions: Sequence[Json] = objects(dispute, "balance_transactions")
    moves = [_move(dispute, one) for one in transactions]
    told = any(move.amount_minor for move in moves)
    withdrawn = seen.event_type == "charge.dispute.funds_withdrawn" or (status == "lost" and not told)
    reinstated = seen.event_type == "charge.dispute.funds_reinstated" or (status == "won" and not told)
    if withdrawn and not any(move.amount_minor < 0 for move in moves):
        moves.append(Move("", -amount, seen.observed_at))
    if reinstated and not any(move.amount_minor > 0 for move in moves):
        moves.append(Move("", amount, seen.observed_at))
    return tuple(moves)


def _move(dispute: Json, transaction: Json) -> Move:
    """What a balance transaction moved, and what Stripe took for it."""
    named, at = an_id(transaction, "id"), moment(transaction, "created")
    settled, balance = signed_minor(transaction, "amount"), currency(transaction)
    fee = None if transaction.get("fee") is None else signed_minor(transaction, "fee")
    elsewhere = balance if balance != currency(dispute) else ""
    if _is_fee(transaction):
        return Move(named, 0, at, settled_currency=elsewhere, fee_minor=(fee or 0) - settled)
    moved = _disputed_minor(dispute, transaction)
    return Move(named, moved, at, settled if elsewhere else 0, elsewhere, fee)


def _is_fee(transaction: Json) -> bool:
    """Whether nothing but a fee was taken: https://docs.stripe.com/reports/balance-transaction-types."""
    return optional_text(transaction, "type") in ("stripe_fee", "stripe_fx_fee") or (
        optional_text(transaction, "reporting_category") == "fee"
    )


def _disputed_minor(dispute: Json, transaction: Json) -> int:
    """What a balance transaction moved, in the dispute's currency; it may be in that of settlement."""
    moved, disputed = signed_minor(transaction, "amount"), minor(dispute, "amount")
    amount = _unconverted(dispute, transaction)
    if amount is None:
        return disputed if moved > 0 else -disputed
    if currency(transaction) == currency(dispute) or abs(abs(amount) - disputed) * ROUNDING_PARTS > disputed:
        return amount
    return disputed if moved > 0 else -disputed


def _unconverted(of: Json, transaction: Json) -> int | None:
    """The amount of a balance transaction in the currency of what it is about, or None without a rate."""
    moved = signed_minor(transaction, "amount")
    settled, asked = currency(transaction), currency(of)
    if settled == asked:
        return moved
    rate = transaction.get("exchange_rate")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or rate <= 0:
        return None
    # Stripe: the amount in the first currency times the rate is the amount settled, in major units.
    shift = exponent(asked) - exponent(settled)
    amount = int((Decimal(abs(moved)) / Decimal(str(rate))).scaleb(shift).to_integral_value())
    if amount > MOST_MINOR:
        raise Malformed("exchange_rate should be the rate of its amounts")
    return amount if moved > 0 else -amount
