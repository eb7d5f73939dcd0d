"""Makes a webhook endpoint at Stripe, where a key may do that and a person asked for it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import orjson

from collectors.stripe.client import (
    API_BASE,
    API_VERSION,
    CannotRead,
    Patience,
    StripeReader,
    failure_of,
    http_session,
)
from trackrev_stream.contracts.ports import StripeConnection

PATH = "/v1/webhook_endpoints"
_ASK = Patience(tries=2, first_wait_s=0.2, timeout_s=20)


@dataclass(frozen=True, slots=True)
class MadeEndpoint:
    """An endpoint just made, and the secret that signs its events."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"MadeEndpoint({self.id!r})"


async def find_endpoint(connection: StripeConnection, url: str) -> str | None:
    """The id of the endpoint at Stripe that leads to ``url``, or None. Raises CannotRead."""
    reader = StripeReader(connection, patience=_ASK)
    try:
        async for page in reader.pages(PATH):
            for each in page.objects:
                if each.get("url") == url and each.get("status") != "disabled":
                    return str(each["id"])
    finally:
        await reader.close()
    return None


async def make_endpoint(
    connection: StripeConnection, url: str, events: Sequence[str], *, connect: bool
) -> MadeEndpoint:
    """Make an endpoint that is told of ``events``; of connected accounts with ``connect``. Raises CannotRead.

    Its events have the version that the poller reads, so that both ways tell the same.
    """
    form = {"url": url, "api_version": API_VERSION, "description": "trackrev-stream"}
    form |= {f"enabled_events[{number}]": event for number, event in enumerate(events)}
    form |= {"connect": "true"} if connect else {}
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    http = http_session(connection, _ASK.timeout_s)
    try:
        async with http.post(
            (connection.api_base or API_BASE) + PATH, data=form, headers=headers
        ) as response:
            raw = await response.read()
        if response.status != 200:
            raise CannotRead(str(failure_of(response, raw, PATH)))
        made = orjson.loads(raw)
        return MadeEndpoint(str(made["id"]), str(made["secret"]))
    except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError, KeyError) as error:
        raise CannotRead(f"Stripe did not answer ({str(error) or type(error).__name__})") from error
    finally:
        await http.close()
