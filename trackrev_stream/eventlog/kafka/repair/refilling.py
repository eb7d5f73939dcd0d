"""The third step: each record goes back to its offset in the topic that was made anew."""

from dataclasses import dataclass

from aiokafka import TopicPartition

from trackrev_stream.clock import Clock
from trackrev_stream.eventlog.kafka.reader import Reader
from trackrev_stream.eventlog.kafka.repair.appender import Appender, SomebodyWrites
from trackrev_stream.eventlog.kafka.repair.plan import Plan
from trackrev_stream.eventlog.kafka.repair.progress import Progress
from trackrev_stream.eventlog.kafka.repair.routes import portions
from trackrev_stream.eventlog.kafka.repair.saved import AT, Saved, copies, is_filler, of_topic
from trackrev_stream.eventlog.kafka.repair.writing import Copying, Writing


class Disturbed(Exception):
    """Somebody else wrote into the topic before it was filled: these records are not ours."""

    def __init__(self, strangers: list[Saved]) -> None:
        super().__init__(f"{len(strangers)} records of somebody else")
        self.strangers = strangers


@dataclass(frozen=True, slots=True)
class Refilling:
    """Reads copies with one reader, and the topic with another."""

    reader: Reader
    other: Reader
    appender: Appender
    progress: Progress
    clock: Clock

    async def run(self, plan: Plan) -> None:
        """Return once all is where it was, and compared. Raises Disturbed."""
        await self._check(plan, [0] * plan.wanted)  # of an attempt that was broken off
        self.progress.begin(f"{plan.topic}: offsets to fill", plan.offsets)
        try:
            for number in plan.numbers:
                await self._fill(plan, number)
        except SomebodyWrites:
            await self._check(plan, [0] * plan.wanted)
            raise
        self.progress.begin(f"{plan.topic}: records to compare again", plan.records)
        await self._check(plan, plan.starts, whole=True)
        await self._append_others(plan)

    async def keep(self, plan: Plan, strangers: list[Saved]) -> None:
        """Save what somebody else has written."""
        place = TopicPartition(plan.saved_in, plan.others)
        writing = Copying(self.appender, place, await self.reader.end(place), self.progress)
        for one in strangers:
            await writing.put(one.timestamp, one.key, one.value, one.marked)
        await writing.flush()

    async def _fill(self, plan: Plan, number: int) -> None:
        place = TopicPartition(plan.topic, number)
        writing = Writing(self.appender, place, first := await self.other.end(place), self.progress)
        stamp: int | None = None
        async for one in copies(self.reader, plan, number):
            if one.offset >= first:
                await writing.fill(one.timestamp if stamp is None else stamp, one.offset)
                await writing.put(one.timestamp, one.key, one.value, one.headers)
            stamp = one.timestamp
        if writing.at < plan.ends[number]:
            await writing.fill(self.clock() if stamp is None else stamp, plan.ends[number])
        await writing.flush()

    async def _check(self, plan: Plan, firsts: list[int], *, whole: bool = False) -> None:
        """See that what is there, from these offsets on, is what shall be. Raises Disturbed."""
        strangers: list[Saved] = []
        right = True
        for number in plan.numbers:
            right &= await self._is_right(plan, number, firsts[number], strangers, whole=whole)
        if strangers or not right:
            raise Disturbed(strangers)

    async def _is_right(
        self, plan: Plan, number: int, first: int, strangers: list[Saved], *, whole: bool
    ) -> bool:
        """Whether a partition has what it shall have; what is not ours joins the ``strangers``.

        After a record of somebody else ours go on an offset later, and are ours all the same.
        """
        place = TopicPartition(plan.topic, number)
        start, end = max(first, await self.other.start(place)), await self.other.end(place)
        wanted, expected = copies(self.reader, plan, number), start
        copy = await anext(wanted, None)
        async for record in self.other.read(plan.topic, number, start):
            if record.offset >= plan.ends[number]:
                break
            one = of_topic(f"{plan.attempt}/{number}", record)
            while copy is not None and copy.offset < expected:
                copy = await anext(wanted, None)
            here = copy is not None and copy.offset == expected
            if (copy is not None and here and copy.content == one.content) or (not here and is_filler(one)):
                expected += 1
            elif not is_filler(one):
                strangers.append(one)
            self.progress.add(1)
        return expected == (plan.ends[number] if whole else min(end, plan.ends[number]))

    async def _append_others(self, plan: Plan) -> None:
        """Append the records of the partitions that are too many to those where they belong, each once."""
        there = {number: await self._appended(plan, number) for number in plan.numbers}
        async for one in copies(self.reader, plan, plan.others):
            said = one.marked[-1]
            for number, value in portions(plan.topic, one.key, one.value, plan.wanted):
                if said not in there[number]:
                    place = TopicPartition(plan.topic, number)
                    writing = Writing(self.appender, place, await self.other.end(place), self.progress)
                    await writing.put(one.timestamp, one.key, value, one.marked)
                    await writing.flush()

    async def _appended(self, plan: Plan, number: int) -> set[tuple[str, bytes]]:
        """Which of them are there already."""
        found: set[tuple[str, bytes]] = set()
        async for record in self.other.read(plan.topic, number, plan.ends[number]):
            found |= {(name, value) for name, value in record.headers if name == AT}
        return found
