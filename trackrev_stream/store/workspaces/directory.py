"""The settings that collectors ask for with each request, kept in memory and fresh within a second."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from trackrev_stream.clock import Clock
from trackrev_stream.contracts.ports import Link, StripeConnection, Workspace
from trackrev_stream.domain.acquisition.channel_overrides import NO_OVERRIDES, ChannelOverrides
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import read_meta
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.workspaces.api_keys import ApiKey, find_api_key, key_hash, note_key_uses
from trackrev_stream.store.workspaces.channel_rules import find_overrides
from trackrev_stream.store.workspaces.links import find_link, normal_slug
from trackrev_stream.store.workspaces.noticing import Noticing
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION
from trackrev_stream.store.workspaces.stripe_connections import find_connected, find_connections
from trackrev_stream.store.workspaces.workspaces import find_workspace

CHECK_EVERY_MS = 1_000

T = TypeVar("T")


class StoreDirectory:
    """Directory over the store. What is there is kept until any setting changes, in this process or another.

    The version of the settings is read at most once a second, and only when something is looked up. What is
    not there is never remembered: a workspace, link or key made a moment ago is found at once.
    """

    def __init__(self, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._kept: dict[tuple[str, str], Any] = {}
        self._version: int | None = None
        self._checked_at: int | None = None
        self.key_uses: Noticing[str] = Noticing(store, clock, note_key_uses)

    async def workspace(self, workspace: str) -> Workspace | None:
        """The workspace with this id, or None."""
        return await self._look_up(
            ("workspace", workspace), lambda c: find_workspace(c, self._sealer, workspace)
        )

    async def link(self, slug: str) -> Link | None:
        """The tracked link with this slug in any case, or None."""
        return await self._look_up(("link", normal_slug(slug)), lambda c: find_link(c, slug))

    async def stripe_connections(self, workspace: str) -> tuple[StripeConnection, ...]:
        """The Stripe connections of a workspace, the own account first."""
        found = await self._look_up(
            ("stripe", workspace), lambda c: find_connections(c, self._sealer, workspace) or None
        )
        return found or ()

    async def connected_to(self, account: str) -> tuple[StripeConnection, ...]:
        """The connections to a connected account, in whatever workspaces."""
        return (
            await self._look_up(
                ("account", account), lambda c: find_connected(c, self._sealer, account) or None
            )
        ) or ()

    async def overrides(self, workspace: str) -> ChannelOverrides:
        """The rules by which a workspace names channels itself."""
        return (
            await self._look_up(("channels", workspace), lambda c: find_overrides(c, workspace))
        ) or NO_OVERRIDES

    async def authenticate(self, api_key: str) -> ApiKey | None:
        """The API key with this text, or None; that it was used is noted in its own time."""
        # Constant in time where it counts: a hash is looked up, and how far a hash matches tells nothing
        # about the key that would match further.
        hashed = key_hash(api_key)
        found = await self._look_up(("key", hashed), lambda c: find_api_key(c, hashed))
        if found is not None:
            self.key_uses.note(found.id)
        return found

    async def _look_up(self, key: tuple[str, str], find: Callable[[Connection], T | None]) -> T | None:
        await self._refresh()
        if key in self._kept:
            return cast("T", self._kept[key])
        kept = self._kept
        found = await self._store.read(find)
        if found is not None:
            kept[key] = found  # into the generation that was current before the reading
        return found

    async def _refresh(self) -> None:
        now = self._clock()
        if self._checked_at is not None and 0 <= now - self._checked_at < CHECK_EVERY_MS:
            return
        self._checked_at = now
        version = await self._store.read(lambda c: read_meta(c, SETTINGS_VERSION))
        if version != self._version:
            self._version = version
            self._kept = {}
