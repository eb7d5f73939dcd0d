"""A browser with the pixel in it: it keeps cookies, follows links, and tells of the pages it shows."""

import json
import random
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from ops.demo.moved_clock import MovedClock
from ops.demo.people import BOT_AGENT
from ops.demo.processes import DemoError
from ops.demo.program import WORKSPACE
from ops.demo.ways import SITE, Way

Hit = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """What was sent to the program's edge."""

    visitors: int = 0
    hits: int = 0
    links_followed: int = 0
    batches_repeated: int = 0
    bots: int = 0


@dataclass(frozen=True, slots=True)
class Edge:
    """Where the program takes hits, the connections to it, and the clock that browsers go by."""

    connector: aiohttp.BaseConnector
    url: str
    clock: MovedClock


class Browser:
    """One device of one visitor. Methods raise DemoError when the edge does not take what it should."""

    def __init__(self, edge: Edge, agent: str, chance: random.Random, tally: Tally) -> None:
        self._edge = edge
        self._tally = tally
        self._chance = chance
        self._page = ""
        self._known = False
        # Each browser has cookies of its own; the connections below are shared.
        self._session = aiohttp.ClientSession(
            connector=edge.connector,
            connector_owner=False,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"User-Agent": agent},
            timeout=aiohttp.ClientTimeout(total=20),
        )

    async def close(self) -> None:
        """Close the window."""
        await self._session.close()

    async def arrive(self, way: Way, *, repeated: bool) -> None:
        """Come to the shop; with `repeated` the pixel sends the landing once more, as after a broken line."""
        landing = await self._follow(way) if way.slug else SITE + way.page
        await self._send([self._view(landing, way.referrer)], repeated=repeated)
        self._tally.visitors += not self._known
        self._known = True

    async def look(self, path: str) -> None:
        """Go to a page within the shop."""
        await self._send([self._view(SITE + path, self._page)])

    async def identify(self, email: str) -> None:
        """Tell an email, as a form with it would."""
        await self._send([self._hit("identify", self._page) | {"email": email}])

    async def come_back_from_paying(self) -> None:
        """Land on the page of thanks, sent there by Stripe's checkout."""
        await self._send([self._view(f"{SITE}/thanks", "https://checkout.stripe.com/")])

    async def _follow(self, way: Way) -> str:
        headers = {"Referer": way.referrer} if way.referrer else {}
        self._tally.links_followed += 1
        return await follow(self._session, f"{self._edge.url}/l/{way.slug}", headers)

    def _view(self, url: str, referrer: str) -> Hit:
        self._page = url.partition("?")[0].partition("#")[0]
        return self._hit("pageview", url) | ({"referrer": referrer} if referrer else {})

    def _hit(self, kind: str, url: str) -> Hit:
        hit_id = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        return {"id": hit_id, "type": kind, "at": self._edge.clock(), "url": url}

    async def _send(self, hits: list[Hit], *, repeated: bool = False) -> None:
        for _ in range(2 if repeated else 1):
            accepted = await post_hits(self._session, self._edge, hits)
            if accepted != len(hits):
                raise DemoError(f"the pixel took {accepted} hits of {len(hits)}")
        self._tally.hits += len(hits)
        self._tally.batches_repeated += repeated


async def crawl(edge: Edge, slug: str, tally: Tally) -> None:
    """A bot follows a link and runs the page's script: nothing of it may count."""
    session = aiohttp.ClientSession(
        connector=edge.connector, connector_owner=False, headers={"User-Agent": BOT_AGENT}
    )
    async with session:
        landing = await follow(session, f"{edge.url}/l/{slug}", {})
        hit = {"id": f"bot-{uuid.uuid4()}", "type": "pageview", "at": edge.clock(), "url": landing}
        accepted = await post_hits(session, edge, [hit])
    if accepted or "tr_click" in landing:
        raise DemoError("a bot was counted as a visitor")
    tally.bots += 1


async def follow(session: aiohttp.ClientSession, link: str, headers: dict[str, str]) -> str:
    """The address that a tracked link leads to. Raises DemoError when it leads nowhere."""
    async with session.get(link, headers=headers, allow_redirects=False) as response:
        if response.status != 302:
            raise DemoError(f"{link} answered {response.status} instead of leading on")
        return response.headers["Location"]


async def post_hits(session: aiohttp.ClientSession, edge: Edge, hits: list[Hit]) -> int:
    """Send hits as p.js does; returns how many were accepted. Raises DemoError for a refusal."""
    body = json.dumps({"workspace": WORKSPACE, "sent_at": edge.clock(), "hits": hits})
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": SITE, "Referer": f"{SITE}/"}
    async with session.post(URL(f"{edge.url}/e"), data=body, headers=headers) as response:
        if response.status != 202:
            raise DemoError(f"POST /e: {response.status} {(await response.text())[:300]}")
        return int((await response.json())["accepted"])
