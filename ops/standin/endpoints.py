"""Webhook endpoints that are made through the API: their secret is told once, by the answer to that."""

from aiohttp import web

from ops.standin.errors import ApiError, Json
from ops.standin.params import Params, body, missing
from ops.standin.stripe import Stripe
from ops.standin.versions import checked_version
from ops.standin.webhooks import Endpoint

_PATH = "/v1/webhook_endpoints"
_KNOWN = ("url", "enabled_events", "api_version", "connect", "description", "metadata")


class Endpoints:
    """The routes of webhook endpoints. Those that the stand-in was started with are not among them."""

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe
        self._made: list[Json] = []

    def add_routes(self, application: web.Application) -> None:
        application.router.add_get(_PATH, self._list)
        application.router.add_post(_PATH, self._create)

    async def _list(self, request: web.Request) -> web.Response:
        self._require(request, "rak_webhook_read")
        listed = {"object": "list", "url": _PATH, "has_more": False, "data": self._made[::-1]}
        return web.json_response(listed)

    async def _create(self, request: web.Request) -> web.Response:
        self._require(request, "rak_webhook_write")
        asked = await body(request)
        endpoint, secret = self._endpoint(asked)
        await self._stripe.add_endpoint(endpoint)
        made = {
            "id": self._stripe.ids.new("webhook_endpoint"),
            "object": "webhook_endpoint",
            "api_version": endpoint.api_version,
            "application": None,
            "created": self._stripe.now_s(),
            "description": asked.text("description"),
            "enabled_events": sorted(endpoint.types or ["*"]),
            "livemode": self._stripe.keyring.livemode,
            "metadata": asked.table("metadata"),
            "status": "enabled",
            "url": endpoint.url,
        }
        self._made.append(made)
        return web.json_response(made | {"secret": secret})

    def _endpoint(self, asked: Params) -> tuple[Endpoint, str]:
        asked.only(_KNOWN)
        types = [str(each) for each in asked.items("enabled_events")]
        if not types:
            raise missing("enabled_events")
        version, secret = asked.text("api_version"), self._stripe.ids.new("webhook_secret")
        try:
            endpoint = Endpoint(
                asked.required("url"),
                secret,
                api_version=version and checked_version(version),
                connect=asked.flag("connect"),
                types=None if "*" in types else frozenset(types),
            )
        except ValueError as error:
            raise ApiError(400, "Invalid URL: An explicit scheme must be provided.", param="url") from error
        return endpoint, secret

    def _require(self, request: web.Request, permission: str) -> None:
        """Raises ApiError. Who may write them may read them too."""
        key = self._stripe.keyring.identify(request.headers.get("Authorization"))
        written = permission == "rak_webhook_read" and "rak_webhook_write" in (key.permissions or ())
        if not written:
            key.require(permission, self._stripe.platform.account.id)
