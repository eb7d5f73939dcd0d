"""How tables come back from their changelogs: in the batches in which those are read."""

from collections.abc import Sequence
from time import monotonic
from typing import Any

from faust.tables.recovery import Recovery as BaseRecovery
from faust.types import TP
from mode import Service


class Recovery(BaseRecovery):  # type: ignore[misc]  # Faust has no types
    """Is given what the consumer reads of changelogs, those of standby tables too.

    Mends tables/recovery.py:803: each record comes as an event through a queue, with four futures on its way
    (transport/consumer.py:1220) and two counts over all partitions at its end.
    """

    @Service.task  # type: ignore[untyped-decorator]  # as Faust
    async def _slurp_changelogs(self) -> None:
        """Ends at once: nothing comes through the queue."""

    def _set_recovery_started(self) -> None:
        self.signal_recovery_end.clear()
        super()._set_recovery_started()

    def restore(self, tp: TP, records: Sequence[Any]) -> None:
        """Put changelog records of a partition, in the order of their offsets, into its table."""
        if tp in self.active_tps:
            offsets = self.active_offsets
        elif tp in self.standby_tps:
            offsets = self.standby_offsets
        else:
            return  # given away meanwhile
        seen = offsets.get(tp)
        fresh = [record for record in records if seen is None or record.offset > seen]
        if fresh:
            self.tp_to_table[tp].restore(tp.partition, fresh)
            offsets[tp] = fresh[-1].offset
            self._last_flush_at = self._active_events_received_at[tp] = monotonic()
        self._report()

    def _report(self) -> None:
        if self.in_recovery and not self.need_recovery():
            self._set_recovery_ended()
            self.signal_recovery_end.set()
        if not self.tables.standbys_ready and not self.standby_remaining_total():
            self.tables.on_standbys_ready()


class RestoresTables:
    """Mixed into a Faust consumer, before it: changelogs do not go the way of other records."""

    app: Any
    flow_active: bool

    def _restore(self, found: dict[TP, list[Any]]) -> None:
        """Take the records of changelogs out of what was read, and put them into their tables.

        Not while the flow stands still: then partitions are being shared out, and are read again after that.
        """
        for tp in [tp for tp in found if tp.topic in self.app.tables.changelog_topics]:
            records = found.pop(tp)
            if self.flow_active:
                self._hand_over(tp, records)

    def _hand_over(self, tp: TP, records: list[Any]) -> None:
        self.app.tables.recovery.restore(tp, records)
