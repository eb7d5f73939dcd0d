"""Ties: what waits for its charge is told whose that is, as soon as the charge is in the ledger.

An ordinary charge costs nothing for it: only where something waits the ledger is asked, and the answer goes
into the log, so that whoever reads the log comes to the same.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from trackrev_stream import metrics
from trackrev_stream.contracts.codec import encode
from trackrev_stream.contracts.ports import Publisher, Unavailable
from trackrev_stream.contracts.records import ChargeTie
from trackrev_stream.contracts.topics import CHARGE_TIES
from trackrev_stream.domain.values.ids import partition_of
from trackrev_stream.store.database.engine import Store, is_transient
from trackrev_stream.store.operations.waiting_money import count_waiting, find_ties

LOOK_EVERY_S = 1.0
TELL_AGAIN_S = 60.0  # what still waits then was told to agents that have fallen behind, or have lost it

log = logging.getLogger(__name__)


async def keep_tied(
    store: Store, publisher: Publisher, partitions: int, every_s: float = LOOK_EVERY_S
) -> None:
    """Tell each tie once it is known, and again for as long as something waits for it, until cancelled."""
    told: dict[tuple[str, str], float] = {}
    now: Callable[[], float] = asyncio.get_running_loop().time
    while True:
        try:
            ties, waiting = await store.read(_look)
            _show(waiting)
            told = {tie: at for tie, at in told.items() if tie in ties}
            for charge, payment in ties:
                if now() - told.get((charge, payment), -TELL_AGAIN_S) >= TELL_AGAIN_S:
                    value = encode(ChargeTie(charge, payment))
                    partition = partition_of(charge, partitions)
                    await publisher.publish(CHARGE_TIES.name, partition, charge.encode(), value)
                    told[charge, payment] = now()
        except Unavailable as error:
            log.warning("what waits for its charge is told later whose it is: %s", error)
        except DBAPIError as error:
            if not is_transient(error):
                raise
            log.warning("what waits for its charge is looked at later: %s", error.orig)
        await asyncio.sleep(every_s)


def _look(connection: Connection) -> tuple[list[tuple[str, str]], dict[str, int]]:
    return find_ties(connection), count_waiting(connection)


def _show(waiting: Mapping[str, int]) -> None:
    """Let the metric say how much waits, in each workspace where anything does."""
    metrics.MONEY_WAITING.clear()
    for workspace, count in waiting.items():
        metrics.MONEY_WAITING.labels(workspace).set(count)
