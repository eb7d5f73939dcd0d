"""Two workers on a real Kafka, killed, frozen and cut off: what stands is what a straight run gives."""

import asyncio
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ops.kafka.broker import Broker
from ops.kafka.lag import Lag
from ops.synthetic_traffic import Crowd, Fact
from tests.agents.embedded_run import book, straight, sums
from tests.eventlog.kafka.workers import Feed, Supervisor
from tests.program.running import until
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.watchdog import EXIT_CODE
from trackrev_stream.settings import read_settings

PARTITIONS = 4
SEED = 20_261_123


@pytest.mark.timeout(240)
def test_kills_freezes_and_a_broker_restart_change_nothing(own: Broker, tmp_path: Path) -> None:
    facts = Crowd(SEED, visitors=400, hits_each=8, charges=400).facts()
    environment = {"TRACKREV_PARTITIONS": str(PARTITIONS), "TRACKREV_BROKER": f"kafka://{own.address}"}
    chosen = read_settings(environment, data=str(tmp_path / "data"))
    chosen.data.mkdir()
    with (
        Supervisor(chosen.data, own, "first", TRACKREV_PARTITIONS="4") as first,
        Supervisor(chosen.data, own, "second", TRACKREV_PARTITIONS="4") as second,
    ):
        asyncio.run(suffer(own, facts, first, second, chosen.data / "trackrev.db"))
        assert [first.stop(), second.stop()] == [0, 0]
    standing, posted = book(chosen)
    assert standing == straight(facts)
    assert posted == sums(standing)


async def suffer(
    broker: Broker, facts: list[Fact], first: Supervisor, second: Supervisor, database: Path
) -> None:
    feed, lag = Feed(broker, PARTITIONS), Lag(Cluster(broker.address), PARTITIONS)
    portion = len(facts) // 5
    portions = [facts[n * portion : (n + 1) * portion] for n in range(4)] + [facts[4 * portion :]]
    await ready(first, second)
    await feed.put(portions[0])

    feeding = asyncio.create_task(feed.put(portions[1]))
    first.worker.signal(signal.SIGKILL)
    await feeding
    await asyncio.to_thread(until, lambda: first.ended, "the killed worker is gone")
    await ready(first, second)

    await feed.put(portions[2][::2])
    await asyncio.to_thread(freeze, second, database)  # in the midst of them
    await feed.put(portions[2][1::2])
    await lag.settled()  # only another worker can have done that
    second.worker.signal(signal.SIGCONT)
    await asyncio.to_thread(until, lambda: second.ended, "the frozen worker ends")
    await ready(first, second)

    feeding = asyncio.create_task(feed.put(portions[3]))
    await asyncio.to_thread(broker.restart)
    await feeding
    await feed.put(portions[4])
    await lag.settled()
    await feed.close()
    await lag.close()
    assert first.ended == [-signal.SIGKILL]
    assert second.ended == [EXIT_CODE]


def freeze(worker: Supervisor, database: Path) -> None:
    """Not within a write to SQLite: its lock stays with a process that lives, and nobody else can go on.

    PostgreSQL ends such a transaction by itself; `make soak` freezes workers at any moment.
    """
    while True:
        worker.worker.signal(signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(database, timeout=1)) as connection:
                connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            worker.worker.signal(signal.SIGCONT)
        else:
            return


async def ready(*workers: Supervisor) -> None:
    for each in workers:
        await asyncio.to_thread(until, each.is_ready, "the worker is ready")
