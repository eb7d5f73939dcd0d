"""Stripe's balance transactions: what a charge or dispute moved, in which currency, and for what fee."""

from collections.abc import Sequence
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
from trackrev_stream.domain.payments.payment import Move
from trackrev_stream.domain.values.money import exponent

_ROUNDING_PARTS = 200  # an amount that went through an exchange rate is the whole one when 0.5 % apart


def fee_minor(charge: Json) -> int | None:
    """What Stripe took for a charge; None where its balance transaction is not there."""
    transaction = expanded(charge, "balance_transaction")
    return minor(transaction, "fee") if transaction else None


def fee_currency(charge: Json) -> str:
    """Fees are taken in the currency of settlement, which need not be the charge's."""
    transaction = expanded(charge, "balance_transaction")
    return currency(transaction) if transaction else ""


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
    if currency(transaction) == currency(dispute) or abs(abs(amount) - disputed) * _ROUNDING_PARTS > disputed:
        return amount
    return disputed if moved > 0 else -disputed


def entered_minor(charge: Json, transaction: Json) -> int:
    """What a balance transaction entered of a charge, in the charge's currency; all of it where unknown."""
    amount = _unconverted(charge, transaction)
    return minor(charge, "amount") if amount is None else amount


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
