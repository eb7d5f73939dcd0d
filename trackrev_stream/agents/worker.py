"""The agents on Faust: each reads its inputs as one stream, writes its rows, and sends what comes of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import tables
from trackrev_stream import metrics
from trackrev_stream.agents.attribute.agent import attribute
from trackrev_stream.agents.attribution_settings import SettingsSource
from trackrev_stream.agents.bill import bill
from trackrev_stream.agents.gather import gather
from trackrev_stream.agents.guard import Guard
from trackrev_stream.agents.step import InputRecord, Rows, Step, StepResult
from trackrev_stream.agents.stitch import stitch
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import TOPICS, Topic
from trackrev_stream.domain.attribution.attribution_settings import SettingsBehind
from trackrev_stream.domain.values.ids import partition_of
from trackrev_stream.eventlog.faust_patches.ordered_sends import Outgoing
from trackrev_stream.eventlog.faust_patches.protocols import AgentApp, AgentTable, Channel, EventStream

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent: its logic, the table it owns, and (from the registry) the topics it consumes."""

    name: str
    step: Step
    table: tables.TableSpec

    @property
    def inputs(self) -> tuple[Topic, ...]:
        """The topics whose consumer the agent is."""
        return tuple(topic for topic in TOPICS if topic.consumer == self.name)


AGENTS = (
    AgentSpec("stitch", stitch, tables.TOUCHES_BY_VISITOR),
    AgentSpec("gather", gather, tables.JOURNEYS_BY_JOIN),
    AgentSpec("bill", bill, tables.FACTS_BY_PAYMENT),
    AgentSpec("attribute", attribute, tables.CHARGES_BY_PAYER),
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker is given beside its app.

    ``on_bug`` hears of what no agent can get past; ``most_rejected`` is the guard's; ``letter_stored`` returns once
    people can see the dead letter at this partition and offset, or when that takes too long. ``rules`` are
    the settings that charges are decided by.
    """

    partitions: int
    clock: Clock
    on_bug: Callable[[BaseException], None]
    most_rejected: int
    letter_stored: Callable[[int, int], Awaitable[None]]
    rules: SettingsSource


class Worker:
    """Binds agents to a Faust app. What an agent cannot get past stays unacknowledged."""

    def __init__(self, app: AgentApp, surroundings: Surroundings) -> None:
        self._app = app
        self._surroundings = surroundings
        self._partitions = surroundings.partitions

    def add(self, spec: AgentSpec) -> None:
        """Run an agent with its table."""
        table: AgentTable = tables.define(self._app, spec.table, self._partitions)
        guard = Guard(spec.name, self._surroundings.most_rejected)

        async def handle(record: InputRecord) -> None:
            read = partial(table.row, record.partition)
            rows = Rows(read, record.name, self._surroundings.rules.book)
            try:
                result = guard.apply(spec.step, rows, record, self._surroundings.clock())
            except SettingsBehind:
                rows = Rows(read, record.name, await self._surroundings.rules.refresh())
                result = guard.apply(spec.step, rows, record, self._surroundings.clock())
            table.write(record.partition, {key.encode(): row for key, row in rows.puts.items()})
            await self._send(result, guard)

        self._run(spec.name, spec.inputs, handle)

    def add_sink(
        self,
        name: str,
        read: Callable[[InputRecord], tuple[T, StepResult]],
        sink: Callable[[InputRecord, T | None, Sequence[DeadLetter]], Awaitable[None]],
    ) -> None:
        """Run the agent ``name``, which hands on to ``sink`` what ``read`` makes of each record.

        What ``read`` rejects, or all of a record that it finds Malformed, becomes dead letters. The sink is
        given them too, and None for such a record: it has to know how far the stream is, and why.
        """
        guard = Guard(name, self._surroundings.most_rejected)

        async def handle(record: InputRecord) -> None:
            found: list[T] = []

            def step(_rows: Rows, record: InputRecord) -> StepResult:
                item, result = read(record)
                found.append(item)
                return result

            rows = Rows(lambda _: None, record.name)
            result = guard.apply(step, rows, record, self._surroundings.clock())
            await self._send(result, guard)
            await sink(record, found[0] if found else None, result.letters)

        self._run(name, tuple(topic for topic in TOPICS if topic.consumer == name), handle)

    def _run(
        self, name: str, inputs: tuple[Topic, ...], handle: Callable[[InputRecord], Awaitable[None]]
    ) -> None:
        seconds = metrics.RECORDS_SECONDS.labels(name)
        processed = metrics.RECORDS_PROCESSED.labels(name)

        async def agent(stream: EventStream) -> None:
            async for event in stream.events():
                message = event.message
                started = time.perf_counter()
                record = InputRecord(
                    message.topic, message.partition, message.offset, message.key, message.value
                )
                try:
                    await handle(record)
                except Exception as error:  # noqa: BLE001 - whatever it is, the event must not pass as done
                    self._surroundings.on_bug(error)
                    await asyncio.Event().wait()
                seconds.observe(time.perf_counter() - started)
                processed.inc()

        channel = self._topic(*(topic.name for topic in inputs))
        self._app.agent(channel, name=name, concurrency=1)(agent)

    async def _send(self, result: StepResult, guard: Guard) -> None:
        """Send what comes of a record. Raises Flooded when no other may follow, once people can see why."""
        # To the producer itself: Faust's topics take ten times as long, for nothing that is wanted here.
        for send in result.sends:
            partition = partition_of(send.route, self._partitions)
            out = Outgoing(send.topic.name, send.key.encode(), send.value, partition)
            sent = self._app.producer.append(out)
        if guard.flooded is not None:
            letter = await sent  # the record was rejected, so its dead letter was sent last
            await self._surroundings.letter_stored(letter.partition, letter.offset)
            raise guard.flooded

    def _topic(self, *names: str) -> Channel:
        return self._app.topic(
            *names,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            partitions=self._partitions,
        )
