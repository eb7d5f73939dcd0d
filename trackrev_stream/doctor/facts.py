"""What the doctor knows: gathered first, so that each check is a function of it and of nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trackrev_stream.eventlog.kafka.partitions import Partitions

Outcomes = tuple[Mapping[str, object], ...]
"""The last hits or events: ``at``, ``kind``, ``host``, ``outcome`` and ``reason`` of each; newest last."""


@dataclass(frozen=True, slots=True)
class RunningFacts:
    """What the running program says of itself."""

    roles: tuple[str, ...] = ()
    url: str = ""
    trouble: str = ""
    clock_refused: bool = False
    lag: Mapping[str, int] = field(default_factory=dict)
    hits: Mapping[str, Outcomes] = field(default_factory=dict)
    webhooks: Mapping[str, Outcomes] = field(default_factory=dict)
    forwarded: int = 0
    direct: int = 0


@dataclass(frozen=True, slots=True)
class LogFacts:
    """The log. ``wrong`` says why it cannot be looked at; ``lag`` is what waits in it where nobody runs.

    On Kafka: ``missing`` topics, the ``partitions`` of those that are there, and how many ``workers`` are at
    work.
    """

    kafka: bool = False
    made: bool = True
    wrong: str = ""
    lag: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    partitions: Partitions = field(default_factory=lambda: Partitions({}, 1))
    workers: int = 0
    spooled: int = 0


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """Where the program is reached, as the running one has it, and what came of trying.

    ``reached`` is empty where the public URL answers as this program does, else what happened.
    """

    public_url: str = ""
    host: str = "127.0.0.1"
    behind_proxy: bool = False
    reached: str = ""


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """The key that seals secrets: ``mode`` is that of its file, None where it comes by the environment."""

    mode: int | None = None
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A Stripe account of a workspace. ``result`` is that of the last round of the poller; times in ms."""

    account: str
    has_key: bool = True
    has_webhook_secret: bool = True
    started_at: int | None = None
    due_at: int = 0
    result: str = ""
    permissions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkspaceFacts:
    """A workspace. Days since 1970 in UTC, times in ms; the charges are those of the last 30 days.

    ``waiting`` refunds, disputes and sayings wait for a charge not seen yet, the first ``waits_since``.
    """

    id: str
    domain: str = "shop.example"
    last_visit_day: int | None = None
    last_webhook_at: int | None = None
    last_charge_at: int | None = None
    charges: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    connections: tuple[ConnectionFacts, ...] = ()
    waiting: int = 0
    waits_since: int = 0

    @property
    def is_trial(self) -> bool:
        """Whether it is one for trying things out on this machine."""
        return self.domain in ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. ``clocks`` says by whose clock this machine's is how many ms ahead."""

    now: int
    data: str = "/data"
    running: RunningFacts | None = None
    log: LogFacts = LogFacts()
    store_wrong: str = ""
    newest_at: int = 0
    free_bytes: int | None = None
    total_bytes: int = 0
    clocks: Mapping[str, int] = field(default_factory=dict)
    places: PlaceFacts = PlaceFacts()
    secret: SecretFacts = SecretFacts()
    rates_fetched: bool = True
    rates_known_through: int | None = None
    rates_due: int = 0
    poll_minutes: int = 60
    dead_letters: int = 0
    workspaces: tuple[WorkspaceFacts, ...] = ()
