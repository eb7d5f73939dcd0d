"""Stripe's API over HTTP: who asks whom for what, what is answered, and what goes wrong on request."""

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from aiohttp import web

from ops.standin.account import Origin
from ops.standin.errors import ApiError, Json
from ops.standin.faults import Fault
from ops.standin.keys import Key, redacted
from ops.standin.lists import Reader
from ops.standin.merchant import Merchant
from ops.standin.params import Params, body, nested
from ops.standin.resources import RESOURCES, Resource
from ops.standin.search import UNAVAILABLE
from ops.standin.stripe import Stripe
from ops.standin.versions import checked_version

_REQUEST_ID = web.RequestKey("request_id", str)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Act = Callable[[Merchant, str, Params, Origin], Json]
"""Does something at a merchant's, to the object with an id that stands in the path, if any."""

_WRITES: tuple[tuple[str, str, str, Act], ...] = (
    ("POST", "customers", "customer", lambda m, _, p, o: m.customers.create(p, o)),
    ("POST", "customers/{id}", "customer", lambda m, i, p, o: m.customers.update(i, p, o)),
    ("DELETE", "customers/{id}", "customer", lambda m, i, _, o: m.customers.delete(i, o)),
    ("POST", "payment_intents", "payment_intent", lambda m, _, p, o: m.payments.pay(p, o)),
    (
        "POST",
        "payment_intents/{id}/capture",
        "payment_intent",
        lambda m, i, p, o: m.payments.capture(i, p, o),
    ),
    ("POST", "payment_intents/{id}/cancel", "payment_intent", lambda m, i, p, o: m.payments.cancel(i, p, o)),
    ("POST", "refunds", "charge", lambda m, _, p, o: m.refunds.create(p, o)),
    ("POST", "refunds/{id}/cancel", "charge", lambda m, i, p, o: m.refunds.cancel(i, p, o)),
    ("POST", "plans", "plan", lambda m, _, p, o: m.prices.create_plan(p, o)),
    ("POST", "prices", "plan", lambda m, _, p, o: m.prices.create(p, o)),
    ("POST", "subscriptions", "subscription", lambda m, _, p, o: m.subscriptions.create(p, o)),
    ("POST", "subscriptions/{id}", "subscription", lambda m, i, p, o: m.subscriptions.update(i, p, o)),
    ("POST", "subscriptions/{id}/resume", "subscription", lambda m, i, p, o: m.subscriptions.resume(i, p, o)),
    ("DELETE", "subscriptions/{id}", "subscription", lambda m, i, p, o: m.subscriptions.cancel(i, p, o)),
    ("POST", "checkout/sessions", "checkout_session", lambda m, _, p, o: m.checkout.create(p, o)),
    (
        "POST",
        "checkout/sessions/{id}/expire",
        "checkout_session",
        lambda m, i, p, o: m.checkout.expire(i, p, o),
    ),
    (
        "POST",
        "payment_intents/{id}/confirm",
        "payment_intent",
        lambda m, i, p, o: m.payments.confirm(i, p, o),
    ),
    ("POST", "disputes/{id}", "dispute", lambda m, i, p, o: m.disputes.update(i, p, o)),
    ("POST", "disputes/{id}/close", "dispute", lambda m, i, p, o: m.disputes.close(i, p, o)),
)
"""Method, path below /v1/, what the key must be allowed to write, and what is done."""


class _DroppedError(Exception):
    """The connection was dropped, as was asked for."""


class Api:
    """The routes below /v1/ of a stand-in."""

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe

    def add_routes(self, application: web.Application) -> None:
        charges = RESOURCES["charges"]
        application.router.add_get(f"/v1/{charges.path}/search", self._search(charges))
        application.router.add_get(f"/v1/{charges.path}/{{charge}}/refunds", self._list(RESOURCES["refunds"]))
        for resource in RESOURCES.values():
            application.router.add_get(f"/v1/{resource.path}", self._list(resource))
            application.router.add_get(f"/v1/{resource.path}/{{id}}", self._retrieve(resource))
        for method, path, scope, act in _WRITES:
            application.router.add_route(method, f"/v1/{path}", self._write(scope, act))

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Gives requests an id and refusals Stripe's shape; counts and lets fail what it should."""
        request[_REQUEST_ID] = self._stripe.ids.new("request")
        endpoint = endpoint_of(request)
        try:
            response = await self._answered(request, handler, endpoint)
        except _DroppedError:
            self._stripe.traffic.add(endpoint, 0)
            return web.Response()  # nobody is there to read it
        self._stripe.traffic.add(endpoint, response.status)
        response.headers["Request-Id"] = request[_REQUEST_ID]
        response.headers["Date"] = formatdate(self._stripe.now_s(), usegmt=True)
        return response

    async def _answered(self, request: web.Request, handler: Handler, endpoint: str) -> web.StreamResponse:
        self._stripe.agenda.catch_up()
        fault = None
        if request.path.startswith("/v1/"):
            fault = next((each for each in self._stripe.faults if each.concerns(endpoint)), None)
        try:
            if fault is not None:
                await _delay(fault)
                if fault.drop == "before":
                    _hang_up(request)
                refusal = fault.refusal()
                if refusal is not None:
                    raise refusal
            if request.path.startswith("/v1/"):
                self._stripe.limits.count(endpoint)
            response = await handler(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status, headers=error.headers)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            unknown = ApiError(404, f"Unrecognized request URL ({request.method}: {request.path}).")
            return web.json_response(unknown.body(), status=404)
        if fault is not None and fault.drop == "midway":
            await _break_off(request, response)
        return response

    def _write(self, scope: str, act: Act) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            merchant, reader = self._asked(request)
            reader.key.require(f"rak_{scope}_write", merchant.account.id)
            idempotency_key = request.headers.get("Idempotency-Key")
            origin = Origin(request[_REQUEST_ID], idempotency_key, reader.api_version)
            made = act(merchant, request.match_info.get("id", ""), await body(request), origin)
            return _reply(reader, made if "deleted" in made else reader.expanded(made))

        return handle

    def _list(self, resource: Resource) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            _, reader = self._asked(request)
            asked = Params({**_query(request).values, **request.match_info})
            return _reply(reader, {**reader.page(resource, asked), "url": request.path})

        return handle

    def _search(self, resource: Resource) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            _, reader = self._asked(request)
            if not self._stripe.search_available:
                raise ApiError(400, UNAVAILABLE)
            return _reply(reader, reader.search(resource, _query(request)))

        return handle

    def _retrieve(self, resource: Resource) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            _, reader = self._asked(request)
            return _reply(reader, reader.one(resource, request.match_info["id"], _query(request)))

        return handle

    def _asked(self, request: web.Request) -> tuple[Merchant, Reader]:
        """Whom the request is about, and how its key and version see it. Raises ApiError."""
        key: Key = self._stripe.keyring.identify(request.headers.get("Authorization"))
        version = checked_version(request.headers.get("Stripe-Version", self._stripe.api_version))
        wanted = request.headers.get("Stripe-Account")
        merchant = self._stripe.merchants.get(wanted) if wanted else self._stripe.platform
        if merchant is None:
            raise ApiError(
                403,
                f"The provided key '{redacted(key.text)}' does not have access to account '{wanted}' (or "
                "that account does not exist). Application access may have been revoked.",
                code="account_invalid",
            )
        return merchant, Reader(merchant.account, key, version)


def endpoint_of(request: web.Request) -> str:
    """The method and the path with `{id}` for what stands there, as limits and counts go by it."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else request.path
    return f"{request.method} {path}"


def _query(request: web.Request) -> Params:
    return Params(nested(request.query.items()))


def _reply(reader: Reader, shown: Json) -> web.Response:
    return web.json_response(shown, headers={"Stripe-Version": reader.api_version})


async def _delay(fault: Fault) -> None:
    if fault.slow_s:
        await asyncio.sleep(fault.slow_s)
    if fault.until is not None:
        await fault.until.wait()


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
    raise _DroppedError


async def _break_off(request: web.Request, answer: web.StreamResponse) -> None:
    """Sends the half of an answer and drops the connection."""
    assert isinstance(answer, web.Response)
    assert isinstance(answer.body, bytes)
    half = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
    half.content_length = len(answer.body)
    await half.prepare(request)
    await half.write(answer.body[: len(answer.body) // 2])
    _hang_up(request)
