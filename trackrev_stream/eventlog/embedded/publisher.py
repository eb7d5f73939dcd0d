"""The collectors' way into the embedded log."""

import asyncio
from collections.abc import Callable

from trackrev_stream import clock
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import NewRecord


class EmbeddedPublisher:
    """Publishes records one by one; those published at the same time share one write to the disk."""

    def __init__(self, log: Log, now_ms: Callable[[], int] = clock.now_ms) -> None:
        self._log = log
        self._now_ms = now_ms

    def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> asyncio.Future[int]:
        """The offset of the record, once it is durable. Raises Unavailable if the disk does not take it."""
        return self._log.append(topic, partition, [NewRecord(self._now_ms(), key, value)])
