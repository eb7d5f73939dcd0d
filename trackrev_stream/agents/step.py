"""What every agent shares: a record comes in, rows change, records go out.

An agent's logic is a plain function of its rows and one record, so it can be run by Faust, by a test, or by a
replay. Rows are written in the order of ``put``: the row that carries the position comes last, so that after
a crash in between the record is applied again and finds the same state (facts: at-least-once with holes).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from trackrev_stream.contracts.codec import Malformed, decode, encode
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import Topic
from trackrev_stream.domain.attribution.attribution_settings import SettingsTimeline
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass

T = TypeVar("T")


class RowUnreadable(Exception):
    """A row of a table is not what the agent wrote: damaged, or written by a newer program."""


@fast_dataclass(frozen=True, slots=True)
class InputRecord:
    """A record of a topic as an agent receives it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None

    @property
    def name(self) -> str:
        """What tells this record from all others an agent can receive."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@fast_dataclass(frozen=True, slots=True)
class Send:
    """A record to be sent; ``route`` decides its partition, ``key`` is what it is compacted by."""

    topic: Topic
    route: str
    key: str
    value: bytes


@fast_dataclass(frozen=True, slots=True)
class Reject:
    """A part of a record that cannot be processed: the ``index``-th hit of a frame, or the whole (0)."""

    index: int
    payload: bytes
    reason: Malformed


@dataclass(slots=True)
class Rows:
    """The rows an agent sees while it applies the record ``applying``; ``read`` gives those standing.

    ``rules`` are the settings that are known meanwhile.
    """

    read: Callable[[bytes], bytes | None]
    applying: str
    rules: SettingsTimeline = field(default_factory=SettingsTimeline)
    puts: dict[str, bytes] = field(default_factory=dict)

    def get(self, kind: type[T], key: str) -> T | None:
        """The row called ``key``, or None.

        Raises RowUnreadable: it is not the record's fault, so the record must not become a dead letter.
        """
        raw = self.puts.get(key) or self.read(key.encode())
        if raw is None:
            return None
        try:
            return decode(kind, raw)
        except Malformed as error:
            raise RowUnreadable(f"the row {key!r} cannot be read: {error}") from error

    def put(self, key: str, row: object) -> None:
        """Write a row; written again, it moves to the end of the order."""
        self.puts.pop(key, None)
        self.puts[key] = encode(row)


@dataclass(slots=True)
class StepResult:
    """What applying one record came to, beside the rows.

    ``parts`` is how many there are that can be rejected each for itself; the guard makes ``letters`` of the
    ``rejects``.
    """

    sends: list[Send] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    parts: int = 1

    def send(self, topic: Topic, record: object, *, route: str, key: str) -> None:
        """Add a record to be sent."""
        self.sends.append(Send(topic, route, key, encode(record)))


Step = Callable[[Rows, InputRecord], StepResult]


def is_repeat(positions: dict[str, int], record: InputRecord) -> bool:
    """Whether a row has this record already; else the row is marked as having it now.

    All records of a row's key come from one partition of each topic, so the topic names the position.
    """
    if positions.get(record.topic, -1) >= record.offset:
        return True
    positions[record.topic] = record.offset
    return False
