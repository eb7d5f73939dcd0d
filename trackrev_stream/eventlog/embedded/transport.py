"""The Faust transport over the embedded log, for broker URLs like `embedded:///var/lib/trackrev/log`.

One process has every partition: there is no group protocol. What differs from Faust's Kafka transport is said
where it differs, with the line of Faust that it mends.
"""

from pathlib import Path
from typing import Any

from faust.transport import base
from faust.transport.conductor import Conductor as BaseConductor

from trackrev_stream.eventlog.embedded.consumer import Consumer
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.embedded.producer import Producer
from trackrev_stream.eventlog.faust_patches.commit_barriers import CommitBarriers
from trackrev_stream.eventlog.records import TopicSpec


class Conductor(BaseConductor):  # type: ignore[misc]  # Faust has no types
    """Subscribes at once to topics that are added late.

    Mends transport/conductor.py:344: 45 s of waiting, meant to spare a broker its rebalances.
    """

    _resubscribe_sleep_lock_seconds = 0.05


class Transport(CommitBarriers, base.Transport):  # type: ignore[misc]  # Faust has no types
    """Consumer and producer of one app share the log; it is open from its first use until the app stopped."""

    Consumer = Consumer
    Producer = Producer
    Conductor = Conductor
    driver_version = "embedded"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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

    async def commit(self, group: str, offsets: dict[tuple[str, int], int]) -> bool:
        """Commit behind the barriers; False if something was lost."""
        return await self.behind_barriers(lambda: self.log.commit(group, offsets))
