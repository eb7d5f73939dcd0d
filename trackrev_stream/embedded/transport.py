"""The Faust transport over the embedded log, for broker URLs like `embedded:///var/lib/trackrev/log`.

One process has every partition: there is no group protocol. What differs from Faust's Kafka transport is said
where it differs, with the line of Faust that it mends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from faust.transport import base
from faust.transport.conductor import Conductor as BaseConductor

from trackrev_stream.embedded.consumer import Consumer
from trackrev_stream.embedded.log import Log
from trackrev_stream.embedded.producer import Producer
from trackrev_stream.embedded.records import TopicSpec


class Conductor(BaseConductor):  # type: ignore[misc]  # Faust has no types
    """Subscribes at once to topics that are added late.

    Mends transport/conductor.py:344: 45 s of waiting, meant to spare a broker its rebalances.
    """

    _resubscribe_sleep_lock_seconds = 0.05


class Transport(base.Transport):  # type: ignore[misc]  # Faust has no types
    """Consumer and producer of one app share the log; it is open from its first use until the app stopped."""

    Consumer = Consumer
    Producer = Producer
    Conductor = Conductor
    driver_version = "embedded"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Awaited before each commit, after the producer's deliveries: what must be done before an input
        #: counts as done. One that raises ends the app without a commit, so it retries what can be retried.
        self.commit_barriers: list[Callable[[], Awaitable[None]]] = []
        #: Told once, when something was lost that a commit would hide.
        self.on_fatal: list[Callable[[BaseException], None]] = []
        #: What was lost; from then on nothing is committed.
        self.failure: BaseException | None = None
        self._log: Log | None = None

    @property
    def log(self) -> Log:
        """The log. Raises LogBusy or LogUnavailable when it is opened, ValueError for an URL with a host."""
        if self._log is None:
            url = self.url[0]
            if url.host:
                raise ValueError(f"{url} has a host: write embedded:///absolute/path, with three slashes")
            self._log = Log.open(Path(url.path))
        return self._log

    async def close(self) -> None:
        """Let go of the log."""
        log, self._log = self._log, None
        if log is not None:
            await log.close()

    def create_topic(self, name: str, partitions: int, retention_s: float | None, *, compact: bool) -> None:
        """As Kafka does: a topic that exists stays as it is."""
        if name not in self.log.topics():
            retention_ms = int(retention_s * 1000) if retention_s else None
            self.log.create_topics([TopicSpec(name, partitions, retention_ms, compact)])

    def fail(self, reason: BaseException) -> None:
        """Nothing is committed from now on, the app stops, and the owner is told."""
        if self.failure is None:
            self.failure = reason
            for tell in self.on_fatal:
                tell(reason)
            self._crashing = asyncio.ensure_future(self.app.crash(reason))

    async def commit(self, group: str, offsets: dict[tuple[str, int], int]) -> bool:
        """Commit once all that was sent so far is durable and every barrier is passed.

        False if something was lost: then nothing may be committed over it.
        """
        if self.failure is not None:
            return False
        try:
            await self.app.producer.flush()
            for barrier in self.commit_barriers:
                await barrier()
            if self.failure is None:
                await self.log.commit(group, offsets)
        except Exception as error:  # noqa: BLE001  # whatever it is, the acknowledged offsets are gone
            self.fail(error)
        return self.failure is None
