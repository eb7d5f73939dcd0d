"""The stand-in of Stripe as a program of its own, and the shop's dealings with it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from ops.demo.moved_clock import MovedClock
from ops.demo.processes import DemoError, child, module
from ops.demo.program import WEBHOOK_SECRET

DUPLICATE = 0.1
_CHANNEL = "metadata[standin_channel]"  # where the shop knows the buyer came from: a note for the books


@dataclass(frozen=True, slots=True)
class StandInAt:
    """Where a stand-in listens, with the shop's own key and the one that may only read."""

    url: str
    secret_key: str
    restricted_key: str


@asynccontextmanager
async def stand_in(data: Path, webhook_url: str, seed: int, clock: MovedClock) -> AsyncIterator[StandInAt]:
    """Start a stand-in that sends its webhooks to `webhook_url`: a tenth of them twice, all shuffled."""
    arguments = ("--webhook-url", webhook_url, "--webhook-secret", WEBHOOK_SECRET, "--reorder")
    unkind = ("--duplicate", str(DUPLICATE), "--seed", str(seed))
    words = module("ops.standin", *arguments, *unkind, clock=clock)
    async with child("the stand-in", *words, errors=data / "standin.log") as running:
        said = json.loads(await running.line())
        yield StandInAt(said["url"], said["secret_key"], said["restricted_keys"][0])


class Till:
    """What the shop does at Stripe. Methods raise DemoError when it is refused."""

    def __init__(self, session: aiohttp.ClientSession, at: StandInAt) -> None:
        self._session = session
        self._url = at.url
        self._headers = {"Authorization": f"Bearer {at.secret_key}"}

    async def customer(self, email: str, name: str) -> str:
        """The id of a new customer."""
        return str((await self._post("/v1/customers", {"email": email, "name": name}))["id"])

    async def pay(self, amount_minor: int, currency: str, email: str, customer: str, channel: str) -> str:
        """Take a payment; the charge."""
        form = {
            "amount": str(amount_minor),
            "currency": currency,
            "confirm": "true",
            "payment_method_data[billing_details][email]": email,
            _CHANNEL: channel,
        }
        intent = await self._post("/v1/payment_intents", form | ({"customer": customer} if customer else {}))
        return str(intent["latest_charge"])

    async def subscribe(self, amount_minor: int, currency: str, customer: str, channel: str) -> None:
        """Let a customer pay now and each week from now on."""
        form = {
            "customer": customer,
            "items[0][price_data][unit_amount]": str(amount_minor),
            "items[0][price_data][currency]": currency,
            "items[0][price_data][recurring][interval]": "week",
            _CHANNEL: channel,
        }
        await self._post("/v1/subscriptions", form)

    async def refund(self, charge: str, amount_minor: int) -> None:
        """Give back a part of a charge."""
        await self._post("/v1/refunds", {"charge": charge, "amount": str(amount_minor)})

    async def dispute(self, charge: str) -> str:
        """The buyer's bank takes a charge back; the dispute."""
        return str((await self._post("/_standin/disputes", {"charge": charge}))["id"])

    async def end_dispute(self, dispute: str, outcome: str) -> None:
        """The bank has decided: "won" is for the shop."""
        await self._post("/_standin/disputes", {"dispute": dispute, "status": outcome})

    async def visited(self, channel: str) -> None:
        """Note in the books that somebody came over a channel."""
        await self._post("/_standin/visits", {"channel": channel})

    async def books(self) -> dict[str, Any]:
        """The stand-in's own books: `channels` by name, and `totals`."""
        found: dict[str, Any] = await self._get("/_standin/books")
        return found

    async def pending(self) -> int:
        """How many webhook deliveries are not acknowledged yet."""
        return int((await self._get("/_standin/pending"))["pending"])

    async def _post(self, path: str, form: dict[str, str]) -> Any:
        async with self._session.post(self._url + path, data=form, headers=self._headers) as response:
            return await _answer(response)

    async def _get(self, path: str) -> Any:
        async with self._session.get(self._url + path) as response:
            return await _answer(response)


async def _answer(response: aiohttp.ClientResponse) -> Any:
    if response.status != 200:
        raise DemoError(f"the stand-in refused {response.url.path}: {(await response.text())[:300]}")
    return await response.json()
