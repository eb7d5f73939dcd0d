"""A visitor's row: bounded, pruned by event time, the same for every order."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.agents.histories import START, VISITORS, hits
from trackrev_stream.domain.journeys.identity import MOST_JOINS
from trackrev_stream.domain.journeys.journey import (
    HORIZON_MS,
    MOST_CAMPAIGN_TOUCHES,
    MOST_DIRECT_TOUCHES,
    OPEN_DAYS_MS,
    VisitorRow,
    absorb_hits,
    journeys_of,
)
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind
from trackrev_stream.domain.values.days import DAY_MS

VIEW = Hit("ws_1", "hit", VISITORS[0], HitKind.PAGEVIEW, START, START, url="https://shop.example/")


def landing(at: int, channel: str = "") -> Hit:
    click = Click(f"click {at}", channel, channel, "", at) if channel else None
    return replace(VIEW, id=f"hit {at}", occurred_at=at, received_at=at, click=click)


def identify(at: int, email: str = "anna") -> Hit:
    return replace(
        VIEW, id=f"id {at}", occurred_at=at, received_at=at, kind=HitKind.IDENTIFY, email_key=email
    )


def row_of(*given_hits: Hit) -> VisitorRow:
    row = VisitorRow("ws_1", VISITORS[0])
    for hit in given_hits:
        absorb_hits(row, [hit])
    return row


def test_a_redirect_and_its_landing_are_one_click() -> None:
    seen = landing(START + 900, "newsletter")
    click = replace(seen, kind=HitKind.CLICK, id="redirect", occurred_at=START)
    landed = replace(seen, click=replace(seen.click, id="click")) if seen.click else seen
    row = row_of(replace(click, click=landed.click), landed, landed)
    (touch,) = row.touches.values()
    assert (touch.occurred_at, touch.clicks, touch.landed) == (START, 1, True)


def test_touches_beyond_the_horizon_are_forgotten_but_not_those_that_led_to_an_identity() -> None:
    late = START + HORIZON_MS + 40 * DAY_MS
    anonymous = row_of(landing(START, "newsletter"), landing(late))
    assert [touch.channel for touch in anonymous.touches.values()] == ["Direct"]
    known = row_of(landing(START, "newsletter"), identify(START + DAY_MS), landing(late))
    assert sorted(touch.channel for touch in known.touches.values()) == ["Direct", "newsletter"]


def test_a_daily_visitor_does_not_push_the_newsletter_out() -> None:
    row = row_of(landing(START, "newsletter"), *(landing(START + n * DAY_MS // 2) for n in range(1, 100)))
    assert any(touch.channel == "newsletter" for touch in row.touches.values())


def test_the_row_is_bounded_and_says_since_when_it_is_complete() -> None:
    minute = 60_000
    row = row_of(
        *(landing(START + n * minute, "podcast") for n in range(400)), identify(START + 400 * minute)
    )
    absorb_hits(row, [landing(START + 400 * minute + OPEN_DAYS_MS + 1)])
    (journey,) = journeys_of(row)
    assert len(row.touches) <= MOST_CAMPAIGN_TOUCHES + MOST_DIRECT_TOUCHES + 20
    assert START < journey.complete_since <= START + 400 * minute


def test_a_shared_device_joins_no_more_than_so_many() -> None:
    row = row_of(*(identify(START + n, f"person {n}") for n in range(30)))
    assert len({identity.join for identity in row.identities}) == MOST_JOINS
    assert {journey.join for journey in journeys_of(row)} == {f"ws_1|e:person {n}" for n in range(MOST_JOINS)}


@given(st.lists(hits(), max_size=20), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(some: list[Hit], rng: object) -> None:
    mine = [replace(hit, visitor=VISITORS[0]) for hit in some]
    shuffled = list(mine)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    one, other = row_of(*mine), row_of(*shuffled)
    assert (one.touches, one.identities) == (other.touches, other.identities)
    assert one.version == other.version
