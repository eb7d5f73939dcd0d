"""What the edge is given: its surroundings, and its limits with their defaults."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from collectors.limits import Limits
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.ports import Directory, Publisher
from trackrev_stream.domain.acquisition.channel_overrides import NO_OVERRIDES, ChannelOverrides


async def _no_overrides(_workspace: str) -> ChannelOverrides:
    return NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class EdgeDeps:
    """The surroundings of the edge.

    ``partitions`` is the number of partitions of every topic; ``overrides`` looks up a workspace's own rules
    of channels as they stand now; ``trouble`` says why what comes has to wait for the log, if it has.
    """

    directory: Directory
    publisher: Publisher
    partitions: int
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    ready: Callable[[], bool] = lambda: True
    trouble: Callable[[], str] = lambda: ""
    randomness: Callable[[int], bytes] = os.urandom
    overrides: Callable[[str], Awaitable[ChannelOverrides]] = _no_overrides
