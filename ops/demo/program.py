"""The program under show: started as anybody would start it, set up by its commands, read by its API."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from ops.demo.processes import ROOT, Child, DemoError, child, environment
from ops.demo.ways import DOMAIN, LINKS

WORKSPACE = "ws_demo"
WEBHOOK_SECRET = "whsec_demo"
_CLI = ("-m", "trackrev_stream.cli")
_URL = re.compile(r"http://[0-9.]+:[0-9]+")
_START_S = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """`trackrev up` over one data directory."""

    url: str
    data: Path
    child: Child

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/webhooks/stripe/{WORKSPACE}"


@asynccontextmanager
async def program(data: Path, port: int) -> AsyncIterator[Program]:
    """Start it on `data`, and end it with the context. Raises DemoError when it does not come up."""
    up = (*_CLI, "up", "--data", str(data), "--port", str(port))
    async with child("trackrev up", *up, errors=data / "up.log", TRACKREV_ADMIN_PORT="0") as running:
        try:
            async with asyncio.timeout(_START_S):
                while not (found := _URL.search(await running.line())):
                    pass
        except TimeoutError:
            raise DemoError(f"trackrev up was not ready within {_START_S:.0f} s") from None
        yield Program(found[0], data, running)


async def command(data: Path, *words: str, **settings: str) -> Any:
    """What `trackrev WORDS --json` answers. Raises DemoError when it could not do it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *_CLI,
        *words,
        "--data",
        str(data),
        "--json",
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


async def make_workspace(data: Path) -> str:
    """The workspace and its tracked links; returns the API key."""
    key: str = (await command(data, "workspace", "create", WORKSPACE, "--domain", DOMAIN))["api_key"]
    links = [("link", "create", WORKSPACE, x.slug, "--to", x.target, "--channel", x.channel) for x in LINKS]
    await asyncio.gather(*(command(data, *words) for words in links))
    return key


async def connect_stripe(data: Path, key: str, api_base: str) -> None:
    """Connect the workspace to the stand-in."""
    words = ("stripe", "connect", WORKSPACE, "--key", key, "--webhook-secret", WEBHOOK_SECRET)
    await command(data, *words, "--api-base", api_base)


class ReadApi:
    """The read API of the demo's workspace. Methods raise DemoError for any answer but 200."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session = session
        self._base = f"{url}/api/workspaces/{WORKSPACE}"
        self._headers = {"Authorization": f"Bearer {key}"}

    async def channels(self) -> list[dict[str, Any]]:
        """The rows of the channels table."""
        found: list[dict[str, Any]] = (await self._get("channels?days=30"))["channels"]
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
