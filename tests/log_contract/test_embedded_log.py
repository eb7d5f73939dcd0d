"""The contract on the embedded log."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.log_contract.log_suite import LogSuite
from tests.log_contract.port import LogPort
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import NewRecord, Record, TopicPartition, TopicSpec


class EmbeddedPort:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.log = Log.open(directory)

    async def create(self, *specs: TopicSpec) -> None:
        self.log.create_topics(specs)

    def append(self, topic: str, partition: int, records: Sequence[NewRecord]) -> Awaitable[int]:
        return self.log.append(topic, partition, records)

    async def fetch(
        self, topic: str, partition: int, offset: int, max_records: int = 500, max_bytes: int = 1 << 20
    ) -> list[Record]:
        return self.log.fetch(topic, partition, offset, max_records, max_bytes)

    async def start_offset(self, topic: str, partition: int) -> int:
        return self.log.start_offset(topic, partition)

    async def high_watermark(self, topic: str, partition: int) -> int:
        return self.log.high_watermark(topic, partition)

    async def wait_for_data(self, positions: Mapping[TopicPartition, int]) -> None:
        await self.log.wait_for_data(positions)

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        await self.log.commit(group, offsets)

    async def committed(self, group: str, topic: str, partition: int) -> int | None:
        return self.log.committed(group, topic, partition)

    async def enforce_retention(self, now_ms: int) -> None:
        await self.log.enforce_retention(now_ms)

    async def compact(self, topic: str, partition: int, now_ms: int, grace_ms: int) -> None:
        await self.log.compact(topic, partition, now_ms, grace_ms)

    async def restart(self) -> None:
        await self.log.close()
        self.log = Log.open(self._directory)


class TestEmbeddedLog(LogSuite):
    @asynccontextmanager
    async def open_port(self, directory: Path) -> AsyncIterator[LogPort]:
        port = EmbeddedPort(directory / "log")
        try:
            yield port
        finally:
            await port.log.close()
