"""The lease, the watchdog and the directory of tables, by hand-made clocks and hangs: no broker needed."""

import asyncio
import threading
from pathlib import Path

from trackrev_stream.eventlog.kafka.lease import Lease
from trackrev_stream.eventlog.kafka.tables_directory import TablesDirectory
from trackrev_stream.eventlog.kafka.watchdog import Watchdog


def lease(lost: list[str] | None = None) -> tuple[Lease, list[float]]:
    now = [0.0]
    return Lease(10, 30, (lost if lost is not None else []).append, now=lambda: now[0]), now


def test_a_lease_ends_before_the_session_and_counts_from_the_question() -> None:
    held, now = lease()
    assert held.holds()
    held.renew(asked_at=100)
    now[0] = 107.9
    assert held.holds()
    now[0] = 108
    assert not held.holds()


def test_a_rebalance_extends_it_up_to_its_own_time() -> None:
    held, now = lease()
    held.renew(asked_at=100)
    for asked_at in (102, 110, 118, 122):
        held.extend(asked_at)
    now[0] = 123.9
    assert held.holds()
    now[0] = 124
    assert not held.holds()


def test_a_lost_lease_is_told_and_never_holds() -> None:
    lost: list[str] = []
    held, _ = lease(lost)
    held.renew(asked_at=0)
    held.lose("UnknownMemberIdError")
    assert not held.holds()
    assert "UnknownMemberIdError" in lost[0]


def test_a_worker_that_is_busy_without_progress_is_ended() -> None:
    ended = threading.Event()

    async def scenario() -> None:
        watching = asyncio.create_task(Watchdog(lambda: (True, 7), 0.2, lambda _: ended.set()).run())
        await asyncio.to_thread(ended.wait)
        watching.cancel()

    asyncio.run(scenario())


def test_a_loop_that_hangs_is_ended() -> None:
    ended = threading.Event()

    async def scenario() -> None:
        watching = asyncio.create_task(Watchdog(lambda: (False, None), 0.2, lambda _: ended.set()).run())
        await asyncio.sleep(0)
        ended.wait()  # the loop does nothing else meanwhile
        watching.cancel()

    asyncio.run(scenario())


def test_idleness_and_progress_are_left_alone() -> None:
    ended: list[str] = []
    looks = iter(range(1_000_000))
    dog = Watchdog(lambda: (next(looks) % 2 == 0, next(looks)), 0.05, ended.append)

    async def scenario() -> None:
        watching = asyncio.create_task(dog.run())
        while next(looks) < 100:  # noqa: ASYNC110 - looks are what is waited for
            await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(scenario())
    assert ended == []


def test_tables_are_kept_after_a_clean_end_alone(tmp_path: Path) -> None:
    first, other = TablesDirectory(tmp_path), TablesDirectory(tmp_path)
    assert first.path != other.path
    rows = first.path / "v1" / "rows"
    rows.mkdir(parents=True)
    first.close(clean=True)
    again = TablesDirectory(tmp_path)
    assert again.path == first.path
    assert rows.exists()
    again.close(clean=True)
    erased = TablesDirectory(tmp_path, since=1)  # somebody was erased meanwhile
    assert erased.path == first.path
    assert not rows.exists()
    rows.mkdir(parents=True)
    erased.close(clean=True)
    kept = TablesDirectory(tmp_path, since=1)
    assert rows.exists()
    kept.close(clean=False)
    anew = TablesDirectory(tmp_path)
    assert anew.path == first.path
    assert not rows.exists()
    anew.close(clean=False)
    other.close(clean=True)
