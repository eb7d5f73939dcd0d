"""What the edge is given: its surroundings, and its limits with their defaults."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from collectors.limits import Limits
from collectors.recent import Recent
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.choices import Arrival
from trackrev_stream.contracts.ports import Directory, Publisher, Recheck, StripeConnection
from trackrev_stream.domain.acquisition.channel_overrides import NO_OVERRIDES, ChannelOverrides


def _unseen(_workspace: str, _what: Arrival) -> None:
    """Nobody wants to know."""


async def _no_overrides(_workspace: str) -> ChannelOverrides:
    return NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class EdgeDeps:
    """The surroundings of the edge.

    ``partitions`` is the number of partitions of every topic; ``overrides`` looks up a workspace's own rules
    of channels as they stand now. ``read_soon`` has the poller read an object with the key of a connection,
    and returns once that is noted for good (raises Unavailable); without it nothing can be read.
    ``trouble`` says what keeps the log from taking what comes, if anything does; ``recent`` keeps what became
    of the last requests; ``seen`` hears of what came in for a workspace, and keeps nobody waiting.
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
    read_soon: Callable[[StripeConnection, Recheck], Awaitable[None]] | None = None
    recent: Recent = field(default_factory=Recent)
    seen: Callable[[str, Arrival], None] = _unseen
