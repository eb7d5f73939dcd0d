"""The one place of the stand-in that reads the real clock, and a clock that can be set."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Tells the time in milliseconds since the epoch."""


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Advanced:
    """A clock that goes as another one does, and can be put forward like Stripe's test clocks."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._ahead_ms = 0
        self._held_ms: int | None = None

    def __call__(self) -> int:
        return self._base() + self._ahead_ms if self._held_ms is None else self._held_ms

    def hold(self, now_ms: int) -> None:
        """It is `now_ms`, and stays so until the clock is held at another time or released."""
        self._held_ms = now_ms

    def release(self) -> None:
        """Goes on from where it was held."""
        if self._held_ms is not None:
            self._ahead_ms = self._held_ms - self._base()
            self._held_ms = None
