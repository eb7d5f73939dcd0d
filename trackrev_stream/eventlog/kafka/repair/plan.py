"""What is known of a topic that is made anew, kept in the topic that saves its records."""

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

import msgspec

from trackrev_stream.eventlog.kafka.partitions import SAVED
from trackrev_stream.eventlog.kafka.temporary_configs import Config
from trackrev_stream.eventlog.kafka.topics import LARGEST_RECORD
from trackrev_stream.eventlog.records import TopicPartition

#: Nothing goes by its age, its size or its key meanwhile; a copy is larger than its record, by its headers.
_KEEPS_ALL = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",
}
_ROOM = 65_536


class Step(StrEnum):
    """How far the repair is."""

    SAVING = "saving"
    SAVED = "saved"
    REFILLING = "refilling"
    REFILLED = "refilled"


@dataclass(frozen=True, slots=True)
class Plan:
    """A topic with ``found`` partitions that shall have ``wanted``.

    ``starts`` and ``ends`` are its offsets by partition, ``committed`` what the group wants next, where it
    has committed anything. ``attempt`` counts how often it was made anew, because somebody wrote into it.
    """

    topic: str
    wanted: int
    found: int
    replicas: int
    config: Config
    step: Step = Step.SAVING
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    committed: dict[int, int] = field(default_factory=dict)
    attempt: int = 0

    @property
    def saved_in(self) -> str:
        """The topic that saves its records: a partition for each wanted one, then OTHERS, then the plan."""
        return self.topic + SAVED

    @property
    def others(self) -> int:
        """The partition there of records that need another partition."""
        return self.wanted

    @property
    def notes(self) -> int:
        """The partition there in which the plan is."""
        return self.wanted + 1

    @property
    def numbers(self) -> range:
        """The partitions that stay."""
        return range(self.wanted)

    @property
    def records(self) -> int:
        """How many there are at most."""
        return sum(end - start for start, end in zip(self.starts, self.ends, strict=True))

    @property
    def offsets(self) -> int:
        """How many offsets have to be filled, with records or without."""
        return sum(self.ends[: self.wanted])

    def goes_on(self) -> dict[TopicPartition, int]:
        """Where the group goes on."""
        return {(self.topic, number): at for number, at in self.committed.items() if number < self.wanted}

    def at(self, step: Step) -> "Plan":
        """The same, a step further."""
        return replace(self, step=step)

    def keeping_all(self) -> Config:
        """The configuration under which nothing goes."""
        largest = max(LARGEST_RECORD, int(self.config.get("max.message.bytes", 0))) + _ROOM
        return {**self.config, **_KEEPS_ALL, "max.message.bytes": str(largest)}


def encode_plan(plan: Plan) -> bytes:
    """The bytes of a plan."""
    return msgspec.json.encode(asdict(plan))


def decode_plan(raw: bytes) -> Plan:
    """The plan in these bytes."""
    return msgspec.json.decode(raw, type=Plan)
