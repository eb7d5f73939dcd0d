"""Ends a worker that is stuck, so that whoever supervises it starts it anew.

Consumers of Kafka can die quietly after trouble with their coordinator (faust #175, #523, #532), and a
blocked event loop cannot help itself. So a thread looks whether there was progress, and whatever was not
committed is done by the next owner of the partitions.
"""

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: try again
_EVERY_S = 1.0

log = logging.getLogger(__name__)


def end(message: str) -> None:
    """End this process at once: nothing is flushed, nothing committed."""
    sys.stderr.write(f"trackrev: {message}\n")
    sys.stderr.flush()
    os._exit(EXIT_CODE)


class Watchdog:
    """Looks at ``progress``: whether there is something to do, and a state that changes when some is done.

    ``end`` is told when there was something to do and nothing changed for ``patience_s`` seconds.
    """

    def __init__(
        self, progress: Callable[[], tuple[bool, object]], patience_s: float, end: Callable[[str], None] = end
    ) -> None:
        self._progress = progress
        self._patience_s = patience_s
        self._end = end
        self._seen: object = None
        self._moved_at = time.monotonic()
        self._stopped = threading.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        try:
            while True:
                self.look()
                await asyncio.sleep(min(_EVERY_S, self._patience_s / 4))
        except asyncio.CancelledError:
            self._stopped.set()  # not for another error: then there is no progress to be seen
            raise

    def look(self) -> None:
        """Note progress; on the event loop, so that a loop that hangs makes none."""
        busy, state = self._progress()
        if not busy or state != self._seen:
            self._seen = state
            self._moved_at = time.monotonic()

    def _watch(self) -> None:
        while not self._stopped.wait(min(_EVERY_S, self._patience_s / 4)):
            still_s = time.monotonic() - self._moved_at
            if still_s > self._patience_s:
                self._end(
                    f"this worker has made no progress for {still_s:.0f} s (no commit, no end of a rebalance "
                    "or of a recovery, or its loop hangs); it ends here, to be started anew"
                )
                return
