"""Foreign exchange: what an amount is in US dollars, by the reference rates of the European Central Bank.

A charge is converted at the rate of the last ECB day before its own day in UTC, never of the same day: rates
come out in the afternoon, and what a charge is worth must not depend on when it is looked at. While that
rate is not known the charge is pending; an older rate never stands in for it. Refunds and disputes take the
rate of their charge.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from enum import StrEnum

from trackrev_stream.domain.values.days import day_of_iso, iso_of, next_ecb_day
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass
from trackrev_stream.domain.values.money import exponent, split

BASE_CURRENCY = "usd"

# A rate has 18 significant digits and is what it says: whoever multiplies the rate on an entry gets its
# dollars.
_RATE = Context(prec=18, rounding=ROUND_HALF_EVEN)
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class NoRate(StrEnum):
    """Why an amount has no dollars."""

    PENDING = "pending"  # the rate of the day is not known yet
    UNCONVERTIBLE = "unconvertible"  # the ECB has no rate of the currency for the day, and will have none


@fast_dataclass(frozen=True, slots=True)
class Rate:
    """US dollars for one unit (not minor unit) of a currency, and the day of the rate; None for dollars."""

    usd: Decimal
    day: int | None

    @classmethod
    def posted(cls, text: str, date: str) -> "Rate":
        """The rate of an entry, by its text and date."""
        return cls(Decimal(text), day_of_iso(date))

    @property
    def text(self) -> str:
        """The rate as entries keep it."""
        return f"{self.usd:f}"

    @property
    def date(self) -> str | None:
        """The day of the rate as entries keep it, such as ``2026-11-20``."""
        return None if self.day is None else iso_of(self.day)


class Rates:
    """The published rates by day, without a gap from the first day to the last; immutable.

    ``quotes`` holds what one euro was in each currency, as the ECB wrote it: ``usd=1.1172 jpy=175.68``.
    """

    def __init__(self, quotes: Mapping[int, str]) -> None:
        self._quotes = dict(quotes)
        self._days = sorted(quotes)

    @property
    def known_through(self) -> int:
        """The last day of which all is known: the day before the ECB will next publish; -1 without rates."""
        return next_ecb_day(self._days[-1]) - 1 if self._days else -1

    @property
    def last_day(self) -> int:
        """The last day with rates; -1 without any."""
        return self._days[-1] if self._days else -1

    def with_days(self, quotes: Mapping[int, str]) -> "Rates":
        """These rates and those of later days; what is known stays as it was used.

        Raises ValueError when a gap would be left: older rates would stand in for those in it.
        """
        later = self.new_in(quotes)
        if self._days and later and min(later) > next_ecb_day(self.last_day):
            raise ValueError(f"no rates are known between {iso_of(self.last_day)} and {iso_of(min(later))}")
        return Rates(self._quotes | later)

    def new_in(self, quotes: Mapping[int, str]) -> dict[int, str]:
        """Those of ``quotes`` that are later than all that is known."""
        return {day: quote for day, quote in quotes.items() if day > self.last_day}

    def rate(self, currency: str, day: int) -> Rate | NoRate:
        """The rate of ``currency`` (lower case) for a charge made on ``day``."""
        if currency == BASE_CURRENCY:
            return Rate(Decimal(1), None)
        if day - 1 > self.known_through:
            return NoRate.PENDING
        position = bisect_left(self._days, day)
        if position == 0:
            return NoRate.UNCONVERTIBLE
        published = self._days[position - 1]
        euro = {"eur": Decimal(1)} | read_quote(self._quotes[published])
        if currency not in euro or BASE_CURRENCY not in euro:
            return NoRate.UNCONVERTIBLE
        return Rate(_RATE.divide(euro[BASE_CURRENCY], euro[currency]), published)


def read_quote(quote: str) -> dict[str, Decimal]:
    """What one euro is in each currency, from its text. Raises ValueError for what is no positive number."""
    found: dict[str, Decimal] = {}
    for pair in quote.split():
        currency, _, text = pair.partition("=")
        if len(currency) != 3 or not text.replace(".", "", 1).isdecimal() or not text.isascii():
            raise ValueError(f"{pair[:20]!r} is no rate such as usd=1.1172")
        value = found[currency] = Decimal(text)
        if not value:
            raise ValueError(f"{pair[:20]!r}: a rate is more than nothing")
    return found


def convert(amount_minor: int, currency: str, rate: Decimal) -> int:
    """``amount_minor`` of ``currency`` in US cents at ``rate`` dollars for one unit, in Stripe's minor units.

    Half a cent goes to the even neighbour, so that many roundings do not drift, and a reversal of an amount
    is what the amount was.
    """
    with localcontext(_EXACT):
        cents = (Decimal(amount_minor) * rate).scaleb(exponent(BASE_CURRENCY) - exponent(currency))
        return int(cents.to_integral_value(ROUND_HALF_EVEN))


def convert_parts(amounts_minor: Sequence[int], currency: str, rate: Decimal) -> list[int]:
    """The parts of an amount in US cents: the whole is converted once, and split by largest remainders."""
    return split(convert(sum(amounts_minor), currency, rate), list(amounts_minor))


def standing_usd(usd_minor: int, amount_minor: int, left_minor: int) -> int:
    """What still stands in US cents of a part, credited with ``usd_minor``, of which ``left_minor`` stands.

    A reversal is the difference before and after it. It follows the part: nothing where the part does not
    move, never the wrong way, and exactly everything once the whole part is reversed. Raises ValueError
    unless ``0 <= left_minor <= amount_minor``.
    """
    if not 0 <= left_minor <= amount_minor:
        raise ValueError(f"{left_minor} cannot be left of {amount_minor}")
    if amount_minor == 0:
        return 0
    whole, rest = divmod(usd_minor * left_minor, amount_minor)
    return whole + (2 * rest > amount_minor or (2 * rest == amount_minor and whole % 2 == 1))
