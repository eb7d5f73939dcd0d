"""Currencies: their decimals by Stripe's table, and the stand-in's made-up rates of exchange.

Source of the decimals: https://docs.stripe.com/currencies#zero-decimal and #three-decimal.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from zlib import crc32

from ops.standin.errors import ApiError

_ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
_THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))

_USD_PER_UNIT = {
    "usd": "1",
    "aud": "0.66",
    "bhd": "2.65",
    "brl": "0.18",
    "cad": "0.73",
    "chf": "1.13",
    "eur": "1.08",
    "gbp": "1.27",
    "jod": "1.41",
    "jpy": "0.0067",
    "krw": "0.00073",
    "kwd": "3.25",
    "mxn": "0.055",
    "sek": "0.095",
}
_DAY_S = 86_400


def decimals(currency: str) -> int:
    """How many digits of an amount are behind the point."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def checked(currency: str, amount_minor: int) -> str:
    """The currency in lower case. Raises ApiError 400 for none, and for amounts that Stripe cannot take."""
    code = currency.lower()
    if not re.fullmatch("[a-z]{3}", code):
        raise ApiError(400, f"Invalid currency: {code}", param="currency")
    if code in _THREE_DECIMAL and amount_minor % 10:
        # https://docs.stripe.com/currencies#three-decimal
        raise ApiError(400, f"Invalid amount: in {code} the last digit must be 0", param="amount")
    return code


def exchange_rate(from_: str, to: str, at_s: int) -> Decimal:
    """Units of `to` for one unit of `from_` on the day of a time: six digits, other ones each day.

    A currency that is not in the table is worth one US dollar.
    """
    rate = Decimal(_USD_PER_UNIT.get(from_, "1")) / Decimal(_USD_PER_UNIT.get(to, "1"))
    drift = Decimal(crc32(f"{from_} {to} {at_s // _DAY_S}".encode()) % 2001 - 1000) / 50_000
    return Decimal(f"{rate * (1 + drift):.6g}")


def exchanged(amount_minor: int, from_: str, to: str, rate: Decimal) -> int:
    """An amount in minor units of `to`, halves away from zero."""
    amount = Decimal(amount_minor).scaleb(decimals(to) - decimals(from_)) * rate
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
