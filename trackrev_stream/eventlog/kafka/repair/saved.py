"""The copies of a topic's records, in the order of their offsets, each with where it stood."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from trackrev_stream.eventlog.kafka.reader import Reader
from trackrev_stream.eventlog.kafka.repair.batches import FILLER_KEY
from trackrev_stream.eventlog.kafka.repair.plan import Plan
from trackrev_stream.eventlog.records import Headers

AT = "trackrev-at"
"""The header that says where a copy stood: PARTITION@OFFSET, of an attempt that was disturbed N/PARTITION."""


class Saved(NamedTuple):
    """A record, and where it stood."""

    origin: str
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def marked(self) -> Headers:
        """Its headers with where it stood."""
        return (*self.headers, (AT, f"{self.origin}@{self.offset}".encode()))

    @property
    def content(self) -> tuple[int, bytes | None, bytes | None, Headers]:
        """All of it but its place."""
        return self.timestamp, self.key, self.value, self.headers


def of_topic(origin: str, record: Any) -> Saved:
    """A record of the topic itself, as aiokafka has it."""
    headers = tuple(record.headers)
    return Saved(origin, record.offset, record.timestamp, record.key, record.value, headers)


def of_copy(record: Any) -> Saved:
    """A copy, as aiokafka has it."""
    *headers, (_, said) = record.headers
    origin, _, offset = said.decode().rpartition("@")
    return Saved(origin, int(offset), record.timestamp, record.key, record.value, tuple(headers))


def is_filler(record: Saved) -> bool:
    """Whether it only stands for an offset that no record has."""
    return record.value is None and record.key == FILLER_KEY and not record.headers


async def copies(
    reader: Reader, plan: Plan, partition: int, origin: str | None = None
) -> AsyncIterator[Saved]:
    """The copies of a partition of the saving topic, or those of them that have one origin, each once.

    A request that was given up may have arrived after what was sent in its place, so some may be there twice.
    """
    seen: dict[str, int] = {}
    async for record in reader.read(plan.saved_in, partition):
        one = of_copy(record)
        if origin in (None, one.origin) and one.offset > seen.get(one.origin, -1):
            seen[one.origin] = one.offset
            yield one


async def how_far(reader: Reader, plan: Plan, number: int) -> int:
    """The next offset of a partition that is not saved yet."""
    if number >= plan.wanted:
        last = -1
        async for one in copies(reader, plan, plan.others, str(number)):
            last = one.offset
        return last + 1
    async for record in reader.read(plan.saved_in, number, newest=1):
        return of_copy(record).offset + 1
    return 0
