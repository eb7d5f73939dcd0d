"""Children: programs of their own that never outlive the demo."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.demo.moved_clock import MovedClock

ROOT = Path(__file__).parents[2]
_STOP_S = 20.0
_TAIL_LINES = 15


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running program; what it complains of goes to the file `errors`."""

    name: str
    process: asyncio.subprocess.Process
    errors: Path

    async def line(self) -> str:
        """The next line that it says. Raises DemoError when it ended instead."""
        assert self.process.stdout is not None
        raw = await self.process.stdout.readline()
        if not raw:
            await self.process.wait()
            raise DemoError(self.ended())
        return raw.decode(errors="replace").rstrip("\n")

    def ended(self) -> str:
        """What to tell about its end."""
        code = self.process.returncode
        return "\n  ".join([f"{self.name} ended with code {code}", *self.complaints()])

    def complaints(self) -> list[str]:
        """The last lines that it complained with."""
        return self.errors.read_text(errors="replace").splitlines()[-_TAIL_LINES:]


@asynccontextmanager
async def child(name: str, *arguments: str, errors: Path, **settings: str) -> AsyncIterator[Child]:
    """Run `python ARGUMENTS` for as long as the context lasts; then end it, by force if it has to be."""
    with errors.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=ROOT,
            env=environment(settings),
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
            # Ctrl-C reaches the demo alone, which ends its children in order.
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    try:
        yield Child(name, process, errors)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(_STOP_S):
                await process.communicate()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def module(*words: str, clock: MovedClock | None) -> tuple[str, ...]:
    """The arguments with which Python runs a module by a clock; without one it is the real one."""
    return ("-m", *words) if clock is None else ("-m", "ops.demo.moved_clock", str(clock.file), *words)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of children: nobody's settings but those of the demo, and nothing from the internet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKREV_")}
    return {**kept, "TRACKREV_RATES_URL": "off", **settings}


def _end_with_parent() -> None:
    # Should the demo be killed, nothing stays behind: prctl(PR_SET_PDEATHSIG), which Linux alone has.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
