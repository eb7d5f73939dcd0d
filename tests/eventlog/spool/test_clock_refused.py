"""A broker that refuses the clock: what comes waits on the disk, and the broker is not said to be away."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser import wait_until
from tests.collectors.edge import running
from tests.eventlog.spool.test_spool import Broker, Collector
from trackrev_stream.eventlog.records import ClockRefused
from trackrev_stream.eventlog.spool import publishers
from trackrev_stream.metrics import CLOCK_REFUSED


@dataclass
class WithAClock(Broker):
    """A broker that is there, and may refuse the time of whoever publishes."""

    behind: bool = True

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        if self.behind:
            raise ClockRefused("this machine's clock is wrong")
        return await super().publish(topic, partition, key, value)


def test_it_is_the_clock_until_somebody_sets_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishers, "PROBE_S", 0.01)

    async def scenario() -> None:
        broker = WithAClock()
        collector = await Collector.start(broker, tmp_path)
        assert (collector.intake.trouble(), collector.intake.clock_refused()) == ("", False)
        await collector.put(b"a", b"b")
        collector.run()
        assert collector.intake.clock_refused()
        assert collector.intake.ready()  # what comes is saved
        assert collector.intake.trouble() == ("What comes waits on the disk: this machine's clock is wrong.")
        assert CLOCK_REFUSED._value.get() == 1
        broker.down = True  # and now it is away, too
        await wait_until(lambda: not collector.intake.clock_refused(), "the broker is away")
        assert "nobody answers" in collector.intake.trouble()
        broker.down = broker.behind = False
        await collector.delivered()
        await wait_until(lambda: not collector.intake.trouble(), "the trouble is over")
        assert CLOCK_REFUSED._value.get() == 0
        assert sorted(broker.values()) == [b"a", b"b"]
        await collector.stop()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    told = [record.getMessage() for record in caplog.records if record.name == publishers.log.name]
    assert told == [
        "what comes waits on the disk until the clock is right: this machine's clock is wrong",
        "what comes waits on the disk until the broker is back: nobody answers",
        "the broker is back",
    ]


def test_ready_tells_the_trouble_whether_it_saves_or_not() -> None:
    state = {"ready": True}

    async def scenario() -> None:
        async with running(ready=lambda: state["ready"], trouble=lambda: "It is the clock.") as edge:
            saves = await edge.client.get("/ready")
            assert (saves.status, await saves.json()) == (200, {"ready": True, "trouble": "It is the clock."})
            state["ready"] = False
            refuses = await edge.client.get("/ready")
            assert (refuses.status, (await refuses.json())["error"]["message"]) == (503, "It is the clock.")

    asyncio.run(scenario())
