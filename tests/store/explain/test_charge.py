"""A charge in words."""

from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.store.builders import NOON, WS, at_offsets, charge, touch
from trackrev_stream.api import shapes
from trackrev_stream.contracts.records import AttributedCharge, WaitingMoney
from trackrev_stream.domain.attribution.decision import Credit, Decision, Reason
from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.domain.journeys.identity import Identity
from trackrev_stream.domain.journeys.touch import Trust
from trackrev_stream.domain.ledger.fx import Rates
from trackrev_stream.domain.payments.payment import FactKind, WaitingFact
from trackrev_stream.domain.payments.subscription import MatchEvidence
from trackrev_stream.domain.values.days import day_of
from trackrev_stream.explain.charge import _BINDINGS, _MODELS, explain
from trackrev_stream.explain.rounding import exactly
from trackrev_stream.explain.wording import _REASONS, _TRUST, joined_by, missing, of_payer, why, worth
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import upsert, workspaces
from trackrev_stream.store.ledger.post import NO_RATES, post
from trackrev_stream.store.operations.waiting_money import count_waiting, find_ties
from trackrev_stream.store.reports.charges import ChargeDetail, find_charge
from trackrev_stream.store.workspaces.attribution_settings import add_first

NEWS = touch()
STORY = (Path(__file__).parent / "story.txt").read_text().rstrip()


def test_the_story_of_a_charge_reads_aloud(store: Store) -> None:
    records = (
        charge(),
        charge(versions=(1, 2), touches=(NEWS,), fee=172),
        charge(versions=(3, 3), touches=(NEWS,), fee=172, refunds=(("re_1", 900),)),
    )
    detail = told(store, *records)
    assert explain(detail) == STORY


def told(store: Store, *records: AttributedCharge | WaitingMoney, rates: Rates = NO_RATES) -> ChargeDetail:
    secrets = dict.fromkeys(("email_secret", "click_secret", "identify_secret"), "")
    site = {"domain": "shop.example", "cookie_domain": "", "time_zone": "UTC"}
    store.write_now(lambda c: upsert(c, workspaces, [{"id": WS, "created_at": 1, **site, **secrets}]))
    store.write_now(lambda c: add_first(c, WS, 1))
    store.write_now(lambda c: post(c, at_offsets(*records), 1_760_184_000_000, rates=rates))
    detail = store.read_now(lambda c: find_charge(c, WS, "ch_1"))
    assert detail is not None
    return detail


SHARED = charge(
    touches=(NEWS, touch("YouTube", "video"), touch("Podcast", "")),
    currency="eur",
    amount=1_001,
    refunds=(("re_1", 1),),
    disputes=(("dp_1", 100),),
    dispute_fees=(1_500,),
    fee=30,
)
RATES = Rates({day_of(NOON) - 1: "usd=1.1172"})


def test_a_shared_charge_in_another_currency_tells_its_rate_and_its_roundings(store: Store) -> None:
    detail = told(store, SHARED, rates=RATES)
    lines = explain(detail).splitlines()
    assert lines[1].endswith("Stripe kept a fee of 0.30 EUR, and 15.00 EUR for disputes.")
    dollars, rate = lines[2].split(", at ")
    assert dollars == "In US dollars: 11.18 USD paid, 10.05 USD remain"
    assert rate == "1.1172 for 1 EUR, the ECB's rate of 2025-10-08; what goes back takes the same."
    at = lines.index("How it was rounded:")
    assert lines[at + 1 : at + 6] == [
        "  10.01 EUR are 11.183172 USD, posted as 11.18 USD: half a cent goes to the even one.",
        "  Newsletter (link spring) has 1/3 of 10.01 EUR, 3.336666... EUR, posted as 3.34 EUR.",
        "  YouTube (link video) has 1/3 of 10.01 EUR, 3.336666... EUR, posted as 3.34 EUR.",
        "  Podcast has 1/3 of 10.01 EUR, 3.336666... EUR, posted as 3.33 EUR.",
        "  What is left over goes to those who are furthest below their exact share.",
    ]
    assert "3.34 EUR = 3.73 USD, credit" in "\n".join(lines)


def test_the_api_tells_the_same_exactly(store: Store) -> None:
    shown = shapes.detail(told(store, SHARED, rates=RATES))
    assert shown["usd"] == {
        "gross_minor": 1_118,
        "net_minor": 1_005,
        "exact_minor": "2795793/2500",
        "rate": "1.1172",
        "rate_date": "2025-10-08",
    }
    assert [(one["fraction"], one["exact_minor"], one["amount_minor"]) for one in shown["rounding"]] == [
        ("1/3", "1001/3", 334),
        ("1/3", "1001/3", 334),
        ("1/3", "1001/3", 333),
    ]
    assert sum(one["usd_minor"] for one in shown["rounding"]) == 1_118
    assert shown["settings"]["model"] == "last_non_direct_click"
    assert (shown["payer"], shown["guest"]) == ("cus_1", False)


def test_what_is_not_known_is_said_to_be_unknown(store: Store) -> None:
    unknown = charge(currency="aed", disputes=(("dp_1", 100),), dispute_fees=None)
    lines = explain(told(store, unknown)).splitlines()
    assert lines[1].endswith("what Stripe kept is not known; what it took for a dispute is not known.")
    assert lines[2].startswith("In US dollars it is not known")
    assert not [line for line in lines if line.startswith("How it was rounded")]


def test_a_dispute_that_nobody_has_seen_is_said_to_be_unknown(store: Store) -> None:
    unseen = told(store, charge(fee=172, dispute_unseen=True))
    lines = explain(unseen).splitlines()
    assert lines[1].endswith("Stripe kept a fee of 1.72 USD; what it took for a dispute is not known.")
    assert lines[2].startswith(
        "It is disputed; the outcome is not known, for no dispute of it was seen. Likely the"
    )
    assert shapes.detail(unseen)["dispute"] == "unknown"
    known = at_offsets(charge(fee=172, versions=(2, 1)), first=1)
    store.write_now(lambda c: post(c, known, 1_760_184_000_001))
    seen = store.read_now(lambda c: find_charge(c, WS, "ch_1"))
    assert seen is not None
    assert "disputed" not in explain(seen)
    assert shapes.detail(seen)["dispute"] is None
    assert [entry.seq for entry in seen.entries] == [entry.seq for entry in unseen.entries]


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (Fraction(1_001, 3), "eur", "3.336666... EUR"),
        (Fraction(500), "eur", "5.00 EUR"),
        (Fraction(1_601, 3), "jpy", "533.6666... JPY"),
        (Fraction(500), "jpy", "500 JPY"),
        (Fraction(5, 2), "kwd", "0.0025 KWD"),
    ],
)
def test_exact_amounts(minor: Fraction, currency: str, shown: str) -> None:
    assert exactly(minor, currency) == shown


def test_who_joined_a_charge_and_whose_it_is() -> None:
    join = "ws|e:abc"

    def joined(key: str, trust: Trust, origin: str = "") -> str:
        identity = Identity(key, trust, 1, 1)
        return joined_by(Decision(Reason.INHERITED, identity=identity, inherited_from=origin), join)

    signed, unsigned = joined(join, Trust.SIGNED, "ch_0"), joined("ws|e:xyz", Trust.UNSIGNED)
    assert signed == "Joined by this address, through ch_0, signed by the site's backend."
    assert unsigned == "Joined by another address of the payer, as the browser said, unsigned."
    assert joined("ws|p:ws|own|live|cus_1", Trust.STRIPE).startswith("Joined by Stripe's own object")
    assert joined_by(Decision(Reason.NO_VISITOR), join) == "No identity leads to it."
    assert of_payer("ws|acct_1|test|pi_1") == "a guest (payment pi_1), account acct_1, test mode"


def test_every_reason_has_words() -> None:
    assert _REASONS.keys() == set(Reason)
    assert _MODELS.keys() == set(Model)
    assert _TRUST.keys() == set(Trust)
    assert why(Decision(Reason.NO_EMAIL)).startswith("Unattributed: the charge has no email")
    inherited = Decision(Reason.INHERITED, (Credit("v1", NEWS),), inherited_from="ch_0")
    assert why(inherited).endswith("later ones inherit it (from ch_0).")
    assert _BINDINGS.keys() == set(MatchEvidence)


def test_a_renewal_says_how_it_belongs_to_its_subscription(store: Store) -> None:
    renewal = Decision(
        Reason.RENEWAL,
        (Credit("v1", NEWS),),
        inherited_from="ch_0",
        binding=MatchEvidence.PERIOD,
        subscription="sub_1",
    )
    store.write_now(
        lambda c: post(c, at_offsets(charge(decision=renewal, rules_version=2)), 1_760_184_000_000)
    )
    detail = store.read_now(lambda c: find_charge(c, WS, "ch_1"))
    assert detail is not None
    lines = explain(detail).splitlines()
    credited, tied = lines[2], lines[5:7]
    assert credited.endswith("charge was earned there, and renewals inherit it (from ch_0).")
    assert tied == [
        "  It counts as a payment of subscription sub_1: no other asked for this amount then.",
        "  What it inherits was decided by version 1 of the settings, not 2.",
    ]
    assert shapes.detail(detail)["decision"]["binding"] == "only_subscription_with_amount_and_period"


def test_the_fee_of_a_platform_is_not_called_stripes(store: Store) -> None:
    detail = told(store, charge(fee=172))

    def says(**changes: Any) -> str:
        return worth(replace(detail.summary, **changes))

    assert "Stripe kept a fee of 1.72 USD" in says()
    assert "fees of 1.72 USD were kept: 0.72 USD by Stripe, 1.00 USD by the platform" in says(
        application_fee_minor=100
    )
    # What older programs have posted does not tell; direct charges are those of connected accounts.
    older = {"application_fee_minor": None}
    assert "Stripe kept a fee of 1.72 USD" in says(**older)
    assert "fees of 1.72 USD were kept, Stripe's and perhaps the platform's" in says(
        account="acct_1", **older
    )


def test_a_charge_without_an_email_says_what_is_missing(store: Store) -> None:
    detail = told(store, charge(decision=Decision(Reason.NO_EMAIL)))
    said = "Its customer cus_1 may have one, but Stripe has told of none: let the key read customers"
    assert said in explain(detail)
    shown = shapes.detail(detail)
    assert said in shown["missing"]
    assert shown["explanation"] == why(Decision(Reason.NO_EMAIL))
    assert missing(Decision(Reason.NO_EMAIL), "ws|own|live|pi_1") == ""


def test_a_charge_that_failed_after_all_is_worth_nothing(store: Store) -> None:
    paid = charge(currency="eur")
    gone = replace(
        paid,
        payment_version=3,
        state=replace(paid.state, amount_minor=0),
        decision=Decision(Reason.FAILED),
        lines=(),
    )
    detail = told(store, paid, gone)
    assert (detail.summary.gross_minor, detail.summary.net_minor, detail.summary.status) == (
        0,
        0,
        "unattributed",
    )
    assert sum(entry.amount_minor for entry in detail.entries) == 0
    assert len(detail.entries) == 2
    text = explain(detail)
    assert "Unattributed: the payment failed after it had succeeded, and nothing of it stands." in text
    assert "US dollars" not in text
    assert shapes.detail(detail)["reason"] == "charge_failed"
    left = replace(paid, payment_version=4, decision=Decision(Reason.LEFT), lines=())
    store.write_now(lambda c: post(c, at_offsets(paid, left, first=10), 1_760_184_000_001))
    again = store.read_now(lambda c: find_charge(c, WS, "ch_1"))
    assert again is not None
    assert again.entries == detail.entries


def test_what_went_back_and_may_be_a_release_is_said_so(store: Store) -> None:
    plain = charge()
    unclear = replace(plain, state=replace(plain.state, release_unclear=True))
    detail = told(store, unclear)
    assert shapes.detail(detail)["release"] == "unknown"
    assert "Whether that is a refund, or the release of the rest" in explain(detail)
    later = at_offsets(replace(plain, payment_version=2), first=1)
    store.write_now(lambda c: post(c, later, 1_760_184_000_001))
    known = store.read_now(lambda c: find_charge(c, WS, "ch_1"))
    assert known is not None
    assert shapes.detail(known)["release"] is None


def test_what_waits_for_a_charge_is_shown_with_it(store: Store) -> None:
    facts = (
        WaitingFact(FactKind.REFUND, "re_1", "ch_1", 300, "usd"),
        WaitingFact(FactKind.LINK, "ch_1", "ch_1", 0, ""),
    )
    waiting = WaitingMoney(f"{WS}|own|live|ch_1", 1, NOON, facts)
    detail = told(store, charge(), waiting)
    assert "The refund re_1 of 3.00 USD waits since 2025-10-09 12:00 UTC: it names charge ch_1" in explain(
        detail
    )
    assert [one["id"] for one in shapes.detail(detail)["waiting"]] == ["re_1", "ch_1"]
    assert shapes.detail(detail)["waiting"][0]["amount_minor"] == 300
    assert store.read_now(count_waiting) == {WS: 2}
    assert store.read_now(find_ties) == [(f"{WS}|own|live|ch_1", f"{WS}|own|live|pi_1")]
    older, empty = replace(waiting, version=0), replace(waiting, version=2, facts=())
    for first, (told_next, count) in enumerate(((older, 2), (empty, 0), (waiting, 0)), start=50):
        later = at_offsets(told_next, first=first)
        store.write_now(partial(post, postings=later, posted_at=1_760_184_000_001))
        assert store.read_now(count_waiting) == ({WS: count} if count else {})
    assert store.read_now(find_ties) == []
