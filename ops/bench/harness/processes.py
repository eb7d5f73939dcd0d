"""What the benchmarks stand on: the program and the baseline as processes, and what they cost."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.bench.harness import usage
from ops.bench.harness.traffic import DOMAIN, WEBHOOK_SECRET, WORKSPACE
from ops.demo.processes import Child, child
from ops.demo.program import Program, command, free_port


@dataclass(frozen=True, slots=True)
class Target:
    """A server under load; `key` is for the read API, empty where there is none."""

    url: str
    child: Child
    key: str = ""

    @property
    def pid(self) -> int:
        return self.child.process.pid

    def cpu_s(self) -> float:
        """The CPU time that its process has used, in seconds."""
        return usage.cpu_s(self.pid)

    def peak_megabytes(self) -> float:
        """The most memory that its process has had."""
        return usage.peak_megabytes(self.pid)


@asynccontextmanager
async def the_program(data: Path) -> AsyncIterator[Target]:
    """`trackrev up` with a workspace that takes webhooks. Raises DemoError when it does not start."""
    program = Program(data, free_port())
    async with program.running() as process:
        yield Target(program.url, process, await _workspace(data))


@asynccontextmanager
async def the_collector(data: Path) -> AsyncIterator[Target]:
    """The edge alone, with a workspace that takes webhooks. Raises DemoError when it does not start."""
    await _workspace(data)
    arguments = ("-m", "ops.bench.harness.collector", "--data", str(data))
    async with child("the collector", *arguments, errors=data / "collector.log") as running:
        yield Target(json.loads(await running.line())["url"], running)


async def _workspace(data: Path) -> str:
    """Make the workspace of the benchmarks; its API key."""
    key = str((await command(data, "workspace", "create", WORKSPACE, "--domain", DOMAIN))["api_key"])
    connect = ("stripe", "connect", WORKSPACE, "--key", "", "--webhook-secret", WEBHOOK_SECRET)
    await command(data, *connect)
    return key


@asynccontextmanager
async def the_baseline(data: Path) -> AsyncIterator[Target]:
    """The least that could take the same requests."""
    arguments = ("-m", "ops.bench.harness.baseline", "--file", str(data / "bodies"))
    async with child("the baseline", *arguments, errors=data / "baseline.log") as running:
        yield Target(json.loads(await running.line())["url"], running)


def new(place: Path, name: str) -> Path:
    """A directory of its own."""
    made = place / name
    made.mkdir()
    return made
