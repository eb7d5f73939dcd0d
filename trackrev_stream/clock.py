"""The one place that reads the clock; everything else takes the time as an argument."""

import time
from collections.abc import Callable

Clock = Callable[[], int]  # milliseconds since the epoch, UTC


def now_ms() -> int:
    """The time now, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
