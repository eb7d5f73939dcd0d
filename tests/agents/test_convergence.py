"""ARCHITECTURE.md, rules 4 and 5: any order, any duplicates, any restart give the same standing lines."""

import random
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agents.histories import (
    STRANGER,
    VISITORS,
    Fact,
    bought,
    charge_of,
    histories,
    hits,
    matched,
    parted,
    renewed,
    rule_books,
)
from tests.agents.simulation import Simulation
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.attribution.attribution_settings import SettingsTimeline
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.ledger.lines import REVENUE, net_of
from trackrev_stream.domain.payments.payment import PaymentFact

History = list[Fact]
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def rule_5(charge: AttributedCharge) -> None:
    expected = (
        net_of(charge.state) if charge.lines or charge.decision.reason != "left_for_another_payer" else 0
    )
    revenue = [line for line in charge.lines if line.reason in REVENUE]
    assert sum(line.amount_minor for line in revenue) == expected
    by_share: dict[tuple[str, str, str], int] = {}
    for line in revenue:
        share = (line.channel, line.source, line.link)
        by_share[share] = by_share.get(share, 0) + line.amount_minor
    assert all(amount >= 0 for amount in by_share.values())


@relaxed
@given(histories(), rule_books(), st.integers(0, 2**32))
def test_any_order_and_duplicates_give_the_same_standing_lines(
    history: History, rules: SettingsTimeline, seed: int
) -> None:
    rng = random.Random(seed)
    straight = Simulation(rules, on_posted=rule_5)
    straight.feed(*history)
    straight.run()
    shuffled = history + [fact for fact in history if rng.random() < 0.3]
    rng.shuffle(shuffled)
    other = Simulation(rules, on_posted=rule_5)
    for fact in shuffled:
        other.feed(fact)
        if rng.random() < 0.5 and (waiting := other.pending()):
            other.step(*rng.choice(waiting))
    other.run(rng)
    assert other.standing() == straight.standing()
    assert other.decisions() == straight.decisions()
    assert other.waits() == straight.waits()


@relaxed
@given(st.lists(hits(days=7), max_size=14), st.integers(0, 2**32))
def test_clicks_of_a_day_are_exact_while_it_is_open(history: list[Hit], seed: int) -> None:
    rng = random.Random(seed)
    straight = Simulation()
    straight.feed(*history)
    straight.run()
    shuffled = history + [hit for hit in history if rng.random() < 0.3]
    rng.shuffle(shuffled)
    other = Simulation()
    other.feed(*shuffled)
    other.run(rng, crashes=4)
    counted = {key: (visit.clicks, visit.landed) for key, visit in straight.visits.items()}
    again = {key: (v.clicks, v.landed) for key, v in other.visits.items() if key in counted or v.clicks}
    assert again == counted


@relaxed
@given(histories(), rule_books(), st.integers(0, 2**32))
def test_crashes_anywhere_change_nothing(history: History, rules: SettingsTimeline, seed: int) -> None:
    straight = Simulation(rules)
    straight.feed(*history)
    straight.run()
    for run in range(5):
        rng = random.Random(seed + run)
        crashed = Simulation(rules, on_posted=rule_5)
        crashed.feed(*history)
        crashed.run(rng, crashes=rng.choice((1, 1, 2, 8)))
        assert crashed.standing() == straight.standing()
        assert crashed.decisions() == straight.decisions()
        assert crashed.waits() == straight.waits()


@relaxed
@given(histories(), rule_books(), st.integers(0, 2**32))
def test_late_zombies_change_nothing(history: History, rules: SettingsTimeline, seed: int) -> None:
    straight = Simulation(rules)
    straight.feed(*history)
    straight.run()
    for run in range(5):
        rng = random.Random(seed + run)
        haunted = Simulation(rules, on_posted=rule_5)
        haunted.feed(*history)
        haunted.run(rng, zombies=4)
        assert haunted.standing() == straight.standing()
        assert haunted.decisions() == straight.decisions()
        assert haunted.waits() == straight.waits()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_crash_between_any_two_effects_changes_nothing(order: tuple[int, ...]) -> None:
    """Every step of a purchase, every place in it, and nothing read again that was done before."""
    crash_everywhere([], [bought()[index] for index in order])


@pytest.mark.parametrize("history", list(permutations(parted())))
def test_a_crash_over_any_fact_that_names_but_its_charge_changes_nothing(history: History) -> None:
    for place, fact in enumerate(history):
        crash_everywhere(list(history[:place]), [fact])


@pytest.mark.parametrize("history", [renewed(), renewed()[::-1], matched(), matched()[::-1]])
def test_a_crash_over_any_fact_of_a_subscription_changes_nothing(history: History) -> None:
    """Each fact in turn, when all that came before it has settled."""
    for place, fact in enumerate(history):
        crash_everywhere(history[:place], [fact])


def test_a_history_knows_a_payment_by_its_charge_though_what_is_told_last_names_none() -> None:
    """Else a charge may be drawn twice, with its intent and without it; Stripe never shows that."""
    told = [fact for fact in parted() if isinstance(fact, PaymentFact)]
    nameless = next(fact for fact in told if not fact.charge)
    assert charge_of([*told, nameless]) == told[0].charge


def crash_everywhere(settled: History, history: History) -> None:
    straight = after(settled, history)
    known = len(straight.taken)
    straight.run()
    for steps in range(len(straight.taken) - known):
        for effects in range(20):
            crashed = after(settled, history)
            for _ in range(steps):
                crashed.step(*crashed.pending()[0])
            crashed.step(*crashed.pending()[0], crash_after=effects)
            assert crashed.run().standing() == straight.standing()
            assert crashed.decisions() == straight.decisions()
            assert crashed.waits() == straight.waits()


def after(settled: History, history: History) -> Simulation:
    simulation = Simulation()
    simulation.feed(*settled)
    simulation.run()
    simulation.feed(*history)
    return simulation


@pytest.mark.parametrize("who", [VISITORS[0], STRANGER])
@pytest.mark.parametrize("email", ["anna", ""])
def test_a_charge_that_names_its_visitor_is_told_once(who: str, email: str) -> None:
    landing, identify, paid = bought()
    told: list[AttributedCharge] = []
    simulation = Simulation(on_posted=told.append)
    simulation.feed(landing, identify, replace(paid, visitor=who, email_key=email))
    simulation.run(random.Random(1))
    reason = "last_non_direct_click" if email or who != STRANGER else "no_touch_in_window"
    assert [charge.decision.reason for charge in told] == [reason]


def test_an_ordinary_charge_is_told_once_with_its_credit() -> None:
    told: list[AttributedCharge] = []
    simulation = Simulation(on_posted=told.append)
    simulation.feed(*bought())
    simulation.run()
    assert [(charge.decision.reason, charge.lines[0].channel) for charge in told] == [
        ("last_non_direct_click", "newsletter")
    ]
