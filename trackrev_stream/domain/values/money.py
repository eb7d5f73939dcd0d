"""Money in minor units: Stripe's exponents, splits that add up, amounts for people."""

from decimal import Decimal

# https://docs.stripe.com/currencies#zero-decimal and #three-decimal. UGX and ISK are written with two
# decimals in Stripe's API. Libraries differ from Stripe here, so the table is ours.
_ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
_THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


def exponent(currency: str) -> int:
    """How many decimals Stripe's minor unit of ``currency`` (lower case) has: 0, 2 or 3."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def format_minor(amount_minor: int, currency: str) -> str:
    """An amount for people: ``1,234.50 USD``."""
    digits = exponent(currency)
    value = Decimal(amount_minor).scaleb(-digits)
    return f"{value:,.{digits}f} {currency.upper()}"


def split(amount_minor: int, weights: list[int]) -> list[int]:
    """Split ``amount_minor`` (>= 0) in proportion to ``weights`` by largest remainders.

    The parts always add up to the amount, and no part exceeds its weight when the amount does not exceed
    the sum of the weights: that is what lets a reversal be split over what still stands. Ties go to the
    earlier part.

    Raises ValueError when the amount is negative or no weight is positive while the amount is.
    """
    total = sum(weights)
    if amount_minor < 0 or min(weights, default=0) < 0:
        raise ValueError("an amount and its weights are split without signs")
    if amount_minor == 0:
        return [0] * len(weights)
    if total == 0:
        raise ValueError("nothing to split the amount over")
    if len(weights) == 1:
        return [amount_minor]
    parts = [amount_minor * weight // total for weight in weights]
    remainders = [amount_minor * weight % total for weight in weights]
    missing = amount_minor - sum(parts)
    for index in sorted(range(len(weights)), key=lambda i: -remainders[i])[:missing]:
        parts[index] += 1
    return parts
