"""The stand-in as an HTTP server on loopback."""

from collections.abc import Awaitable, Callable, Collection, Mapping

from aiohttp import web

from ops.standin import objects
from ops.standin.account import Account, Origin
from ops.standin.books import Books
from ops.standin.clock import Clock, wall_clock_ms
from ops.standin.errors import ApiError, Json
from ops.standin.ids import Ids
from ops.standin.keys import Key, Keyring
from ops.standin.lists import RESOURCES, Reader, Resource
from ops.standin.params import Params, from_json, nested
from ops.standin.webhooks import Endpoint, Sender

_HOST = "127.0.0.1"
_BACKLOG = 1024
_REQUEST_ID = web.RequestKey("request_id", str)


class StandIn:
    """A Stripe account in memory, served on 127.0.0.1.

    `api_version` is the account's own: webhooks have its shape, and reads that send no Stripe-Version.
    `clock` gives the objects their `created`; `sent_clock` stamps the webhooks' signatures. Both are in
    milliseconds since the epoch. ValueError for keys and versions that could not be Stripe's.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint | None = None,
        secret_key: str = "sk_test_standin",
        restricted_keys: Mapping[str, Collection[str]] | None = None,
        api_version: str = objects.BASIL,
        port: int = 0,
        seed: int | None = None,
        clock: Clock = wall_clock_ms,
        sent_clock: Clock = wall_clock_ms,
    ) -> None:
        try:
            self._api_version = objects.checked_version(api_version)
        except ApiError as error:
            raise ValueError(str(error)) from error
        self.keyring = Keyring(secret_key, restricted_keys)
        self._ids = Ids(seed)
        self._books = Books()
        self.account = Account(
            ids=self._ids, clock=clock, livemode=self.keyring.livemode, books=self._books, emit=self._emit
        )
        self._sender = Sender(endpoint, clock=sent_clock, seed=seed) if endpoint else None
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens. Raises OSError when the port is taken."""
        if self._sender is not None:
            await self._sender.start()
        self._runner = web.AppRunner(self._application(), access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self._port, backlog=_BACKLOG).start()

    async def stop(self) -> None:
        """Stops listening and gives up webhooks that are pending."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._sender is not None:
            await self._sender.stop()

    @property
    def url(self) -> str:
        """The base address, without a slash at its end; known once started."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the stand-in does not listen: start it first")
        return f"http://{_HOST}:{self._runner.addresses[0][1]}"

    @property
    def pending(self) -> int:
        """How many webhook deliveries are not acknowledged yet."""
        return self._sender.pending if self._sender else 0

    async def drained(self) -> None:
        """Returns once every webhook was acknowledged."""
        if self._sender is not None:
            await self._sender.drained()

    def books(self) -> Json:
        """What each channel earned: see `Books.report`."""
        return self._books.report(self.account.charges.values(), self.account.refunds.values())

    def _emit(
        self, type_: str, stored: Json, *, created: int, origin: Origin, previous: Json | None = None
    ) -> None:
        if self._sender is None:
            return
        event = objects.event(
            id_=self._ids.new("event"),
            type_=type_,
            created=created,
            api_version=self._api_version,
            shown=objects.view(stored, self._api_version),
            previous=previous,
            request={"id": origin.request_id, "idempotency_key": origin.idempotency_key},
            livemode=self.account.livemode,
        )
        self._sender.send(event)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._answer])
        create = self.account
        application.add_routes(
            [
                web.post("/v1/customers", self._write("customer", create.create_customer)),
                web.post("/v1/payment_intents", self._write("payment_intent", create.pay)),
                web.post("/v1/refunds", self._write("charge", create.refund)),
                web.post("/_standin/visits", self._visit),
                web.get("/_standin/books", self._show_books),
                web.get("/_standin/pending", self._show_pending),
            ]
        )
        for resource in RESOURCES.values():
            application.add_routes(
                [
                    web.get(f"/v1/{resource.name}", self._list(resource)),
                    web.get(f"/v1/{resource.name}/{{id}}", self._retrieve(resource)),
                ]
            )
        return application

    @web.middleware
    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Gives each request an id, and each refusal Stripe's shape."""
        request[_REQUEST_ID] = self._ids.new("request")
        try:
            response = await handler(request)
        except ApiError as error:
            response = web.json_response(error.body(), status=error.status)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            unknown = ApiError(404, f"Unrecognized request URL ({request.method}: {request.path}).")
            response = web.json_response(unknown.body(), status=404)
        response.headers["Request-Id"] = request[_REQUEST_ID]
        return response

    def _write(
        self, scope: str, act: Callable[[Params, Origin], Json]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            reader = self._reader(request)
            reader.key.require(f"rak_{scope}_write", self.account.id)
            origin = Origin(request[_REQUEST_ID], request.headers.get("Idempotency-Key"))
            return self._reply(reader, reader.expanded(act(await _body(request), origin), []))

        return handle

    def _list(self, resource: Resource) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            reader = self._reader(request)
            return self._reply(reader, reader.page(resource, _query(request)))

        return handle

    def _retrieve(self, resource: Resource) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            reader = self._reader(request)
            return self._reply(reader, reader.one(resource, request.match_info["id"], _query(request)))

        return handle

    def _reader(self, request: web.Request) -> Reader:
        key: Key = self.keyring.identify(request.headers.get("Authorization"))
        version = objects.checked_version(request.headers.get("Stripe-Version", self._api_version))
        return Reader(self.account, key, version)

    def _reply(self, reader: Reader, shown: Json) -> web.Response:
        return web.json_response(shown, headers={"Stripe-Version": reader.api_version})

    async def _visit(self, request: web.Request) -> web.Response:
        self._books.visit((await _body(request)).values)
        return web.json_response({"ok": True})

    async def _show_books(self, _: web.Request) -> web.Response:
        return web.json_response(self.books())

    async def _show_pending(self, _: web.Request) -> web.Response:
        return web.json_response({"pending": self.pending})


def _query(request: web.Request) -> Params:
    return Params(nested(request.query.items()))


async def _body(request: web.Request) -> Params:
    if request.content_type == "application/json":
        return Params(from_json(await request.text()))
    return Params(nested((key, str(value)) for key, value in (await request.post()).items()))
