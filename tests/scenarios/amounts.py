"""Amounts and times as scenarios write them: ``480.00`` US dollars, ``4800_jpy``; day 0 is a Thursday."""

from decimal import Decimal

from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.money import exponent

START = 1_760_000_000_000 // DAY_MS * DAY_MS


def money(text: str) -> tuple[int, str]:
    """The amount in minor units and its currency."""
    amount, _, currency = text.partition("_")
    currency = currency or "usd"
    return int(Decimal(amount).scaleb(exponent(currency))), currency


def shown(amount_minor: int | None, currency: str) -> str:
    """The amount as scenarios write it, or "unknown"."""
    if amount_minor is None:
        return "unknown"
    digits = exponent(currency)
    return f"{Decimal(amount_minor).scaleb(-digits):.{digits}f}" + (
        f"_{currency}" if currency != "usd" else ""
    )
