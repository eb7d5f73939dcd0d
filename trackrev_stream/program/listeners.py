"""Where a program listens: the public address, and the admin's, which only this machine may see."""

import contextlib
import logging

from aiohttp import web

from trackrev_stream import metrics
from trackrev_stream.contracts.topics import Topic
from trackrev_stream.eventlog.port import Broker
from trackrev_stream.program.admin import Admin
from trackrev_stream.settings import ADMIN_PORT, Settings

SHUTDOWN_S = 5  # what is being answered may take so long when the program stops

log = logging.getLogger(__name__)


class AddressTakenError(OSError):
    """An address cannot be listened on; the message says which."""


class Listeners:
    """Serves applications until ``closing`` is closed."""

    def __init__(self, settings: Settings, closing: contextlib.AsyncExitStack) -> None:
        self._settings = settings
        self._closing = closing

    async def public(self, app: web.Application) -> str:
        """Serve what browsers and Stripe reach; return its URL. Raises AddressTakenError."""
        return await self._serve(app, self._settings.host, self._settings.port)

    async def admin(self, app: web.Application) -> str:
        """Serve what only this machine may see; return its URL. Raises AddressTakenError."""
        host, port = self._settings.admin_host, self._settings.admin_port
        try:
            return await self._serve(app, host, port)
        except AddressTakenError as error:
            if port != ADMIN_PORT:
                raise AddressTakenError(f"TRACKREV_ADMIN_PORT: {error}") from error
            # Nobody asked for this port: a second program on this machine starts all the same.
            url = await self._serve(app, host, 0)
            log.warning("port %d is taken; metrics are at %s/metrics this time", port, url)
            return url

    async def _serve(self, app: web.Application, host: str, port: int) -> str:
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        self._closing.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, host, port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise AddressTakenError(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another port"
            ) from error
        return openable(host, runner.addresses[0][1])


def openable(host: str, port: int) -> str:
    """A URL that can be opened on this machine: one who listens on every address is reached on loopback."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is replaced here
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def admin_app(broker: Broker, admin: Admin | None, lag_of: tuple[Topic, ...]) -> web.Application:
    """``/metrics``, with the lag of these topics, and the actions of ``admin``."""

    async def exposition(_: web.Request) -> web.Response:
        for topic in lag_of:
            metrics.LAG_RECORDS.labels(topic.name).set(broker.lag(topic.name))
        for part, taken in broker.memory().items():
            metrics.ROCKSDB_BYTES.labels(part).set(taken)
        return web.Response(body=metrics.exposition(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.router.add_get("/metrics", exposition)
    app.add_routes(admin.routes() if admin is not None else [])
    return app
