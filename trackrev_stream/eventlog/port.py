"""What a log gives to the program, whichever it is: a publisher, and agents that run over it."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol

from trackrev_stream.contracts.ports import Directory, LedgerPositions, Publisher
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.eventlog.faust_patches.protocols import AgentApp
from trackrev_stream.eventlog.history import ErasureScope, PausableAgents
from trackrev_stream.settings import Settings, SettingsError

POSTED = tuple(topic.name for topic in TOPICS if topic.consumer in ("post", "bury"))
STOP_S = 10

Define = Callable[[AgentApp], None]
Barrier = Callable[[], Awaitable[None]]
Released = Callable[[Iterable[tuple[str, int]]], None]


class Agents(Protocol):
    """The agents at work; ``pausable`` where this process alone decides when they rest, else None."""

    @property
    def pausable(self) -> PausableAgents | None:
        """The same agents, for who must have them rest."""
        ...

    async def start(self) -> None:
        """Return once they are. Raises AppFailed."""

    async def run(self) -> None:
        """Keep them so until cancelled. Raises AppFailed."""

    async def stop(self) -> None:
        """Let them finish what they have at hand."""


class Intake(Publisher, Protocol):
    """What the collectors of a process publish by."""

    def ready(self) -> bool:
        """Whether what comes would be saved."""
        ...

    def trouble(self) -> str:
        """Why what comes waits on our disk, for people; nothing where it goes straight to the log."""
        ...

    async def run(self) -> None:
        """What has to run beside it until cancelled."""

    async def settle(self) -> None:
        """Before the edge stops serving: wait, not for long, for what is on its way."""

    async def close(self) -> None:
        """Let go of it, after the edge has stopped."""


class Broker(Protocol):
    """A log, opened. ``exclusive`` where this process has it, and so the store, to itself."""

    publisher: Publisher
    exclusive: bool

    async def intake(self, directory: Directory) -> Intake:
        """What collectors publish by; ``directory`` tells who was erased.

        Raises SettingsError, LogUnavailable, OSError.
        """
        ...

    async def resume(self, positions: LedgerPositions) -> None:
        """Before the agents start: see that the writer reads on from what the database holds.

        Raises PositionConflict where it cannot.
        """
        ...

    def agents(self, define: Define, barrier: Barrier, released: Released) -> Agents:
        """Agents as ``define`` puts them into an app.

        ``barrier`` is passed before each commit; ``released`` hears of partitions that go to another worker.
        """
        ...

    def chores(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run beside."""
        ...

    async def newest(self, topic: str, partition: int, beginning: str) -> list[bytes]:
        """What a compacted topic holds of the keys with this beginning: of each the newest value.

        Raises Unavailable.
        """
        ...

    def erasure_scope(self, positions: LedgerPositions) -> ErasureScope:
        """Where an erasure takes place."""
        ...

    async def caught_up(self) -> None:
        """Wait until the agents of this process have done all that is in the log now.

        Raises Unavailable where that takes too long, or cannot be told because others work too.
        """
        ...

    async def workers(self) -> int:
        """How many workers are at work on the log in other processes. Raises Unavailable."""
        ...

    def lag(self, topic: str) -> int:
        """How many records of a topic the agents of this process have not yet committed."""
        ...

    def memory(self) -> dict[str, int]:
        """The bytes that RocksDB takes, by what it is for."""
        ...

    async def close(self) -> None:
        """Let go of it, after everybody else has."""
        ...


def partitions_differ(settings: Settings, error: Exception) -> SettingsError:
    """The error for people when a topic has other partitions than the settings say."""
    return SettingsError(f"TRACKREV_PARTITIONS is {settings.partitions}. {error}")
