"""Serving under load: an application at a free port of loopback, told to its parent in a line of JSON."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import uvloop
from aiohttp import web


async def serve(app: web.Application) -> None:
    """Serve until cancelled; say where, as soon as requests are taken."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    await stay(url=f"http://127.0.0.1:{runner.addresses[0][1]}")


async def stay(**said: object) -> None:
    """Say so, and stay until cancelled."""
    print(json.dumps(said), flush=True)
    await asyncio.Event().wait()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run on the event loop that the program has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
