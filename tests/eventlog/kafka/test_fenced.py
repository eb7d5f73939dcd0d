"""A worker whose writer finds another one at work ends, so that whoever supervises it starts it anew."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ops.kafka.broker import Broker
from ops.kafka.lag import Lag
from ops.synthetic_traffic import Crowd
from tests.eventlog.kafka.processes import Role, roles
from tests.eventlog.kafka.workers import Feed
from tests.program.running import until
from trackrev_stream.eventlog.kafka.cluster import Cluster


@pytest.mark.parametrize("rebalancing", [False, True], ids=["at work", "while partitions are shared out"])
def test_a_worker_ends_when_another_writer_was_there(own: Broker, tmp_path: Path, rebalancing: bool) -> None:
    first, second = (Role("worker", tmp_path / "data", own, n, TRACKREV_PARTITIONS="2") for n in ("a", "b"))
    with roles(first, second):
        asyncio.run(put(own, Crowd(1, 20, 5, 20), settle=True))
        with overtaken(first.data / "trackrev.db"):
            asyncio.run(put(own, Crowd(2, 20, 5, 20, name="more"), settle=False))
            until(lambda: "cannot be written now" in first.said(), "the writer waits for the database")
            if rebalancing:
                before = first.said().count("rebalancing")
                second.kill()
                until(lambda: first.said().count("rebalancing") > before, "the first worker hears of it")
        until(lambda: first.poll() is not None, "the worker ends")
        assert "another writer posts" in first.said()
        assert first.poll() == 1, first.said()


@contextmanager
def overtaken(file: Path) -> Iterator[None]:
    """Nothing can be written meanwhile; and at its end another writer has."""
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute('UPDATE positions SET "offset" = "offset" + 7')
        yield
        database.execute("COMMIT")


async def put(broker: Broker, crowd: Crowd, *, settle: bool) -> None:
    feed, lag = Feed(broker, 2), Lag(Cluster(broker.address), 2)
    await feed.put(crowd.facts())
    if settle:
        await lag.settled()
    await lag.close()
    await feed.close()
