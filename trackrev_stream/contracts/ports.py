"""The ports between parts: what collectors need of a log and of the settings, without knowing either."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trackrev_stream.domain.reconciliation.differences import Heard
from trackrev_stream.domain.reconciliation.movements import ChargeMovements, Period
from trackrev_stream.domain.values.ids import erased_hash
from trackrev_stream.errors import ForPeople

UNKNOWN_OFFSET = -1
NOTHING_APPLIED = -1  # the position before the first offset

Partition = tuple[str, int]
"""A topic and the number of its partition."""


class Unavailable(ForPeople):
    """The log cannot promise durability now; what was offered is not saved, and may be offered again."""


class ClockRefused(Unavailable):
    """The log takes nothing because this machine's clock, or its own, is wrong; the message says so."""


class PositionConflict(ForPeople):
    """The stored positions are not those of this writer: a second writer, or a log that was created anew."""


class LedgerPositions(Protocol):
    """How far the ledger has applied the log. The log asks before agents start: it knows no SQL."""

    async def applied(self) -> Mapping[Partition, int]:
        """The last offset applied of every partition that anything was applied of."""
        ...

    async def go_on_behind(self, wanted: Mapping[Partition, int]) -> None:
        """Let the writing go on behind these offsets: the records of the log were put elsewhere."""
        ...

    async def tables_since(self) -> int:
        """The number that workers' tables must have been made under, so that nobody erased is in them.

        Raises ForPeople while an erasure is not finished.
        """
        ...


class Publisher(Protocol):
    """Where collectors put records."""

    def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> Awaitable[int]:
        """Append a record; its offset once it is durable, or UNKNOWN_OFFSET where it has none yet.

        Raises Unavailable, when it is awaited, if it is not saved.
        """
        ...


@dataclass(frozen=True, slots=True)
class SiteDomain:
    """A domain of a site, and where the visitor cookie is valid on it; empty: on each host alone."""

    domain: str
    cookie_domain: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as collectors see it; its secrets are never logged.

    ``domain`` is the first of its site, ``more_domains`` are the others. An ``archived`` one takes no hits.
    """

    id: str
    domain: str
    cookie_domain: str
    email_secret: bytes
    click_secret: bytes
    identify_secret: bytes
    time_zone: str = "UTC"
    erased: frozenset[str] = frozenset()
    more_domains: tuple[SiteDomain, ...] = ()
    archived: bool = False

    @property
    def domains(self) -> tuple[SiteDomain, ...]:
        """All domains of the site, the first one first."""
        return SiteDomain(self.domain, self.cookie_domain), *self.more_domains

    @property
    def site(self) -> str:
        """The site as hits carry it: its domains, separated by blanks."""
        return " ".join(each.domain for each in self.domains) if self.more_domains else self.domain

    def has_erased(self, name: str) -> bool:
        """Whether this email key or visitor id was erased, and may not come back."""
        return bool(self.erased and name) and erased_hash(self.email_secret, name) in self.erased

    def __repr__(self) -> str:
        return f"Workspace({self.id!r}, {self.domain!r})"


@dataclass(frozen=True, slots=True)
class Link:
    """A tracked link; ``version`` grows when its target, channel or partner changes.

    One that was archived leads on to its target and counts no more.
    """

    slug: str
    workspace: str
    url: str
    channel: str
    partner: str
    version: int
    archived_at: int | None = None


@dataclass(frozen=True, slots=True)
class StripeConnection:
    """How a workspace is connected to Stripe; ``webhook_secrets`` has two while one is being rolled.

    With EVERY_ACCOUNT for its ``account`` it is the Connect endpoint of a platform: there is nothing to read,
    and its secrets sign the events of whatever account is connected, in any workspace.
    """

    workspace: str
    account: str
    livemode: bool
    webhook_secrets: tuple[str, ...]
    api_key: str = ""
    api_base: str = ""

    def __repr__(self) -> str:
        return f"StripeConnection({self.workspace!r}, {self.account!r})"


class Directory(Protocol):
    """The settings that collectors look up for each request, as they stand now."""

    async def workspace(self, workspace: str) -> Workspace | None:
        """The workspace with this id, or None."""
        ...

    async def link(self, slug: str) -> Link | None:
        """The tracked link with this slug, or None."""
        ...

    async def stripe_connections(self, workspace: str) -> tuple[StripeConnection, ...]:
        """The Stripe connections of a workspace, the own account first."""
        ...

    async def connected_to(self, account: str) -> tuple[StripeConnection, ...]:
        """The connections to a connected account, in whatever workspaces."""
        ...


@dataclass(frozen=True, slots=True)
class Recheck:
    """An object to be read again: of which list, why, when next, and how often it was already."""

    list: str
    id: str
    why: str
    due_at: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class PollReport:
    """How a round over one connection stands, for people.

    ``done_permille`` is how much of the time to be read has been; ``facts`` how many facts were published.
    ``result`` is empty while the round goes on, then "ok" or what went wrong. ``missing`` are permissions
    that the key lacks.
    """

    started_at: int
    facts: int = 0
    done_permille: int = 0
    ended_at: int | None = None
    result: str = ""
    missing: tuple[str, ...] = ()


EVENT = "event"  # why an object is read again that a thin event has named


class PollState(Protocol):
    """What the poller remembers of each connection. Times in milliseconds since the epoch."""

    async def due(self, now: int) -> list[StripeConnection]:
        """The connections with a key whose next round is due."""
        ...

    async def take(self, connection: StripeConnection, holder: str, now: int, until: int) -> bool:
        """Take, or keep, the lease of a connection until then; False while another holder has it."""
        ...

    async def give_back(
        self, connection: StripeConnection, holder: str, report: PollReport, due_at: int
    ) -> None:
        """End a round, and with it the lease; the next round is due then."""
        ...

    async def report(self, connection: StripeConnection, report: PollReport) -> None:
        """Tell how the round stands."""
        ...

    async def cursor(self, connection: StripeConnection, name: str) -> int | None:
        """How far a list has been read, or None."""
        ...

    async def move(self, connection: StripeConnection, name: str, value: int) -> None:
        """Note how far a list has been read, after all before it was published."""
        ...

    async def again(self, connection: StripeConnection, now: int, most: int) -> list[Recheck]:
        """What is due to be read again, the longest due first."""
        ...

    async def note_again(self, connection: StripeConnection, objects: Sequence[Recheck]) -> None:
        """Have objects read again, or change when."""
        ...

    async def settle_again(self, connection: StripeConnection, done: Recheck, later: Recheck | None) -> None:
        """An object was read again: read it later, or no more; unless somebody asked anew meanwhile."""
        ...

    async def count_reads(self, connection: StripeConnection, now: int, reads: int) -> None:
        """Count requests to Stripe on the day of ``now``."""
        ...

    async def reads(self, connection: StripeConnection, now: int) -> int:
        """The requests of the 30 days up to ``now``."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """What a reconciliation came to: how much differs by currency, in minor units, in so many differences."""

    period: Period
    checked_at: int
    residual_minor: Mapping[str, int]
    differences: int


class LedgerReader(Protocol):
    """The ledger as a reconciliation reads it, for one connection at a time."""

    async def moved(self, connection: StripeConnection, period: Period) -> set[str]:
        """The charges of which money moved in a period."""
        ...

    async def booked(
        self, connection: StripeConnection, charges: Collection[str]
    ) -> dict[str, ChargeMovements]:
        """The accounts of these charges, as far as the ledger has them; all their lines, whenever."""
        ...

    async def heard(self, connection: StripeConnection, charges: Collection[str]) -> Heard:
        """What tells why these charges may differ."""
        ...

    async def keep(self, connection: StripeConnection, checked: Checked) -> None:
        """Keep the result of a reconciliation."""
        ...

    async def last(self, connection: StripeConnection, days: int) -> Checked | None:
        """The result of the last one over so many days, or None."""
        ...
