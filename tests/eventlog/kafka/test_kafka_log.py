"""The contract on a real Kafka: what this program expects of a log holds there too.

Two clauses are Kafka's own: it counts a tombstone's grace from its first cleaning and not from the record's
time, and it refuses a record without a key in a compacted topic, which the embedded log keeps.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError

from ops.kafka.broker import Broker
from tests.eventlog.kafka.port import KafkaPort
from tests.log_contract.log_suite import HOUR_MS, T0, LogSuite, some
from tests.log_contract.port import LogPort, read_all, scenario
from trackrev_stream.eventlog.records import NewRecord, TopicSpec


class TestKafkaLog(LogSuite):
    _broker: Broker

    @pytest.fixture(autouse=True)
    def _on(self, broker: Broker) -> None:
        self._broker = broker

    @asynccontextmanager
    async def open_port(self, directory: Path) -> AsyncIterator[LogPort]:
        port = KafkaPort(self._broker)
        try:
            yield port
        finally:
            await port.close()

    @scenario
    async def test_compaction_drops_tombstones_after_their_grace(self, log: LogPort) -> None:
        for topic, grace_ms in (("states", HOUR_MS), ("states-2", 0)):
            await log.create(TopicSpec(topic, 1, compact=True))
            await log.append(topic, 0, [NewRecord(T0, b"gone", b"x"), NewRecord(T0, b"gone", None)])
            for n in range(1, 6):
                await log.append(topic, 0, some(50, at=T0 + n * HOUR_MS))
            await log.compact(topic, 0, T0, grace_ms)
        assert await self.gone(log, "states") == [None]
        n = 6
        while await self.gone(log, "states-2"):  # the first cleaning begins the grace, a later one ends it
            await log.append("states-2", 0, some(50, at=T0 + n * HOUR_MS))
            n += 1

    async def gone(self, log: LogPort, topic: str) -> list[bytes | None]:
        return [record.value for record in await read_all(log, topic, 0) if record.key == b"gone"]

    @scenario
    async def test_compaction_leaves_records_without_a_key(self, log: LogPort) -> None:
        await log.create(TopicSpec("states", 1, compact=True))
        with pytest.raises(KafkaError):
            await log.append("states", 0, [NewRecord(T0, None, b"no key")])
