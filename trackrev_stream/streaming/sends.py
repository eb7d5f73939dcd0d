"""What Faust's producers send, in the order in which it is sent: a table's changelog before its outputs."""

import asyncio
from functools import partial
from typing import Any

from faust.types.tuples import FutureMessage, RecordMetadata


class SendsInOrder:
    """Mixed into a Faust producer, before it: every way of sending is one append, at once."""

    app: Any

    def append(  # noqa: PLR0917  # as `send`
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None = None,
        headers: Any = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Put a record behind all that were sent before; resolves once it is delivered."""
        raise NotImplementedError(f"{type(self).__name__} says how a record is appended")

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
        return self.append(topic, key, value, partition, timestamp, headers)

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
            topic, message.key, message.value, message.partition, message.timestamp, message.headers
        )
        delivered.add_done_callback(
            partial(message.channel._on_published, message=fut, producer=self, state=state)  # noqa: SLF001  # as Faust's threaded producer does
        )
