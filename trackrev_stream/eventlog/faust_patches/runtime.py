"""A Faust app on an event loop that it shares: no `faust worker`, no signals, no logging set-up."""

import asyncio
from typing import Any, Self

import faust
from faust.tables.manager import TableManager as BaseTableManager

from trackrev_stream.errors import ForPeople
from trackrev_stream.eventlog.faust_patches.recovery import Recovery
from trackrev_stream.eventlog.faust_patches.row_table import RowTable


class TableManager(BaseTableManager):  # type: ignore[misc]  # Faust has no types
    """Starts at once, with a recovery of our own.

    Mends tables/manager.py:140: a second of waiting for tables that are declared late; ours are not.
    """

    _recovery: Recovery | None = None

    @property
    def recovery(self) -> Recovery:
        """What restores the tables."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """As Faust's, without the sleep."""
        await self._update_channels()
        await self.recovery.start()


#: What every app here sets, over whichever broker.
SETTINGS: dict[str, Any] = {
    "Table": RowTable,
    "TableManager": TableManager,
    "topic_disable_leader": True,
    "web_enabled": False,
}


class AppFailed(ForPeople):
    """The app stopped by itself: nothing was committed over what failed. The cause is the `__cause__`."""


class Runtime:
    """Runs one app: `start` returns once its tables are recovered, `wait` when it failed, `stop` ends it."""

    def __init__(self, app: faust.App) -> None:
        self.app = app

    async def start(self) -> None:
        """Start the app and recover its tables. Raises AppFailed."""
        await self.app.start()
        self._check()

    async def wait(self) -> None:
        """Return once the app was stopped. Raises AppFailed if it stopped by itself."""
        await self.app.wait_until_stopped()
        self._check()

    async def stop(self) -> None:
        """Finish the events at hand, commit, and stop."""
        await self.app.stop()

    def _check(self) -> None:
        if self.app.crashed:
            reason = self.app.crash_reason
            raise AppFailed(f"The stream processor stopped: {type(reason).__name__}: {reason}") from reason

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await asyncio.shield(self.stop())
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
