"""Batches of records as Kafka keeps them, made ahead: fillers by the hundred thousand, and copies."""

from collections.abc import Iterable

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from trackrev_stream.eventlog.records import Headers

FILLER_KEY = b"trackrev-filler"  # compacted topics want a key
#: A batch of so many fillers is made once, compressed to some 20 KB and sent again and again.
MANY = 1 << 17
MOST_RECORDS = 10_000
MOST_BYTES = 1 << 20
_GZIP = 1
_OVERHEAD_BYTES = 64


class Batch:
    """Records that go to a partition together."""

    def __init__(self, compression: int = 0) -> None:
        self._builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 30)
        self.count = 0
        self._bytes = 0

    def add(self, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Put a record behind those that are there."""
        self._builder.append(self.count, timestamp, key, value, list(headers))
        self.count += 1
        size = sum(len(name) + len(content or b"") for name, content in headers)
        self._bytes += size + len(key or b"") + len(value or b"") + _OVERHEAD_BYTES

    def fill(self, timestamp: int, count: int) -> None:
        """Put records without a value behind those that are there."""
        for _ in range(count):
            self.add(timestamp, FILLER_KEY, None)

    @property
    def full(self) -> bool:
        """Whether it is time to send it."""
        return self.count >= MOST_RECORDS or self._bytes >= MOST_BYTES

    def built(self) -> bytes:
        """Its bytes; nothing can be added any more."""
        return bytes(self._builder.build())


class Fillers:
    """Batches of nothing but fillers, of one time."""

    def __init__(self) -> None:
        self._timestamp = 0
        self._made: dict[int, bytes] = {}

    def portions(self, timestamp: int, count: int) -> Iterable[tuple[bytes, int]]:
        """Batches of so many fillers together, with how many each has."""
        if timestamp != self._timestamp:
            self._timestamp, self._made = timestamp, {}
        while count:
            size = min(MANY, count)
            raw = self._made.get(size)
            if raw is None:
                batch = Batch(_GZIP)
                batch.fill(timestamp, size)
                raw = batch.built()
                if size == MANY:
                    self._made[size] = raw
            yield raw, size
            count -= size
