"""The only module that reads the wall clock; everything else takes the time as an argument."""

import time


def now_ms() -> int:
    """The time of day in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
