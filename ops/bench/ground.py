"""What the benchmarks stand on: the program and the baseline as processes, and what they cost."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.bench.traffic import DOMAIN, WEBHOOK_SECRET, WORKSPACE
from ops.demo.processes import Child, child
from ops.demo.program import command, program

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Target:
    """A server under load; `key` is for the read API, empty where there is none."""

    url: str
    child: Child
    key: str = ""

    def cpu_s(self) -> float:
        """The CPU time that its process has used, in seconds."""
        fields = Path(f"/proc/{self.child.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND

    def peak_megabytes(self) -> float:
        """The most memory that its process has had."""
        status = Path(f"/proc/{self.child.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@asynccontextmanager
async def the_program(data: Path) -> AsyncIterator[Target]:
    """`trackrev up` with a workspace that takes webhooks. Raises DemoError when it does not start."""
    async with program(data, 0) as running:
        key = (await command(data, "workspace", "create", WORKSPACE, "--domain", DOMAIN))["api_key"]
        connect = ("stripe", "connect", WORKSPACE, "--key", "", "--webhook-secret", WEBHOOK_SECRET)
        await command(data, *connect)
        yield Target(running.url, running.child, key)


@asynccontextmanager
async def the_baseline(data: Path) -> AsyncIterator[Target]:
    """The least that could take the same requests."""
    arguments = ("-m", "ops.bench.baseline", "--file", str(data / "bodies"))
    async with child("the baseline", *arguments, errors=data / "baseline.log") as running:
        yield Target(json.loads(await running.line())["url"], running)


def new(place: Path, name: str) -> Path:
    """A directory of its own."""
    made = place / name
    made.mkdir()
    return made
