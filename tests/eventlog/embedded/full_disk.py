"""Fills the disk under a log, makes room again, and tells what it saw. Run as a program.

The disk is either a small file system of its own, filled by another file, or, where nothing can be mounted, a
limit on the size of files, at which RocksDB's writes fail in the same place.
"""

import asyncio
import contextlib
import json
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import LogUnavailable, NewRecord, TopicSpec


@contextmanager
def file_limit(directory: Path) -> Iterator[None]:
    wal = max(directory.glob("*.log")).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 100_000, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def other_file(directory: Path) -> Iterator[None]:
    filler = directory.parent / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def tiny_files(_: Path) -> Iterator[None]:
    """Not even enough to open the log again."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def main(directory: Path, kind: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log = Log.open(directory)
    log.create_topics([TopicSpec("hits", 2)])
    acknowledged: list[tuple[int, int, int]] = []
    refused: list[int] = []

    async def append(number: int) -> None:
        partition = number % 2
        try:
            offset = await log.append("hits", partition, [NewRecord(number, None, bytes(20_000))])
        except LogUnavailable:
            refused.append(number)
        else:
            acknowledged.append((number, partition, offset))

    for number in range(10):
        await append(number)
    full = {"limit": file_limit, "mount": other_file}[kind]
    with full(directory):
        await asyncio.gather(*(append(number) for number in range(10, 1010)))
        readable_while_full = len(log.fetch("hits", 0, 0))
        with tiny_files(directory):
            for number in range(1010, 1015):
                await append(number)
    for number in range(1015, 1025):
        await append(number)
    found = {p: [r.timestamp for r in log.fetch("hits", p, 0, 10**6, 10**9)] for p in range(2)}
    await log.close()
    report = {
        "acknowledged": acknowledged,
        "refused": refused,
        "readable_while_full": readable_while_full,
        "found": found,
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
