"""The whole program in this process, fed over HTTP as the outside feeds it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from ops.standin.webhooks import signature
from tests.browser import PERSON
from tests.contracts.stripe import charge, event
from trackrev_stream.app import Program
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.ids import OWN_ACCOUNT
from trackrev_stream.settings import read
from trackrev_stream.store.connections import put_connection
from trackrev_stream.store.engine import Store
from trackrev_stream.store.secrets import open_sealer

SECRET = "whsec_test"
PATIENCE_S = 30.0
Json = dict[str, Any]


@dataclass
class Site:
    """A running program, and its first workspace."""

    program: Program
    session: aiohttp.ClientSession
    workspace: str
    key: str

    async def pay(self, *names: str) -> None:
        """Stripe tells of charges; each is durable on return."""
        for name in names:
            of = charge(
                id=name, payment_intent=f"pi_{name}", customer=f"cus_{name}", created=int(time.time())
            )
            body = json.dumps(event("charge.succeeded", of, id=f"evt_{name}")).encode()
            headers = {"Stripe-Signature": signature(body, SECRET, int(time.time()))}
            url = f"{self.program.url}/webhooks/stripe/{self.workspace}"
            async with self.session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 200, await answer.text()

    async def visit(self, visitors: int) -> None:
        """So many new visitors come from a search engine; their hits are durable on return."""
        now = int(time.time() * 1000)
        hit = {"id": "h1", "type": "pageview", "at": now, "url": "http://localhost/"}
        hit["referrer"] = "https://www.google.com/"
        body = {"workspace": self.workspace, "sent_at": now, "hits": [hit]}
        for _ in range(visitors):
            headers = {"User-Agent": PERSON}
            async with self.session.post(f"{self.program.url}/e", json=body, headers=headers) as answer:
                assert answer.status == 202, await answer.text()
                assert (await answer.json())["dropped"] == []

    async def ask(self, path: str) -> Json:
        """An answer of the read API."""
        url = f"{self.program.url}/api/workspaces/{self.workspace}/{path}"
        async with self.session.get(url, headers={"Authorization": f"Bearer {self.key}"}) as answer:
            found: Json = await answer.json()
            assert answer.status == 200, found
            return found

    async def wait_for(self, charges: int, visitors: int) -> None:
        """Wait until the book has so many charges and the visits so many visitors."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := await self._counts()) != (charges, visitors):
            assert time.monotonic() < deadline, f"the book has {found}"
            await asyncio.sleep(0.02)

    async def _counts(self) -> tuple[int, int]:
        charges = (await self.ask("charges?limit=100"))["charges"]
        return len(charges), (await self.ask("channels"))["total"]["visitors"]


@asynccontextmanager
async def running(data: Path, store: str = "", connect: Sequence[str] = (SECRET,)) -> AsyncIterator[Site]:
    """Start the program on free ports; it is stopped at the end as SIGTERM stops it."""
    environment = {"TRACKREV_PORT": "0", "TRACKREV_ADMIN_PORT": "0", "TRACKREV_STORE": store}
    program = Program(read(environment, data=str(data)))
    await program.start()
    try:
        first = program.first
        assert first is not None
        beside = Store.open(program.settings.store)
        wanted = StripeConnection(first.workspace.id, OWN_ACCOUNT, True, tuple(connect))
        beside.write_now(lambda c: put_connection(c, open_sealer(data), wanted, 1))
        beside.close()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield Site(program, session, first.workspace.id, first.api_key)
    finally:
        await program.stop()
