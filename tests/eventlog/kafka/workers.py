"""Workers that are started anew whenever one ends, as a supervisor does, and a way to feed and watch them."""

import asyncio
import itertools
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from collectors.publisher import FactPublisher, HitPublisher
from ops.kafka.broker import Broker
from ops.synthetic_traffic import Fact
from tests.eventlog.kafka.processes import Role
from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.publisher import KafkaPublisher


class Supervisor:
    """Keeps a worker running; `ended` has the exit codes of those that ended."""

    def __init__(self, data: Path, broker: Broker, name: str, **options: Any) -> None:
        self.name = name
        self.worker = Role("worker", data, broker, name, **options)
        self.ended: list[int] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        self.worker.spawn()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.worker.kill()

    def is_ready(self) -> bool:
        """Whether the present worker is at work."""
        return self.worker.poll() is None and "is up" in self.worker.said()

    def stop(self) -> int:
        """End the supervision and the worker, as an administrator does."""
        self._stopping.set()
        self._thread.join()
        return self.worker.stop()

    def _keep(self) -> None:
        while not self._stopping.wait(0.05):
            if (code := self.worker.poll()) is not None:
                self.ended.append(code)
                self.worker.spawn()


class Feed:
    """Publishes facts as collectors do, again and again until they are taken."""

    def __init__(self, broker: Broker, partitions: int) -> None:
        self._publisher = KafkaPublisher(Cluster(broker.address))
        self._hits = HitPublisher(self._publisher, partitions)
        self._facts = FactPublisher(self._publisher, partitions)

    async def put(self, facts: Iterable[Fact], at_a_time: int = 50) -> None:
        """Return once all are durable."""
        for some in _batched(facts, at_a_time):
            await asyncio.gather(*(self._put(fact) for fact in some))

    async def _put(self, fact: Fact) -> None:
        while True:
            try:
                if isinstance(fact, Hit):
                    await self._hits.put([fact])
                else:
                    await self._facts.put([fact])
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return

    async def close(self) -> None:
        await self._publisher.stop()


def _batched(facts: Iterable[Fact], size: int) -> Iterable[list[Fact]]:
    waiting = iter(facts)
    while some := list(itertools.islice(waiting, size)):
        yield some
