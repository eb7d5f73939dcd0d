"""Processes whose PYTHONPATH begins with this directory have a clock that is ahead, or behind."""

import os
import time

_AHEAD_NS = int(os.environ.get("TEST_CLOCK_AHEAD_MS", "0")) * 1_000_000
_time_ns = time.time_ns


def _ahead_ns() -> int:
    return _time_ns() + _AHEAD_NS


def _ahead_s() -> float:
    return _ahead_ns() / 1_000_000_000


time.time_ns = _ahead_ns
time.time = _ahead_s
