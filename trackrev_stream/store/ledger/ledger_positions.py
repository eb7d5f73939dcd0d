"""What the event log asks of the ledger before agents start."""

from collections.abc import Mapping
from functools import partial

from trackrev_stream.contracts.ports import Partition
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.positions import set_positions, stored_positions
from trackrev_stream.store.operations.erasures import tables_since


class StorePositions:
    """The positions that the database holds: contracts.ports.LedgerPositions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def applied(self) -> Mapping[Partition, int]:
        """The last offset applied of every partition that anything was applied of."""
        return await self._store.read(stored_positions)

    async def go_on_behind(self, wanted: Mapping[Partition, int]) -> None:
        """Let the writing go on behind these offsets."""
        await self._store.write(partial(set_positions, wanted=wanted))

    async def tables_since(self) -> int:
        """The number that workers' tables must have been made under. Raises ErasureUnfinished."""
        return await self._store.read(tables_since)
