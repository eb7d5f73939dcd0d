"""What a test or demo asks of the stand-in itself, below /_standin/; the same can be done in its process."""

import dataclasses
from typing import Any

from aiohttp import web

from ops.standin.errors import ApiError, Json
from ops.standin.faults import Fault
from ops.standin.params import Params, body
from ops.standin.stripe import Stripe


class Control:
    """The routes below /_standin/."""

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe

    def add_routes(self, application: web.Application) -> None:
        application.add_routes(
            [
                web.post("/_standin/visits", self._visit),
                web.get("/_standin/books", self._books),
                web.get("/_standin/books/charges", self._charges),
                web.get("/_standin/pending", self._pending),
                web.get("/_standin/reads", self._reads),
                web.post("/_standin/faults", self._faults),
                web.delete("/_standin/faults", self._no_faults),
                web.post("/_standin/limits", self._limits),
                web.post("/_standin/search", self._search),
                web.post("/_standin/clock", self._advance),
                web.post("/_standin/disputes", self._dispute),
                web.post("/_standin/checkout/{id}", self._checkout),
                web.post("/_standin/refunds/{id}", self._refund),
                web.post("/_standin/charges/{id}", self._charge),
            ]
        )

    async def _visit(self, request: web.Request) -> web.Response:
        self._stripe.books.visit((await body(request)).values)
        return web.json_response({"ok": True})

    async def _books(self, _: web.Request) -> web.Response:
        return web.json_response(self._stripe.books.report())

    async def _charges(self, _: web.Request) -> web.Response:
        """Where each charge stands, by its id: see `Balance`."""
        balances = self._stripe.books.by_charge()
        told = {id_: {**dataclasses.asdict(x), "net_minor": x.net_minor} for id_, x in balances.items()}
        return web.json_response(told)

    async def _pending(self, _: web.Request) -> web.Response:
        return web.json_response({"pending": self._stripe.pending})

    async def _reads(self, _: web.Request) -> web.Response:
        return web.json_response(dict(self._stripe.traffic.reads()))

    async def _faults(self, request: web.Request) -> web.Response:
        """Adds a fault: the fields of `Fault`, but for `until`."""
        asked = (await body(request)).values
        try:
            self._stripe.faults.append(Fault(**asked))
        except (TypeError, ValueError) as error:
            raise ApiError(400, f"no fault: {error}") from error
        return web.json_response({"faults": len(self._stripe.faults)})

    async def _no_faults(self, _: web.Request) -> web.Response:
        self._stripe.faults.clear()
        return web.json_response({"faults": 0})

    async def _limits(self, request: web.Request) -> web.Response:
        """Sets `a_second`, `endpoint_a_second`, `search_a_second`; what is not given is without limit."""
        params = await body(request)
        names = ("a_second", "endpoint_a_second", "search_a_second")
        params.only(names)
        for name in names:
            setattr(self._stripe.limits, name, params.whole(name, at_least=1, at_most=10**6))
        return web.json_response({name: getattr(self._stripe.limits, name) for name in names})

    async def _search(self, request: web.Request) -> web.Response:
        """Sets whether search is `available`: in India it is not."""
        self._stripe.search_available = (await body(request)).flag("available")
        return web.json_response({"available": self._stripe.search_available})

    async def _advance(self, request: web.Request) -> web.Response:
        """Puts the clock forward to `frozen_time`, in seconds since the epoch."""
        at_s = (await body(request)).whole("frozen_time", at_least=0, at_most=10**11)
        try:
            self._stripe.advance_to((at_s or 0) * 1000)
        except ValueError as error:
            raise ApiError(400, str(error), param="frozen_time") from error
        return web.json_response({"frozen_time": at_s})

    async def _dispute(self, request: web.Request) -> web.Response:
        """Opens a dispute or moves one on: see `Disputes.arrange`; `account` names a connected account."""
        account, params = self._account_of(await body(request))
        return web.json_response(self._stripe.merchants[account].disputes.arrange(params))

    async def _refund(self, request: web.Request) -> web.Response:
        """Lets a refund become `succeeded` or `failed`."""
        account, params = self._account_of(await body(request))
        merchant = self._stripe.merchants[account]
        refund = merchant.account.find("refunds", "refund", request.match_info["id"])
        wanted: dict[str, Any] = {"succeeded": merchant.refunds.settle, "failed": merchant.refunds.fail}
        status = params.required("status")
        if status not in wanted:
            raise ApiError(400, f"Invalid status: must be one of {', '.join(wanted)}", param="status")
        wanted[status](refund)
        return web.json_response(refund)

    async def _charge(self, request: web.Request) -> web.Response:
        """Lets a charge that had succeeded become `failed`."""
        account, params = self._account_of(await body(request))
        merchant = self._stripe.merchants[account]
        charge = merchant.account.find("charges", "charge", request.match_info["id"])
        if params.required("status") != "failed":
            raise ApiError(400, "Invalid status: must be failed", param="status")
        merchant.payments.bounce(charge)
        return web.json_response(charge)

    async def _checkout(self, request: web.Request) -> web.Response:
        """The buyer pays an open checkout session: see `Checkout.complete`."""
        account, params = self._account_of(await body(request))
        checkout = self._stripe.merchants[account].checkout
        return web.json_response(checkout.complete(request.match_info["id"], params))

    def _account_of(self, params: Params) -> tuple[str, Params]:
        account = params.text("account") or self._stripe.platform.account.id
        if account not in self._stripe.merchants:
            raise ApiError(400, f"No such account: '{account}'", param="account")
        rest: Json = {name: value for name, value in params.values.items() if name != "account"}
        return account, Params(rest)
