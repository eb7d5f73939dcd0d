"""Random histories of visitors, payments and subscriptions, for the agents and the whole program alike."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.facts import account_fact, charge_fact, hit
from trackrev_stream.domain.attribution.attribution_settings import (
    AttributionSettings,
    Returning,
    SettingsTimeline,
)
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind, Trust
from trackrev_stream.domain.payments.payment import FactKind, Move, PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact, AccountKind
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import uuid7

START = 1_750_000_000_000
VISITORS = [uuid7(START, bytes([n] * 10)) for n in range(4)]
STRANGER = uuid7(START, b"never seen")
EMAILS = ["anna", "ben", "cleo"]
CHANNELS = ["newsletter", "youtube", "podcast"]
AMOUNTS = [4_800, 4_800, 4_800, 12_345, 1]
CURRENCIES = ["usd", "usd", "usd", "eur", "usd"]
Fact = Hit | PaymentFact | AccountFact


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
    amount = AMOUNTS[number - 1]
    created = START + number * 5 * DAY_MS
    charge = charge_fact(
        f"ch_{9 - number}",
        created,
        amount_minor=amount,
        currency=CURRENCIES[number - 1],
        email_key=draw(st.sampled_from([EMAILS[number % 3], ""])),
        invoice=draw(st.sampled_from(["", f"in_{number}"])),
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
    facts += draw(st.lists(asides(charge), max_size=4))
    if draw(st.booleans()):
        facts.append(replace(charge, observed_at=created + draw(st.integers(0, 4)) * DAY_MS, status="failed"))
    lone = draw(st.sampled_from([False, False, False, True]))
    names = st.sampled_from(["both"] * 6 + ["charge", "intent"])
    return [named_otherwise(fact, draw(names), lone=lone) for fact in facts]


def named_otherwise(fact: PaymentFact, names: str, *, lone: bool) -> PaymentFact:
    """A fact that names both its intent and its charge, or but one of them; ``lone`` charges have none."""
    if fact.kind is FactKind.CHARGE:
        return replace(fact, payment=fact.charge) if lone else fact
    if names == "charge" and fact.charge:
        return replace(fact, payment=fact.charge)
    return replace(fact, charge="") if names == "intent" and fact.kind is not FactKind.LINK else fact


@st.composite
def asides(draw: st.DrawFn, charge: PaymentFact) -> PaymentFact:
    """What else is told of a payment: a refund that goes through or not, a dispute, a link, a fee.

    The sights need not agree with each other: what comes of them must not depend on their order all the same.
    """
    at = charge.created_at + draw(st.integers(0, 4)) * DAY_MS
    seen = replace(charge, observed_at=at, customer="", email_key="", visitor="", invoice="")
    amount, name = draw(st.integers(1, charge.amount_minor)), f"{charge.charge}_{draw(st.integers(1, 2))}"
    match draw(st.sampled_from(["refund", "dispute", "link", "fee", "capture"])):
        case "refund":
            status = draw(st.sampled_from(["succeeded", "pending", "failed", "canceled"]))
            return replace(seen, kind=FactKind.REFUND, id=f"re_{name}", status=status, amount_minor=amount)
        case "dispute":
            moves = (Move(f"txn_{name}", -amount, at), Move("", -amount, at), Move("", amount, at))
            moved = tuple(draw(st.lists(st.sampled_from(moves), max_size=2, unique=True)))
            return replace(seen, kind=FactKind.DISPUTE, id=f"dp_{name}", moves=moved)
        case "link":
            said: dict[str, Any] = {
                "customer": draw(st.sampled_from(["", "cus_1", "cus_2"])),
                "email_key": draw(st.sampled_from(["", *EMAILS])),
                "visitor": draw(st.sampled_from(["", *VISITORS])),
                "invoice": draw(st.sampled_from(["", "in_1", "in_2"])),
                "subscription": draw(st.sampled_from(["", "sub_1", "sub_2"])),
            }
            of = draw(st.sampled_from(["", charge.charge]))
            return replace(seen, kind=FactKind.LINK, id=f"cs_{name}", amount_minor=0, charge=of, **said)
        case "capture":
            return replace(seen, authorized_minor=2 * charge.amount_minor, refunded_minor=amount)
    return replace(seen, fee_minor=amount, fee_currency=draw(st.sampled_from(["usd", "eur"])))


@st.composite
def accounts(draw: st.DrawFn) -> AccountFact:
    """A sight of a customer, a subscription or an invoice; it may contradict an earlier one."""
    at = START + draw(st.integers(0, 35)) * DAY_MS
    number = draw(st.sampled_from([1, 1, 2, 3, 4, 5]))
    customer, subscription = (
        draw(st.sampled_from(["cus_1", "cus_2"])),
        draw(st.sampled_from(["sub_1", "sub_2"])),
    )
    due = {
        "amount_minor": AMOUNTS[number - 1],
        "currency": CURRENCIES[number - 1],
        "period_start_at": START + draw(st.integers(-20, 10)) * DAY_MS,
        "period_end_at": START + draw(st.integers(5, 60)) * DAY_MS,
    }
    match draw(st.sampled_from(list(AccountKind))):
        case AccountKind.CUSTOMER:
            named = draw(st.sampled_from(["", "", *VISITORS, STRANGER]))
            said = draw(st.sampled_from(EMAILS))
            return account_fact(
                AccountKind.CUSTOMER, customer, at, customer=customer, email_key=said, visitor=named
            )
        case AccountKind.INVOICE:
            said = draw(st.sampled_from([subscription, subscription, ""]))
            return account_fact(
                AccountKind.INVOICE, f"in_{number}", at, customer=customer, subscription=said, **due
            )
        case AccountKind.SUBSCRIPTION:
            return account_fact(
                AccountKind.SUBSCRIPTION,
                subscription,
                at,
                customer=customer,
                invoice=draw(st.sampled_from(["", f"in_{number}"])),
                ended_at=draw(st.sampled_from([None, None, at])),
                **due,
            )


def charge_of(facts: list[PaymentFact]) -> str:
    """The charge of a payment, as its own sights name it; what is told beside them may not name it.

    One charge is drawn once: drawn twice it could be seen with its intent and without it, and Stripe does not
    show that. A charge is made with its intent or without one, and keeps it (ops/decisions/0021).
    """
    return next(fact.charge for fact in facts if fact.kind is FactKind.CHARGE)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    found: list[Fact] = list(draw(st.lists(hits(), max_size=14)))
    bought = draw(st.lists(payments(), min_size=1, max_size=5, unique_by=charge_of))
    return found + [fact for facts in bought for fact in facts] + draw(st.lists(accounts(), max_size=12))


def rule_books() -> st.SearchStrategy[SettingsTimeline]:
    """Settings: as they are by default, others, or others since the middle of the history."""
    ask = AttributionSettings(2, lookback_days=10, identify_days=20, returning=Returning.ASK)
    since = [0, START + 12 * DAY_MS]
    return st.sampled_from(
        [SettingsTimeline(), *(SettingsTimeline(versions={"ws_1": ((at, ask),)}) for at in since)]
    )


def bought() -> tuple[Hit, Hit, PaymentFact]:
    """One visitor of the newsletter who identifies, then pays 48.00 USD."""
    click = Click("click-1", "newsletter", "newsletter", "", START)
    landing = hit(START, visitor=VISITORS[0], click=click)
    identify = replace(landing, id="hit-2", kind=HitKind.IDENTIFY, email_key="anna", click=None)
    paid = charge_fact(at=START + DAY_MS, amount_minor=4_800, email_key="anna", customer="cus_1")
    return landing, identify, paid


def renewed() -> list[Fact]:
    """Two subscriptions of two payments each, tied in the wrong order; then the first of each moves away."""
    landing, identify, paid = bought()
    first = replace(paid, invoice="in_1")
    second = charge_fact("ch_2", START + 31 * DAY_MS, invoice="in_2", customer="cus_1", email_key="anna")
    third, fourth = (
        charge_fact(f"ch_{n}", START + n * DAY_MS, invoice=f"in_{n}", customer="cus_1", email_key="anna")
        for n in (3, 4)
    )
    invoices = [
        account_fact(AccountKind.INVOICE, f"in_{n}", START, subscription=f"sub_{1 + n // 3}")
        for n in (4, 3, 2, 1)
    ]
    moved = [replace(fact, observed_at=START + 9 * DAY_MS, customer="cus_2") for fact in (third, first)]
    return [landing, identify, first, third, fourth, second, *invoices, *moved]


def matched() -> list[Fact]:
    """Charges without an invoice that match the one subscription of their amount, until its end is known."""
    landing, identify, paid = bought()
    month = {"amount_minor": 4_800, "currency": "usd", "period_start_at": START}
    begun = account_fact(AccountKind.SUBSCRIPTION, "sub_1", START, period_end_at=START + 31 * DAY_MS, **month)
    charges = [charge_fact(f"ch_{n}", START + n * DAY_MS, customer="cus_1") for n in (0, 20, 10)]
    ended = replace(begun, amount_minor=0, observed_at=START + DAY_MS, ended_at=START + 5 * DAY_MS)
    resumed = account_fact(AccountKind.CUSTOMER, "cus_1", START, email_key="ben")
    return [*charges, begun, landing, identify, paid, ended, resumed]


def parted() -> list[Fact]:
    """A charge seen without its intent, a refund without it, one without the charge, both, a failure."""
    _, _, paid = bought()
    alone = replace(paid, payment=paid.charge)
    refund = replace(paid, kind=FactKind.REFUND, id="re_1", amount_minor=800, email_key="", customer="")
    nameless = replace(refund, payment=paid.charge)
    chargeless = replace(refund, id="re_2", charge="")
    failed = replace(alone, observed_at=START + 2 * DAY_MS, status="failed")
    return [alone, nameless, chargeless, replace(refund, id="re_3"), failed]
