"""The program when its surroundings fail: a disk that is full, records that nobody can read."""

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.program import stripe
from tests.program.running import Json, Shop, now_ms, running, until
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import (
    DEAD_LETTERS,
    JOURNEYS,
    PAYMENTS,
    PIXEL_HITS,
    STRIPE_PAYMENTS,
    VISITS,
)
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import NewRecord

VISITOR = str(uuid.UUID(int=7, version=4))
POISONED = (PIXEL_HITS, STRIPE_PAYMENTS, JOURNEYS, PAYMENTS, VISITS)


def landing(number: int) -> Json:
    url = "https://shop.example/?utm_source=newsletter&utm_medium=email"
    return {"id": f"hit-{number}", "type": "pageview", "at": now_ms(), "url": url}


def buy(shop: Shop, number: int) -> int:
    """The status of the webhook of a charge."""
    bought = stripe.charge(f"ch_{number}", 1_000 + number, now_ms() // 1000, "anna@example.com")
    return shop.webhook(stripe.succeeded(bought)).status


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Nothing fits on the disk any more."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


def test_a_full_disk_is_a_503_and_nothing_acknowledged_is_lost(small_disk: Path) -> None:
    with running(small_disk / "data") as program:
        shop = Shop.greeted(program)
        numbers, taken = itertools.count(), 0
        for turn in (1, 2):
            with full(small_disk):
                # A little may still fit into what was set aside; then everything is refused.
                refused = 0
                while refused < 20:
                    answer = shop.hits(VISITOR, landing(next(numbers)))
                    assert answer.status in (202, 503)
                    taken += answer.status == 202
                    refused += answer.status == 503
                assert answer.headers["Retry-After"]
                assert buy(shop, turn) == 503
                assert shop.read("channels").status == 200
            until(lambda: shop.hits(VISITOR, landing(next(numbers))).status == 202, "hits are taken again")
            assert buy(shop, turn) == 200
            taken += 1
            shop.worth(f"ch_{turn}", 1_000 + turn)
        until(lambda: shop.channels()["Email"]["clicks"] >= taken, "every click acknowledged")
        before = shop.ledger()
        assert program.stop() == 0
        program.start()
        assert shop.ledger() == before


async def _poison(data: Path) -> None:
    """Put a record that nobody can read into several topics, as another program might."""
    log = Log.open(data / "log")
    for topic in POISONED:
        await log.append(topic.name, 0, [NewRecord(now_ms(), b"ws_shop|x", b"\x00 not a record")])
    await log.close()


async def _dead_letters(data: Path) -> list[DeadLetter]:
    log = Log.open(data / "log")
    found = [decode(DeadLetter, record.value) for record in log.fetch(DEAD_LETTERS.name, 0, 0)]
    await log.close()
    return found


def test_records_that_nobody_can_read_become_dead_letters(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.greeted(program)
        assert program.stop() == 0
        asyncio.run(_poison(program.data))
        program.start()
        assert shop.hits(VISITOR, landing(1)).status == 202
        assert buy(shop, 1) == 200
        shop.worth("ch_1", 1_001)
        until(lambda: shop.channels().get("Email", {}).get("clicks") == 1, "the click")
        assert program.stop() == 0
        letters = asyncio.run(_dead_letters(program.data))
        assert {(letter.topic, letter.processor) for letter in letters} == {
            (topic.name, topic.consumer) for topic in POISONED
        }
        assert len(letters) == len(POISONED)
        assert all(letter.failure == "malformed" and letter.message for letter in letters)
        # They were dealt with: the next start does not meet them again.
        program.start()
        assert program.stop() == 0
        assert asyncio.run(_dead_letters(program.data)) == letters
