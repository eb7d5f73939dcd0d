"""The one place of the stand-in that reads the real clock."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Tells the time in milliseconds since the epoch."""


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
