"""What goes into the log, what comes out of it, and how it fails.

What there is one of for every record is a tuple: a frozen dataclass takes three times as long to make.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.errors import ForPeople

Headers: TypeAlias = tuple[tuple[str, bytes], ...]
TopicPartition: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as its owner declares it.

    `retention_ms` is the least time that a record is kept, by the record's own timestamp (None: for ever).
    `compact` keeps the last record of each key, whatever its age.
    """

    name: str
    partitions: int
    retention_ms: int | None = None
    compact: bool = False


class NewRecord(NamedTuple):
    """A record to be appended; `timestamp` in milliseconds since the epoch, value None is a tombstone."""

    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Record(NamedTuple):
    """A record as it was read back, with the offset that it got."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Append(NamedTuple):
    """Records for one partition, as a part of a larger write."""

    topic: str
    partition: int
    records: Sequence[NewRecord]


@dataclass(frozen=True, slots=True)
class Commit:
    """Offsets that a consumer group has finished: for each partition the next offset that it wants."""

    group: str
    offsets: Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class LogStats:
    """Counts since the log was opened; `pending_writes` is how many wait for the disk now."""

    records_appended: int
    bytes_appended: int
    groups_synced: int
    groups_failed: int
    pending_writes: int


class LogUnavailable(Unavailable):
    """The disk did not take a write; it may be retried, and works again once the disk does."""


class LogCorrupt(ForPeople):
    """Stored data is not what was written; nothing is skipped silently."""


class LogBusy(ForPeople):
    """Another process has the log's directory open."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The log in {path} is in use by another process. Only one can have it open: stop the other one "
            f"(`trackrev up` or a worker with the same data directory), or choose another directory."
        )


class TopicMismatch(Exception):
    """A topic exists with another number of partitions."""


class UnknownTopic(KeyError):
    """The topic or partition was never created."""

    def __init__(self, topic: str, partition: int) -> None:
        super().__init__(f"topic {topic!r} has no partition {partition}: create the topic before using it")


class OffsetOutOfRange(Exception):
    """The offset was removed by retention, or was never written."""

    def __init__(self, topic: str, partition: int, offset: int, start: int, high: int) -> None:
        super().__init__(f"offset {offset} of {topic}[{partition}] is outside of {start}..{high}")
        self.start_offset = start
        self.high_watermark = high
