import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from collectors.publisher import Bounds, FactPublisher, HitPublisher
from tests.browser import wait_until
from tests.collectors.edge import RecordingPublisher
from tests.facts import VISITOR, charge_fact
from tests.facts import hit as page_view
from trackrev_stream.contracts.codec import MOST_BYTES_A_FRAME, MOST_HITS_A_FRAME
from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.payments.payment import FactKind
from trackrev_stream.domain.values.ids import partition_of, visitor_key

FACT = charge_fact()


def hit(number: int, visitor: str = VISITOR, url: str = "") -> Hit:
    return page_view(id=f"h{number}", visitor=visitor, url=url)


def run(scenario: Callable[[RecordingPublisher], Awaitable[None]]) -> None:
    asyncio.run(_run(scenario))


async def _run(scenario: Callable[[RecordingPublisher], Awaitable[None]]) -> None:
    await scenario(RecordingPublisher())


def test_a_hit_alone_goes_alone() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        hits = HitPublisher(log, 4)
        for number in range(3):
            await hits.put([hit(number)])
        assert [len(frame) for frame in log.frames()] == [1, 1, 1]
        number = partition_of(visitor_key("ws_1", VISITOR), 4)
        assert {(record.partition, record.key) for record in log.records} == {(number, None)}

    run(scenario)


def test_what_comes_while_a_frame_is_on_its_way_goes_together() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        log.gate = asyncio.Event()
        hits = HitPublisher(log, 1)
        first = asyncio.create_task(hits.put([hit(0)]))
        await wait_until(lambda: log.offered, "the first frame on its way")
        others = [asyncio.create_task(hits.put([hit(2 * n + 1), hit(2 * n + 2)])) for n in range(250)]
        await asyncio.sleep(0)
        assert not first.done()
        log.gate.set()
        await asyncio.gather(first, *others)
        assert [len(frame) for frame in log.frames()] == [1, 200, 200, 100]
        assert [found.id for found in log.hits()] == [f"h{n}" for n in range(501)]

    run(scenario)


def test_frames_are_bounded_in_bytes() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        await HitPublisher(log, 1).put([hit(n, url="x" * 2_000) for n in range(100)])
        assert len(log.hits()) == 100
        assert max(len(record.value) for record in log.records) <= MOST_BYTES_A_FRAME
        assert max(len(frame) for frame in log.frames()) <= MOST_HITS_A_FRAME
        assert len(log.records) <= 5

    run(scenario)


def test_a_visitor_has_one_partition_and_others_do_not_wait_for_it() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        visitors = [f"{n:08x}-0000-7000-8000-000000000000" for n in range(40)]
        await HitPublisher(log, 4).put([hit(n, visitor) for n, visitor in enumerate(visitors * 2)])
        assert {record.partition for record in log.of(PIXEL_HITS.name)} == {0, 1, 2, 3}
        for record, frame in zip(log.records, log.frames(), strict=True):
            for found in frame:
                assert partition_of(visitor_key("ws_1", found.visitor), 4) == record.partition

    run(scenario)


def test_a_failure_reaches_exactly_those_it_concerns() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        log.gate, log.down = asyncio.Event(), True
        hits = HitPublisher(log, 1)
        first = asyncio.create_task(hits.put([hit(0)]))
        await wait_until(lambda: log.offered == 1, "the first frame on its way")
        log.gate.set()
        with pytest.raises(Unavailable, match="the log is down"):
            await first
        log.down = False
        await hits.put([hit(1)])
        assert [found.id for found in log.hits()] == ["h1"]

    run(scenario)


def test_what_waits_is_bounded() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        log.gate = asyncio.Event()
        hits = HitPublisher(log, 1, Bounds(most_pending=3))
        waiting = asyncio.create_task(hits.put([hit(0), hit(1)]))
        await wait_until(lambda: log.offered, "a frame on its way")
        with pytest.raises(Unavailable, match="2 hits are waiting"):
            await hits.put([hit(2), hit(3)])
        log.gate.set()
        await waiting
        await hits.put([hit(4), hit(5), hit(6)])
        assert len(log.hits()) == 5

    run(scenario)


def test_nobody_waits_for_ever() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        log.gate = asyncio.Event()
        hits = HitPublisher(log, 1)
        with pytest.raises(Unavailable, match="has not confirmed"):
            await hits.put([hit(0)], wait_s=0.01)
        facts = FactPublisher(log, 1, Bounds(most_pending=1, longest_wait_s=0.01))
        with pytest.raises(Unavailable, match="has not confirmed"):
            await facts.put([FACT])
        with pytest.raises(Unavailable, match="1 records are waiting"):
            await facts.put([FACT])
        log.gate.set()
        await wait_until(lambda: len(log.records) == 2, "what was on its way arrives all the same")
        await facts.put([FACT])

    run(scenario)


def test_stopping_tells_all_who_wait() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        log.gate = asyncio.Event()
        hits = HitPublisher(log, 1)
        waiting = [asyncio.create_task(hits.put([hit(n)])) for n in range(3)]
        await wait_until(lambda: log.offered, "a frame on its way")
        lane = hits._lanes[0]
        assert lane.carrier
        lane.carrier.cancel()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)

    run(scenario)


def test_a_bug_of_the_log_is_not_hidden() -> None:
    class Broken(RecordingPublisher):
        async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
            raise ZeroDivisionError

    async def scenario(_: RecordingPublisher) -> None:
        with pytest.raises(ZeroDivisionError):
            await HitPublisher(Broken(), 1).put([hit(0)])
        with pytest.raises(ZeroDivisionError):
            await FactPublisher(Broken(), 1).put([FACT])

    run(scenario)


def test_facts_go_under_the_key_of_their_payment() -> None:
    async def scenario(log: RecordingPublisher) -> None:
        refund = replace(FACT, kind=FactKind.REFUND, id="re_1")
        await FactPublisher(log, 4).put([FACT, refund])
        assert sorted(log.facts(), key=lambda fact: fact.id) == [FACT, refund]
        key = "ws_1|own|live|pi_1"
        assert {(r.key, r.partition) for r in log.records} == {(key.encode(), partition_of(key, 4))}

    run(scenario)
