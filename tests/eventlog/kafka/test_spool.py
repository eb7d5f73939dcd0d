"""Collectors whose Kafka hangs, is killed and comes back, and who are killed meanwhile themselves.

What they acknowledged is in the topics, and in the ledger to the cent.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from ops.kafka.broker import Broker
from tests.eventlog.kafka.processes import Role, roles
from tests.program import stripe
from tests.program.running import Answer, Json, Shop, now_ms, until
from trackrev_stream.contracts.codec import decode_frame
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.eventlog.kafka.cluster import Cluster

PARTITIONS = 2
VISITOR = str(uuid.UUID(int=7, version=4))


def landing(name: str) -> Json:
    url = "https://shop.example/?utm_source=newsletter&utm_medium=email"
    return {"id": name, "type": "pageview", "at": now_ms(), "url": url}


def take(shop: Shop, name: str, paid: Mapping[str, int]) -> None:
    """A hit and a charge of this name, both acknowledged."""
    assert shop.hits(VISITOR, landing(name)).json["accepted"] == 1
    charge = stripe.charge(f"ch_{name}", paid[name], now_ms() // 1000, "")
    assert shop.webhook(stripe.succeeded(charge)).status == 200


def ready(role: Role) -> int:
    return role.request("GET", "/ready").status


def fill(shop: Shop) -> tuple[list[str], Answer]:
    """Send hits until one request is refused; those that were taken, and the refusal."""
    taken: list[str] = []
    while True:
        names = [f"more{len(taken) + n}" for n in range(20)]
        long = {"referrer": "https://far.example/" + 1_500 * "x"}
        visitor = str(uuid.UUID(int=len(taken) + 8, version=4))  # one has so many touches at most
        answer = shop.hits(visitor, *(landing(name) | long for name in names))
        if answer.status != 202:
            return taken, answer
        taken += names


async def hits_in_the_topic(broker: Broker) -> set[str]:
    consumer = AIOKafkaConsumer(**Cluster(broker.address).options)
    await consumer.start()
    try:
        places = [TopicPartition(PIXEL_HITS.name, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: set[str] = set()
        for place in places:
            while await consumer.position(place) < ends[place]:
                for record in (await consumer.getmany(place, timeout_ms=100)).get(place, []):
                    found |= {hit.id for hit in decode_frame(Hit, record.value) if isinstance(hit, Hit)}
        return found
    finally:
        await consumer.stop()


@pytest.mark.timeout(180)
def test_what_was_acknowledged_while_the_broker_was_away_is_in_the_book(own: Broker, tmp_path: Path) -> None:
    data, few = tmp_path / "data", {"TRACKREV_PARTITIONS": str(PARTITIONS)}
    first, worker, api = (Role(role, data, own, **few) for role in ("collect", "worker", "api"))
    second = Role("collect", data, own, "second", TRACKREV_SPOOL_MB="1", **few)
    with roles(first, second, worker, api):
        shop = Shop.open(first)
        other, reader = replace(shop, program=second), replace(shop, program=api)
        paid = {"before": 1_000, "frozen": 1_001, "soon": 1_002, "other": 1_003, "started": 1_004}
        take(shop, "before", paid)

        own.freeze()
        take(shop, "frozen", paid)  # this one waits for it
        began = time.monotonic()
        for number in range(20):
            assert shop.hits(VISITOR, landing(f"soon-{number}")).json["accepted"] == 1
        take(shop, "soon", paid)
        assert time.monotonic() - began < 10  # and these do not
        take(other, "other", paid)
        assert [ready(role) for role in (first, second)] == [200, 200]
        more, refused = fill(other)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert "the spool is full" in refused.json["error"]["message"]
        assert (ready(second), second.request("GET", "/live").status) == (503, 200)

        own.kill()
        first.kill()
        second.kill()  # and nobody starts this one again
        first.start()  # without the broker
        take(shop, "started", paid)

        own.start()
        until(lambda: not list(data.glob("spool-*/log")), "both spools are delivered", 60)
        taken = {*paid, *more, *(f"soon-{number}" for number in range(20))}
        assert asyncio.run(hits_in_the_topic(own)) == taken
        for name, amount in paid.items():
            reader.worth(f"ch_{name}", amount)
        until(lambda: reader.channels()["Email"]["clicks"] == len(taken), "each hit counts once")
        assert [role.stop() for role in (worker, api, first)] == [0, 0, 0]
