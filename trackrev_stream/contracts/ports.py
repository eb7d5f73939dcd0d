"""The ports between parts: what collectors need of a log and of the settings, without knowing either."""

from dataclasses import dataclass
from typing import Protocol


class Unavailable(Exception):
    """The log cannot promise durability now; what was offered is not saved, and may be offered again."""


class Publisher(Protocol):
    """Where collectors put records."""

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        """Append a record; return its offset once it is durable.

        Raises Unavailable when it is not saved.
        """
        ...


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as collectors see it; its secrets are never logged."""

    id: str
    domain: str
    cookie_domain: str
    email_secret: bytes
    click_secret: bytes
    identify_secret: bytes
    time_zone: str = "UTC"

    def __repr__(self) -> str:
        return f"Workspace({self.id!r}, {self.domain!r})"


@dataclass(frozen=True, slots=True)
class Link:
    """A tracked link; ``version`` grows when its target, channel or partner changes."""

    slug: str
    workspace: str
    url: str
    channel: str
    partner: str
    version: int


@dataclass(frozen=True, slots=True)
class StripeConnection:
    """How a workspace is connected to Stripe; ``webhook_secrets`` has two while one is being rolled."""

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
