"""A clock that is over an hour ahead: the broker takes nothing, and it is the clock that is blamed."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ops.kafka.broker import Broker
from tests.eventlog.kafka.processes import Role, roles
from tests.program import stripe
from tests.program.running import ROOT, Shop, now_ms, until
from trackrev_stream.contracts.ports import ClockRefused
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_PAYMENTS
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.publisher import KafkaPublisher
from trackrev_stream.eventlog.kafka.topics import ensure, spec_of

HOUR_MS = 3_600_000
FEW = {"TRACKREV_PARTITIONS": "1"}
AHEAD = {
    "PYTHONPATH": os.pathsep.join((str(ROOT / "tests/program/other_clock"), str(ROOT))),
    "TEST_CLOCK_AHEAD_MS": str(2 * HOUR_MS),
}


def test_a_publisher_tells_the_clock_from_a_broker_that_is_away(cluster: Cluster) -> None:
    ahead = [2 * HOUR_MS]

    async def scenario() -> None:
        topic = replace(PIXEL_HITS, name="clock")
        await ensure(cluster, [spec_of(topic, 1)])
        publisher = KafkaPublisher(cluster, clock=lambda: now_ms() + ahead[0])
        for _ in range(2):
            with pytest.raises(ClockRefused, match=r"\d{4}-\d\d-\d\d \d\d:\d\d UTC: it is more than an hour"):
                await publisher.publish("clock", 0, None, b"early")
        ahead[0] = 0
        assert await publisher.publish("clock", 0, None, b"in time") == 0
        await publisher.stop()

    asyncio.run(scenario())


def test_a_collector_says_that_it_is_the_clock_and_delivers_once_it_is_right(
    own: Broker, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    collect, worker, api = (Role(name, data, own, **FEW) for name in ("collect", "worker", "api"))
    ahead = Role("collect", data, own, "ahead", **FEW, **AHEAD)
    with roles(worker, api, ahead):
        shop = Shop.open(ahead)
        at = now_ms() // 1000
        event = stripe.succeeded(stripe.charge("ch_1", 4_800, at, ""))
        # Stripe's signature is too old for this clock; such a machine sees that one first.
        assert shop.webhook(event).status == 400
        assert shop.webhook(event, late_s=-2 * HOUR_MS // 1000).status == 200
        assert "until the clock is right: the brokers refuse the time of this machine" in ahead.said()
        told = ahead.request("GET", "/ready")
        assert (told.status, told.json["ready"]) == (200, True)
        assert "refuse the time of this machine" in told.json["trouble"]
        assert ahead.stop() == 0
        collect.start()  # the same machine, its clock set
        until(lambda: not list(data.glob("spool-*/log")), "the spool is delivered")
        assert "trouble" not in collect.request("GET", "/ready").json
        replace(shop, program=api).worth("ch_1", 4_800)
        assert collect.stop() == 0


def test_a_worker_and_a_command_say_so_too(own: Broker, tmp_path: Path) -> None:
    data = tmp_path / "data"
    collect, worker = Role("collect", data, own, **FEW), Role("worker", data, own, **FEW, **AHEAD)
    with roles(collect):
        shop = Shop.open(collect)
        worker.spawn()
        event = stripe.succeeded(stripe.charge("ch_1", 4_800, now_ms() // 1000, ""))
        assert shop.webhook(event).status == 200
        until(lambda: worker.poll() is not None, "the worker ends")
        assert "the brokers refuse the time of this machine" in worker.said()
        assert STRIPE_PAYMENTS.name not in worker.said()  # what it read is not lost
        assert collect.stop() == 0
