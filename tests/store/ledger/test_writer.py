"""The writer: batches, barriers, backpressure, what it retries and what ends it."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.store.builders import TOPIC, all_entries, at_offsets, charge, run, touch, visit
from trackrev_stream import metrics
from trackrev_stream.contracts.ports import PositionConflict
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import charges, entries, lines
from trackrev_stream.store.ledger.positions import stored_position
from trackrev_stream.store.ledger.post import Posting, post
from trackrev_stream.store.ledger.writer import Writer


def clock() -> int:
    return 5_000


def sample(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0


def test_everything_submitted_is_written_at_the_barrier(store: Store) -> None:
    posted = sample("trackrev_entries_posted_total", reason="credit")
    seen = sample("trackrev_charge_latency_seconds_count")

    async def story() -> None:
        writer = Writer(store, clock)
        writer.start()
        await writer.barrier()
        for number in range(1_200):
            await writer.submit(Posting(TOPIC, 0, number, charge(f"ch_{number}")))
        await writer.barrier()
        assert (
            store.read_now(lambda c: c.execute(select(func.count()).select_from(entries)).scalar()) == 1_200
        )
        await writer.submit(Posting("visits", 3, 0, (visit(),)))
        await writer.stop()

    run(story())
    assert store.read_now(lambda c: stored_position(c, (TOPIC, 0))) == 1_199
    assert store.read_now(lambda c: stored_position(c, ("visits", 3))) == 0
    assert sample("trackrev_entries_posted_total", reason="credit") == posted + 1_200
    assert sample("trackrev_charge_latency_seconds_count") == seen + 1_200


def test_submitting_waits_while_too_many_are_waiting(store: Store) -> None:
    async def story() -> None:
        writer = Writer(store, clock, most_waiting=2)
        postings = at_offsets(*(charge(f"ch_{number}") for number in range(5)))
        tasks = [asyncio.create_task(writer.submit(posting)) for posting in postings]
        await asyncio.wait(tasks[:2])
        assert [task.done() for task in tasks] == [True, True, False, False, False]
        writer.start()
        await asyncio.gather(*tasks)
        await writer.stop()

    run(story())
    assert len(store.read_now(all_entries)) == 5


def test_a_conflict_ends_the_writer_and_everyone_hears_of_it(store: Store) -> None:
    told: list[BaseException] = []

    async def story() -> None:
        writer = Writer(store, clock, told.append, most_waiting=1)
        writer.start()
        await writer.submit(at_offsets(charge())[0])
        await writer.barrier()
        # Another one writes to the same partition.
        store.write_now(lambda c: post(c, at_offsets(charge("ch_2"), first=1), 1))
        postings = at_offsets(*(charge(f"ch_{number}") for number in range(3, 9)), first=2)
        results = await asyncio.gather(
            *map(writer.submit, postings), writer.barrier(), return_exceptions=True
        )
        assert isinstance(results[-1], PositionConflict) or results[-1] is None
        for again in (writer.submit(postings[0]), writer.barrier()):
            with pytest.raises(PositionConflict, match="another writer"):
                await again
        await writer.stop()

    run(story())
    assert [type(failure) for failure in told] == [PositionConflict]
    assert len(store.read_now(all_entries)) == 2


def test_a_partition_may_come_back_after_it_was_released(store: Store) -> None:
    async def story() -> None:
        writer = Writer(store, clock)
        writer.start()
        await writer.submit(at_offsets(charge())[0])
        await writer.barrier()
        writer.release([(TOPIC, 0)])
        store.write_now(lambda c: post(c, at_offsets(charge("ch_2"), first=1), 1))
        await writer.submit(at_offsets(charge("ch_3"), first=2)[0])
        await writer.barrier()
        await writer.stop()

    run(story())
    assert len(store.read_now(all_entries)) == 3


def test_a_full_disk_is_waited_out(sqlite_store: Store) -> None:
    """SQLite reports a full disk when the file may not grow further."""

    def pages(connection: Any, most: int) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")

    async def story() -> None:
        await sqlite_store.write(lambda c: pages(c, 1))  # the least SQLite takes: what the file has now
        failures: list[BaseException] = []
        tries: list[int] = []
        third_try = asyncio.Event()

        def counting() -> int:  # the writer asks for the time once a try
            tries.append(1)
            if len(tries) == 3:
                third_try.set()
            return clock()

        writer = Writer(sqlite_store, counting, failures.append)
        writer.start()
        for posting in at_offsets(*(charge(f"ch_{number}") for number in range(300))):
            await writer.submit(posting)
        barrier = asyncio.create_task(writer.barrier())
        await third_try.wait()
        assert not barrier.done()
        await sqlite_store.write(lambda c: pages(c, 1_000_000))
        await barrier
        await writer.stop()
        assert failures == []

    run(story())
    assert len(sqlite_store.read_now(all_entries)) == 300


ENDLESS = """
import sys, asyncio
from tests.store.builders import at_offsets, charge, touch
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.writer import Writer

async def main():
    writer = Writer(Store.open(sys.argv[1]), lambda: 5_000)
    writer.start()
    offset, touches = int(sys.argv[2]), ((touch(),), (), (touch("YouTube", "video"),))
    while True:
        for posting in at_offsets(*(charge(f"ch_{n}", versions=(1, offset + 1), touches=touches[n % 3])
                                    for n in range(7)), first=offset):
            await writer.submit(posting)
        offset += 7
        if offset % 700 == 0:
            await writer.barrier()
            print(offset, flush=True)

asyncio.run(main())
"""


def test_a_kill_in_the_middle_leaves_nothing_half_written(store: Store) -> None:
    acknowledged = 0
    for _ in range(3):
        command = [sys.executable, "-c", ENDLESS, store.url, str(acknowledged)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            for _ in range(2):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        assert_whole(store, acknowledged)
    if store.url.startswith("sqlite"):
        check = sqlite3.connect(store.url.removeprefix("sqlite:///")).execute("PRAGMA integrity_check")
        assert check.fetchone() == ("ok",)


def assert_whole(store: Store, acknowledged: int) -> None:
    position = store.read_now(lambda c: stored_position(c, (TOPIC, 0)))
    assert position >= acknowledged - 1
    rows = store.read_now(lambda c: c.execute(select(charges)).all())
    # The newest version of each charge is the one that the position tells.
    assert max(row.version for row in rows) == position // 7 * 7 + 1
    total = store.read_now(lambda c: c.execute(select(func.sum(entries.c.amount_minor))).scalar())
    assert total == store.read_now(lambda c: c.execute(select(func.sum(lines.c.amount_minor))).scalar())
    assert total == 4_900 * len(rows)
    assert touch().channel in {row.channel for row in store.read_now(all_entries)}
