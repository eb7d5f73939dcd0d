"""What every log promises, as the contract suite sees it, and how a scenario is run on one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from trackrev_stream.eventlog.records import NewRecord, Record, TopicPartition, TopicSpec


class LogPort(Protocol):
    """A log with one consumer-side view; errors are those of `trackrev_stream.eventlog.records`."""

    async def create(self, *specs: TopicSpec) -> None: ...

    def append(self, topic: str, partition: int, records: Sequence[NewRecord]) -> Awaitable[int]:
        """Called in the order wanted; the awaitable has the first offset once durable."""

    async def fetch(
        self, topic: str, partition: int, offset: int, max_records: int = 500, max_bytes: int = 1 << 20
    ) -> list[Record]: ...

    async def start_offset(self, topic: str, partition: int) -> int: ...

    async def high_watermark(self, topic: str, partition: int) -> int: ...

    async def wait_for_data(self, positions: Mapping[TopicPartition, int]) -> None: ...

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None: ...

    async def committed(self, group: str, topic: str, partition: int) -> int | None: ...

    async def enforce_retention(self, now_ms: int) -> None: ...

    async def compact(self, topic: str, partition: int, now_ms: int, grace_ms: int) -> None: ...

    async def restart(self) -> None:
        """Stop and start again what holds the data."""


class Suite(Protocol):
    def open_port(self, directory: Path) -> AbstractAsyncContextManager[LogPort]: ...


def scenario(test: Callable[[Any, LogPort], Awaitable[None]]) -> Callable[[Suite, Path], None]:
    """Make a test of a coroutine that wants a log."""

    def run(self: Suite, tmp_path: Path) -> None:
        async def main() -> None:
            async with self.open_port(tmp_path) as port:
                await test(self, port)

        asyncio.run(main())

    return run


async def read_all(port: LogPort, topic: str, partition: int, step: int = 500) -> list[Record]:
    """Everything from the start offset on, fetched `step` records at a time."""
    offset, found = await port.start_offset(topic, partition), []
    while records := await port.fetch(topic, partition, offset, step):
        found += records
        offset = records[-1].offset + 1
    return found
