"""Partitions are added to topics of a running cluster: it says so, is repaired, and nothing is lost."""

import asyncio
import json
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.admin import NewPartitions

from ops.kafka.broker import Broker
from ops.kafka.lag import Lag
from ops.synthetic_traffic import Crowd, Fact
from tests.agents.embedded_run import book, straight, sums
from tests.eventlog.kafka.processes import Role, earn, roles
from tests.eventlog.kafka.workers import Feed
from tests.ops.test_runbooks import Place, commands
from tests.program import stripe
from tests.program.running import Shop, now_ms, until
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_PAYMENTS
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.topics import admin, known_topics
from trackrev_stream.settings import read_settings

PARTITIONS = 2
FEW = {"TRACKREV_PARTITIONS": str(PARTITIONS)}
ROWS = "trackrev-charges-by-payer-changelog"
PAGE = "topic-grew.md"


def grow(broker: Broker, *names: str) -> None:
    """What an operator does with Kafka's own tool."""

    async def main() -> None:
        async with admin(Cluster(broker.address)) as client:
            await client.create_partitions({name: NewPartitions(PARTITIONS + 1) for name in names})

    asyncio.run(main())


def partitions(broker: Broker) -> dict[str, int]:
    async def main() -> dict[str, int]:
        async with admin(Cluster(broker.address)) as client:
            return {name: len(topic["partitions"]) for name, topic in (await known_topics(client)).items()}

    return asyncio.run(main())


def follow_the_page(worker: Role, heading: str, *, fails: bool = False) -> str:
    place = Place(worker.data, worker.data.parent, "", None)
    given = "".join(f"export {name}={worker._environment[name]}\n" for name in (*FEW, "TRACKREV_BROKER"))
    done = place.run(given + commands(PAGE)[heading], fails=fails)
    return done.stdout + done.stderr


def sell_until(shop: Shop, ended: Callable[[], bool]) -> list[str]:
    """Charges that come one after the other; their names."""
    taken = []
    while True:
        taken.append(f"ch_{now_ms()}")
        paid = stripe.charge(taken[-1], 900, now_ms() // 1000, "")
        assert shop.webhook(stripe.succeeded(paid)).status == 200
        if ended():
            return taken
        threading.Event().wait(0.2)


@pytest.mark.timeout(240)
def test_a_running_cluster_says_so_and_is_repaired_as_the_page_has_it(own: Broker, tmp_path: Path) -> None:
    data = tmp_path / "data"
    collect, api, worker = (Role(name, data, own, **FEW) for name in ("collect", "api", "worker"))
    with roles(collect, api, worker):
        shop = Shop.open(collect)
        reader = replace(shop, program=api)
        paid = earn(shop, reader)
        grow(own, PIXEL_HITS.name, ROWS)
        until(lambda: worker.poll() is not None, "the worker ends")
        assert "pixel-hits, trackrev-charges-by-payer-changelog have 3 partitions" in worker.said()
        assert "`trackrev topics repair`" in worker.said()
        until(lambda: "Somebody has added partitions" in collect.said(), "the collector says so too")

        refund = stripe.refunded(paid, 1_000, now_ms() // 1000)
        assert shop.webhook(refund).status == 200  # it goes on
        refused = worker.run("worker")
        assert refused.returncode == 1
        assert f"{PIXEL_HITS.name}, {ROWS} have 3 partitions; attributed-charges, binds," in refused.stderr
        assert "topic-grew.md" in refused.stderr
        told = json.loads(worker.run("topics", "check", "--json").stdout)
        wrong = {topic["topic"]: topic["wrong"] for topic in told["topics"] if topic["wrong"]}
        assert wrong == dict.fromkeys((PIXEL_HITS.name, ROWS), "3 partitions, not 2")
        assert not told["ok"]
        assert "add --yes" in worker.run("topics", "repair").stderr

        assert "Somebody has added partitions" in follow_the_page(worker, "What to check", fails=True)
        with ThreadPoolExecutor() as aside:
            repaired = aside.submit(follow_the_page, worker, "What to do")
            taken = sell_until(shop, repaired.done)
        assert "All topics are as they shall be." in repaired.result()
        assert "the repair of pixel-hits" in collect.said()  # and so it kept what came
        worker.start()
        reader.worth("ch_1", 3_800)
        for name in [*taken, *sell_until(shop, lambda: True)]:
            reader.worth(name, 900)
        assert [role.stop() for role in (worker, api, collect)] == [0, 0, 0]


@pytest.mark.timeout(240)
def test_every_line_is_as_without_it_though_the_repair_is_killed(own: Broker, tmp_path: Path) -> None:
    facts = Crowd(20_261_127, visitors=150, hits_each=6, charges=150).facts()
    half = len(facts) // 2
    environment = {**FEW, "TRACKREV_BROKER": f"kafka://{own.address}"}
    chosen = read_settings(environment, data=str(tmp_path / "data"))
    first, second = (Role("worker", chosen.data, own, name, **FEW) for name in ("first", "second"))
    chosen.data.mkdir()
    with roles(first):
        second.spawn()
        until(second.is_ready, "the second worker is ready")
        asyncio.run(feed(own, facts[: half // 2], settle=True))
        grow(own, PIXEL_HITS.name, STRIPE_PAYMENTS.name)
        asyncio.run(feed(own, facts[half // 2 : half], settle=False))
        until(lambda: first.poll() is not None and second.poll() is not None, "both workers end")
    repairing = first.command_process("topics", "repair", "--yes")
    until(lambda: partitions(own).get(PIXEL_HITS.name) != PARTITIONS + 1, "the topic is deleted")
    repairing.send_signal(signal.SIGKILL)
    repairing.wait()
    assert "was broken off: `trackrev topics repair` finishes it" in first.run("worker").stderr
    first.command("topics", "repair", "--yes")
    with roles(first):
        asyncio.run(feed(own, facts[half:], settle=True))
        assert first.stop() == 0
    standing, posted = book(chosen)
    assert standing == straight(facts)
    assert posted == sums(standing)


async def feed(broker: Broker, facts: Sequence[Fact], *, settle: bool) -> None:
    """Publish, and wait until the workers have done it all."""
    feeding, lag = Feed(broker, PARTITIONS), Lag(Cluster(broker.address), PARTITIONS)
    await feeding.put(facts)
    if settle:
        await lag.settled(60)
    await feeding.close()
    await lag.close()
