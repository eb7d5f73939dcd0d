"""What the edge is given: its surroundings, and its limits with their defaults."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from trackrev_stream.clock import Clock
from trackrev_stream.contracts.choices import Arrival
from trackrev_stream.contracts.ports import Directory, Publisher
from trackrev_stream.domain.acquisition.channel_overrides import NO_OVERRIDES, ChannelOverrides


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits and choices of the edge. Sizes in bytes unless their name says otherwise."""

    body_bytes: int = 64 * 1024
    webhook_bytes: int = 1024 * 1024
    hits_a_request: int = 100
    url_characters: int = 2_048
    hits_a_second: int = 5_000
    """For each workspace; beyond it requests get a 429."""
    pending_hits: int = 20_000
    """Hits, and likewise facts, that may wait for the log; beyond it requests get a 503."""
    publish_wait_s: float = 5.0
    """How long a request waits for the log before it gets a 503."""
    link_wait_s: float = 2.0
    """How long a person who follows a link waits for the log before being sent on all the same."""
    retry_after_s: int = 5
    signature_tolerance_s: int = 300
    behind_proxy: bool = False
    """Whether a reverse proxy sets ``X-Forwarded-Proto``; without one, anybody could."""
    drop_gpc: bool = False
    """Whether hits with ``Sec-GPC: 1`` are dropped.

    The signal asks not to sell or share personal data. First-party measurement that leaves the site to
    nobody does neither, so it is counted by default; a site that reads the law otherwise sets this.
    """


def _unseen(_workspace: str, _what: Arrival) -> None:
    """Nobody wants to know."""


async def _no_overrides(_workspace: str) -> ChannelOverrides:
    return NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class EdgeDeps:
    """The surroundings of the edge.

    ``partitions`` is the number of partitions of every topic; ``overrides`` looks up a workspace's own rules
    of channels as they stand now; ``seen`` hears of what came in for a workspace, and keeps nobody waiting.
    """

    directory: Directory
    publisher: Publisher
    partitions: int
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    ready: Callable[[], bool] = lambda: True
    randomness: Callable[[int], bytes] = os.urandom
    overrides: Callable[[str], Awaitable[ChannelOverrides]] = _no_overrides
    seen: Callable[[str, Arrival], None] = _unseen
