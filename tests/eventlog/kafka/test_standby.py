"""Another worker's copy of a table: whoever takes a partition over has every row of it."""

import asyncio
from pathlib import Path

import faust

from tests.eventlog.kafka.apps import Counter, until
from trackrev_stream.eventlog.faust_patches.runtime import Runtime
from trackrev_stream.eventlog.kafka.cluster import Cluster

KEYS = [b"%c%d" % (97 + n % 2, n) for n in range(6_000)]  # half of them in each partition


def test_a_standby_that_takes_over_has_every_row(cluster: Cluster, tmp_path: Path) -> None:
    async def scenario() -> None:
        shop, first, second = Counter(cluster, tmp_path), list[tuple[int, int]](), list[tuple[int, int]]()
        await shop.create()
        running, other = Runtime(shop.worker(first)), shop.worker(second)
        await running.start()
        await shop.order(*KEYS)
        await until(lambda: len(first) == len(KEYS))
        async with Runtime(other):
            await until(lambda: has_copied(other))
            await running.stop()
            await until(lambda: len(other.assignor.assigned_actives()) == 4 and other.tables.actives_ready)
            await shop.order(*KEYS)
            await until(lambda: len(second) == len(KEYS))
        assert dict(await shop.said()) == dict.fromkeys(KEYS, 2)

    asyncio.run(scenario())


def has_copied(app: faust.App) -> bool:
    """Whether it stands by for a partition, and believes that it has all rows."""
    recovery = app.tables.recovery
    return bool(recovery.standby_highwaters) and not recovery.standby_remaining_total()
