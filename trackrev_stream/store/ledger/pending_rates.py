"""Lines that wait for an exchange rate: they get their US dollars by themselves once the rate is known.

The lines that stand are a function of the facts and the rates: a writer that does not know a rate yet posts
without it, and whoever learns of it goes through what waits. That runs on the thread of the same writer, so
nothing that was posted with the older rates can come after it. Lines in currencies that have no rate stay.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from trackrev_stream import metrics
from trackrev_stream.clock import Clock
from trackrev_stream.domain.ledger.fx import Rates
from trackrev_stream.store.database.engine import Store, is_transient
from trackrev_stream.store.database.schema import lines
from trackrev_stream.store.ledger.book import Book

MOST_CHARGES = 500  # a transaction
LOOK_EVERY_S = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Converted:
    """What a transaction did: the last charge it looked at (none when it was through), entries by reason."""

    last: str | None
    entries: Mapping[str, int]


def convert_pending(connection: Connection, rates: Rates, after: str, posted_at: int, most: int) -> Converted:
    """Convert what waits of the next ``most`` charges behind the key ``after``.

    Raises LedgerBroken when the ledger would not add up.
    """
    waiting = select(lines.c.charge_key).where(lines.c.usd_minor.is_(None), lines.c.charge_key > after)
    keys = connection.execute(waiting.distinct().order_by(lines.c.charge_key).limit(most)).scalars().all()
    book = Book(connection, keys, rates)
    for key in keys:
        book.convert(key, posted_at)
    book.save(posted_at)
    return Converted(keys[-1] if keys else None, Counter(entry["reason"] for entry in book.entries))


async def convert_all(store: Store, rates: Rates, clock: Clock, most: int = MOST_CHARGES) -> None:
    """Convert all that waits and has a rate, ``most`` charges at a time. Raises DBAPIError, LedgerBroken."""
    after: str | None = ""
    while after is not None:
        work = partial(convert_pending, rates=rates, after=after, posted_at=clock(), most=most)
        done = await store.write(work)
        for reason, count in done.entries.items():
            metrics.ENTRIES_POSTED.labels(reason).inc(count)
        after = done.last


async def keep_converted(
    store: Store, clock: Clock, rates: Callable[[], Rates], every_s: float = LOOK_EVERY_S
) -> None:
    """Convert at the start, and whenever more rates are known, until cancelled. Raises LedgerBroken."""
    known_through: int | None = None
    while True:
        current = rates()
        if current.known_through != known_through:
            try:
                await convert_all(store, current, clock)
                known_through = current.known_through
            except DBAPIError as error:
                if not is_transient(error):
                    raise
                log.warning("amounts that wait for a rate are converted later: %s", error.orig)
        await asyncio.sleep(every_s)
