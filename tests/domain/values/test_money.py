"""Amounts: splits that add up, Stripe's exponents, figures for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackrev_stream.domain.values.money import exponent, format_minor, split

weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=8).filter(any)


@given(st.integers(0, 10**12), weights)
def test_a_split_adds_up_and_each_part_is_within_one_unit(amount: int, parts: list[int]) -> None:
    found = split(amount, parts)
    assert sum(found) == amount
    total = sum(parts)
    assert all(abs(part * total - amount * weight) < total for part, weight in zip(found, parts, strict=True))


@given(weights, st.data())
def test_what_is_split_over_what_stands_never_exceeds_it(standing: list[int], data: st.DataObject) -> None:
    back = data.draw(st.integers(0, sum(standing)))
    assert all(part <= left for part, left in zip(split(back, standing), standing, strict=True))
    assert split(sum(standing), standing) == standing


def test_ties_go_to_the_earlier_part() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(1, [1, 1]) == [1, 0]


@pytest.mark.parametrize(("amount", "parts"), [(-1, [1]), (1, [0, 0]), (1, [-1, 2])])
def test_what_cannot_be_split(amount: int, parts: list[int]) -> None:
    with pytest.raises(ValueError, match="split"):
        split(amount, parts)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123_450, "usd", "1,234.50 USD"),
        (-5, "eur", "-0.05 EUR"),
        (1_500, "jpy", "1,500 JPY"),
        (9_999, "kwd", "9.999 KWD"),
        (100, "ugx", "1.00 UGX"),
        (100, "isk", "1.00 ISK"),
    ],
)
def test_figures_for_people(amount: int, currency: str, text: str) -> None:
    assert format_minor(amount, currency) == text
    assert exponent(currency) in {0, 2, 3}
