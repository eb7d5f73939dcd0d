"""Reading Stripe: pages of its lists as raw JSON, patient with its limits, and every read counted.

The SDK carries the requests; its objects are not used, for they cost forty times the JSON (measured over
stripe-python 16.1.0). It retries no 429, and its global retries do not reach a client: patience is here.
"""

import asyncio
import math
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson
import stripe

from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.ids import OWN_ACCOUNT
from trackrev_stream.metrics import STRIPE_READS

# From 2025-03-31.basil on charges carry no invoice: reads stay on the version before.
API_VERSION = "2025-02-24.acacia"
PAGE = 100  # the most Stripe gives: https://docs.stripe.com/api/pagination

_PERMISSION = re.compile(r"\brak_[a-z0-9_]+")

Json = Mapping[str, Any]


class CannotRead(Exception):
    """Stripe could not be read; the message says why and what to do."""


class Refused(CannotRead):
    """Stripe takes this request for wrong: another one may do."""


class NotPermitted(CannotRead):
    """The key lacks a permission; ``permission`` is the name that Stripe gives it, or what was to be read."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"the key lacks the permission {permission}")
        self.permission = permission


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
        timeout: Any = aiohttp.ClientTimeout(total=patience.timeout_s)
        self._http = stripe.AIOHTTPClient(timeout=timeout)
        self._client = stripe.StripeClient(
            connection.api_key,
            base_addresses={"api": connection.api_base} if connection.api_base else {},
            stripe_version=API_VERSION,
            stripe_account=None if connection.account == OWN_ACCOUNT else connection.account,
            http_client=self._http,
            max_network_retries=0,
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK has no types here

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
            except (stripe.StripeError, aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
                if left == 0:
                    reason = str(error).partition("\n")[0] or type(error).__name__
                    raise CannotRead(f"Stripe could not be read ({reason})") from error
                await asyncio.sleep(self._wait_s(self._patience.tries - left, error))
        raise AssertionError("the last try raises or returns")

    async def _read(self, path: str, params: Json) -> tuple[dict[str, Any], int]:
        """One request. Raises what is final as CannotRead, and what may pass as the SDK or aiohttp do."""
        started = asyncio.get_running_loop().time()
        self._counted()
        STRIPE_READS.labels(self._connection.workspace, path.split("/")[2]).inc()
        try:
            response = await self._client.raw_request_async("get", path, **params)
        except stripe.PermissionError as error:
            raise NotPermitted(permission_in(error, path)) from error
        except stripe.AuthenticationError as error:
            message = "Stripe does not know this key (any more); give a new one to `trackrev stripe connect`"
            raise CannotRead(message) from error
        except stripe.InvalidRequestError as error:
            raise Refused(f"Stripe refused to answer {path}: {error.user_message or error}") from error
        took_s = asyncio.get_running_loop().time() - started
        return orjson.loads(response.body), _looked_at(response.headers, took_s)

    def _wait_s(self, tried: int, error: Exception) -> float:
        most = min(self._patience.first_wait_s * 2 ** (tried - 1), self._patience.longest_wait_s)
        jittered = random.uniform(0, most)  # noqa: S311 - spreads requests, keeps no secret
        asked = (getattr(error, "headers", None) or {}).get("Retry-After", "")
        return max(jittered, min(float(asked), 60.0) if asked.isdecimal() else 0.0)


def permission_in(error: stripe.PermissionError, path: str) -> str:
    """The permission that Stripe names in its answer 403, or what was to be read."""
    named = _PERMISSION.search(str(error.user_message or error))
    return named[0] if named else path.split("/")[2]


def _looked_at(headers: Mapping[str, str], took_s: float) -> int:
    """When Stripe looked at the latest, by its own clock: its answer's date, less the whole request.

    Its events have whole seconds. A read that claims to be later than it was would outrank an event of
    the same second that it has not seen.
    """
    answered = parsedate_to_datetime(headers["Date"]).timestamp()
    return (int(answered) - math.ceil(took_s)) * 1_000
