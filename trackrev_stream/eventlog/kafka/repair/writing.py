"""Writes records to a partition one after the other, in batches, each record to a known offset."""

from aiokafka import TopicPartition

from trackrev_stream.eventlog.kafka.repair.appender import Appender, SomebodyWrites
from trackrev_stream.eventlog.kafka.repair.batches import Batch, Fillers
from trackrev_stream.eventlog.kafka.repair.progress import Progress
from trackrev_stream.eventlog.records import Headers

_FEW = 4_096  # so many fillers go with the records around them


class Writing:
    """Writes to ``place``, whose end is at ``at`` now."""

    def __init__(self, appender: Appender, place: TopicPartition, at: int, progress: Progress) -> None:
        self._appender = appender
        self._place = place
        self._sent = at
        self._progress = progress
        self._batch = Batch()
        self._fillers = Fillers()

    @property
    def at(self) -> int:
        """The offset of the next record."""
        return self._sent + self._batch.count

    async def put(
        self, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        """Write a record. Raises SomebodyWrites."""
        self._batch.add(timestamp, key, value, headers)
        if self._batch.full:
            await self.flush()

    async def fill(self, timestamp: int, until: int) -> None:
        """Write records without a value up to this offset. Raises SomebodyWrites."""
        missing = until - self.at
        if missing <= _FEW:
            self._batch.fill(timestamp, missing)
            return
        await self.flush()
        for raw, count in self._fillers.portions(timestamp, missing):
            await self._send(raw, count)

    async def flush(self) -> None:
        """Return once all is written. Raises SomebodyWrites."""
        batch, self._batch = self._batch, Batch()
        if batch.count:
            await self._send(batch.built(), batch.count)

    async def _send(self, raw: bytes, count: int) -> None:
        await self._appender.append(self._place, raw, count, self._sent)
        self._sent += count
        self._progress.add(count)


class Copying(Writing):
    """The same, to a topic where records may stand at any offset, and some of them twice."""

    async def _send(self, raw: bytes, count: int) -> None:
        while True:
            try:
                await super()._send(raw, count)
            except SomebodyWrites:
                # A request that was given up has arrived after all.
                self._sent = await self._appender.end(self._place)
            else:
                return
