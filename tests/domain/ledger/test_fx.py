"""Foreign exchange: which day's rate, when there is none, and that dollars add up as units do."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackrev_stream.domain.ledger.fx import (
    NoRate,
    Rate,
    Rates,
    convert,
    convert_parts,
    read_quote,
    standing_usd,
)
from trackrev_stream.domain.values.days import day_of_iso
from trackrev_stream.domain.values.money import split

# A Thursday, a Friday and a Monday; the Swiss franc was not quoted on the Friday.
QUOTES = {
    day_of_iso("2026-11-19"): "chf=0.9 jpy=170 usd=1.1",
    day_of_iso("2026-11-20"): "jpy=180 usd=1.2",
    day_of_iso("2026-11-23"): "chf=1 jpy=200 usd=1.25",
}
RATES = Rates(QUOTES)


@pytest.mark.parametrize(
    ("currency", "day", "expected"),
    [
        ("eur", "2026-11-20", "1.1 of 2026-11-19"),  # never of the same day
        ("eur", "2026-11-21", "1.2 of 2026-11-20"),
        ("eur", "2026-11-22", "1.2 of 2026-11-20"),  # Sunday
        ("eur", "2026-11-23", "1.2 of 2026-11-20"),  # Monday: Friday's, although Monday's is known
        ("eur", "2026-11-24", "1.25 of 2026-11-23"),
        ("eur", "2026-11-25", "pending"),  # Tuesday's is not known
        ("eur", "2027-11-25", "pending"),
        ("jpy", "2026-11-24", "0.00625 of 2026-11-23"),
        ("jpy", "2026-11-20", "0.00647058823529411765 of 2026-11-19"),  # 18 digits
        ("chf", "2026-11-23", "unconvertible"),  # not an older rate in its place
        ("chf", "2026-11-24", "1.25 of 2026-11-23"),
        ("aed", "2026-11-24", "unconvertible"),
        ("aed", "2026-11-25", "pending"),  # the ECB may have it by then
        ("eur", "2026-11-19", "unconvertible"),  # before all rates
        ("usd", "2026-11-25", "1 of None"),
        ("usd", "1999-01-01", "1 of None"),
    ],
)
def test_the_rate_of_a_charge(currency: str, day: str, expected: str) -> None:
    rate = RATES.rate(currency, day_of_iso(day))
    assert (f"{rate.text} of {rate.date}" if isinstance(rate, Rate) else rate) == expected


def test_without_any_rates_all_but_dollars_are_pending() -> None:
    assert Rates({}).rate("eur", day_of_iso("2026-11-20")) is NoRate.PENDING
    assert isinstance(Rates({}).rate("usd", day_of_iso("2026-11-20")), Rate)
    day = day_of_iso("2026-11-24")
    assert Rates({}).with_days(QUOTES).rate("eur", day) == RATES.rate("eur", day)


def test_what_is_known_stays_and_later_days_are_added() -> None:
    later = {day_of_iso("2026-11-23"): "usd=9", day_of_iso("2026-11-24"): "usd=1.3"}
    more = RATES.with_days(later)
    assert more.rate("eur", day_of_iso("2026-11-24")) == RATES.rate("eur", day_of_iso("2026-11-24"))
    assert more.rate("eur", day_of_iso("2026-11-25")) == Rate(Decimal("1.3"), day_of_iso("2026-11-24"))
    assert RATES.rate("eur", day_of_iso("2026-11-25")) is NoRate.PENDING  # the one before is as it was


def test_no_gap_is_left_that_older_rates_would_fill() -> None:
    with pytest.raises(ValueError, match="between 2026-11-23 and 2026-11-25"):
        RATES.with_days({day_of_iso("2026-11-25"): "usd=1.3"})


def test_all_is_known_until_the_next_publication() -> None:
    friday = Rates({day_of_iso("2026-12-24"): "usd=1.1"})
    assert friday.known_through == day_of_iso("2026-12-27")  # Christmas, and the weekend behind it


@pytest.mark.parametrize(
    "quote",
    ["usd=0", "usd=-1", "usd=1e5", "usd=", "usd", "us=1", "usd=1.1.1", "usd=\N{ARABIC-INDIC DIGIT ONE}"],
)
def test_what_is_no_rate(quote: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        read_quote(quote)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "rate", "cents"),
    [
        (10_000, "eur", "1.1172", 11_172),
        (15_000, "jpy", "0.00625", 9_375),  # yen have no minor unit: 93.75
        (9_999, "kwd", "3.25", 3_250),  # a thousandth of a dinar each: 32.49675
        (100, "isk", "0.008", 1),  # Stripe writes krónur with two decimals
        (5, "eur", "1.1", 6),  # 5.5: to the even neighbour
        (5, "eur", "1.3", 6),  # 6.5
        (-5, "eur", "1.3", -6),
        (0, "eur", "1.3", 0),
        (123, "usd", "1", 123),
        (10**13, "krw", "0.000670344832914", 670_344_832_914),
    ],
)
def test_dollars(amount_minor: int, currency: str, rate: str, cents: int) -> None:
    assert convert(amount_minor, currency, Decimal(rate)) == cents


rates = st.decimals("0.00001", "10", places=5)
currencies = st.sampled_from(["eur", "jpy", "kwd", "isk"])
amounts = st.lists(st.integers(0, 10**7), min_size=1, max_size=5).filter(any)


@given(st.integers(0, 10**12), currencies, rates)
def test_a_reversal_is_what_the_amount_was(amount_minor: int, currency: str, rate: Decimal) -> None:
    assert convert(amount_minor, currency, rate) + convert(-amount_minor, currency, rate) == 0


@given(amounts, currencies, rates)
def test_the_parts_of_an_amount_add_up_to_the_whole(parts: list[int], currency: str, rate: Decimal) -> None:
    assert sum(convert_parts(parts, currency, rate)) == convert(sum(parts), currency, rate)


@given(amounts, currencies, rates, st.lists(st.integers(1, 10**7), max_size=5))
def test_what_is_reversed_goes_the_right_way_and_ends_at_nothing(
    parts: list[int], currency: str, rate: Decimal, reversals: list[int]
) -> None:
    credited = convert_parts(parts, currency, rate)
    standing, dollars = list(parts), list(credited)
    for reversal in [*reversals, sum(parts)]:
        back = split(min(reversal, sum(standing)), standing)
        standing = [left - part for left, part in zip(standing, back, strict=True)]
        after = [
            standing_usd(usd, part, left) for usd, part, left in zip(credited, parts, standing, strict=True)
        ]
        for old, new, part in zip(dollars, after, back, strict=True):
            assert 0 <= new <= old
            assert part or new == old
        dollars = after
    assert dollars == [0] * len(parts)


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.data())
def test_what_stands_is_the_share_to_half_a_cent(usd: int, amount: int, data: st.DataObject) -> None:
    left = data.draw(st.integers(0, amount))
    assert abs(2 * standing_usd(usd, amount, left) * amount - 2 * usd * left) <= amount
    assert standing_usd(usd, amount, amount) == usd


def test_half_a_cent_that_stands_goes_to_the_even_neighbour() -> None:
    assert [standing_usd(usd, 2, 1) for usd in (0, 1, 2, 3, 5)] == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(("amount", "left"), [(10, 11), (10, -1), (0, 1)])
def test_no_more_can_stand_than_there_was(amount: int, left: int) -> None:
    with pytest.raises(ValueError, match="left"):
        standing_usd(5, amount, left)
