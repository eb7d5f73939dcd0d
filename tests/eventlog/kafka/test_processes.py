"""The product's path on a real Kafka, each role in a process of its own."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ops.kafka.broker import Broker
from ops.kafka.lag import Lag
from tests.eventlog.kafka.processes import Role, earn, roles
from tests.program import stripe
from tests.program.running import Program, Shop, now_ms, until
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.publisher import KafkaPublisher
from trackrev_stream.eventlog.port import POSTED


def give_back(shop: Shop, reader: Shop, paid: stripe.Json) -> None:
    """A part of it is refunded; sent again until it is taken."""
    refund = stripe.refunded(paid, 1_000, now_ms() // 1000)
    until(lambda: shop.webhook(refund).status == 200, "the webhook is taken")
    worth = Counter[str]()
    for entry in reader.worth("ch_1", 3_800)["entries"]:
        worth[entry["reason"]] += entry["amount_minor"]
    assert worth == {"credit": 4_800, "refund": -1_000}, "whatever was restated meanwhile"


def test_a_click_becomes_a_credited_charge_over_three_processes(own: Broker, tmp_path: Path) -> None:
    data = tmp_path / "data"
    collect, api, worker = (Role(name, data, own) for name in ("collect", "api", "worker"))
    with roles(collect, api, worker):
        shop = Shop.open(collect)
        reader = replace(shop, program=api)
        paid = earn(shop, reader)
        own.kill()
        assert shop.webhook(stripe.refunded(paid, 1_000, now_ms() // 1000)).status == 200
        assert reader.worth("ch_1", 4_800)
        own.start()
        give_back(shop, reader, paid)
        assert [role.stop() for role in (worker, api, collect)] == [0, 0, 0]


def test_all_roles_in_one_process_go_on_after_a_restart(own: Broker, tmp_path: Path) -> None:
    program = Role("up", tmp_path / "data", own)
    with roles(program):
        shop = Shop.open(program)
        paid = earn(shop, shop)
        assert program.stop() == 0
        program.start()
        give_back(shop, shop, paid)
        program.kill()
        program.start()
        assert shop.worth("ch_1", 3_800)
        lag = program.run("up", "--port", str(program.port))
        assert lag.returncode == 1
        assert "choose another port" in lag.stderr


def test_a_partition_that_ends_in_rejected_records_is_no_older_database(own: Broker, tmp_path: Path) -> None:
    worker = Role("worker", tmp_path / "data", own, TRACKREV_PARTITIONS="1")
    with roles(worker):
        asyncio.run(spoil(Cluster(own.address)))
        assert worker.stop() == 0
        worker.spawn()
        until(worker.is_ready, "the worker is ready again")


async def spoil(cluster: Cluster) -> None:
    """Put into the writer's topics what it cannot read, and wait until it has committed that."""
    publisher, lag = KafkaPublisher(cluster), Lag(cluster, partitions=1)
    for topic in POSTED:
        await publisher.publish(topic, 0, b"key", b"no record of ours")
    await lag.settled()
    await lag.close()
    await publisher.stop()


def test_another_number_of_partitions_is_refused(own: Broker, tmp_path: Path) -> None:
    worker = Role("worker", tmp_path / "data", own)
    with roles(worker):
        refused = worker.run("worker", TRACKREV_PARTITIONS="5")
    assert refused.returncode == 1
    assert "TRACKREV_PARTITIONS is 5. attributed-charges, binds," in refused.stderr
    assert "have 12 partitions. Set TRACKREV_PARTITIONS=12" in refused.stderr


def test_what_is_missing_is_said(jars: None, tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    alone = program.run("worker")
    assert alone.returncode == 1
    assert "run `trackrev up`, or set TRACKREV_BROKER to kafka://HOST:PORT" in alone.stderr
    nobody = program.run("worker", TRACKREV_BROKER="kafka://127.0.0.1:1")
    assert nobody.returncode == 1
    assert "no Kafka broker answers us at 127.0.0.1:1" in nobody.stderr
    malformed = program.run("worker", TRACKREV_BROKER="kafka://somewhere")
    assert "TRACKREV_BROKER is 'kafka://somewhere'; it may be" in malformed.stderr
