"""All steps of a repair, in their order; see the package."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code

from trackrev_stream.clock import Clock
from trackrev_stream.errors import ForPeople
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.partitions import RUNBOOK, SAVED, Partitions
from trackrev_stream.eventlog.kafka.reader import Reader, reading
from trackrev_stream.eventlog.kafka.repair.alone import alone
from trackrev_stream.eventlog.kafka.repair.appender import Appender, SomebodyWrites, appending
from trackrev_stream.eventlog.kafka.repair.batches import Batch
from trackrev_stream.eventlog.kafka.repair.plan import Plan, Step, decode_plan, encode_plan
from trackrev_stream.eventlog.kafka.repair.progress import Progress
from trackrev_stream.eventlog.kafka.repair.refilling import Disturbed, Refilling
from trackrev_stream.eventlog.kafka.repair.saving import Saving
from trackrev_stream.eventlog.kafka.temporary_configs import config_of, set_configs

#: So long nothing is touched, for whoever publishes to hear of the repair and to see his last records
#: through: twice `topics_watch.LOOK_S`, and the time that a record may take.
QUIET_S = 16.0
_MOST_ATTEMPTS = 5
_PATIENCE_S = 60.0
_LOOK_AGAIN_S = 0.1


class RepairRefused(ForPeople):
    """It cannot be begun, or not gone on with; nothing is lost, and the message says what to do."""


@dataclass(frozen=True, slots=True)
class _Tools:
    """What the steps work with."""

    client: AIOKafkaAdminClient
    reader: Reader
    other: Reader
    appender: Appender


@dataclass(frozen=True, slots=True)
class Repair:
    """Makes the topics of a group that have more than ``wanted`` partitions as they were."""

    cluster: Cluster
    group: str
    wanted: int
    clock: Clock
    say: Callable[[str], None]

    async def look(self) -> Partitions:
        """What there is to be repaired. Raises ClusterUnavailable."""
        async with topics.admin(self.cluster) as client:
            return await topics.partitions(client, self.wanted, self.group)

    async def run(self) -> list[str]:
        """Repair all of them, or go on with it; their names. Raises ForPeople; it may be run again."""
        found = await self.look()
        if found.short:
            raise RepairRefused(replace(found, repairs=frozenset()).trouble())
        names = sorted({*found.grown, *found.repairs})
        if not names:
            return []
        await self._nobody_at_work()
        stays = min(set(found.counts) - set(names), default=names[0])
        try:
            async with alone(self.cluster, self.group, stays), self._tools() as tools:
                await self._announce(tools, sorted(set(found.grown) - found.repairs))
                if Step.SAVING in [(await self._planned(tools, name)).step for name in names]:
                    self.say(f"waiting {QUIET_S:.0f} s, until collectors keep what comes on their disks")
                    await asyncio.sleep(QUIET_S)
                for name in names:
                    await self._one(tools, name)
        except (KafkaError, OSError, TimeoutError, SomebodyWrites) as error:
            raise ClusterUnavailable(
                f"the repair broke off, and loses nothing: {error!r}. Run it again, it goes on"
            ) from error
        return names

    @asynccontextmanager
    async def _tools(self) -> AsyncIterator[_Tools]:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(topics.admin(self.cluster))
            reader = await stack.enter_async_context(reading(self.cluster))
            other = await stack.enter_async_context(reading(self.cluster))
            appender = await stack.enter_async_context(appending(self.cluster))
            yield _Tools(client, reader, other, appender)

    async def _nobody_at_work(self) -> None:
        if number := await topics.members(self.cluster, self.group):
            raise RepairRefused(
                f"{number} worker(s) are at work: stop all of them (`trackrev worker`, `trackrev up`), and "
                "start them again when this is done. Collectors, poller and API may stay up; charges wait"
            )

    async def _announce(self, tools: _Tools, names: list[str]) -> None:
        """Let everybody hear of it."""
        for name in names:
            await self._refuse_rows(tools, name)
        for name in names:
            known = (await topics.known_topics(tools.client, [name]))[name]["partitions"]
            config = await config_of(tools.client, name)
            plan = Plan(name, self.wanted, len(known), len(known[0]["replicas"]), config)
            await self._create(tools, plan.saved_in, plan.notes + 1, plan)
            await self._note(tools, plan)

    async def _refuse_rows(self, tools: _Tools, name: str) -> None:
        """Raises RepairRefused where an agent has worked with so many partitions."""
        if not name.endswith("-changelog"):
            return
        count = (await self.look()).counts[name]
        ends = [await tools.reader.end(TopicPartition(name, n)) for n in range(self.wanted, count)]
        if any(ends):
            raise RepairRefused(
                f"{name} holds rows in the partitions from {self.wanted} on: workers have run with "
                f"{count} partitions. If all topics were made so, set TRACKREV_PARTITIONS={count} ({RUNBOOK})"
            )

    async def _one(self, tools: _Tools, name: str) -> None:
        plan = await self._planned(tools, name)
        saving = Saving(tools.reader, tools.other, tools.appender, Progress(self.say))
        while plan.step in {Step.SAVING, Step.SAVED}:
            count = await self._count(tools, name)
            if count > plan.found:  # it has grown once more
                plan = replace(plan, found=count, step=Step.SAVING)
            if plan.step is Step.SAVING:
                if count != plan.found:
                    raise RepairRefused(
                        f"{name} has {count} partitions now, where a repair began with {plan.found}; "
                        f"what is saved of it is in {plan.saved_in} ({RUNBOOK})"
                    )
                done = await topics.committed(self.cluster, self.group)
                stands = {number: at for (topic, number), at in done.items() if topic == name}
                plan = replace(await saving.run(plan), committed=stands, step=Step.SAVED)
            elif count == plan.found and await saving.ends(plan) != plan.ends:
                plan = plan.at(Step.SAVING)
            else:
                if count == plan.found:
                    await self._nobody_at_work()
                    await self._delete(tools, name)
                plan = plan.at(Step.REFILLING)
            await self._note(tools, plan)
        if plan.step is Step.REFILLING:
            plan = (await self._refilled(tools, plan)).at(Step.REFILLED)
            await self._note(tools, plan)
        await self._finish(tools, plan)

    async def _planned(self, tools: _Tools, name: str) -> Plan:
        """What was noted last, or the plan of a repair that was broken off before it was."""
        notes = await self._count(tools, name + SAVED) - 1
        async for record in tools.reader.read(name + SAVED, notes, newest=1):
            return decode_plan(record.value)
        there = (await topics.known_topics(tools.client, [name]))[name]["partitions"]
        config = await config_of(tools.client, name)
        return Plan(name, self.wanted, len(there), len(there[0]["replicas"]), config)

    async def _refilled(self, tools: _Tools, plan: Plan) -> Plan:
        refilling = Refilling(tools.reader, tools.other, tools.appender, Progress(self.say), self.clock)
        for _ in range(_MOST_ATTEMPTS):
            await self._create(tools, plan.topic, plan.wanted, plan)
            try:
                await refilling.run(plan)
            except Disturbed as disturbed:
                self.say(f"{plan.topic}: somebody else writes to it; that is kept, and it begins again")
                await refilling.keep(plan, disturbed.strangers)
                await self._delete(tools, plan.topic)
                plan = replace(plan, attempt=plan.attempt + 1)
                await self._note(tools, plan)
            except SomebodyWrites:
                continue
            else:
                return plan
        raise RepairRefused(
            f"somebody writes to {plan.topic} again and again, and does not hear of the repair: stop it "
            "(collectors of an older version, other programs), then run the repair again"
        )

    async def _finish(self, tools: _Tools, plan: Plan) -> None:
        before: dict[TopicPartition, Any] = {}
        for number in plan.numbers:
            place = TopicPartition(plan.topic, number)
            if await tools.reader.start(place) < plan.starts[number]:
                before[place] = RecordsToDelete(before_offset=plan.starts[number])
        if before:
            await tools.client.delete_records(before)
        await set_configs(tools.client, {plan.topic: plan.config})
        if wanted := plan.goes_on():
            await self._commit(wanted)
        await self._delete(tools, plan.saved_in)
        self.say(f"{plan.topic} has {plan.wanted} partitions again, and all that it had")

    async def _commit(self, wanted: dict[tuple[str, int], int]) -> None:
        """Let the group go on where it was: brokers forget it with the topic, some time after."""
        places = {TopicPartition(*place): at for place, at in wanted.items()}
        consumer = AIOKafkaConsumer(**self.cluster.options, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign(list(places))
            async with asyncio.timeout(_PATIENCE_S):
                while not wanted.items() <= (await topics.committed(self.cluster, self.group)).items():
                    await consumer.commit(places)
        finally:
            await consumer.stop()

    async def _note(self, tools: _Tools, plan: Plan) -> None:
        place = TopicPartition(plan.saved_in, plan.notes)
        batch = Batch()
        batch.add(self.clock(), None, encode_plan(plan))
        await tools.appender.append(place, batch.built(), 1, await tools.reader.end(place))

    async def _count(self, tools: _Tools, name: str) -> int:
        """How many partitions a topic has; 0 where it is not there."""
        known = await topics.known_topics(tools.client)
        return len(known[name]["partitions"]) if name in known else 0

    async def _create(self, tools: _Tools, name: str, partitions: int, plan: Plan) -> None:
        """Have a topic that keeps all, with so many partitions; it may be there already."""
        config = plan.keeping_all()
        async with asyncio.timeout(_PATIENCE_S):
            while await self._count(tools, name) != partitions:
                spec = topics.KafkaTopicSpec(name, partitions, config)
                await topics.create(tools.client, [spec], plan.replicas)
                await asyncio.sleep(_LOOK_AGAIN_S)
            await topics.known_topics(tools.client, [name])
        await set_configs(tools.client, {name: config})

    async def _delete(self, tools: _Tools, name: str) -> None:
        """Delete a topic, and return once no broker knows it."""
        response = await tools.client.delete_topics([name])
        for _, code, *_ in response.topic_error_codes:
            if code not in (0, UnknownTopicOrPartitionError.errno):
                raise for_code(code)(f"{name} cannot be deleted")
        async with asyncio.timeout(_PATIENCE_S):
            while await self._count(tools, name):  # noqa: ASYNC110 - a broker does not tell
                await asyncio.sleep(_LOOK_AGAIN_S)
