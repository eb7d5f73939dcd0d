"""How far a repair is, told now and then."""

import time
from collections.abc import Callable

_EVERY_S = 2.0


class Progress:
    """Says what is being done, how much of it is, how quickly, and how long the rest will take."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self._what = ""
        self._done = self._total = 0
        self._began = self._said = 0.0

    def begin(self, what: str, total: int) -> None:
        """Something new, of so many steps."""
        self._what, self._done, self._total = what, 0, total
        self._began = self._said = time.monotonic()
        self.say(f"{what} ({total:,})")

    def add(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        now = time.monotonic()
        if now - self._said >= _EVERY_S:
            self._said = now
            rate = self._done / (now - self._began)
            left = max(0, self._total - self._done) / rate if rate else 0
            self.say(
                f"{self._what}: {self._done:,} of {self._total:,}, {rate:,.0f} a second, {left:,.0f} s left"
            )
