"""A broker that refuses our clock: what comes waits as for one that is away, and the clock is blamed."""

import asyncio
from pathlib import Path

import pytest

from tests.browser import wait_until
from tests.eventlog.spool.test_spool import Broker, Collector, numbered
from trackrev_stream import metrics
from trackrev_stream.eventlog.spool import publishers as intakes


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "PROBE_S", 0.01)
    monkeypatch.setattr(intakes, "CLOCK_PROBE_S", 0.01)


def test_a_refused_clock_is_called_one_and_what_waited_is_delivered_once_it_is_right(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        broker = Broker(refuses_the_clock=True)
        collector = await Collector.start(broker, tmp_path)
        assert collector.intake.trouble() == ""
        collector.run()
        await collector.put(*numbered(20))
        assert broker.records == []
        assert "refuse the time of this machine" in collector.intake.trouble()
        assert metrics.CLOCK_REFUSED._value.get() == 1
        assert collector.intake.ready()  # for it is saved
        assert "until the clock is right: the brokers refuse the time of this machine" in caplog.text
        broker.down = True
        await wait_until(lambda: "until the broker is back" in caplog.text, "another trouble is told too")
        assert metrics.CLOCK_REFUSED._value.get() == 0
        broker.down = False
        await wait_until(lambda: metrics.CLOCK_REFUSED._value.get() == 1, "it is the clock again")
        broker.refuses_the_clock = False
        await collector.delivered()
        assert collector.intake.trouble() == ""
        assert metrics.CLOCK_REFUSED._value.get() == 0
        assert caplog.text.count("the clock is right again") == 1
        assert set(broker.values()) == set(numbered(20))
        await collector.stop()

    asyncio.run(scenario())
