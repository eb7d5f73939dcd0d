"""Which offset may be committed: the one after the last record of an unbroken run of acknowledged ones.

Faust commits too early: past records that are still worked on.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from faust.types import TP


class OrderedAcks:
    """Mixed into a Faust consumer, before it.

    Mends transport/consumer.py:1138 and :1157: looking for runs of consecutive numbers, Faust commits past
    the first records while they are still worked on, and holds every offset of a gap in memory.
    """

    _acked: Mapping[TP, list[int]]
    _acked_index: Mapping[TP, set[int]]
    _committed_offset: Mapping[TP, int | None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._delivered: dict[TP, deque[int]] = defaultdict(deque)

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        acked, delivered = self._acked_index[tp], self._delivered[tp]
        committed = self._committed_offset[tp] or 0
        offset = None
        while delivered and (delivered[0] in acked or delivered[0] < committed):
            acked.discard(delivered[0])
            offset = delivered.popleft() + 1
        return offset

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: see `_new_offset`."""
