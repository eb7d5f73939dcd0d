"""A collector whose time the broker refuses: told as the clock's fault, and what came meanwhile arrives.

The clock that aiokafka reads is the machine's own, so it is the broker here that is told to be strict: it
takes no record of which the time is not quite its own, with the answer it has for a clock that is ahead.
"""

import asyncio
import json
import uuid
from itertools import count
from pathlib import Path

import pytest

from ops.kafka.broker import Broker
from tests.eventlog.kafka.processes import Role, roles
from tests.eventlog.kafka.test_spool import landing
from tests.program.running import Json, Shop, until
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.topic_configs import config_of, set_configs

STRICT = {"message.timestamp.before.max.ms": "0"}


def allow(broker: Broker, *, strict: bool) -> None:
    async def change() -> None:
        async with topics.admin(Cluster(broker.address)) as client:
            known = await config_of(client, PIXEL_HITS.name)
            others = {name: value for name, value in known.items() if name not in STRICT}
            await set_configs(client, {PIXEL_HITS.name: others | (STRICT if strict else {})})

    asyncio.run(change())


def doctors(role: Role) -> dict[str, Json]:
    done = role.run("doctor", "--json")
    assert done.returncode == 1, done.stderr
    return {each["code"]: each for each in json.loads(done.stdout)["findings"]}


@pytest.mark.timeout(180)
def test_a_clock_that_is_refused_is_not_taken_for_a_broker_that_is_away(own: Broker, tmp_path: Path) -> None:
    data = tmp_path / "data"
    collector = Role("collect", data, own, TRACKREV_PARTITIONS="2")
    with roles(collector):
        shop = Shop.open(collector)
        visitor, numbers = str(uuid.UUID(int=7, version=4)), count()
        allow(own, strict=True)

        def told() -> bool:
            assert shop.hits(visitor, landing(f"h{next(numbers)}")).json["accepted"] == 1
            return "until the clock is right" in collector.said()

        until(told, "the log says that it is the clock")
        ready = collector.request("GET", "/ready")
        assert ready.status == 200
        assert "this machine's clock is wrong" in ready.json["trouble"]
        found = doctors(collector)
        assert found["clock_refused"]["severity"] == "error"
        assert "this machine's clock is wrong" in found["clock_refused"]["message"]
        assert "log_unreachable" not in found, found["log_unreachable"]
        assert found["no_worker"]["severity"] == "error"
        allow(own, strict=False)
        until(lambda: not list(data.glob("spool-*/log")), "what waited is delivered")
        assert "trouble" not in collector.request("GET", "/ready").json
        assert "clock_refused" not in doctors(collector)
        assert collector.stop() == 0
