"""Changelog records on their way into tables: none may be dropped, and none taken for another table's."""

from typing import Any

from faust.tables.manager import TableManager as BaseTableManager
from mode.utils.queues import ThrowableQueue


class ChangelogQueue(ThrowableQueue):  # type: ignore[misc]  # mode's types are not followed
    """Gives out what was read since the last rebalance, and belongs to a table partition that is ours.

    Mends tables/manager.py:114 and tables/recovery.py:659: a recovery that comes to its end empties Faust's
    queue, in which records of standbys may be waiting by then. The next ones are taken all the same, so that
    who takes such a partition over has old rows, or none.

    Mends tables/recovery.py:868 as well: a record of a partition that is ours no longer is applied to the
    table of the record before, with its offset. Older records are not missed: after a rebalance every
    partition is read again from what its table holds.
    """

    manager: "TableManager"

    async def get(self) -> Any:
        """The next record that counts."""
        while not self._counts(event := await super().get()):
            pass
        return event

    def _counts(self, event: Any) -> bool:
        message, recovery = event.message, self.manager.recovery
        if message.generation_id != self.manager.app.consumer_generation_id:
            return False
        return message.tp in recovery.active_tps or message.tp in recovery.standby_tps


class TableManager(BaseTableManager):  # type: ignore[misc]  # Faust has no types
    """Starts at once, and has a queue of changelog records that loses none.

    Mends tables/manager.py:140: a second of waiting for tables that are declared late; ours are not.
    """

    async def on_start(self) -> None:
        """As Faust's, without the sleep."""
        await self._update_channels()
        await self.recovery.start()

    _changelog_queue: ChangelogQueue | None

    @property
    def changelog_queue(self) -> ChangelogQueue:
        """Where changelog records wait for the recovery."""
        queue = self._changelog_queue
        if queue is None:
            size = self.app.conf.stream_buffer_maxsize
            # Not to be cleared on resume: `get` passes over what does not count any more.
            queue = self._changelog_queue = ChangelogQueue(size, flow_control=self.app.flow_control)
            queue.manager = self
        return queue
