"""In memory: which topics there are, how far each partition reaches, and what the groups have committed."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import rocksdict

from trackrev_stream.eventlog.embedded import blocks, keys
from trackrev_stream.eventlog.embedded.rocksdb import RocksDatabase
from trackrev_stream.eventlog.records import TopicMismatch, TopicPartition, TopicSpec, UnknownTopic


class _StoredTopic(msgspec.Struct):
    topic_id: int
    spec: TopicSpec


@dataclass(slots=True)
class PartitionBounds:
    """Records lie in [start, high); all of them are durable."""

    topic_id: int
    number: int
    start: int
    high: int

    def block_key(self, base: int) -> bytes:
        """The key of the block at `base`."""
        return keys.block(self.topic_id, self.number, base)

    @property
    def prefix(self) -> bytes:
        """What the keys of its blocks begin with."""
        return keys.block_prefix(self.topic_id, self.number)


class Catalog:
    """The log's description of itself; `load` reads it from the database, and again after a reopening."""

    def __init__(self, db: RocksDatabase) -> None:
        self._db = db
        self._topics: dict[str, _StoredTopic] = {}
        self._partitions: dict[TopicPartition, PartitionBounds] = {}
        self.committed: dict[tuple[str, str, int], int] = {}
        self.load()

    def load(self) -> None:
        """Read everything from the database. Raises LogCorrupt."""
        stored = [
            msgspec.json.decode(value, type=_StoredTopic)
            for _, value in self._db.scan(keys.TOPIC, keys.TOPIC)
        ]
        self._topics = {topic.spec.name: topic for topic in stored}
        for topic in stored:
            for number in range(topic.spec.partitions):
                self._partitions[topic.spec.name, number] = self._load_partition(topic.topic_id, number)
        names = {topic.topic_id: topic.spec.name for topic in stored}
        self.committed = {
            (group, names[topic_id], number): keys.parse_number(value)
            for key, value in self._db.scan(keys.COMMIT, keys.COMMIT)
            for group, topic_id, number in [keys.parse_commit(key)]
        }

    def _load_partition(self, topic_id: int, number: int) -> PartitionBounds:
        stored_start = self._db.get(keys.start(topic_id, number))
        start = keys.parse_number(stored_start) if stored_start else 0
        last = self._db.last(
            keys.block_prefix(topic_id, number), keys.block(topic_id, number, keys.LAST_OFFSET)
        )
        high = blocks.span(keys.base_of(last[0]), last[1]).end if last else 0
        return PartitionBounds(topic_id, number, start, max(start, high))

    def create(self, specs: Iterable[TopicSpec]) -> None:
        """Make the topics that do not exist, take over changed retention of those that do; durable on return.

        Raises TopicMismatch before anything is changed.
        """
        specs = list(specs)
        for spec in specs:
            known = self._topics.get(spec.name)
            if known is not None and known.spec.partitions != spec.partitions:
                raise TopicMismatch(
                    f"Topic {spec.name!r} has {known.spec.partitions} partitions and is now declared with "
                    f"{spec.partitions}. Keys would move between partitions: keep the number, or start with "
                    f"a new data directory and replay into it."
                )
        for spec in specs:
            self._put(spec)
        self._db.sync()

    def _put(self, spec: TopicSpec) -> None:
        known = self._topics.get(spec.name)
        if known is not None and known.spec == spec:
            return
        next_id = max((topic.topic_id for topic in self._topics.values()), default=0) + 1
        topic = _StoredTopic(known.topic_id if known else next_id, spec)
        batch = rocksdict.WriteBatch(raw_mode=True)
        batch.put(keys.topic(spec.name), msgspec.json.encode(topic))
        self._db.write(batch)
        self._topics[spec.name] = topic
        for number in range(spec.partitions):
            self._partitions.setdefault((spec.name, number), PartitionBounds(topic.topic_id, number, 0, 0))

    def topics(self) -> dict[str, TopicSpec]:
        """The topics by name."""
        return {name: topic.spec for name, topic in self._topics.items()}

    def highs(self) -> dict[TopicPartition, int]:
        """The high watermark of every partition."""
        return {tp: partition.high for tp, partition in self._partitions.items()}

    def partition(self, topic: str, number: int) -> PartitionBounds:
        """Raises UnknownTopic."""
        try:
            return self._partitions[topic, number]
        except KeyError:
            raise UnknownTopic(topic, number) from None
