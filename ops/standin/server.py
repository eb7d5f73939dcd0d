"""The stand-in as an HTTP server on loopback."""

from typing import Any

from aiohttp import web

from ops.standin.api import Api
from ops.standin.control import Control
from ops.standin.endpoints import Endpoints
from ops.standin.stripe import Stripe

_HOST = "127.0.0.1"
_BACKLOG = 1024


class StandIn(Stripe):
    """Stripe in memory, served on 127.0.0.1; ``options`` are those of `Stripe`."""

    def __init__(self, *, port: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens. Raises OSError when the port is taken."""
        await self.open()
        api = Api(self)
        application = web.Application(middlewares=[api.answer])
        api.add_routes(application)
        Endpoints(self).add_routes(application)
        Control(self).add_routes(application)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self._port, backlog=_BACKLOG).start()

    async def stop(self) -> None:
        """Stops listening and gives up webhooks that are pending."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self.close()

    @property
    def url(self) -> str:
        """The base address, without a slash at its end; known once started."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the stand-in does not listen: start it first")
        return f"http://{_HOST}:{self._runner.addresses[0][1]}"
