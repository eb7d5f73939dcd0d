"""The money state of a charge, against an account of Stripe that is kept apart from what is told of it."""

import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.facts import NOW, VISITOR, charge_fact
from trackrev_stream.domain.attribution.decision import Decision, Reason
from trackrev_stream.domain.ledger.lines import dispute_fee_of, lines_of, net_of
from trackrev_stream.domain.payments.billing import PaymentRow, absorb_payment
from trackrev_stream.domain.payments.payment import ChargeState, FactKind, Move, PaymentFact, PaymentState

DAY = 86_400_000
UNDECIDED = Decision(Reason.NO_TOUCH)


@dataclass
class Stripe:
    """What is true of one charge, and what was told of it. ``releases`` is how Stripe was before basil."""

    authorized: int
    captured: int
    releases: bool
    shows_refunds: bool
    now: int = NOW
    refunds: dict[str, int] = field(default_factory=dict)
    disputes: dict[str, int] = field(default_factory=dict)
    told: list[PaymentFact] = field(default_factory=list)

    def begin(self) -> None:
        self._tell(replace(self._charge(), captured=False, amount_minor=0, refunded_minor=0))
        self.now += 1_000
        # That it was captured is told with the release of the rest, where there is one.
        self._tell(replace(self._charge(), released=bool(self.rest)))
        if self.rest and self.shows_refunds:
            self._tell(self._refund("re_release", self.rest, "succeeded"))

    @property
    def rest(self) -> int:
        return self.authorized - self.captured if self.releases else 0

    def refund(self, name: str, amount: int) -> None:
        left = self.captured - sum(self.refunds.values())
        if left > 0:
            self.refunds[name] = min(amount, left)
            self._tell_refund(name, self.refunds[name], "succeeded")

    def fail(self, name: str, *, quietly: bool = False) -> None:
        """A refund fails; quietly, the charge is not shown again with its smaller sum."""
        if name in self.refunds:
            amount = self.refunds.pop(name)
            if quietly and self.shows_refunds:
                self._tell(self._refund(name, amount, "failed"))
            else:
                self._tell_refund(name, amount, "failed")

    def withdraw(self, name: str, amount: int) -> None:
        self._tell(self._dispute(name, amount))
        self.disputes[name] = amount
        self._tell(self._dispute(name, amount, Move(f"{name}-", -amount, self.now)))

    def reinstate(self, name: str) -> None:
        amount = self.disputes.pop(name, 0)
        if amount:
            away = Move(f"{name}-", -amount, NOW)
            self._tell(self._dispute(name, amount, away, Move(f"{name}+", amount, self.now)))

    @property
    def net(self) -> int:
        return self.captured - min(self.captured, sum(self.refunds.values()) + sum(self.disputes.values()))

    def _charge(self) -> PaymentFact:
        refunded = sum(self.refunds.values()) + self.rest
        sight = charge_fact(at=NOW, amount_minor=self.captured, refunded_minor=refunded)
        return replace(sight, authorized_minor=self.authorized, observed_at=self.now)

    def _refund(self, name: str, amount: int, status: str) -> PaymentFact:
        created = self.now if status == "succeeded" else NOW
        sight = charge_fact(at=created, amount_minor=amount)
        return replace(sight, kind=FactKind.REFUND, id=name, status=status, observed_at=self.now)

    def _dispute(self, name: str, amount: int, *moves: Move) -> PaymentFact:
        sight = charge_fact(at=NOW, amount_minor=amount)
        return replace(sight, kind=FactKind.DISPUTE, id=name, observed_at=self.now, moves=moves)

    def _tell_refund(self, name: str, amount: int, status: str) -> None:
        if self.shows_refunds:
            self._tell(self._refund(name, amount, status))
        self._tell(self._charge())

    def _tell(self, fact: PaymentFact) -> None:
        self.told.append(fact)


@st.composite
def accounts(draw: st.DrawFn) -> Stripe:
    authorized = draw(st.integers(1, 500))
    captured = draw(st.just(authorized) | st.integers(1, authorized))
    stripe = Stripe(authorized, captured, releases=draw(st.booleans()), shows_refunds=draw(st.booleans()))
    stripe.begin()
    for number in range(draw(st.integers(0, 6))):
        stripe.now += draw(st.integers(1, 3)) * 1_000
        name = f"r{draw(st.integers(0, 2))}"
        match draw(st.sampled_from(["refund", "refund", "fail", "withdraw", "reinstate"])):
            case "refund":
                stripe.refund(f"r{number}", draw(st.integers(1, captured)))
            case "fail":
                stripe.fail(name, quietly=draw(st.booleans()))
            case "withdraw" if name not in stripe.disputes and not any(f.id == name for f in stripe.told):
                stripe.withdraw(name, draw(st.integers(1, captured)))
            case "reinstate":
                stripe.reinstate(name)
    return stripe


def state_after(facts: list[PaymentFact]) -> ChargeState:
    row, states = PaymentRow(facts[0].key), list[PaymentState]()
    for fact in facts:
        states = absorb_payment(row, fact)
    return states[-1].charges[0]


@settings(deadline=None)
@given(accounts(), st.integers(0, 2**32))
def test_what_is_told_in_any_order_comes_to_what_is_true(stripe: Stripe, seed: int) -> None:
    rng = random.Random(seed)
    told = stripe.told + [fact for fact in stripe.told if rng.random() < 0.3]
    rng.shuffle(told)
    found = state_after(told)
    assert (found.amount_minor, net_of(found)) == (stripe.captured, stripe.net)
    assert found == state_after(stripe.told)


def refund(name: str, amount: int, at: int, status: str = "succeeded") -> PaymentFact:
    return replace(charge_fact(at=at, amount_minor=amount), kind=FactKind.REFUND, id=name, status=status)


def told(*facts: PaymentFact) -> list[tuple[str, str, int, int]]:
    found = state_after(list(facts))
    return [(r.id, r.reason, r.amount_minor, (r.occurred_at - NOW) // DAY) for r in found.reversals]


def test_a_refund_that_failed_stands_beside_its_failure() -> None:
    failed = replace(refund("re_1", 300, NOW + DAY, "failed"), observed_at=NOW + 4 * DAY)
    again = replace(failed, observed_at=NOW + 9 * DAY)
    for facts in (
        (refund("re_1", 300, NOW + DAY), failed, again),
        (again, failed),
        (failed, again, refund("re_1", 300, NOW + DAY)),
    ):
        assert told(charge_fact(), *facts) == [
            ("re_1", "refund", 300, 1),
            ("re_1:failed", "refund_failed", -300, 4),
        ]


def test_a_sum_that_shrinks_without_a_refund_object_takes_the_refund_back() -> None:
    sums = [
        replace(charge_fact(), observed_at=NOW + n * DAY, refunded_minor=sum_)
        for n, sum_ in enumerate((0, 500, 200))
    ]
    assert told(*sums[:2]) == [("ch_1:refunded:500", "refund", 500, 1)]
    assert told(*sums) == [("ch_1:refunded:200", "refund", 200, 1)]


def test_what_only_an_event_told_gives_way_to_balance_transactions() -> None:
    seen = replace(charge_fact(), kind=FactKind.DISPUTE, id="dp_1", moves=(Move("", -480, NOW + DAY),))
    known = replace(seen, moves=(Move("txn_1", -500, NOW),), observed_at=NOW + 2 * DAY)
    won = replace(seen, moves=(Move("", 480, NOW + 3 * DAY),), observed_at=NOW + 3 * DAY)
    assert told(charge_fact(), seen) == [("dp_1:withdrawn", "dispute", 480, 1)]
    assert told(charge_fact(), won) == []  # what never went cannot return
    for facts in ((seen, known, won), (won, known, seen)):
        assert told(charge_fact(), *facts) == [
            ("dp_1:txn_1", "dispute", 500, 0),
            ("dp_1:reinstated", "dispute_reinstated", -480, 3),
        ]


def test_that_it_is_disputed_is_kept_as_long_as_no_dispute_was_seen() -> None:
    fact = charge_fact(disputed=True)
    quiet = replace(fact, disputed=False)  # of the same second, or as older versions have written it
    asked = replace(charge_fact(), kind=FactKind.DISPUTE, id="dp_1", status="warning_needs_response")
    assert not state_after([quiet]).dispute_unseen
    for facts in ([fact, quiet], [quiet, fact]):
        unseen = state_after(facts)
        assert unseen.dispute_unseen
        assert dispute_fee_of(unseen) is None
        assert lines_of("k", unseen, UNDECIDED) == lines_of("k", state_after([quiet]), UNDECIDED)
        for whole in ([asked, *facts], [*facts, asked]):
            assert not state_after(whole).dispute_unseen
            assert dispute_fee_of(state_after(whole)) == (0, "usd")


def test_the_fee_of_an_authorization_released_in_part_is_not_known() -> None:
    part = charge_fact(
        amount_minor=600, authorized_minor=1_000, refunded_minor=400, fee_minor=59, fee_currency="eur"
    )
    assert state_after([replace(part, released=True)]).fee_minor is None
    for whole in (part, replace(part, refunded_minor=0, released=True)):
        found = state_after([whole])
        assert (found.fee_minor, found.fee_currency) == (59, "eur")


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("first", "second", "reversed_minor"), [(1_000, 0, []), (1_000, 600, [400])])
def test_of_one_second_counts_who_knew_best_what_was_authorized(
    first: int, second: int, reversed_minor: list[int], *, backwards: bool
) -> None:
    """The rest of 1,000 was released; older programs wrote nothing of it (0); 600 knows better."""
    part = charge_fact(amount_minor=600, refunded_minor=400, released=True)
    sights = [replace(part, authorized_minor=authorized) for authorized in (first, second)]
    found = state_after(sights[::-1] if backwards else sights)
    assert [each.amount_minor for each in found.reversals] == reversed_minor


@pytest.mark.parametrize("backwards", [False, True])
def test_each_detail_is_the_newest_that_was_said_of_it(*, backwards: bool) -> None:
    paid = charge_fact(email_key="old", invoice="in_1", observed_at=NOW + 5)
    link = charge_fact(
        kind=FactKind.LINK, id="cs_1", status="complete", amount_minor=0, charge="", observed_at=NOW + 6
    )
    facts = [
        paid,
        replace(link, visitor=VISITOR, customer="cus_1", email_key="new"),
        replace(
            link, id="pi_1", subscription="sub_1", email_key="older", invoice="in_0", observed_at=NOW + 1
        ),
        replace(link, id="inpay_9", charge="ch_9", invoice="in_9"),  # of another charge of the payment
    ]
    row, states = PaymentRow(paid.key), list[PaymentState]()
    for fact in reversed(facts) if backwards else facts:
        states = absorb_payment(row, fact)
    assert (states[-1].payer, states[-1].charges[0].visitor) == ("ws_1|own|live|cus_1", VISITOR)
    found = states[-1].charges[0]
    assert (found.email_key, found.invoice, found.subscription) == ("new", "in_1", "sub_1")


def test_links_alone_tell_nothing() -> None:
    link = charge_fact(kind=FactKind.LINK, id="cs_1", status="complete", amount_minor=0, charge="")
    assert absorb_payment(PaymentRow(link.key), link) == []
