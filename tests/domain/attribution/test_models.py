"""Attribution models: what each touch earns, and that nothing is lost or left to chance."""

from decimal import Decimal, localcontext
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackrev_stream.domain.acquisition.channel import DIRECT
from trackrev_stream.domain.attribution.models import HALF_LIFE_MS, Model, weights
from trackrev_stream.domain.journeys.touch import Touch
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.money import split

START = 1_750_000_000_000
Contacts = list[tuple[str, Touch]]


def touch(name: str, after_ms: int, *, direct: bool = False) -> Touch:
    return Touch(name, START + after_ms, DIRECT if direct else "Email", source=name)


def story(text: str) -> Contacts:
    """Touches of one visitor by day: ``a0 b3 d5``; those called d are direct."""
    words = [(word[0], Decimal(word[1:])) for word in text.split()]
    return [("v", touch(name, int(day * DAY_MS), direct=name == "d")) for name, day in words]


@pytest.mark.parametrize(
    ("model", "touches", "expected"),
    [
        (Model.LAST_NON_DIRECT, "a0", (1,)),
        (Model.LAST_NON_DIRECT, "a0 b1 d2", (0, 1, 0)),
        (Model.LAST_NON_DIRECT, "d0 d2", (0, 1)),
        (Model.LAST, "a0 b1 d2", (0, 0, 1)),
        (Model.FIRST, "a0 b1 d2", (1, 0, 0)),
        (Model.FIRST, "d0 b1 c2", (0, 1, 0)),
        (Model.FIRST, "d0 d2", (1, 0)),
        (Model.LINEAR, "a0 b1 c2", (1, 1, 1)),
        (Model.LINEAR, "a0 d1 c2", (1, 0, 1)),
        (Model.LINEAR, "d0 d1", (1, 1)),
        (Model.POSITION, "a0", (1,)),
        (Model.POSITION, "a0 b1", (1, 1)),
        (Model.POSITION, "a0 b1 c2", (2, 1, 2)),
        (Model.POSITION, "a0 b1 c2 e3", (4, 1, 1, 4)),
        (Model.POSITION, "a0 b1 d2 c3 d4", (2, 1, 0, 2, 0)),
        (Model.TIME_DECAY, "a0", (1,)),
        (Model.TIME_DECAY, "a0 b7", (1, 2)),
        (Model.TIME_DECAY, "a0 b7 c21 d22", (1, 2, 8, 0)),
        (Model.TIME_DECAY, "a0 b0", (1, 1)),
    ],
)
def test_what_each_touch_earns(model: Model, touches: str, expected: tuple[int, ...]) -> None:
    assert weights(model, story(touches)) == expected


def test_forty_twenty_forty() -> None:
    shares = weights(Model.POSITION, story("a0 b1 c2 e3 f4"))
    assert split(10_000, list(shares)) == [4_000, 667, 667, 666, 4_000]


def test_half_after_seven_days_and_a_root_of_it_between() -> None:
    old, new = weights(Model.TIME_DECAY, story("a0 b3.5"))
    assert split(100_000_000, [old, new]) == [41_421_356, 58_578_644]  # 1 : square root of 2
    ancient = weights(Model.TIME_DECAY, story("a0 b5000"))
    assert ancient == (1, 2**40)  # of no weight to speak of, and still there


def test_nothing_earns_nothing() -> None:
    assert [weights(model, []) for model in Model] == [()] * len(Model)


touches = st.builds(
    touch,
    st.text("abc", min_size=1, max_size=2),
    st.integers(0, 3) | st.integers(0, 40 * DAY_MS),
    direct=st.booleans(),
)
contacts = st.lists(st.tuples(st.sampled_from("vw"), touches), min_size=1, max_size=12, unique=True)
models = st.sampled_from(Model)


@given(models, contacts)
def test_weights_are_shares_of_those_that_take_part(model: Model, found: Contacts) -> None:
    shares = weights(model, found)
    assert len(shares) == len(found)
    assert all(share >= 0 for share in shares)
    assert 0 < sum(shares) < 2**53
    only_direct = all(each.direct for _, each in found)
    for (_, each), share in zip(found, shares, strict=True):
        if model is not Model.LAST and each.direct and not only_direct:
            assert share == 0
        elif model in (Model.LINEAR, Model.POSITION, Model.TIME_DECAY):
            assert share > 0


@given(models, contacts, st.integers(0, 10**12))
def test_no_unit_is_lost(model: Model, found: Contacts, amount_minor: int) -> None:
    assert sum(split(amount_minor, list(weights(model, found)))) == amount_minor


@given(models, contacts, st.randoms(use_true_random=False))
def test_the_order_in_which_touches_are_given_does_not_matter(
    model: Model, found: Contacts, random: Random
) -> None:
    expected = dict(zip(found, weights(model, found), strict=True))
    shuffled = list(found)
    random.shuffle(shuffled)
    assert dict(zip(shuffled, weights(model, shuffled), strict=True)) == expected


@given(st.integers(0, 20 * HALF_LIFE_MS))
def test_decay_is_the_power_of_two_that_it_says(age_ms: int) -> None:
    older, newer = weights(Model.TIME_DECAY, [("v", touch("a", 0)), ("v", touch("b", age_ms))])
    with localcontext(prec=40):
        exact = Decimal(2) ** (Decimal(-age_ms) / Decimal(HALF_LIFE_MS))
        assert abs(Decimal(older) / Decimal(newer) - exact) < Decimal(2) ** -39
