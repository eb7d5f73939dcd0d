"""Processes that are killed, directories as a crash would leave them, files that decay."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import NewRecord, TopicSpec

ROOT = Path(__file__).parents[3]


@contextmanager
def python(module: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python program of ours whose lines can be read; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill -9, and the lines that it had written and nobody read; the last one may be torn."""
    process.send_signal(signal.SIGKILL)
    assert process.stdout is not None
    rest = process.stdout.read()
    process.wait()
    return [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]


def crash_image(directory: Path, target: Path) -> Path:
    """The directory as a kill -9 now would leave it: RocksDB holds nothing back from the kernel.

    Its background work goes on meanwhile, so a copy counts only if nothing changed under it.
    """
    while True:
        shutil.rmtree(target, ignore_errors=True)
        before = _state(directory)
        with contextlib.suppress(shutil.Error):
            shutil.copytree(directory, target, ignore=shutil.ignore_patterns("LOCK"))
            if _state(directory) == before:
                return target


def _state(directory: Path) -> set[tuple[str, int, int]]:
    found = set()
    for entry in os.scandir(directory):
        with contextlib.suppress(FileNotFoundError):
            found.add((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns))
    return found


async def fill(directory: Path, topic: str) -> None:
    """A log of 2,000 records that do not compress away."""
    log = Log.open(directory)
    log.create_topics([TopicSpec(topic, 1)])
    for n in range(100):
        await log.append(topic, 0, [NewRecord(n, None, b"%d" % (n**50)) for _ in range(20)])
    await log.close()


def damage(directory: Path) -> None:
    """Change a byte in the middle of the largest table file of a closed RocksDB."""
    table = max(directory.glob("*.sst"), key=lambda file: file.stat().st_size)
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 0xFF
    table.write_bytes(content)
