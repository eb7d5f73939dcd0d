"""Waiting until the agents have done all that is in the embedded log."""

import asyncio
from collections.abc import Mapping

from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.contracts.topics import PIXEL_HITS, TOPICS
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import TopicPartition

LOOK_AGAIN_S = 0.05
LONGEST_SETTLING_S = 60.0
HANDS = 8  # through so many agents goes what a hit or a charge can lead to


async def caught_up(event_log: Log, group: str) -> None:
    """Wait until the group has done all that is in the log now. Raises Unavailable after a minute."""
    try:
        async with asyncio.timeout(LONGEST_SETTLING_S):
            for _ in range(HANDS):
                await _reached(event_log, group, _ends(event_log))
    except TimeoutError:
        message = "the agents are behind, and only what they have done can be erased; try again later"
        raise Unavailable(message) from None


def _ends(event_log: Log) -> dict[TopicPartition, int]:
    numbers = range(event_log.topics()[PIXEL_HITS.name].partitions)
    return {(each.name, n): event_log.high_watermark(each.name, n) for each in TOPICS for n in numbers}


async def _reached(event_log: Log, group: str, ends: Mapping[TopicPartition, int]) -> None:
    def behind() -> bool:
        return any((event_log.committed(group, *place) or 0) < end for place, end in ends.items())

    while behind():  # noqa: ASYNC110 - the log does not tell of commits
        await asyncio.sleep(LOOK_AGAIN_S)
