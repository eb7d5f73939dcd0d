"""A charge in words."""

from tests.store.builders import WS, at_offsets, charge, touch
from trackrev_stream.api import answers
from trackrev_stream.domain.attribution import Credit, Decision, Reason
from trackrev_stream.domain.subscription import BoundBy
from trackrev_stream.store.engine import Store
from trackrev_stream.store.explain import _BINDINGS, _REASONS, explain, why
from trackrev_stream.store.post import post
from trackrev_stream.store.queries import find_charge

NEWS = touch()


def test_the_story_of_a_charge_reads_aloud(store: Store) -> None:
    records = (
        charge(),
        charge(versions=(1, 2), touches=(NEWS,), fee=172),
        charge(versions=(3, 3), touches=(NEWS,), fee=172, refunds=(("re_1", 900),)),
    )
    store.write_now(lambda c: post(c, at_offsets(*records), 1_760_184_000_000))
    detail = store.read_now(lambda c: find_charge(c, WS, "ch_1"))
    assert detail is not None
    assert explain(detail).splitlines() == [
        "Charge ch_1 of 2025-10-09 12:00 UTC",
        "49.00 USD paid, 9.00 USD went back, 40.00 USD remain; Stripe kept a fee of 1.72 USD.",
        "Credited to Newsletter (link spring): it was the last click before the charge that was not direct.",
        "The visitor identified on 2025-10-08 12:00 UTC, signed by the site's backend.",
        "",
        "Touches considered, latest first:",
        "  2025-10-08 12:00 UTC  Newsletter (link spring): credited",
        "",
        "Entries:",
        "  1. 2025-10-11 12:00 UTC: 49.00 USD, credit, unattributed [payment v1]",
        "  2. 2025-10-11 12:00 UTC: -49.00 USD, credit, unattributed, takes back 1 [journeys]",
        "  3. 2025-10-11 12:00 UTC: 49.00 USD, credit, Newsletter (link spring) [journeys]",
        "  4. 2025-10-11 12:00 UTC: -1.72 USD, fee, Newsletter (link spring) [journeys]",
        "  5. 2025-10-11 12:00 UTC: -9.00 USD, refund, Newsletter (link spring) [payment v3]",
    ]


def test_every_reason_has_words() -> None:
    assert _REASONS.keys() == set(Reason)
    assert why(Decision(Reason.NO_EMAIL)).startswith("Unattributed: the charge has no email")
    inherited = Decision(Reason.INHERITED, (Credit("v1", NEWS),), inherited_from="ch_0")
    assert why(inherited).endswith("later ones inherit it (from ch_0).")
    assert _BINDINGS.keys() == set(BoundBy)


def test_a_renewal_says_how_it_belongs_to_its_subscription(store: Store) -> None:
    renewal = Decision(
        Reason.RENEWAL,
        (Credit("v1", NEWS),),
        inherited_from="ch_0",
        binding=BoundBy.PERIOD,
        subscription="sub_1",
    )
    store.write_now(
        lambda c: post(c, at_offsets(charge(decision=renewal, rules_version=2)), 1_760_184_000_000)
    )
    detail = store.read_now(lambda c: find_charge(c, WS, "ch_1"))
    assert detail is not None
    credited, *tied = explain(detail).splitlines()[2:5]
    assert credited.endswith("charge was earned there, and renewals inherit it (from ch_0).")
    assert tied == [
        "It is taken for a payment of subscription sub_1, which alone asked for this amount then.",
        "Settings of version 2 were in effect; what it inherits was decided by version 1.",
    ]
    assert answers.detail(detail)["decision"]["binding"] == "only_subscription_with_amount_and_period"
