"""The edge on loopback for tests: its real server, over small implementations of its ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from collectors.deps import EdgeDeps
from collectors.limits import Limits
from collectors.recent import Recent
from collectors.routes import add_routes
from tests.facts import NOW
from trackrev_stream.contracts.codec import decode, decode_frame
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.ports import Link, Recheck, StripeConnection, Unavailable, Workspace
from trackrev_stream.contracts.topics import DEAD_LETTERS, PIXEL_HITS, STRIPE_PAYMENTS
from trackrev_stream.domain.acquisition.channel_overrides import NO_OVERRIDES, ChannelOverrides
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.payments.payment import PaymentFact

PARTITIONS = 4
BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
WORKSPACE = Workspace(
    id="ws_1",
    domain="shop.example",
    cookie_domain=".shop.example",
    email_secret=b"email-secret",
    click_secret=b"click-secret",
    identify_secret=b"identify-secret",
)
LINK = Link("spring", "ws_1", "https://shop.example/landing?a=1#plans", "Newsletter", "anna", 1)
OWN = StripeConnection("ws_1", "own", True, ("whsec_old", "whsec_new"))
CONNECTED = StripeConnection("ws_1", "acct_1", True, ("whsec_connect",))


@dataclass(frozen=True, slots=True)
class Published:
    """A record as the log got it."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes


@dataclass
class RecordingPublisher:
    """A log in memory. ``down`` refuses what comes; while ``gate`` is closed nothing becomes durable."""

    records: list[Published] = field(default_factory=list)
    offered: int = 0
    down: bool = False
    gate: asyncio.Event | None = None

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        self.offered += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise Unavailable("the log is down")
        self.records.append(Published(topic, partition, key, value))
        return len(self.records) - 1

    def of(self, topic: str) -> list[Published]:
        return [record for record in self.records if record.topic == topic]

    def frames(self) -> list[list[Hit]]:
        frames = [decode_frame(Hit, record.value) for record in self.of(PIXEL_HITS.name)]
        return [[hit for hit in frame if isinstance(hit, Hit)] for frame in frames]

    def hits(self) -> list[Hit]:
        return [hit for frame in self.frames() for hit in frame]

    def facts(self) -> list[PaymentFact]:
        return [decode(PaymentFact, record.value) for record in self.of(STRIPE_PAYMENTS.name)]

    def dead_letters(self) -> list[DeadLetter]:
        return [decode(DeadLetter, record.value) for record in self.of(DEAD_LETTERS.name)]


@dataclass
class DictDirectory:
    """Settings in dictionaries."""

    workspaces: dict[str, Workspace] = field(default_factory=lambda: {"ws_1": WORKSPACE})
    links: dict[str, Link] = field(default_factory=lambda: {"spring": LINK})
    connections: tuple[StripeConnection, ...] = (OWN, CONNECTED)
    channel_rules: dict[str, ChannelOverrides] = field(default_factory=dict)

    async def workspace(self, workspace: str) -> Workspace | None:
        return self.workspaces.get(workspace)

    async def link(self, slug: str) -> Link | None:
        return self.links.get(slug)

    async def stripe_connections(self, workspace: str) -> tuple[StripeConnection, ...]:
        return tuple(found for found in self.connections if found.workspace == workspace)

    async def connected_to(self, account: str) -> tuple[StripeConnection, ...]:
        return tuple(found for found in self.connections if found.account == account)

    async def overrides(self, workspace: str) -> ChannelOverrides:
        return self.channel_rules.get(workspace, NO_OVERRIDES)


@dataclass
class Edge:
    """A running edge and all that it stands on."""

    client: TestClient[web.Request, web.Application]
    log: RecordingPublisher
    directory: DictDirectory
    recent: Recent
    now: int = NOW

    async def post_hits(
        self, *hits: object, headers: Mapping[str, str] | None = None, **body: object
    ) -> tuple[int, dict[str, Any], Any]:
        """Post hits; return the status, the body and the response."""
        sent = {"workspace": "ws_1", "sent_at": self.now, "hits": list(hits)} | body
        response = await self.client.post(
            "/e", json=sent, headers={"User-Agent": BROWSER} | dict(headers or {})
        )
        return response.status, await response.json(), response


def pageview(
    hit_id: str = "h1", url: str = "https://shop.example/", at: int = NOW, **more: object
) -> dict[str, Any]:
    return {"id": hit_id, "type": "pageview", "at": at, "url": url} | more


def identify(email: object, hit_id: str = "i1", at: int = NOW, **more: object) -> dict[str, Any]:
    return {
        "id": hit_id,
        "type": "identify",
        "at": at,
        "url": "https://shop.example/join",
        "email": email,
    } | more


@asynccontextmanager
async def running(
    limits: Limits | None = None,
    directory: DictDirectory | None = None,
    *,
    ready: Callable[[], bool] | None = None,
    trouble: Callable[[], str] = lambda: "",
    read_soon: Callable[[StripeConnection, Recheck], Awaitable[None]] | None = None,
) -> AsyncIterator[Edge]:
    """The edge, served on loopback; its clock stands still at ``edge.now``."""
    log, found = RecordingPublisher(), directory or DictDirectory()
    deps = EdgeDeps(
        directory=found,
        publisher=log,
        partitions=PARTITIONS,
        clock=lambda: edge.now,
        limits=limits or Limits(),
        overrides=found.overrides,
        trouble=trouble,
        read_soon=read_soon,
    )
    if ready is not None:
        deps = replace(deps, ready=ready, trouble=trouble)
    app = web.Application()
    add_routes(app, deps)
    async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
        edge = Edge(client, log, found, deps.recent)
        yield edge


def on_edge(
    scenario: Callable[[Edge], Awaitable[None]],
    limits: Limits | None = None,
    directory: DictDirectory | None = None,
    ready: Callable[[], bool] | None = None,
) -> None:
    """Run a scenario against a running edge."""

    async def run() -> None:
        async with running(limits, directory, ready=ready) as edge:
            await scenario(edge)

    asyncio.run(run())
