"""The first step: all records of a topic are copied to one of its own, and compared with that."""

from dataclasses import dataclass, replace

from aiokafka import TopicPartition

from trackrev_stream.errors import ForPeople
from trackrev_stream.eventlog.kafka.reader import Reader
from trackrev_stream.eventlog.kafka.repair.appender import Appender
from trackrev_stream.eventlog.kafka.repair.plan import Plan
from trackrev_stream.eventlog.kafka.repair.progress import Progress
from trackrev_stream.eventlog.kafka.repair.saved import copies, how_far, of_topic
from trackrev_stream.eventlog.kafka.repair.writing import Copying


class NotAsSaved(ForPeople):
    """A copy is not what its record is; nothing was deleted."""


@dataclass(frozen=True, slots=True)
class Saving:
    """Copies with one reader, and compares with another."""

    reader: Reader
    other: Reader
    appender: Appender
    progress: Progress

    async def run(self, plan: Plan) -> Plan:
        """The plan with the offsets of the topic, once all up to there is saved. Raises NotAsSaved."""
        while True:
            starts = [await self.reader.start(place) for place in _places(plan)]
            plan = replace(plan, starts=starts, ends=await self.ends(plan))
            self.progress.begin(f"{plan.topic}: records to save", plan.records)
            for number in range(plan.found):
                await self._save(plan, number)
            if await self.ends(plan) == plan.ends:
                break
        self.progress.begin(f"{plan.topic}: records to compare", plan.records)
        for number in range(plan.found):
            await self._compare(plan, number)
        return plan

    async def ends(self, plan: Plan) -> list[int]:
        """Where the partitions of the topic end now."""
        return [await self.reader.end(place) for place in _places(plan)]

    async def _save(self, plan: Plan, number: int) -> None:
        copied_to = TopicPartition(plan.saved_in, min(number, plan.others))
        first = await how_far(self.reader, plan, number)
        writing = Copying(self.appender, copied_to, await self.reader.end(copied_to), self.progress)
        async for record in self.reader.read(plan.topic, number, first):
            one = of_topic(str(number), record)
            await writing.put(one.timestamp, one.key, one.value, one.marked)
        await writing.flush()

    async def _compare(self, plan: Plan, number: int) -> None:
        """What compaction removes meanwhile is saved all the same, and does no harm."""
        saved = copies(self.other, plan, min(number, plan.others), str(number))
        async for record in self.reader.read(plan.topic, number):
            one = of_topic(str(number), record)
            copy = await anext(saved, None)
            while copy is not None and copy.offset < one.offset:
                copy = await anext(saved, None)
            if copy != one:
                raise NotAsSaved(
                    f"the copy of {plan.topic}/{number}@{one.offset} in {plan.saved_in} is not as the "
                    "record; nothing was deleted. Remove that topic, and try again"
                )
            self.progress.add(1)


def _places(plan: Plan) -> list[TopicPartition]:
    return [TopicPartition(plan.topic, number) for number in range(plan.found)]
