"""A shop that sells, and its book, for tests that stop and start the program."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.program import stripe
from tests.program.running import Json, Program, Shop, now_ms, until
from trackrev_stream.domain.values.ids import uuid7


def sell(shop: Shop, *charges: str, visitors: int = 0) -> None:
    """Stripe tells of charges, and so many new visitors come from a search engine."""
    for charge in charges:
        paid = stripe.charge(charge, 4_900, now_ms() // 1000, f"{charge}@shop.example")
        assert shop.webhook(stripe.succeeded(paid)).status == 200
    for _ in range(visitors):
        hit = {"id": "h1", "type": "pageview", "at": now_ms(), "url": "http://localhost/"}
        assert (
            shop.hits(uuid7(now_ms(), os.urandom(10)), hit | {"referrer": "https://google.com/"}).status
            == 202
        )


def book(shop: Shop) -> tuple[Json, list[Json]]:
    """What the ledger says, but for when it was written."""
    charges = shop.read("charges?limit=100").json["charges"]
    return shop.channels(), [{key: each[key] for key in each.keys() - {"posted_at"}} for each in charges]


def book_of(shop: Shop, charges: int, visitors: int) -> tuple[Json, list[Json]]:
    """The ledger, once it has so many charges and visitors."""

    def is_there() -> bool:
        channels, found = book(shop)
        seen = sum(row["visitors"] for row in channels.values())
        return (len(found), seen) == (charges, visitors)

    until(is_there, f"{charges} charges and {visitors} visitors")
    return book(shop)


@contextmanager
def started(program: Program) -> Iterator[None]:
    program.start()
    try:
        yield
    finally:
        program.kill()
