"""Dead letters on a real Kafka: a flood ends a worker, and the command replays by itself."""

import asyncio
from pathlib import Path

from ops.kafka.broker import Broker
from tests.eventlog.kafka.processes import Role, roles
from tests.program.running import until
from trackrev_stream.contracts.topics import ATTRIBUTED_CHARGES, JOURNEYS
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.publisher import KafkaPublisher

MANY = 400
ALLOWED = 30


async def poison(cluster: Cluster) -> None:
    """Records that nobody can read, with keys: the topic is compacted."""
    log = KafkaPublisher(cluster)
    for n in range(MANY):
        await log.publish(JOURNEYS.name, 0, b"ws_shop|%d" % n, b"{broken %d" % n)
    # The last record of its partition: the writer has nothing to write behind it.
    await log.publish(ATTRIBUTED_CHARGES.name, 0, b"ws_shop|x", b"{broken")
    await log.stop()


def ends_in_a_flood(worker: Role) -> None:
    worker.spawn()
    assert worker.ended() == 1
    assert (
        f"gather could not read {ALLOWED + 1} of the last {ALLOWED + 1} records of journeys" in worker.said()
    )


def test_a_flood_ends_a_worker_before_the_topic_is_drained(own: Broker, tmp_path: Path) -> None:
    cluster, few = Cluster(own.address), {"TRACKREV_PARTITIONS": "2", "TRACKREV_MOST_REJECTED": str(ALLOWED)}
    worker = Role("worker", tmp_path / "data", own, **few)
    with roles(worker):
        assert worker.stop() == 0
    asyncio.run(poison(cluster))
    for _ in range(2):
        ends_in_a_flood(worker)
    found = worker.command("dead-letters", "list", "--limit", "1000")
    places = {each["offset"] for each in found["dead_letters"] if each["processor"] == "gather"}
    assert found["count"] - 1 == len(places) == max(places) + 1
    assert len(places) <= 2 * (ALLOWED + 1)
    committed = asyncio.run(topics.committed(cluster, APP_ID))
    assert committed.get((JOURNEYS.name, 0), 0) <= max(places)
    goes_on = Role(
        "worker", tmp_path / "data", own, "goes_on", TRACKREV_PARTITIONS="2", TRACKREV_MOST_REJECTED="1000"
    )
    with roles(goes_on):
        until(lambda: goes_on.command("dead-letters", "list")["count"] == MANY + 1, "all are put aside")
        letter = next(each for each in found["dead_letters"] if each["processor"] == "gather")
        assert goes_on.command("dead-letters", "replay", letter["id"])["replayed"] == [letter["id"]]

        def again() -> bool:
            told = goes_on.command("dead-letters", "show", letter["id"])
            return bool(told["attempts"] == 2 and told["status"] == "open" and told["offset"] >= MANY)

        until(again, "it has failed again")
        assert goes_on.stop() == 0
    with roles(goes_on):
        assert goes_on.stop() == 0
