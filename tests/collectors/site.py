"""A site for tests: pages with the pixel's tag, the edge, and a browser to visit them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.test_utils import TestServer

from collectors.deps import EdgeDeps
from collectors.routes import routes
from tests.browser import Browser, Chromium, Page, wait_until
from tests.collectors.edge import PARTITIONS, DictDirectory, RecordingPublisher
from tests.facts import NOW
from trackrev_stream.domain.journeys.touch import Hit

STUB = "window.trackrev = window.trackrev || function () { (trackrev.q = trackrev.q || []).push(arguments) };"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """A site with pages and the edge on one server, and a browser to visit it."""

    browser: Browser
    log: RecordingPublisher = field(default_factory=RecordingPublisher)
    port: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    answers: list[web.Response] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1", **options: str) -> str:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"http://{host}:{self.port}{path}" + (f"?{query}" if query else "")

    async def visit(
        self, path: str = "/", host: str = "127.0.0.1", *, before: str = "", **options: str
    ) -> Page:
        return await self.browser.open(self.url(path, host, **options), before=before)

    async def record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note what pages post, and answer it with what a test has prepared."""
        if request.path != "/e" or request.method != "POST":
            return await handler(request)
        raw = await request.read()
        self.bodies.append(json.loads(raw) | {"content_type": request.content_type})
        request._payload = StreamReader(request.protocol, 2**16, loop=asyncio.get_running_loop())
        request._payload.feed_data(raw)  # the edge reads it for itself
        request._payload.feed_eof()
        if not self.answers:
            return await handler(request)
        response = self.answers.pop(0)
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response

    async def hits(self, number: int) -> list[Hit]:
        """The first hits, once there are ``number`` of them."""
        await wait_until(lambda: len(self.log.hits()) >= number, f"{number} hits")
        return self.log.hits()


async def _page(request: web.Request) -> web.Response:
    """A page whose tag is made as the query asks."""
    options = {"collector": "", "stub": "", "attributes": ""} | dict(request.query)
    source = f"http://{options['collector']}:{request.url.port}/p.js" if options["collector"] else "/p.js"
    tag = f'<script async src="{source}" data-workspace="ws_1" {options["attributes"]}></script>'
    form = '<form action="/done"><input name="mail" data-trackrev-email><button>Join</button></form>'
    html = f"<!doctype html><title>Page</title><script>{STUB}{options['stub']}</script>{tag}{form}"
    return web.Response(text=html, content_type="text/html")


@asynccontextmanager
async def site_of(running: Chromium) -> AsyncIterator[Site]:
    async with running.connect() as browser:
        site = Site(browser)

        @web.middleware
        async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await site.record(request, handler)

        app = web.Application(middlewares=[record])
        app.add_routes(routes(EdgeDeps(DictDirectory(), site.log, PARTITIONS, lambda: NOW)))
        app.router.add_get("/{path:.*}", _page)
        async with TestServer(app) as server:
            site.port = server.port or 0
            yield site
