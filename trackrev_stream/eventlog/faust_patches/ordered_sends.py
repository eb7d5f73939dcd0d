"""What Faust's producers send, in the order in which it is sent: a table's changelog before its outputs."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from faust.types.tuples import FutureMessage, RecordMetadata

from trackrev_stream import clock


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record as Faust sends it: ``timestamp`` in seconds; no ``partition`` leaves it to the producer."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None
    timestamp: float | None = None
    headers: Any = None

    @property
    def timestamp_ms(self) -> int:
        """Its time in milliseconds since the epoch; now, if it has none."""
        return int(self.timestamp * 1000) if self.timestamp else clock.now_ms()

    @property
    def header_pairs(self) -> tuple[tuple[str, bytes], ...]:
        """Its headers, however they were given."""
        return tuple(self.headers.items() if isinstance(self.headers, Mapping) else self.headers or ())


class OrderedSends(ABC):
    """Mixed into a Faust producer, before it: every way of sending is one append, at once."""

    app: Any

    @abstractmethod
    def append(self, record: Outgoing) -> asyncio.Future[RecordMetadata]:
        """Put a record behind all that were sent before; resolves once it is delivered."""

    async def send(  # noqa: PLR0917  # Faust's signature
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Append; what is returned resolves once it is delivered."""
        assert transactional_id is None, "there are no transactions here"
        return self.append(Outgoing(topic, key, value, partition, timestamp, headers))

    async def send_and_wait(self, *args: Any, **kwargs: Any) -> RecordMetadata:
        """Append, and return once it is delivered."""
        return await (await self.send(*args, **kwargs))

    def send_soon(self, fut: FutureMessage) -> None:
        """Append at once.

        Mends transport/producer.py:84 and :99-117: a queue of its own, behind which a table's changelog could
        be overtaken by an output, missed by a flush, and which throttles every message above a hundred.
        """
        message = fut.message
        topic = message.channel.get_topic_name()
        state = self.app.sensors.on_send_initiated(
            self, topic, message=message, keysize=len(message.key or b""), valsize=len(message.value or b"")
        )
        delivered = self.append(
            Outgoing(topic, message.key, message.value, message.partition, message.timestamp, message.headers)
        )
        delivered.add_done_callback(
            partial(message.channel._on_published, message=fut, producer=self, state=state)  # noqa: SLF001  # as Faust's threaded producer does
        )
