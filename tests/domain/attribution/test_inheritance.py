"""Settling some charges beside the others is settling all of them, or it says that it is not enough."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.builders import touch
from trackrev_stream.domain.attribution.attribution_settings import AttributionSettings, Returning
from trackrev_stream.domain.attribution.decision import Credit, Decision, Reason
from trackrev_stream.domain.attribution.inheritance import Placed, settle_all, settle_some
from trackrev_stream.domain.journeys.identity import Identity
from trackrev_stream.domain.journeys.touch import Trust
from trackrev_stream.domain.payments.payment import ChargeState
from trackrev_stream.domain.payments.subscription import MatchEvidence, SubscriptionMatch

NAMES = [f"ch_{number}" for number in range(5)]
SUBSCRIPTIONS = [
    SubscriptionMatch(MatchEvidence.NAMED, name) for name in ("sub_1", "sub_1", "sub_1", "sub_2")
]
BOUNDS = [SubscriptionMatch(), SubscriptionMatch(MatchEvidence.UNKNOWN), *SUBSCRIPTIONS]


@st.composite
def decisions(draw: st.DrawFn) -> dict[str, Decision]:
    """What each charge's own journey says."""
    found = {}
    for name in NAMES:
        channel = draw(st.sampled_from(["", "", "Newsletter", "YouTube", "Direct"]))
        heard = Identity("ws|e:1", Trust.UNSIGNED, 0, draw(st.integers(0, 2)))
        credits_ = (Credit("v1", touch(channel, link="")),) if channel else ()
        late = bool(channel) and draw(st.booleans())
        found[name] = Decision(Reason.LINEAR, credits_, heard if channel else None, late=late)
    return found


@st.composite
def charges(draw: st.DrawFn) -> dict[str, Placed]:
    """Each charge, its place among the others, its subscription, and the settings in effect."""
    found = {}
    returning = draw(st.sampled_from([*Returning, None]))
    for name in NAMES:
        rules = AttributionSettings(returning=returning or draw(st.sampled_from(Returning)))
        state = ChargeState(name, draw(st.integers(0, 3)), 100, "usd")
        found[name] = Placed(state, draw(st.sampled_from(BOUNDS)), rules)
    return found


def settled(placed: Mapping[str, Placed], own: Mapping[str, Decision]) -> Mapping[str, Decision]:
    return settle_all(placed.values(), lambda charge: own[charge.state.charge]).decisions


some_names = st.sets(st.sampled_from(NAMES), min_size=1, max_size=2)


@settings(max_examples=600, deadline=None)
@given(charges(), decisions(), charges(), decisions(), st.tuples(some_names, st.booleans()))
def test_some_beside_the_others_is_all(
    before: dict[str, Placed],
    own_before: dict[str, Decision],
    changed: dict[str, Placed],
    own_changed: dict[str, Decision],
    news: tuple[set[str], bool],
) -> None:
    """Of the charges heard of all may be new: what their journey says, or also where and whose they are."""
    heard, moved = news
    known = settle_all(before.values(), lambda charge: own_before[charge.state.charge])
    after = before | {name: replace(changed[name], settings=before[name].settings) for name in heard if moved}
    own = own_before | {name: own_changed[name] for name in heard}
    some = settle_some([after[name] for name in sorted(heard)], (), known, lambda c: own[c.state.charge])
    everything = settled(after, own)
    if some is None:
        return
    assert dict(some.decisions) == {name: everything[name] for name in heard}
    assert {name: known.decisions[name] for name in NAMES if name not in heard} == {
        name: everything[name] for name in NAMES if name not in heard
    }


@given(charges(), decisions(), st.sampled_from(NAMES))
def test_a_charge_that_leaves(placed: dict[str, Placed], own: dict[str, Decision], left: str) -> None:
    known = settle_all(placed.values(), lambda charge: own[charge.state.charge])
    some = settle_some([], [left], known, lambda charge: own[charge.state.charge])
    stay = {name: charge for name, charge in placed.items() if name != left}
    everything = settled(stay, own)
    if some is not None:
        assert {name: known.decisions[name] for name in stay} == dict(everything)


@given(charges(), decisions(), st.sampled_from(NAMES))
def test_what_changed_nothing_is_enough(
    placed: dict[str, Placed], own: dict[str, Decision], heard: str
) -> None:
    known = settle_all(placed.values(), lambda charge: own[charge.state.charge])
    some = settle_some([placed[heard]], (), known, lambda charge: own[charge.state.charge])
    assert some is not None
    assert some.decisions[heard] == known.decisions[heard]
