"""The read API: ``GET /api/v1/workspaces/{ws}/...`` with a Bearer key.

``/api/workspaces/{ws}/...`` answers the same. It came first, and overlooks parameters that it does not know.
"""

import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from aiohttp import web
from sqlalchemy.exc import DBAPIError

from trackrev_stream.api import shapes
from trackrev_stream.api.script_tag import script_tag
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.choices import By, KeyScope
from trackrev_stream.contracts.codec import Json
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.http_json import Handler, HttpError, answering_errors, json_response
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.reports.channels_and_revenue import Days, channels, revenue
from trackrev_stream.store.reports.charges import find_charge, latest_charges, ledger_page
from trackrev_stream.store.reports.ltv import ltv
from trackrev_stream.store.workspaces.directory import StoreDirectory
from trackrev_stream.store.workspaces.stripe_connections import shown_livemode

ENDPOINT = "api"
MOST_DAYS = 366
MOST_CHARGES = 200
MOST_ENTRIES = 1_000
LARGEST_SEQ = 2**63 - 1

C = TypeVar("C", bound=StrEnum)
Answer = Callable[[web.Request, Workspace], Awaitable[Json]]

log = logging.getLogger(__name__)


class ReadApi:
    """Answers from the store alone; it knows nothing of the running log."""

    def __init__(self, store: Store, directory: StoreDirectory, clock: Clock, public_url: str = "") -> None:
        """``public_url`` is where browsers reach this program; by default what the request says."""
        self._store = store
        self._directory = directory
        self._clock = clock
        self._public_url = public_url.rstrip("/")

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be added to an application."""
        answered: list[tuple[str, Answer, tuple[str, ...]]] = [
            ("", self._workspace, ()),
            ("/channels", self._channels, ("days", "by")),
            ("/revenue", self._revenue, ("days", "by")),
            ("/ltv", self._ltv, ("by",)),
            ("/charges", self._charges, ("limit",)),
            ("/charges/{charge}", self._charge, ()),
            ("/ledger", self._ledger, ("after", "limit")),
        ]
        named = [
            web.get(base + path, self._guarded(_knowing(known, answer) if strict else answer))
            for base, strict in (
                ("/api/workspaces/{workspace}", False),
                ("/api/v1/workspaces/{workspace}", True),
            )
            for path, answer, known in answered
        ]
        return [*named, web.get("/api/{rest:.*}", answering_errors(ENDPOINT, _nothing_here))]

    async def _workspace(self, request: web.Request, workspace: Workspace) -> Json:
        livemode = await self._store.read(lambda c: shown_livemode(c, workspace.id))
        return {
            "workspace": workspace.id,
            "domain": workspace.domain,
            "domains": [each.domain for each in workspace.domains],
            "time_zone": workspace.time_zone,
            "livemode": livemode,
            "script_tag": script_tag(self._public_url or str(request.url.origin()), workspace),
        }

    async def _channels(self, request: web.Request, workspace: Workspace) -> Json:
        days, now, by = _number(request, "days", 30, 1, MOST_DAYS), self._clock(), _by(request, Days.OWN)
        found = await self._store.read(
            lambda c: channels(c, workspace.id, days, now, workspace.time_zone, by=by)
        )
        total = shapes.channel(found.total)
        del total["channel"]
        return {
            "channels": [shapes.channel(row) for row in found.rows],
            "total": total,
            "exponents": shapes.exponents(found.total.money.native),
        }

    async def _revenue(self, request: web.Request, workspace: Workspace) -> Json:
        days, now, by = _number(request, "days", 10, 1, MOST_DAYS), self._clock(), _by(request, Days.OWN)
        found = await self._store.read(
            lambda c: revenue(c, workspace.id, days, now, workspace.time_zone, by=by)
        )
        return {
            "days": [{"date": day.isoformat()} | shapes.money(money) for day, money in found],
            "time_zone": workspace.time_zone,
            "exponents": shapes.exponents(currency for _, money in found for currency in money.native),
        }

    async def _ltv(self, request: web.Request, workspace: Workspace) -> Json:
        by = _by(request, By.CHANNEL)
        found = await self._store.read(lambda c: ltv(c, workspace.id, by, workspace.time_zone))
        return shapes.lifetime_values(found, by, workspace.time_zone)

    async def _charges(self, request: web.Request, workspace: Workspace) -> Json:
        limit = _number(request, "limit", 20, 1, MOST_CHARGES)
        found = await self._store.read(lambda c: latest_charges(c, workspace.id, limit))
        return {
            "charges": [shapes.summary(charge) for charge in found],
            "exponents": shapes.exponents(
                currency for charge in found for currency in shapes.currencies(charge)
            ),
        }

    async def _charge(self, request: web.Request, workspace: Workspace) -> Json:
        charge = request.match_info["charge"]
        found = await self._store.read(lambda c: find_charge(c, workspace.id, charge))
        if found is None:
            raise HttpError(404, "not_found", f"this workspace has no paid charge {charge[:100]!r}")
        return shapes.detail(found) | {"exponents": shapes.exponents(shapes.currencies(found.summary))}

    async def _ledger(self, request: web.Request, workspace: Workspace) -> Json:
        after = _number(request, "after", 0, 0, LARGEST_SEQ)
        limit = _number(request, "limit", 100, 1, MOST_ENTRIES)
        page, following = await self._store.read(lambda c: ledger_page(c, workspace.id, after, limit))
        return {"entries": [shapes.entry(entry) for entry in page], "next": following}

    def _guarded(self, answer: Answer, needed: KeyScope = KeyScope.READ) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                return json_response(await answer(request, await self._authorize(request, needed)))
            except DBAPIError as error:
                log.exception("the database did not answer %s", request.path)
                message = "the database does not answer now; try again"
                raise HttpError(503, "unavailable", message) from error

        return answering_errors(ENDPOINT, handle)

    async def _authorize(self, request: web.Request, needed: KeyScope) -> Workspace:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise HttpError(
                401, "unauthorized", "send the workspace's API key: Authorization: Bearer trk_..."
            )
        allowed = await self._directory.authenticate(key.strip())
        if allowed is None:
            raise HttpError(401, "unauthorized", "this API key is not known, or was revoked")
        workspace = await self._directory.workspace(allowed.workspace)
        # Whether another workspace exists is not told.
        if workspace is None or workspace.id != request.match_info["workspace"]:
            raise HttpError(403, "forbidden", "this API key belongs to another workspace")
        if not allowed.scope.includes(needed):
            message = f"this needs an API key with the scope {needed}; this one has {allowed.scope}"
            raise HttpError(403, "forbidden", message)
        return workspace


async def _nothing_here(request: web.Request) -> web.Response:
    raise HttpError(404, "not_found", f"there is nothing at {request.path[:100]}")


def _knowing(known: tuple[str, ...], answer: Answer) -> Answer:
    """``answer``, but 400 for what has query parameters that it does not know."""

    async def strictly(request: web.Request, workspace: Workspace) -> Json:
        if unknown := [name for name in request.query if name not in known]:
            may = f"it knows {' and '.join(known)}" if known else "it takes none"
            message = f"there is no parameter {unknown[0][:100]!r} here; {may}"
            raise HttpError(400, "unknown_parameter", message)
        return await answer(request, workspace)

    return strictly


def _number(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    """The whole number in a query parameter; raises HttpError 400 for anything else."""
    given = request.query.getall(name, [])
    if not given:
        return default
    text = given[0]
    if len(given) > 1 or not (text.isascii() and text.isdigit()) or not least <= int(text[:20]) <= most:
        raise HttpError(400, "bad_parameter", f"{name} must be one whole number from {least} to {most}")
    return int(text)


def _by(request: web.Request, default: C) -> C:
    """The choice in the query parameter ``by``; raises HttpError 400 for anything else."""
    choices = type(default)
    given = request.query.getall("by", [default.value])
    if len(given) > 1 or given[0] not in set(choices):
        raise HttpError(400, "bad_parameter", f"by must be one of {', '.join(choices)}")
    return choices(given[0])
