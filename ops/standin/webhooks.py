"""Webhooks: signed, delivered in the background, retried until they are acknowledged."""

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import aiohttp

from ops.standin.clock import Clock, wall_clock_ms
from ops.standin.errors import Json

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_SPREAD_S = 0.25
"""With `reorder`, every delivery begins within so many seconds of its event, at random."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts in seconds: doubled from `first_s` to `most_s`, less a jitter of up to half."""

    first_s: float = 0.1
    most_s: float = 5.0

    def delay_s(self, attempt: int, chance: random.Random) -> float:
        longest = min(self.most_s, self.first_s * 2.0 ** min(attempt, 30))
        return longest * chance.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where webhooks go. ValueError for what cannot be.

    `duplicate` is the share of events that are sent twice and `drop` of those that are never sent, from 0 to
    1; `concurrency` is how many requests are open at a time. `api_version` is the account's own when None.
    An endpoint with `connect` is told of the connected accounts, any other of the platform's own; one that is
    `thin` is told but the addresses of objects. `types` are the events that it wants; None wants all.
    """

    url: str
    secret: str
    duplicate: float = 0.0
    reorder: bool = False
    concurrency: int = 8
    backoff: Backoff = Backoff()
    drop: float = 0.0
    api_version: str | None = None
    connect: bool = False
    thin: bool = False
    types: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"the webhooks' address begins with http:// or https://, not {self.url}")
        if not self.secret:
            raise ValueError("webhooks need a secret to be signed with, such as whsec_...")
        for name, share in (("duplicate", self.duplicate), ("drop", self.drop)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} is a share from 0 to 1, not {share}")
        if self.concurrency < 1:
            raise ValueError(f"concurrency is at least 1, not {self.concurrency}")


class Sender:
    """Delivers events to one endpoint, at least once and in no promised order, as Stripe does.

    `clock` stamps the signatures. It is apart from the clock of the objects: a receiver checks the age of a
    signature against real time, also when a test lets the objects be of another day.
    """

    def __init__(self, endpoint: Endpoint, *, clock: Clock = wall_clock_ms, seed: str | None = None) -> None:
        self.endpoint = endpoint
        self._secrets = [endpoint.secret]
        self._clock = clock
        # Apart from the source of ids, so that these options change no id.
        self._chance = random.Random() if seed is None else random.Random(f"webhooks {seed}")
        self._slots = asyncio.Semaphore(endpoint.concurrency)
        self._deliveries: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    @property
    def pending(self) -> int:
        """How many deliveries are not acknowledged yet; a duplicate counts as one more."""
        return len(self._deliveries)

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)

    async def stop(self) -> None:
        """Gives up what is pending."""
        for delivery in self._deliveries:
            delivery.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def wants(self, type_: str, *, connected: bool) -> bool:
        """Whether the endpoint is to be told of such an event of a connected account, or of one's own."""
        types = self.endpoint.types
        return self.endpoint.connect == connected and (types is None or type_ in types)

    def roll(self, secret: str) -> None:
        """Signs with a new secret and, until `retire`, with the old one too, as while a secret is rolled."""
        self._secrets.insert(0, secret)

    def retire(self) -> None:
        """Signs with the newest secret alone."""
        del self._secrets[1:]

    def send(self, event: Json) -> None:
        """Begins to deliver an event as it is now: later changes of its object do not show."""
        if self._chance.random() < self.endpoint.drop:
            return
        payload = json.dumps(event, indent=2, ensure_ascii=False).encode()
        copies = 2 if self._chance.random() < self.endpoint.duplicate else 1
        for _ in range(copies):
            wait_s = self._chance.uniform(0.0, _SPREAD_S) if self.endpoint.reorder else 0.0
            delivery = asyncio.create_task(self._deliver(payload, wait_s))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._deliveries.discard)

    async def drained(self) -> None:
        """Returns once every event was acknowledged; raises what a delivery died of, which would be a bug."""
        while self._deliveries:
            done, _ = await asyncio.wait(tuple(self._deliveries))
            for delivery in done:
                if not delivery.cancelled():
                    delivery.result()

    async def _deliver(self, payload: bytes, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        for attempt in count():
            async with self._slots:
                if await self._acknowledged(payload):
                    return
            await asyncio.sleep(self.endpoint.backoff.delay_s(attempt, self._chance))

    async def _acknowledged(self, payload: bytes) -> bool:
        assert self._session is not None, "started before anything happens"
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, self._secrets, self._clock() // 1000),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            async with self._session.post(
                self.endpoint.url, data=payload, headers=headers, allow_redirects=False
            ) as response:
                return 200 <= response.status < 300
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False


def signature(payload: bytes, secrets: Sequence[str], sent_s: int) -> str:
    """The Stripe-Signature header of a payload sent at a time in seconds since the epoch."""
    signed = f"{sent_s}.".encode() + payload
    digests = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return f"t={sent_s}," + ",".join(f"v1={digest}" for digest in digests)
