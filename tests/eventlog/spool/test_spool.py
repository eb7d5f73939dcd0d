"""The spool: what the broker does not take waits on the disk, and reaches it once it is back."""

import asyncio
import contextlib
import itertools
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.browser import wait_until
from tests.collectors.edge import Published, RecordingPublisher
from trackrev_stream import metrics
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import UNKNOWN_OFFSET, ClockRefused, Unavailable
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_PAYMENTS
from trackrev_stream.eventlog.records import TopicMismatch
from trackrev_stream.eventlog.spool import publishers as intakes
from trackrev_stream.eventlog.spool.publishers import Spooling
from trackrev_stream.eventlog.spool.spool import Spool, Spools

HITS, PAYMENTS = PIXEL_HITS.name, STRIPE_PAYMENTS.name
PARTITIONS = 4
MB = 1 << 20


@dataclass
class Broker(RecordingPublisher):
    """A broker in memory; it never takes values that are ``refused``."""

    refused: set[bytes] = field(default_factory=set)
    refuses_the_clock: bool = False

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        if self.refuses_the_clock:
            self.offered += 1
            raise ClockRefused("the brokers refuse the time of this machine")
        if value in self.refused:
            self.offered += 1
            raise Unavailable("not this one")
        return await super().publish(topic, partition, key, value)

    async def reach(self) -> None:
        if self.down:
            raise Unavailable("nobody answers")

    def values(self) -> list[bytes]:
        return [record.value for record in self.records]


@dataclass
class Collector:
    """A process that collects, as far as its intake goes."""

    broker: Broker
    intake: Spooling
    spool: Spool
    running: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, broker: Broker, data: Path, capacity: int = 16 * MB, *, away: bool = False
    ) -> "Collector":
        spools = Spools(data, PARTITIONS, capacity, now_ms)
        spool = await spools.own()
        return cls(broker, Spooling(broker, broker.reach, spools, spool, away=away), spool)

    async def put(self, *values: bytes, topic: str = HITS) -> None:
        for number, value in enumerate(values):
            await self.intake.publish(topic, number % PARTITIONS, b"k", value)

    async def fill(self, size: int) -> list[bytes]:
        """Put values until there is no room; those that were taken."""
        taken: list[bytes] = []
        with pytest.raises(Unavailable, match="the spool is full"):  # noqa: PT012 - at some time
            for number in itertools.count():
                await self.put(value := b"more %d" % number + os.urandom(size))
                taken.append(value)
        return taken

    def run(self) -> None:
        self.running = asyncio.create_task(self.intake.run())

    async def delivered(self) -> None:
        await wait_until(lambda: self.spool.empty, "the spool is empty")

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.running
        await self.intake.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "PROBE_S", 0.01)


def numbered(count: int) -> list[bytes]:
    return [b"record %d" % n for n in range(count)]


def test_while_the_broker_is_away_records_wait_on_the_disk_and_then_reach_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = Broker()
        collector = await Collector.start(broker, tmp_path)
        collector.run()
        assert await collector.intake.publish(HITS, 3, b"k", b"at once") == 0
        broker.down = True
        assert await collector.intake.publish(HITS, 3, b"k", b"first") == UNKNOWN_OFFSET
        await collector.put(*numbered(300))
        await collector.put(b"paid", topic=PAYMENTS)
        assert collector.spool.waiting == 302
        assert collector.spool.since > 0
        broker.down = False
        await collector.delivered()
        assert broker.records[0] == Published(HITS, 3, b"k", b"at once")
        assert set(broker.values()) == {b"at once", b"first", b"paid", *numbered(300)}
        assert Published(PAYMENTS, 0, b"k", b"paid") in broker.records
        in_one = [record.value for record in broker.of(HITS) if record.partition == 1]
        assert in_one == numbered(300)[1::4]
        await wait_until(lambda: not (tmp_path / "spool-0/log").exists(), "its files are gone")
        assert (collector.spool.used, collector.spool.since) == (0, 0)
        assert await collector.intake.publish(HITS, 0, b"k", b"at once again") == len(broker.records) - 1
        await collector.stop()

    asyncio.run(scenario())


def test_only_the_first_one_waits_for_a_broker_that_is_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = Broker(down=True)
        collector = await Collector.start(broker, tmp_path)
        await collector.put(*numbered(50))
        assert broker.offered == 1
        await collector.stop()

    asyncio.run(scenario())


def test_what_a_process_left_is_delivered_by_the_next_and_so_is_what_others_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = Broker(down=True)
        first, second = [await Collector.start(broker, tmp_path) for _ in range(2)]
        await first.put(b"of the first")
        await second.put(b"of the second")
        assert (tmp_path / "spool-1/log").exists()
        for collector in (first, second):
            await collector.stop()
        broker.down = False
        again = await Collector.start(broker, tmp_path)
        again.run()
        await wait_until(lambda: len(broker.records) == 2, "both are with the broker")
        assert set(broker.values()) == {b"of the first", b"of the second"}
        await wait_until(lambda: not list(tmp_path.glob("spool-*/log")), "nothing is left")
        await again.stop()

    asyncio.run(scenario())


def test_a_start_without_the_broker(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = Broker(down=True)
        collector = await Collector.start(broker, tmp_path, away=True)
        collector.run()
        await collector.put(b"early")
        assert broker.offered == 0
        assert collector.intake.ready()
        broker.down = False
        await collector.delivered()
        assert broker.values() == [b"early"]
        await collector.stop()

    asyncio.run(scenario())


def test_a_full_spool_refuses_and_is_not_ready_before(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = Broker(down=True)
        collector = await Collector.start(broker, tmp_path, MB)
        collector.run()
        await collector.put(*(b"%d" % n + bytes(10_000) for n in range(80)))
        assert collector.intake.ready()
        taken = await collector.fill(10_000)
        assert 15 < len(taken) < 30
        assert not collector.intake.ready()
        broker.down = False
        await collector.delivered()
        assert collector.intake.ready()
        assert set(broker.values()) >= set(taken)
        assert len(broker.records) == 80 + len(taken)
        await collector.stop()

    asyncio.run(scenario())


@contextmanager
def full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65_536))
    yield
    filler.unlink()


def test_a_full_disk_refuses_and_what_was_taken_is_delivered_from_it_all_the_same(small_disk: Path) -> None:
    async def scenario() -> None:
        broker = Broker(down=True)
        collector = await Collector.start(broker, small_disk, 256 * MB)
        collector.run()
        taken = await collector.fill(60_000)
        assert 100 < len(taken) < 1_000  # of a disk with 64 MB
        with full(small_disk):
            assert not collector.intake.ready()
            with pytest.raises(Unavailable):
                await collector.put(b"refused")
            broker.down = False
            await collector.delivered()
            assert set(broker.values()) == set(taken)
        broker.down = True
        await collector.put(b"and again")
        await collector.stop()

    asyncio.run(scenario())


def test_records_that_the_broker_never_takes_hold_up_no_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = Broker(refused={b"record 1"})
        collector = await Collector.start(broker, tmp_path)
        collector.run()
        await collector.put(*numbered(400))
        others = {value for n, value in enumerate(numbered(400)) if n != 1}
        await wait_until(lambda: set(broker.values()) == others, "the others")
        assert collector.spool.waiting >= 1
        assert collector.spool.since > 0
        await collector.stop()

    asyncio.run(scenario())


def test_the_broker_has_half_of_the_time_for_others(tmp_path: Path) -> None:
    busy: list[tuple[float, float]] = []

    @dataclass
    class Slow(Broker):
        async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
            began = asyncio.get_running_loop().time()
            offset = await super().publish(topic, partition, key, value)
            if not self.down:
                await asyncio.sleep(0.01)
                busy.append((began, asyncio.get_running_loop().time()))
            return offset

    async def scenario() -> None:
        broker = Slow(down=True)
        collector = await Collector.start(broker, tmp_path)
        for value in numbered(400):
            await collector.intake.publish(HITS, 0, None, value)
        broker.down = False
        collector.run()
        await collector.delivered()
        await collector.stop()

    asyncio.run(scenario())
    passes = [list(busy[0])]
    for began, ended in sorted(busy):
        if began <= passes[-1][1]:
            passes[-1][1] = max(ended, passes[-1][1])
        else:
            passes.append([began, ended])
    assert len(passes) > 5
    spent = sum(ended - began for began, ended in passes[:-1])
    assert spent <= (passes[-1][0] - passes[0][0]) / 2


def test_before_the_end_it_waits_for_the_broker_but_not_for_one_that_is_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = Broker(down=True)
        collector = await Collector.start(broker, tmp_path)
        await collector.put(*numbered(200))
        await collector.intake.settle()
        assert collector.spool.waiting == 200
        broker.down = False
        collector.run()
        await wait_until(lambda: broker.records, "the broker is back")
        await collector.intake.settle()
        assert collector.spool.empty
        await collector.stop()
        with pytest.raises(Unavailable, match="stopping"):
            await collector.spool.put(HITS, 0, None, b"too late")

    asyncio.run(scenario())


def filled(data: Path, values: list[bytes]) -> Path:
    """A spool that a process has left with these values, as it is after kill -9; its log."""
    lived = data / "lived"

    async def scenario() -> None:
        collector = await Collector.start(Broker(down=True), lived, 64 * MB)
        for value in values:
            await collector.intake.publish(HITS, 0, None, value)
        shutil.copytree(lived / "spool-0", data / "spool-0", dirs_exist_ok=True)
        await collector.stop()

    asyncio.run(scenario())
    shutil.rmtree(lived)
    return data / "spool-0/log"


def read(data: Path) -> list[bytes]:
    """What the next process delivers of it."""
    broker = Broker()

    async def scenario() -> None:
        collector = await Collector.start(broker, data)
        collector.run()
        await collector.delivered()
        await collector.stop()

    asyncio.run(scenario())
    return broker.values()


@pytest.mark.parametrize("spoil", ["cut", "overwritten"])
def test_a_torn_end_costs_no_more_than_the_end(tmp_path: Path, spoil: str) -> None:
    values = numbered(20)
    wal = max(filled(tmp_path, values).glob("*.log"))
    whole = wal.read_bytes()
    wal.write_bytes(whole[:-5] if spoil == "cut" else whole[:-5] + b"\xff" * 5)
    assert read(tmp_path) == values[:-1]
    assert read(tmp_path) == []


def test_what_cannot_be_read_is_told_kept_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = damaged()
    log = filled(tmp_path, numbered(20))
    (log / "CURRENT").write_text("garbage\n")
    assert read(tmp_path) == []
    kept = [path for path in (tmp_path / "spool-0").iterdir() if path.name.startswith("damaged-")]
    assert (kept[0] / "CURRENT").exists()
    assert damaged() == before + 1
    assert [
        str(kept[0]) in record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL
    ][-1]
    filled(tmp_path, numbered(3))
    assert read(tmp_path) == numbered(3)


def test_past_a_damaged_part_the_rest_is_delivered(tmp_path: Path) -> None:
    before = damaged()
    values = [b"%d " % n + bytes(range(256)) * 40 for n in range(2_000)]
    log = filled(tmp_path, values)
    table = max(log.glob("*.sst"), key=lambda path: path.stat().st_size)
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 0xFF
    table.write_bytes(content)
    found = read(tmp_path)
    lost = set(values) - set(found)
    assert 0 < len(lost) < 100
    assert damaged() == before + len(lost)
    assert any(path.name.startswith("damaged-") for path in (tmp_path / "spool-0").iterdir())


def damaged() -> float:
    found = metrics.REGISTRY.get_sample_value("trackrev_spool_damaged_total")
    assert found is not None
    return found


def test_other_partitions_are_refused_and_what_others_left_with_them_is_let_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path, numbered(5))

    async def scenario() -> None:
        other = Spools(tmp_path, PARTITIONS + 1, MB, now_ms)
        with pytest.raises(TopicMismatch, match="has 4 partitions and is now declared with 5"):
            await other.own()
        async with contextlib.aclosing(other.left()) as left:
            assert [spool async for spool in left] == []

    asyncio.run(scenario())
    assert "cannot be delivered now: Topic 'pixel-hits' has 4 partitions" in caplog.text
    assert read(tmp_path) == numbered(5)
