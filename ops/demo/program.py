"""The program under show: started as anybody would start it, set up by its commands, read by its API."""

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from ops.demo.moved_clock import MovedClock
from ops.demo.processes import ROOT, Child, DemoError, child, environment, module
from ops.demo.ways import DOMAIN, LINKS, TrackedLink

WORKSPACE = "ws_demo"
WEBHOOK_SECRET = "whsec_demo"
HOST = "127.0.0.1"
_CLI = "trackrev_stream.cli"
_URL = re.compile(r"http://[0-9.]+:[0-9]+")
_START_S = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """`trackrev up` over one data directory, known before it runs."""

    data: Path
    port: int
    rates_url: str = "off"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/webhooks/stripe/{WORKSPACE}"

    @asynccontextmanager
    async def running(self, clock: MovedClock | None = None) -> AsyncIterator[Child]:
        """Start it, and end it with the context. Raises DemoError when it does not come up."""
        up = module(_CLI, "up", "--data", str(self.data), "--port", str(self.port), clock=clock)
        settings = {"TRACKREV_ADMIN_PORT": "0", "TRACKREV_RATES_URL": self.rates_url}
        errors = self.data / "up.log"
        async with child("trackrev up", *up, errors=errors, **settings) as process:
            await _ready(process)
            yield process


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as held:
        return int(held.getsockname()[1])


async def _ready(process: Child) -> str:
    """The address that it says once it is up. Raises DemoError when it does not come up."""
    try:
        async with asyncio.timeout(_START_S):
            while not (found := _URL.search(await process.line())):
                pass
    except TimeoutError:
        raise DemoError(f"trackrev up was not ready within {_START_S:.0f} s") from None
    return found[0]


async def command(data: Path, *words: str, **settings: str) -> Any:
    """What `trackrev WORDS --json` answers. Raises DemoError when it could not do it."""
    return await command_by(None, data, *words, **settings)


async def command_by(clock: MovedClock | None, data: Path, *words: str, **settings: str) -> Any:
    """What it answers by another clock. Raises DemoError when it could not do it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *module(_CLI, *words, "--data", str(data), "--json", clock=clock),
        cwd=ROOT,
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        said = complaint.decode(errors="replace").strip() or f"ended with code {process.returncode}"
        raise DemoError(f"trackrev {' '.join(words[:3])}: {said}")
    return json.loads(answer)


async def make_workspace(data: Path, clock: MovedClock) -> str:
    """The workspace and its tracked links; returns the API key."""
    create = ("workspace", "create", WORKSPACE, "--domain", DOMAIN)
    key: str = (await command_by(clock, data, *create))["api_key"]

    async def make(link: TrackedLink) -> None:
        words = ("link", "create", WORKSPACE, link.slug, "--to", link.target, "--channel", link.channel)
        await command_by(clock, data, *words, "--partner", link.partner)

    await asyncio.gather(*(make(link) for link in LINKS))
    return key


async def connect_stripe(data: Path, key: str, api_base: str, clock: MovedClock) -> None:
    """Connect the workspace to the stand-in."""
    words = ("stripe", "connect", WORKSPACE, "--key", key, "--webhook-secret", WEBHOOK_SECRET)
    await command_by(clock, data, *words, "--api-base", api_base)


async def links(data: Path) -> list[dict[str, Any]]:
    """What each tracked link brought."""
    found: list[dict[str, Any]] = (await command(data, "link", "list", WORKSPACE))["links"]
    return found


class ReadApi:
    """The read API of the demo's workspace. Methods raise DemoError for any answer but 200."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session = session
        self._base = f"{url}/api/workspaces/{WORKSPACE}"
        self._headers = {"Authorization": f"Bearer {key}"}

    async def channels(self) -> dict[str, Any]:
        """The channels table, with its `total`."""
        found: dict[str, Any] = await self._get("channels?days=30")
        return found

    async def entries(self) -> list[dict[str, Any]]:
        """The whole ledger."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = await self._get(f"ledger?limit=1000&after={after}")
            found += page["entries"]
            after = page["next"]
        return found

    async def _get(self, path: str) -> Any:
        async with self._session.get(f"{self._base}/{path}", headers=self._headers) as response:
            if response.status != 200:
                raise DemoError(f"GET {path}: {response.status} {(await response.text())[:300]}")
            return await response.json()
