"""Clients that do not wear out the loop while their cluster is away."""

import asyncio
from typing import Any

_PAUSE_S = 0.2


def patient(client: Any) -> None:
    """Let an aiokafka client rest between its vain questions for metadata.

    Mends aiokafka/client.py:325: while no broker answers it says so at once, and the producer and the fetcher
    ask again at once, thousands of times a second; each time is a line in the log.
    """
    update = client._metadata_update  # noqa: SLF001 - whoever asks, asks here

    async def resting(*args: Any) -> bool:
        updated = bool(await update(*args))
        if not updated:
            await asyncio.sleep(_PAUSE_S)
        return updated

    client._metadata_update = resting  # noqa: SLF001 - as above
