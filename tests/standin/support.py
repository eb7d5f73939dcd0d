"""A stand-in and a receiver of its webhooks, both real and on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

import stripe
from aiohttp import web

from ops.standin import ACACIA, Backoff, Endpoint, StandIn

SECRET = "whsec_of_the_tests"
QUICK = Backoff(first_s=0.01, most_s=0.05)
START_MS = 1_767_225_600_000
DROP = 0
"""Instead of a status: the receiver drops the connection."""


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, timeout=60))


class Hand:
    """A clock that a test sets."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Receiver:
    """Keeps what it is sent. Answers `first` in turn, then 200; waits at the gate while that is closed."""

    def __init__(self, first: Iterable[int] = ()) -> None:
        self.acknowledged: list[stripe.Event] = []
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.open = self.most_open = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Condition()
        self._first = list(first)
        self.url = ""
        self.checks = True

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(condition)

    async def handle(self, request: web.Request) -> web.Response:
        body, header = await request.read(), request.headers["Stripe-Signature"]
        self.bodies.append(body)
        self.signatures.append(header)
        await self._count(1)
        await self.gate.wait()
        await self._count(-1)
        status = self._first.pop(0) if self._first else 200
        if status == DROP:
            assert request.transport is not None
            request.transport.abort()
        if status == 200 and self.checks:
            event = stripe.Webhook.construct_event(body, header, SECRET)
            self.acknowledged.append(event)
            await self._count(0)
        return web.Response(status=status or 200)

    async def _count(self, change: int) -> None:
        async with self.changed:
            self.open += change
            self.most_open = max(self.most_open, self.open)
            self.changed.notify_all()

    def types(self) -> list[str]:
        return [event.type for event in self.acknowledged]

    def objects(self, type_: str) -> list[dict[str, Any]]:
        return [event.data.to_dict() for event in self.acknowledged if event.type == type_]


@asynccontextmanager
async def receiving(first: Iterable[int] = ()) -> AsyncIterator[Receiver]:
    receiver = Receiver(first)
    application = web.Application()
    application.add_routes([web.post("/webhooks", receiver.handle)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def standing_in(**options: Any) -> AsyncIterator[StandIn]:
    stand_in = StandIn(**options)
    await stand_in.start()
    try:
        yield stand_in
    finally:
        await stand_in.stop()


@asynccontextmanager
async def client(
    to: StandIn | str, key: str = "sk_test_standin", version: str = ACACIA, account: str | None = None
) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.AIOHTTPClient()
    try:
        yield stripe.StripeClient(
            key,
            base_addresses={"api": to if isinstance(to, str) else to.url},
            stripe_version=version,
            stripe_account=account,
            http_client=http,
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]  # the library does not annotate it


def endpoint(receiver: Receiver, **options: Any) -> Endpoint:
    return Endpoint(receiver.url, SECRET, **{"backoff": QUICK, **options})


async def pay(
    api: stripe.StripeClient, amount: int = 1000, channel: str | None = None, **more: Any
) -> stripe.PaymentIntent:
    metadata = {"order": "7", **({"standin_channel": channel} if channel else {})}
    params: Any = {"amount": amount, "currency": "usd", "confirm": True, "metadata": metadata, **more}
    return await api.v1.payment_intents.create_async(params)
