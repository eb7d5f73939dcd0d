"""Amounts as scenarios write them: ``480.00`` US dollars, ``4800_jpy``."""

from decimal import Decimal

from trackrev_stream.domain.money import exponent


def money(text: str) -> tuple[int, str]:
    """The amount in minor units and its currency."""
    amount, _, currency = text.partition("_")
    currency = currency or "usd"
    return int(Decimal(amount).scaleb(exponent(currency))), currency
