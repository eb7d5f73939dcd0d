"""`log`: the embedded log by itself, appending durably and reading back."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from ops.bench.harness.figures import Result
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import NewRecord, TopicSpec

_TOPIC = "bench"
_AT_ONCE = 64
_BATCH = 500
_PAYLOAD = b"x" * 400


async def run(place: Path, seconds: float) -> Result:
    """A quarter of the time for each of: one by one, many at once, in batches, and the plain file."""
    result = Result("log", f"the embedded log, records of {len(_PAYLOAD)} bytes, durable")
    part_s = seconds / 4
    log = Log.open(place / "log")
    log.create_topics([TopicSpec(_TOPIC, 1)])
    try:
        alone_s = await _repeat(part_s, lambda: _append(log, 1))
        result.add_percentiles("append one", alone_s, "one after the other")
        many = await asyncio.gather(*(_repeat(part_s, lambda: _append(log, 1)) for _ in range(_AT_ONCE)))
        result.add(f"append, {_AT_ONCE} at once", sum(map(len, many)) / part_s, "records/s")
        batches_s = await _repeat(part_s, lambda: _append(log, _BATCH))
        result.add(f"append, batches of {_BATCH}", _BATCH * len(batches_s) / sum(batches_s), "records/s")
        result.add("fetch", _fetch_all(log), "records/s", "pages of 500")
    finally:
        await log.close()
    plain_s = await _plain_file(place / "plain", part_s)
    result.add_percentiles("baseline: append to a file", plain_s, "write and fsync, in a thread")
    ratio = sorted(alone_s)[len(alone_s) // 2] / sorted(plain_s)[len(plain_s) // 2]
    result.add("append one / baseline p50", ratio, "times")
    return result


async def _append(log: Log, records: int) -> None:
    now_ms = time.time_ns() // 1_000_000
    await log.append(_TOPIC, 0, [NewRecord(now_ms, b"key", _PAYLOAD)] * records)


async def _repeat(seconds: float, act: Callable[[], Awaitable[object]]) -> list[float]:
    """Do it again and again for so long; how long each took."""
    took_s, until = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        await act()
        took_s.append(time.perf_counter() - began)
    return took_s


def _fetch_all(log: Log) -> float:
    """Records read a second."""
    offset, end, began = 0, log.high_watermark(_TOPIC, 0), time.perf_counter()
    while offset < end:
        offset = log.fetch(_TOPIC, 0, offset)[-1].offset + 1
    return end / (time.perf_counter() - began)


async def _plain_file(path: Path, seconds: float) -> list[float]:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append() -> None:
        os.write(file, _PAYLOAD)
        os.fsync(file)

    try:
        return await _repeat(seconds, lambda: asyncio.to_thread(append))
    finally:
        os.close(file)
