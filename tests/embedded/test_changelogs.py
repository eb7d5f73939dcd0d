"""The queue of changelog records: what it keeps, and what it passes over."""

import asyncio
from types import SimpleNamespace

from faust.types import TP
from mode.utils.queues import FlowControlEvent

from trackrev_stream.streaming.changelogs import ChangelogQueue

OURS, COPIED, GONE = (TP("changelog", number) for number in range(3))


def record(tp: TP, generation: int, offset: int) -> SimpleNamespace:
    return SimpleNamespace(message=SimpleNamespace(tp=tp, generation_id=generation, offset=offset))


def test_nothing_is_dropped_but_what_a_rebalance_has_outdated() -> None:
    async def scenario() -> None:
        flow = FlowControlEvent()
        queue = ChangelogQueue(100, flow_control=flow)
        recovery = SimpleNamespace(active_tps={OURS}, standby_tps={COPIED})
        queue.manager = SimpleNamespace(recovery=recovery, app=SimpleNamespace(consumer_generation_id=2))  # type: ignore[assignment]  # as much of it as is asked
        flow.resume()
        for read in (record(OURS, 1, 7), record(GONE, 2, 8), record(OURS, 2, 9), record(COPIED, 2, 10)):
            await queue.put(read)
        flow.resume()
        assert [(await queue.get()).message.offset for _ in range(2)] == [9, 10]
        assert queue.empty()

    asyncio.run(scenario())
