"""The ledger against Stripe, charge by charge: each kind of difference has its cause."""

from dataclasses import replace

import pytest

from tests.facts import NOW, charge_fact
from trackrev_stream.domain.payments.payment import FactKind, Move, PaymentFact
from trackrev_stream.domain.reconciliation.differences import SENTENCES, Cause, Heard, compare, residuals
from trackrev_stream.domain.reconciliation.movements import (
    ChargeMovements,
    Movement,
    MovementKind,
    Period,
    shown_of,
    totals,
)
from trackrev_stream.domain.values.days import DAY_MS

DAY = 20_000
AT = DAY * DAY_MS
READ = Heard(AT + 100 * DAY_MS)


def moved(kind: MovementKind, amount: int, day: int | None = 0, name: str = "x") -> Movement:
    return Movement(kind, name, amount, None if day is None else AT + day * DAY_MS)


def account(*movements: Movement, captured: int = 1_000, **more: object) -> ChargeMovements:
    fields = {"charge": "ch_1", "created_at": AT, "currency": "usd"} | more
    first = (moved(MovementKind.CAPTURED, captured),) if captured else ()
    return ChargeMovements(movements=(*first, *movements), **fields)  # type: ignore[arg-type]  # fields of a test


def causes(
    shown: ChargeMovements | None, booked: ChargeMovements | None, heard: Heard = READ
) -> list[tuple[Cause, MovementKind, int]]:
    found = compare({"ch_1": shown} if shown else {}, {"ch_1": booked} if booked else {}, heard)
    return [(one.cause, one.kind, one.residual_minor) for one in found]


REFUND = moved(MovementKind.REFUNDED, 300, 2, "re_1")
FAILED = moved(MovementKind.REFUNDED, -300, None, "re_1")
WITHDRAWN = moved(MovementKind.DISPUTED, 1_000, 3, "dp_1")
REINSTATED = moved(MovementKind.DISPUTED, -1_000, 9, "dp_1")


@pytest.mark.parametrize(
    ("shown", "booked"),
    [
        (account(), account()),
        (account(REFUND), account(REFUND)),
        (account(REFUND, FAILED), account(REFUND, moved(MovementKind.REFUNDED, -300, 5))),
        (account(REFUND, FAILED), account()),
        (account(WITHDRAWN, REINSTATED), account(WITHDRAWN, REINSTATED)),
        # More cannot go than came: whichever came first has it.
        (account(REFUND, WITHDRAWN), account(REFUND, moved(MovementKind.DISPUTED, 700, 3))),
        (account(moved(MovementKind.DISPUTED, 400, None)), account(moved(MovementKind.DISPUTED, 400, 7))),
        (account(unreadable=True), account(WITHDRAWN)),
    ],
)
def test_no_difference(shown: ChargeMovements, booked: ChargeMovements) -> None:
    assert causes(shown, booked) == []


@pytest.mark.parametrize(
    ("shown", "booked", "heard", "expected"),
    [
        (account(), None, READ, (Cause.NEVER_ARRIVED, MovementKind.CAPTURED, 1_000)),
        (account(), None, Heard(AT), (Cause.NOT_READ_YET, MovementKind.CAPTURED, 1_000)),
        (account(), None, Heard(None), (Cause.NOT_READ_YET, MovementKind.CAPTURED, 1_000)),
        (account(), None, replace(READ, buried={"ch_1"}), (Cause.DEAD_LETTER, MovementKind.CAPTURED, 1_000)),
        (account(), None, replace(READ, elsewhere={"ch_1"}), (Cause.ELSEWHERE, MovementKind.CAPTURED, 1_000)),
        (None, account(), READ, (Cause.NOT_SHOWN, MovementKind.CAPTURED, 1_000)),
        (account(captured=900), account(), READ, (Cause.AMOUNT_CHANGED, MovementKind.CAPTURED, 100)),
        (account(currency="eur"), account(), READ, (Cause.OTHER_CURRENCY, MovementKind.CAPTURED, 1_000)),
        (account(REFUND), account(), READ, (Cause.REFUND_MISSING, MovementKind.REFUNDED, 300)),
        (
            account(REFUND),
            account(),
            replace(READ, buried={"re_1"}),
            (Cause.DEAD_LETTER, MovementKind.REFUNDED, 300),
        ),
        (account(REFUND), account(), Heard(AT + DAY_MS), (Cause.NOT_READ_YET, MovementKind.REFUNDED, 300)),
        (account(), account(REFUND), READ, (Cause.NOT_SHOWN, MovementKind.REFUNDED, 300)),
        (account(REFUND, FAILED), account(REFUND), READ, (Cause.REFUND_FAILED, MovementKind.REFUNDED, 300)),
        (
            account(REFUND),
            account(moved(MovementKind.REFUNDED, 300, 3)),
            READ,
            (Cause.OTHER_DAY, MovementKind.REFUNDED, 300),
        ),
        (account(WITHDRAWN), account(), READ, (Cause.DISPUTE_MISSING, MovementKind.DISPUTED, 1_000)),
        (
            account(WITHDRAWN, REINSTATED),
            account(WITHDRAWN),
            READ,
            (Cause.DISPUTE_OUTCOME, MovementKind.DISPUTED, 1_000),
        ),
        (account(unreadable=True), account(), READ, (Cause.DISPUTE_UNREADABLE, MovementKind.DISPUTED, 0)),
        (
            account(REFUND, WITHDRAWN),
            account(REFUND),
            READ,
            (Cause.DISPUTE_MISSING, MovementKind.DISPUTED, 700),
        ),
    ],
)
def test_each_difference_has_its_cause(
    shown: ChargeMovements | None,
    booked: ChargeMovements | None,
    heard: Heard,
    expected: tuple[Cause, MovementKind, int],
) -> None:
    assert causes(shown, booked, heard) == [expected]


def test_a_wrong_capture_is_named_once_though_it_caps_what_went_back() -> None:
    went = moved(MovementKind.REFUNDED, 800, 1)
    booked = account(moved(MovementKind.REFUNDED, 500, 1), captured=500)
    assert causes(account(went), booked) == [(Cause.AMOUNT_CHANGED, MovementKind.CAPTURED, 500)]


def test_a_charge_that_is_missing_is_missing_with_its_refunds() -> None:
    assert causes(account(REFUND), None) == [
        (Cause.NEVER_ARRIVED, MovementKind.CAPTURED, 1_000),
        (Cause.NEVER_ARRIVED, MovementKind.REFUNDED, 300),
    ]


def test_residuals_are_by_currency() -> None:
    found = compare({"a": account(), "b": account(charge="b", currency="eur")}, {}, READ)
    assert residuals(found) == {"usd": 1_000, "eur": 1_000}


def test_totals_have_the_days_of_the_period_alone() -> None:
    found = totals([account(REFUND, moved(MovementKind.REFUNDED, 50, 90))], Period(DAY, DAY + 5))
    assert found == {
        (DAY, "usd"): {MovementKind.CAPTURED: 1_000},
        (DAY + 2, "usd"): {MovementKind.REFUNDED: 300},
    }


def test_every_cause_is_said_to_people() -> None:
    assert SENTENCES.keys() == set(Cause)


PART = charge_fact(amount_minor=6_000, authorized_minor=10_000, refunded_minor=4_000)
BACK = replace(PART, kind=FactKind.REFUND, id="re_1", amount_minor=4_000, created_at=NOW + DAY_MS)


def shown(
    charge: PaymentFact, *refunds: PaymentFact, disputes: tuple[PaymentFact, ...] = ()
) -> ChargeMovements:
    return shown_of(charge, refunds, disputes, unreadable=False)


def test_a_refund_of_just_the_rest_of_a_hold_is_one_unless_it_is_known_to_be_its_release() -> None:
    unclear = shown(PART, BACK)
    assert unclear.total(MovementKind.REFUNDED) == 4_000
    assert sum(one.amount_minor for one in unclear.or_else if one.kind is MovementKind.REFUNDED) == 0
    released = shown(replace(PART, released=True), BACK)
    assert (released.total(MovementKind.REFUNDED), released.or_else) == (0, ())
    late = shown(PART, replace(BACK, created_at=NOW + 40 * DAY_MS))
    assert (late.total(MovementKind.REFUNDED), late.or_else) == (4_000, ())


@pytest.mark.parametrize("unsure", [False, True])
def test_where_both_readings_fit_a_sure_book_is_right_and_an_unsure_one_is_named(*, unsure: bool) -> None:
    unclear = shown(PART, BACK)
    as_refund, as_release = (
        replace(unclear, or_else=()),
        replace(unclear, movements=unclear.or_else, or_else=()),
    )
    for booked, residual in ((as_refund, 0), (as_release, 4_000)):
        found = compare(
            {"ch_1": unclear}, {"ch_1": replace(booked, unsure=unsure)}, Heard(NOW + 100 * DAY_MS)
        )
        named = [(one.cause, one.residual_minor) for one in found]
        assert named == ([(Cause.RELEASE_UNCLEAR, residual)] if unsure else [])
    neither = replace(as_refund, movements=as_refund.movements[:1], unsure=unsure)
    wrong = replace(neither, movements=(*neither.movements, moved(MovementKind.REFUNDED, 100, 2)))
    [one] = compare({"ch_1": unclear}, {"ch_1": wrong}, Heard(NOW + 100 * DAY_MS))
    assert one.cause is Cause.REFUND_MISSING


def test_a_dispute_of_a_part_in_another_currency_takes_its_share_of_what_the_charge_entered() -> None:
    charge = charge_fact(currency="eur", amount_minor=10_000)
    move = Move("txn_1", -3_000, NOW)
    dispute = replace(
        charge, kind=FactKind.DISPUTE, id="dp_1", currency="usd", amount_minor=3_000, moves=(move,)
    )
    assert shown(charge, disputes=(dispute,)).total(MovementKind.DISPUTED) == 10_000
    entered = replace(charge, settled_minor=12_000, settled_currency="usd")
    assert shown(entered, disputes=(dispute,)).total(MovementKind.DISPUTED) == 2_500


def test_a_payment_that_failed_after_all_is_named_as_such() -> None:
    gone = shown(charge_fact(status="failed"))
    assert causes(gone, account(REFUND)) == [(Cause.CHARGE_FAILED, MovementKind.CAPTURED, 1_000)]
