"""What will happen by itself: renewals, settled refunds, late balance transactions."""

import heapq
from collections.abc import Callable
from itertools import count

from ops.standin.clock import Advanced


class Agenda:
    """Actions by their time. Each is done at its own time by the clock, in order, however late one asks."""

    def __init__(self, clock: Advanced) -> None:
        self._clock = clock
        self._numbers = count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []

    def add(self, at_s: int, action: Callable[[], None]) -> None:
        """Plans an action for a time in seconds since the epoch."""
        heapq.heappush(self._due, (at_s, next(self._numbers), action))

    def catch_up(self) -> None:
        """Does what is due by now; an action may plan further ones."""
        self._until(self._clock())

    def advance_to(self, at_ms: int) -> None:
        """Puts the clock forward to a time in milliseconds since the epoch, doing on the way what is due.

        ValueError for a time that has passed.
        """
        if at_ms < self._clock():
            raise ValueError("the clock only goes forward")
        self._until(at_ms)
        self._clock.hold(at_ms)
        self._clock.release()

    def _until(self, at_ms: int) -> None:
        if not self._due or self._due[0][0] * 1000 > at_ms:
            return
        try:
            while self._due and self._due[0][0] * 1000 <= at_ms:
                due_s, _, action = heapq.heappop(self._due)
                self._clock.hold(due_s * 1000)
                action()
        finally:
            self._clock.hold(at_ms)
            self._clock.release()
