"""The settings in the memory of a worker: known through a time, and read again for what is later."""

import asyncio
import logging
from dataclasses import replace
from typing import Protocol

from sqlalchemy.exc import DBAPIError

from trackrev_stream.clock import Clock
from trackrev_stream.domain.attribution.attribution_settings import FOREVER, KNOWN_MS, SettingsTimeline
from trackrev_stream.store.database.engine import Store, is_transient
from trackrev_stream.store.workspaces.attribution_settings import rule_versions

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0

log = logging.getLogger(__name__)


class SettingsSource(Protocol):
    """Where a worker knows the settings from."""

    @property
    def book(self) -> SettingsTimeline:
        """What is known now."""
        ...

    async def refresh(self) -> SettingsTimeline:
        """What is known for one record that is later than ``book`` knows; never raises SettingsBehind."""
        ...


class StoredSettings:
    """``book`` is what is known now. A database that does not answer is asked again until it does."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.book = SettingsTimeline(known_through=-1)

    async def refresh(self) -> SettingsTimeline:
        """Read all versions; return what is known then, for one record that is later than ``book`` knows.

        What is returned never raises SettingsBehind: a charge of the future is decided by what holds now.
        Raises what the database fails with for good.
        """
        pause = FIRST_PAUSE_S
        while True:
            # Before the reading: a version made meanwhile takes effect MARGIN_MS after this at the earliest.
            asked_at = self._clock()
            try:
                versions = await self._store.read(rule_versions)
            except DBAPIError as error:
                if not is_transient(error):
                    raise
                log.warning("the settings cannot be read now; trying again in %.2g s", pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                self.book = SettingsTimeline(asked_at + KNOWN_MS, versions)
                return replace(self.book, known_through=FOREVER)
