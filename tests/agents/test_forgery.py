"""Who forges identities moves no earned cent, whatever the history; and what is bounded stays answered."""

import random
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agents.histories import EMAILS, START, VISITORS, Fact, bought, histories, hits
from tests.agents.simulation import Simulation
from tests.facts import charge_fact
from trackrev_stream.agents.gather import MOST_VISITORS
from trackrev_stream.domain.journeys.identity import MOST_BINDS, MOST_JOINS, VisitorClaim, put_claim
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind, Trust
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import uuid7

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
SOLD = START + 40 * DAY_MS  # after every charge of a history


@st.composite
def forgeries(draw: st.DrawFn) -> list[Hit]:
    """A visitor of the forger's own, its click, and its claim to be one of the customers; all backdated."""
    seen = draw(hits())
    visitor = uuid7(SOLD, draw(st.binary(min_size=10, max_size=10)))
    at = seen.occurred_at
    seen = replace(seen, visitor=visitor, received_at=SOLD, click=None, email_key="", trust=Trust.UNSIGNED)
    click = Click(f"forged {visitor} {at}", "podcast", "podcast", "p_forger", at)
    return [
        replace(seen, id=f"forged click {visitor}", kind=HitKind.CLICK, click=click),
        replace(seen, id=f"forged {visitor}", kind=HitKind.IDENTIFY, email_key=draw(st.sampled_from(EMAILS))),
    ]


@relaxed
@given(histories(), st.lists(forgeries(), min_size=1, max_size=5), st.integers(0, 2**32))
def test_forged_identifies_after_the_charge_move_no_earned_cent(
    history: list[Fact], forged: list[list[Hit]], seed: int
) -> None:
    honest = Simulation()
    honest.feed(*history)
    honest.run()
    beset = [*history, *(hit for hits_of_one in forged for hit in hits_of_one)]
    random.Random(seed).shuffle(beset)
    attacked = Simulation()
    attacked.feed(*beset)
    attacked.run(random.Random(seed))
    stood, stands = honest.standing(), attacked.standing()
    earned = [key for key, charge in honest.charges.items() if charge.decision.credits]
    assert {key: stands[key] for key in earned} == {key: stood[key] for key in earned}


def test_forged_visitors_beyond_the_bound_leave_the_honest_one_its_place() -> None:
    landing, identify, paid = bought()
    forged = [
        replace(identify, id=f"forged {n}", visitor=uuid7(START, n.to_bytes(10)), received_at=START + 1 + n)
        for n in range(3 * MOST_VISITORS)
    ]
    simulation = Simulation()
    simulation.feed(landing, identify, *forged, paid)
    (charge,) = simulation.run().charges.values()
    assert {line.channel for line in charge.lines} == {"newsletter"}


def named_for_many(number: int) -> list[PaymentFact]:
    return [
        charge_fact(f"ch_{n:03}", START + DAY_MS + n, visitor=VISITORS[0], customer=f"cus_{n:03}")
        for n in range(number)
    ]


def test_a_visitor_named_for_very_many_payers_earns_for_the_first_and_every_charge_is_told() -> None:
    landing, *_ = bought()
    charges = named_for_many(MOST_BINDS + 30)
    for order in (charges, charges[::-1]):
        simulation = Simulation()
        simulation.feed(*order, landing)
        simulation.run(random.Random(1))
        credited = sorted(c.state.charge for c in simulation.charges.values() if c.decision.credits)
        assert credited == [f"ch_{n:03}" for n in range(MOST_JOINS)]
        assert len(simulation.charges) == len(charges)


def test_an_older_bind_never_outranks_a_newer_one() -> None:
    newer = VisitorClaim("ws_1|p:x", "ws_1", VISITORS[0], 7, None)
    assert put_claim({newer.join: newer}, replace(newer, version=6, named_at=START)) == {newer.join: newer}
