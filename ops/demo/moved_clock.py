"""A clock that begins some days ago and is moved forward to now, so that ten days pass in a minute.

The demo writes into a file how far its clock is from the real one; the programs that it starts read it there
with every look at the time (`python -m ops.demo.moved_clock FILE MODULE ARGUMENTS` runs a module so). They
are as they are for anybody: they live through each of these days, and nothing reaches them late.
"""

import mmap
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path

_BYTES = 8
_real_ns = time.time_ns


class MovedClock:
    """The demo's own view of the clock, and what moves it. Times in milliseconds since the epoch."""

    def __init__(self, file: Path, starts_at: int) -> None:
        self.file = file
        file.write_bytes(bytes(_BYTES))
        self._map = _mapped(file, mmap.ACCESS_WRITE)
        self._ahead_ms = 0
        self._keep(starts_at - real_ms())

    def __call__(self) -> int:
        """The time by this clock."""
        return real_ms() + self._ahead_ms

    def move_to(self, at: int) -> None:
        """It is this time now, and goes on from there; it never goes back, nor beyond the real clock."""
        now = real_ms()
        self._keep(min(max(at - now, self._ahead_ms), 0))

    def forward(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self.move_to(self() + int(seconds * 1_000))

    def be_real(self) -> None:
        """From now on it is the real clock."""
        self._keep(0)

    def _keep(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms
        self._map[:_BYTES] = (ahead_ms * 1_000_000).to_bytes(_BYTES, sys.byteorder, signed=True)


def real_ms() -> int:
    """The time by the real clock."""
    return _real_ns() // 1_000_000


def _mapped(file: Path, access: int) -> mmap.mmap:
    with file.open("r+b") as opened:
        return mmap.mmap(opened.fileno(), _BYTES, access=access)


def _told_by(file: Path) -> Callable[[], int]:
    """The time in nanoseconds by the clock that a file tells of."""
    shared = memoryview(_mapped(file, mmap.ACCESS_WRITE)).cast("q")  # read at once, never by halves
    return lambda: _real_ns() + shared[0]


def _main() -> None:
    file, module, *arguments = sys.argv[1:]
    now_ns = _told_by(Path(file))
    time.time_ns = now_ns
    time.time = lambda: now_ns() / 1_000_000_000
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
