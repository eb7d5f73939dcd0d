"""Random histories of visitors and payments, for the agents and the whole program alike."""

from dataclasses import replace

from hypothesis import strategies as st

from tests.facts import charge_fact, hit
from trackrev_stream.domain.ids import uuid7
from trackrev_stream.domain.payment import PaymentFact
from trackrev_stream.domain.touch import DAY_MS, Click, Hit, HitKind, Trust

START = 1_750_000_000_000
VISITORS = [uuid7(START, bytes([n] * 10)) for n in range(4)]
STRANGER = uuid7(START, b"never seen")
EMAILS = ["anna", "ben", "cleo"]
CHANNELS = ["newsletter", "youtube", "podcast"]


@st.composite
def hits(draw: st.DrawFn, days: int = 35) -> Hit:
    at = START + draw(st.integers(0, days * 24)) * 3_600_000
    kind = draw(st.sampled_from(["direct", "search", "link", "internal", "identify", "identify"]))
    visitor = draw(st.sampled_from(VISITORS))
    seen = hit(
        at,
        # One hit id is one hit: its content follows from the id, as a retry of it is the same request.
        id=f"{kind}-{visitor[-2:]}-{at}",
        visitor=visitor,
        received_at=at + draw(st.integers(0, 2 * DAY_MS)),
        site="shop.example",
    )
    match kind:
        case "search":
            return replace(seen, referrer="https://www.google.com/")
        case "internal":
            return replace(seen, referrer="https://shop.example/pricing")
        case "identify":
            trust = draw(st.sampled_from([Trust.SIGNED, Trust.UNSIGNED]))
            return replace(seen, kind=HitKind.IDENTIFY, email_key=draw(st.sampled_from(EMAILS)), trust=trust)
        case "link":
            channel = draw(st.sampled_from(CHANNELS))
            click = Click(f"click-{channel}-{at}", channel, channel, "", at)
            followed = draw(st.sampled_from([HitKind.CLICK, HitKind.PAGEVIEW]))
            return replace(seen, kind=followed, click=click, id=f"{followed}-{seen.id}")
    return seen


@st.composite
def payments(draw: st.DrawFn) -> list[PaymentFact]:
    """One charge: uncaptured at first or not, its success, a later sight with a customer, refunds.

    Charges are named against the order of their creation, so that no rule can lean on names.
    """
    number = draw(st.integers(1, 5))
    amount = [4_800, 999, 100, 12_345, 1][number - 1]
    created = START + number * 5 * DAY_MS
    charge = charge_fact(
        f"ch_{9 - number}",
        created,
        amount_minor=amount,
        currency=["usd", "usd", "eur", "usd", "usd"][number - 1],
        email_key=EMAILS[number % 3],
        customer="cus_1" if number % 2 else "",
        visitor=draw(st.sampled_from(["", "", *VISITORS, STRANGER])),
    )
    facts = [charge]
    if draw(st.booleans()):
        facts.insert(0, replace(charge, observed_at=created - 1_000, captured=False, amount_minor=0))
    if draw(st.booleans()):
        facts.append(replace(charge, observed_at=created + 1_000, customer=f"cus_{number % 2 + 1}"))
    if draw(st.booleans()):
        named = draw(st.sampled_from([*VISITORS, STRANGER]))
        facts.append(replace(facts[-1], observed_at=created + 2_000, visitor=named))
    refunded = 0
    for step in range(draw(st.integers(0, 3))):
        part = draw(st.integers(1, amount))
        refunded = min(amount, refunded + part)
        at = created + (step + 1) * DAY_MS
        facts.append(
            replace(charge, observed_at=at, refunded_minor=refunded, customer=facts[-1].customer, visitor="")
        )
    return facts


@st.composite
def histories(draw: st.DrawFn) -> list[Hit | PaymentFact]:
    found: list[Hit | PaymentFact] = list(draw(st.lists(hits(), max_size=14)))
    bought = draw(st.lists(payments(), min_size=1, max_size=4, unique_by=lambda facts: facts[-1].charge))
    return found + [fact for facts in bought for fact in facts]


def bought() -> tuple[Hit, Hit, PaymentFact]:
    """One visitor of the newsletter who identifies, then pays 48.00 USD."""
    click = Click("click-1", "newsletter", "newsletter", "", START)
    landing = hit(START, visitor=VISITORS[0], click=click)
    identify = replace(landing, id="hit-2", kind=HitKind.IDENTIFY, email_key="anna", click=None)
    paid = charge_fact(at=START + DAY_MS, amount_minor=4_800, email_key="anna", customer="cus_1")
    return landing, identify, paid
