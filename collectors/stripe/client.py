"""Reading Stripe: pages of its lists as raw JSON, patient with its limits, and every read counted.

The requests are plain GETs. The SDK would decode each answer into objects of its own before it gives the
bytes away, which took a third of a round, and it retries no 429 (measured over stripe-python 16.1.0).
"""

import asyncio
import math
import random
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson
import stripe

from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.values.ids import OWN_ACCOUNT
from trackrev_stream.errors import ForPeople
from trackrev_stream.metrics import STRIPE_READS

API_BASE = "https://api.stripe.com"
# From 2025-03-31.basil on charges carry no invoice: reads stay on the version before.
API_VERSION = "2025-02-24.acacia"
PAGE = 100  # the most Stripe gives: https://docs.stripe.com/api/pagination

_PERMISSION = re.compile(r"\brak_[a-z0-9_]+")

Json = Mapping[str, Any]


class CannotRead(ForPeople):
    """Stripe could not be read; the message says why and what to do."""


class RequestRefused(CannotRead):
    """Stripe takes this request for wrong: another one may do."""


class UnknownKey(CannotRead):
    """Stripe does not know the key, or not the account that it should read."""


class NotPermitted(CannotRead):
    """The key lacks a permission; ``permission`` is the name that Stripe gives it, or what was to be read."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"the key lacks the permission {permission}")
        self.permission = permission


class _Passing(Exception):
    """Stripe is too busy, or has trouble of its own; ``after_s`` is how long it asks to be left alone."""

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a read is tried, and how long is waited in between: doubling, with full jitter."""

    tries: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Page:
    """Objects of a list, in Stripe's order; ``seen_at`` is a time at or before which Stripe looked, in ms.

    ``next`` is the token of a search's next page.
    """

    objects: list[dict[str, Any]]
    more: bool
    seen_at: int
    next: str = ""


_PATIENT = Patience()


class StripeReader:
    """Reads one account with one key. ``counted`` hears of each request before it goes out."""

    def __init__(
        self,
        connection: StripeConnection,
        counted: Callable[[], object] = lambda: None,
        patience: Patience = _PATIENT,
    ) -> None:
        self._connection = connection
        self._counted = counted
        self._patience = patience
        self._base = connection.api_base or API_BASE
        self._http = http_session(connection, patience.timeout_s)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.close()

    async def page(self, path: str, **params: Any) -> Page:
        """One page of the list at ``path``. Raises NotPermitted, CannotRead."""
        body, seen_at = await self.one(path, **{"limit": PAGE, **params})
        objects = body.get("data")
        if not isinstance(objects, list):
            raise CannotRead(f"Stripe answered {path} with something that is no list")
        return Page(objects, bool(body.get("has_more")), seen_at, str(body.get("next_page") or ""))

    async def pages(self, path: str, **params: Any) -> AsyncIterator[Page]:
        """All pages of the list at ``path``, newest first. Raises NotPermitted, CannotRead."""
        page = await self.page(path, **params)
        yield page
        while page.more and page.objects:
            page = await self.page(path, **params, starting_after=page.objects[-1]["id"])
            yield page

    async def found(self, path: str, query: str, **params: Any) -> AsyncIterator[Page]:
        """All pages of a search within the list at ``path``. Raises Refused where there is no search."""
        page = await self.page(f"{path}/search", query=query, **params)
        yield page
        while page.more and page.next:
            page = await self.page(f"{path}/search", query=query, page=page.next, **params)
            yield page

    async def one(self, path: str, **params: Any) -> tuple[dict[str, Any], int]:
        """What is at ``path``, and a time at or before which Stripe looked.

        Raises NotPermitted, Refused, CannotRead.
        """
        for left in reversed(range(self._patience.tries)):
            try:
                return await self._read(path, params)
            except (_Passing, aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
                if left == 0:
                    reason = str(error).partition("\n")[0] or type(error).__name__
                    raise CannotRead(f"Stripe could not be read ({reason})") from error
                await asyncio.sleep(self._wait_s(self._patience.tries - left, error))
        raise AssertionError("the last try raises or returns")

    async def _read(self, path: str, params: Json) -> tuple[dict[str, Any], int]:
        """One request. Raises what is final as CannotRead, what may pass as _Passing or as aiohttp does."""
        started = asyncio.get_running_loop().time()
        self._counted()
        STRIPE_READS.labels(self._connection.workspace, path.split("/")[2]).inc()
        query = dict(_flat("", params))
        async with self._http.get(self._base + path, params=query, allow_redirects=False) as response:
            raw = await response.read()
        if response.status != 200:
            raise failure_of(response, raw, path)
        took_s = asyncio.get_running_loop().time() - started
        return orjson.loads(raw), _looked_at(response.headers, took_s)

    def _wait_s(self, tried: int, error: Exception) -> float:
        most = min(self._patience.first_wait_s * 2 ** (tried - 1), self._patience.longest_wait_s)
        jittered = random.uniform(0, most)  # noqa: S311 - spreads requests, keeps no secret
        return max(jittered, min(error.after_s, 60.0) if isinstance(error, _Passing) else 0.0)


def http_session(connection: StripeConnection, timeout_s: float) -> aiohttp.ClientSession:
    """Requests to Stripe with the key of a connection, about its account."""
    headers = {"Authorization": f"Bearer {connection.api_key}", "Stripe-Version": API_VERSION}
    if connection.account != OWN_ACCOUNT:
        headers["Stripe-Account"] = connection.account
    # The authorities come with the SDK: a slim machine may have none of its own.
    trusted = ssl.create_default_context(cafile=stripe.ca_bundle_path)
    return aiohttp.ClientSession(
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        connector=aiohttp.TCPConnector(ssl=trusted),
    )


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Parameters as Stripe spells them: ``created[gte]``, ``expand[0]``."""
    inner = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else None
    )
    if inner is None:
        yield name, str(value)
        return
    for each, within in inner:
        yield from _flat(f"{name}[{each}]" if name else str(each), within)


def failure_of(response: aiohttp.ClientResponse, raw: bytes, path: str) -> CannotRead | _Passing:
    """What an answer other than 200 means."""
    said = _said(raw)
    match response.status:
        case 401:
            return UnknownKey(
                "Stripe does not know this key (any more); give a new one to `trackrev stripe connect`"
            )
        case 403 if _code(raw) == "account_invalid":
            return UnknownKey(f"Stripe does not let this key read the account: {said}")
        case 403:
            return NotPermitted(permission_in(said, path))
        case 409 | 429:
            after = response.headers.get("Retry-After", "")
            return _Passing(said, float(after) if after.isdecimal() else 0.0)
        case status if 400 <= status < 500:
            return RequestRefused(f"Stripe refused to answer {path}: {said}")
        case status:
            return _Passing(f"status {status}: {said}")


def _said(raw: bytes) -> str:
    """The message of an error, or the beginning of whatever it was."""
    try:
        return str(orjson.loads(raw)["error"]["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return raw[:200].decode(errors="replace")


def _code(raw: bytes) -> str:
    """The code of an error, or nothing."""
    try:
        return str(orjson.loads(raw)["error"].get("code", ""))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return ""


def permission_in(message: str, path: str) -> str:
    """The permission that Stripe names in its answer 403, or what was to be read."""
    named = _PERMISSION.search(message)
    return named[0] if named else path.split("/")[2]


def _looked_at(headers: Mapping[str, str], took_s: float) -> int:
    """When Stripe looked at the latest, by its own clock: its answer's date, less the whole request.

    Its events have whole seconds. A read that claims to be later than it was would outrank an event of
    the same second that it has not seen.
    """
    try:
        answered = parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError) as error:
        raise CannotRead("what answers does not tell its time as Stripe does: look at the address") from error
    return (int(answered) - math.ceil(took_s)) * 1_000
