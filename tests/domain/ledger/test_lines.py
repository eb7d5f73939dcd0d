"""Lines: what a charge's money facts come to for each place that earned, natively and in US dollars."""

import random
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.builders import NOON, touch
from trackrev_stream.domain.attribution.decision import Credit, Decision, Reason
from trackrev_stream.domain.ledger.fx import Rate, convert
from trackrev_stream.domain.ledger.lines import FEE, REVENUE, CreditKey, Line, credit_key_of, lines_of, net_of
from trackrev_stream.domain.ledger.usd import in_usd
from trackrev_stream.domain.payments.payment import ChargeState, Reversal

PLACES = [touch(name, "a") for name in ("Newsletter", "YouTube", "Podcast")]
RATES = {
    "usd": Rate(Decimal(1), None),
    "eur": Rate(Decimal("1.1172"), 20_400),
    "jpy": Rate(Decimal("0.0063"), 20_400),
}
REASONS = {True: ("refund", "dispute"), False: ("refund_failed", "dispute_reinstated")}


def decision(*weights: int) -> Decision:
    credits_ = [
        Credit("v1", place, weight, sum(weights)) for place, weight in zip(PLACES, weights, strict=False)
    ]
    return Decision(Reason.LAST_NON_DIRECT, tuple(one for one in credits_ if one.weight))


@st.composite
def states(draw: st.DrawFn) -> ChargeState:
    """A charge with anything going and returning, more than was captured too."""
    amount = draw(st.integers(1, 10**6) | st.integers(1, 12))
    moves = draw(
        st.lists(st.tuples(st.integers(0, 5), st.integers(-amount, amount).filter(bool)), max_size=8)
    )
    ordered = sorted(moves, key=lambda move: (move[0], move[1] < 0))
    reversals = tuple(
        Reversal(f"r{n}", draw(st.sampled_from(REASONS[part > 0])), part, NOON + at)
        for n, (at, part) in enumerate(ordered)
    )
    currency, fee = draw(st.sampled_from(sorted(RATES))), draw(st.none() | st.integers(0, 5_000))
    return ChargeState(
        "ch_1",
        NOON,
        amount,
        currency,
        reversals=reversals,
        fee_minor=fee,
        fee_currency=draw(st.sampled_from(["usd", "eur"])),
    )


decisions = (
    st.lists(st.integers(0, 40), min_size=1, max_size=3).filter(any).map(lambda found: decision(*found))
)


def worth(lines: Iterable[Line], *, usd: bool = False) -> dict[CreditKey, int]:
    total: dict[CreditKey, int] = defaultdict(int)
    for line in lines:
        if line.reason in REVENUE:
            total[credit_key_of(line)] += (line.usd_minor or 0) if usd else line.amount_minor
    return dict(total)


@settings(deadline=None)
@given(states(), decisions)
def test_the_lines_add_up_at_every_moment_and_no_share_leaves_its_bounds(
    state: ChargeState, earned: Decision
) -> None:
    lines = lines_of("k", state, earned)
    credited = worth(line for line in lines if line.reason == "credit")
    standing: dict[CreditKey, int] = defaultdict(int)
    for line in lines:
        if line.reason in REVENUE:
            standing[credit_key_of(line)] += line.amount_minor
            assert 0 <= standing[credit_key_of(line)] <= credited[credit_key_of(line)]
            assert (line.amount_minor < 0) == (line.reason in REASONS[True]) or line.reason != "credit"
    assert sum(standing.values()) == net_of(state)
    assert len({line.line_id for line in lines}) == len(lines)


@settings(deadline=None)
@given(states(), decisions)
def test_fees_are_apart_and_split_like_the_credit(state: ChargeState, earned: Decision) -> None:
    fees = [line for line in lines_of("k", state, earned) if line.reason == FEE]
    assert -sum(line.amount_minor for line in fees) == (state.fee_minor or 0)
    assert all(line.amount_minor < 0 and line.currency == state.fee_currency for line in fees)
    assert all(line.occurred_at == state.created_at for line in fees)


@settings(deadline=None)
@given(states(), decisions, st.integers(0, 2**32))
def test_dollars_are_a_function_of_the_lines_in_any_order(
    state: ChargeState, earned: Decision, seed: int
) -> None:
    lines = in_usd(lines_of("k", state, earned), RATES.get)
    shuffled = list(lines)
    random.Random(seed).shuffle(shuffled)
    again = in_usd(in_usd(shuffled, lambda _: None), RATES.get)
    assert sorted(again, key=lambda line: line.line_id) == sorted(lines, key=lambda line: line.line_id)
    gross = sum(line.usd_minor or 0 for line in lines if line.reason == "credit")
    assert gross == convert(state.amount_minor, state.currency, RATES[state.currency].usd)
    natively, dollars = worth(lines), worth(lines, usd=True)
    full = worth(line for line in lines if line.reason == "credit")
    full_usd = worth((line for line in lines if line.reason == "credit"), usd=True)
    for place, amount in natively.items():
        assert 0 <= dollars[place] <= full_usd[place]
        assert dollars[place] == {0: 0, full[place]: full_usd[place]}.get(amount, dollars[place])
    if state.currency == "usd":
        assert all(line.usd_minor == line.amount_minor for line in lines if line.currency == "usd")


def test_a_full_reversal_is_exactly_zero_whatever_the_steps() -> None:
    steps = tuple(Reversal(f"r{n}", "refund", part, NOON + n) for n, part in enumerate((1, 332, 333, 335)))
    state = ChargeState("ch_1", NOON, 1_001, "eur", reversals=steps)
    lines = in_usd(lines_of("k", state, decision(1, 1, 1)), RATES.get)
    assert set(worth(lines).values()) == set(worth(lines, usd=True).values()) == {0}
    assert {line.rate for line in lines} == {"1.1172"}
    assert {line.rate_date for line in lines} == {"2025-11-08"}


def test_touches_of_one_place_make_one_line() -> None:
    came = (touch("Newsletter", "a", at=NOON - 1), touch("Newsletter", "a", at=NOON), PLACES[1])
    twice = Decision(Reason.LAST_NON_DIRECT, tuple(Credit("v1", one, 1, 3) for one in came))
    lines = lines_of("k", ChargeState("ch_1", NOON, 1_000, "usd"), twice)
    assert [(line.channel, line.amount_minor) for line in lines] == [("Newsletter", 667), ("YouTube", 333)]


@pytest.mark.parametrize("known", ["usd", "eur"])
def test_what_has_no_rate_has_no_dollars_and_the_rest_has(known: str) -> None:
    state = ChargeState("ch_1", NOON, 1_000, "eur", fee_minor=50, fee_currency="usd")
    lines = in_usd(
        lines_of("k", state, decision(1)), lambda currency: RATES[currency] if currency == known else None
    )
    assert [(line.reason, line.usd_minor is None) for line in lines] == [
        ("credit", known != "eur"),
        (FEE, known != "usd"),
    ]
