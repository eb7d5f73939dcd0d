"""The Faust transport over Kafka: at least once, commits hide nothing, and zombies are mute."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import faust
from faust.transport.conductor import Conductor as BaseConductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from yarl import URL

from trackrev_stream.eventlog.faust_patches.commit_barriers import CommitBarriers
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.consumer import Consumer
from trackrev_stream.eventlog.kafka.lease import Lease
from trackrev_stream.eventlog.kafka.producer import Producer

SESSION_S = 10.0

#: Beside those of `eventlog.faust_patches.runtime`. A worker that dies is noticed after a session of ten
#: seconds: short enough for a person who watches, long enough for a pause of the machine. A rebalance waits
#: for the commits of all workers, but for no more than half a minute.
SETTINGS: dict[str, Any] = {
    "broker_session_timeout": SESSION_S,
    "broker_heartbeat_interval": 2.0,
    "broker_rebalance_timeout": 3 * SESSION_S,
    "broker_request_timeout": 3 * SESSION_S,
    "broker_max_poll_interval": 300.0,
    # A cluster that is restarted, broker by broker, takes less; what is not delivered by then is lost.
    "producer_request_timeout": 120.0,
    # Another worker keeps a copy of each table partition, so that it can take over at once.
    "table_standby_replicas": 1,
}


class Conductor(BaseConductor):  # type: ignore[misc]  # Faust has no types
    """Subscribes soon to topics that are added late.

    Mends transport/conductor.py:344: 45 s of waiting. All of ours are declared before the start.
    """

    _resubscribe_sleep_lock_seconds = 1.0


class Transport(CommitBarriers, driver.Transport):  # type: ignore[misc]  # Faust has no types
    """Consumer and producer of one worker share the lease on its partitions."""

    Consumer = Consumer
    Producer = Producer
    Conductor = Conductor

    def __init__(self, cluster: Cluster, app: faust.App, lease: Lease | None = None) -> None:
        super().__init__([URL(f"kafka://{server}") for server in cluster.servers.split(",")], app)
        self.cluster = cluster
        self.lease = lease or Lease(app.conf.broker_session_timeout, app.conf.broker_rebalance_timeout)
        #: Told which partitions go, once all that was done for them is committed.
        self.on_revoked: list[Callable[[Iterable[tuple[str, int]]], None]] = []

    async def commit(self, commit: Callable[[], Awaitable[bool]]) -> bool:
        """Commit behind the barriers; False if something was lost, or the group went on without us."""
        committed: list[bool] = []

        async def really() -> None:
            committed.append(await commit())

        return await self.behind_barriers(really) and committed == [True]

    def revoked(self, tps: Iterable[TP]) -> None:
        """Tell who keeps something for these partitions."""
        partitions = [(tp.topic, tp.partition) for tp in tps]
        for tell in self.on_revoked:
            tell(partitions)


def attach(app: faust.App, cluster: Cluster, lease: Lease | None = None) -> Transport:
    """Let ``app`` run over ``cluster``; at once after it was made."""
    transport = Transport(cluster, app, lease)
    app.transport = app.producer_transport = transport
    return transport
