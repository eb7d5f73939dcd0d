"""What our code needs of a Faust app as we patch it. Faust has no types, so these stand in for them.

Both logs give an app that fits: their transports mix in CommitBarriers, their producers SendsInOrder, and the
settings of `runtime` name the table and the table manager.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

from faust.types.tuples import RecordMetadata

from trackrev_stream.eventlog.faust_patches.ordered_sends import Outgoing


class Message(Protocol):
    """A record as an agent is given it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Event(Protocol):
    """One delivery; it counts as done when the agent asks for the next one."""

    message: Message


class EventStream(Protocol):
    """What an agent reads."""

    def events(self) -> AsyncIterator[Event]:
        """The deliveries, in the order of their partition."""
        ...


class AgentProducer(Protocol):
    """Sends in the order in which it is asked: see SendsInOrder."""

    def append(self, record: Outgoing) -> asyncio.Future[RecordMetadata]:
        """Put a record behind all that were sent before; resolves once it is delivered."""
        ...

    async def flush(self) -> None:
        """Return once all that was sent is delivered."""
        ...


class AgentTransport(Protocol):
    """Commits behind barriers: see CommitBarriers."""

    commit_barriers: list[Callable[[], Awaitable[None]]]
    on_fatal: list[Callable[[BaseException], None]]
    failure: BaseException | None

    def fail(self, reason: BaseException) -> None:
        """Nothing is committed from now on, the app stops, and the owner is told."""
        ...


class AgentTable(Protocol):
    """Rows of bytes: see RowTable."""

    def row(self, partition: int, key: bytes) -> bytes | None:
        """The row of a key."""
        ...

    def write(self, partition: int, rows: Mapping[bytes, bytes]) -> None:
        """Write rows, all or none, and send them to the changelog in their order."""
        ...


class Channel(Protocol):
    """What an agent is bound to; Faust alone looks inside."""


class AgentApp(Protocol):
    """A Faust app over one of our logs."""

    producer: AgentProducer
    transport: AgentTransport

    def agent(
        self, channel: Channel, *, name: str, concurrency: int
    ) -> Callable[[Callable[[EventStream], Awaitable[None]]], object]:
        """Run a function over what comes by ``channel``."""
        ...

    def topic(
        self,
        *topics: str,
        key_type: type[bytes],
        value_type: type[bytes],
        key_serializer: str,
        value_serializer: str,
        partitions: int,
    ) -> Channel:
        """Some topics as one channel of raw bytes."""
        ...

    async def crash(self, reason: BaseException) -> None:
        """Stop for this reason."""
        ...
