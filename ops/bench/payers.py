"""`payers`: what a new charge of a payer costs the agents, by how many charges the payer has already."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops.bench.domain import Bench
from ops.bench.harness.figures import Result
from trackrev_stream.contracts.codec import encode, encode_frame
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_ACCOUNTS, STRIPE_PAYMENTS
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact, AccountKind
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import uuid7

_START = 1_700_000_000_000
_FEW, _MANY = 5, 5_000
_NEW = 500
"""So many new charges are measured: one of each of as many payers with few, or all of one with many."""

Fact = Hit | PaymentFact | AccountFact


async def run(_place: Path, _seconds: float) -> Result:
    """Step a set number of charges; the time it may take is not needed."""
    result = Result("payers", f"a new charge of a payer who has {_FEW} or {_MANY:,}, all agents, CPU time")
    for name, tied in (("renewal", True), ("purchase", False)):
        few_us = _cost_us([f"few{n}" for n in range(_NEW)], _FEW, 1, tied=tied)
        many_us = _cost_us(["many"], _MANY, _NEW, tied=tied)
        what = "by its invoice" if tied else "without a subscription"
        result.add(f"{name}, payer with {_FEW}", few_us, "us", what)
        result.add(f"{name}, payer with {_MANY:,}", many_us, "us", what)
        result.add(f"{name}, many / few", many_us / few_us, "times", "at most 1.3")
    return result


def _cost_us(payers: list[str], before: int, new: int, *, tied: bool) -> float:
    """Microseconds for each of ``new`` charges of each of the payers, who have so many ``before``."""
    bench = Bench()
    for payer in payers:
        for fact in _known(payer):
            _feed(bench, fact)
    bench.drain()
    for number in range(before):
        for payer in payers:
            _charge(bench, payer, number, tied=tied)
        bench.drain()
    spent_s = sum(bench.spent_s.values())
    for number in range(before, before + new):
        for payer in payers:
            _charge(bench, payer, number, tied=tied)
            bench.drain()  # one by one, however many payers: what comes at once is cheaper, each agent warm
    return 1e6 * (sum(bench.spent_s.values()) - spent_s) / (new * len(payers))


def _known(payer: str) -> Iterator[Fact]:
    """A visitor of a newsletter who says who they are."""
    landing = Hit(
        workspace="ws_1",
        id=f"landing {payer}",
        visitor=uuid7(_START, payer.encode().ljust(10)),
        kind=HitKind.PAGEVIEW,
        occurred_at=_START,
        received_at=_START,
        url="https://shop.example/",
        site="shop.example",
        click=Click(f"click {payer}", "news", "newsletter", "", _START),
    )
    yield landing
    yield replace(landing, id=f"identify {payer}", kind=HitKind.IDENTIFY, email_key=payer, click=None)


def _charge(bench: Bench, payer: str, number: int, *, tied: bool) -> None:
    """A charge, a day after the one before; with an invoice of the subscription where it is tied to one."""
    at, invoice = _START + (number + 1) * DAY_MS, f"in_{payer}_{number}" if tied else ""
    shared: dict[str, Any] = {
        "workspace": "ws_1",
        "account": "own",
        "livemode": True,
        "customer": f"cus_{payer}",
        "created_at": at,
        "observed_at": at,
        "received_at": at,
        "via": "webhook",
        "source_id": "evt",
        "amount_minor": 4_900,
        "currency": "usd",
    }
    if tied:
        subscription = f"sub_{payer}"
        _feed(bench, AccountFact(kind=AccountKind.INVOICE, id=invoice, subscription=subscription, **shared))
    name = f"{payer}_{number}"
    charge = PaymentFact(
        kind=FactKind.CHARGE,
        id=f"ch_{name}",
        charge=f"ch_{name}",
        payment=f"pi_{name}",
        status="succeeded",
        captured=True,
        email_key=payer,
        invoice=invoice,
        **shared,
    )
    _feed(bench, charge)


def _feed(bench: Bench, fact: Fact) -> None:
    if isinstance(fact, Hit):
        bench.feed(PIXEL_HITS.name, b"", encode_frame([encode(fact)]))
    elif isinstance(fact, AccountFact):
        bench.feed(STRIPE_ACCOUNTS.name, b"", encode(fact))
    else:
        bench.feed(STRIPE_PAYMENTS.name, b"", encode(fact))
