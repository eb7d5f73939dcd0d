"""The rates as they are known now: the bundled history, what was kept, and what the ECB has published since.

Rates that cannot be fetched are a warning and a metric, never an error: charges in other currencies than
dollars are pending until they are there.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial

import aiohttp
from sqlalchemy.exc import DBAPIError

from trackrev_stream import metrics
from trackrev_stream.clock import Clock
from trackrev_stream.domain.ledger.fx import Rates
from trackrev_stream.domain.values.days import DAY_MS, day_of, iso_of, last_ecb_day
from trackrev_stream.exchange_rates.ecb import BadRates, parse_xml
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.rates import keep_rates, load_rates

log = logging.getLogger(__name__)

RECENT = "eurofxref-hist-90d.xml"
HISTORY = "eurofxref-hist.xml"
# Rates come out at about 16:00 in Frankfurt, 15:00 UTC in winter; half an hour of patience.
PUBLISHED_AFTER_MS = (15 * 60 + 30) * 60_000
CHECK_EVERY_S = 600
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_LARGEST = 32 * 1024 * 1024  # the whole history has some 8 MB


class LiveRates:
    """Holds the rates, and brings them up to date while ``run`` runs; the store shares them among workers.

    ``history`` is what is known without any network, ``url`` the address under which the ECB has its files.
    """

    def __init__(self, history: Mapping[int, str], store: Store, url: str, clock: Clock) -> None:
        self._current = Rates(history)
        self._store = store
        self._url = url
        self._clock = clock

    @property
    def current(self) -> Rates:
        """The rates known now, immutable; ask again for each charge."""
        return self._current

    async def open(self) -> None:
        """Take in what is kept, so that nothing that was known is pending. Raises DBAPIError."""
        kept = await self._store.read(load_rates)
        try:
            self._current = self._current.with_days(kept)
        except ValueError as error:
            # The bundled history is older than the one these followed on.
            log.warning("rates that were kept are fetched again: %s", error)
        metrics.RATES_KNOWN_THROUGH.set((self._current.known_through + 1) * (DAY_MS // 1_000))

    async def run(self, every_s: float = CHECK_EVERY_S) -> None:
        """Keep the rates up to date until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(every_s)

    async def refresh(self) -> bool:
        """Fetch what must be out by now, unless it is known; return whether the rates are up to date."""
        due = last_ecb_day(day_of(self._clock() - PUBLISHED_AFTER_MS) + 1)
        if self._current.last_day >= due:
            return True
        try:
            await self.open()  # another worker may have been faster
            if self._current.last_day < due:
                await self._fetch()
                metrics.RATES_FETCHES.labels("fetched").inc()
        except (aiohttp.ClientError, TimeoutError, BadRates, DBAPIError) as error:
            metrics.RATES_FETCHES.labels("failed").inc()
            log.warning(
                "no rates from %s: %s. Charges in other currencies than US dollars are pending from %s on; "
                "it is tried again",
                self._url,
                str(error).partition("\n")[0] or type(error).__name__,
                iso_of(self._current.known_through + 2),
            )
        return self._current.last_day >= due

    async def _fetch(self) -> None:
        """Fetch, keep and show the rates. Raises aiohttp.ClientError, TimeoutError, BadRates, DBAPIError."""
        now = self._clock()
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            found = _until(now, parse_xml(await _get(session, f"{self._url}/{RECENT}")))
            try:
                self._current.with_days(found)
            except ValueError:  # more than 90 days behind
                found = _until(now, parse_xml(await _get(session, f"{self._url}/{HISTORY}")))
        try:
            self._current.with_days(found)
        except ValueError as error:
            raise BadRates(str(error)) from error
        new = self._current.new_in(found)
        await self._store.write(partial(keep_rates, quotes=new, now=now))
        await self.open()  # if another worker kept a day first, that one stands


def _until(now: int, quotes: Mapping[int, str]) -> dict[int, str]:
    """Without days that have not come yet: nothing can be known of them."""
    return {day: quote for day, quote in quotes.items() if day <= day_of(now)}


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as response:
        response.raise_for_status()
        body = bytearray()
        async for chunk in response.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > _LARGEST:
                raise BadRates(f"{url} has more than {_LARGEST} bytes")
        return bytes(body)
