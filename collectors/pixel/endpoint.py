"""The pixel: ``POST /e`` takes the hits of pages and answers once they are durable."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from collectors.bots import unwanted
from collectors.deps import EdgeDeps
from collectors.limits import Limits
from collectors.pixel.rate_limit import Buckets
from collectors.pixel.validation import LONGEST_ID, Dropped, Envelope, dead_letter_of, screen, time_of
from collectors.publisher import DeadLetterPublisher, HitPublisher
from collectors.recent import DROPPED, REFUSED, TAKEN, Outcome, host_in
from collectors.responses import PageError, allow_origin, unavailable
from collectors.visitor_cookie import set_visitor_cookie, visitor_of
from trackrev_stream.contracts.choices import Arrival
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.drop_reasons import DropReason
from trackrev_stream.contracts.ports import Unavailable, Workspace
from trackrev_stream.domain.journeys.touch import Hit, HitKind
from trackrev_stream.domain.values.ids import is_plain, is_visitor_id
from trackrev_stream.http_json import HttpError, json_response, read_at_most
from trackrev_stream.metrics import HITS_ACCEPTED, HITS_DROPPED

_PREFLIGHT_AGE_S = 86_400
_NOTED = 5  # hits of one request whose outcome is kept
UNKNOWN_WORKSPACE = "unknown_workspace"
_ARRIVALS = {HitKind.PAGEVIEW: Arrival.HIT, HitKind.IDENTIFY: Arrival.IDENTIFY}


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request, its shape checked; the hits are still as the page sent them."""

    workspace: str
    visitor: str
    sent_at: int
    hits: list[Any]


class Pixel:
    """Takes hits from pages."""

    def __init__(self, deps: EdgeDeps, hits: HitPublisher, dead_letters: DeadLetterPublisher) -> None:
        self._deps = deps
        self._hits = hits
        self._dead_letters = dead_letters
        self._buckets = Buckets(deps.limits.hits_a_second)

    async def take(self, request: web.Request) -> web.Response:
        """Answer ``POST /e``: 202 with what was accepted and what was dropped, and why. Raises HttpError."""
        deps = self._deps
        received_at = deps.clock()
        deps.recent.request(forwarded="X-Forwarded-Proto" in request.headers)
        body = parse(await read_at_most(request, deps.limits.body_bytes), deps.limits)
        try:
            return await self._take(request, body, received_at)
        except HttpError as error:
            self._note_refused(body, error, received_at)
            raise

    async def _take(self, request: web.Request, body: Body, received_at: int) -> web.Response:
        deps = self._deps
        workspace = await self._workspace(body, received_at)
        reason = unwanted(request, deps.limits)
        if reason is not None:
            unwanted_hits = [(hit, reason) for hit in body.hits]
            self._note(workspace, [], unwanted_hits, received_at)
            response = _answer([], unwanted_hits)
        else:
            visitor = visitor_of(request, body.visitor, workspace, received_at, deps.randomness(10))
            limit = deps.limits.url_characters
            overrides = await deps.overrides(workspace.id)
            envelope = Envelope(workspace, visitor, body.sent_at, received_at, limit, overrides)
            response = await self._publish(body, envelope)
            set_visitor_cookie(request, response, visitor, workspace, deps.limits)
        allow_origin(request, response, workspace)
        return response

    async def _workspace(self, body: Body, now: int) -> Workspace:
        workspace = await self._deps.directory.workspace(body.workspace)
        if workspace is None:
            message = "There is no such workspace. Look at data-workspace in the script tag."
            raise HttpError(404, UNKNOWN_WORKSPACE, message)
        if workspace.archived:
            message = f"Workspace {workspace.id} is archived and takes no hits. Take the tag off the page."
            raise PageError(410, "archived_workspace", message, workspace=workspace)
        wait_ms = self._buckets.take(workspace.id, max(1, len(body.hits)), now)
        if wait_ms:
            message = f"More than {self._deps.limits.hits_a_second} hits a second. Send them again later."
            retry_after_s = -(-wait_ms // 1_000)
            raise PageError(429, "too_many", message, retry_after_s=retry_after_s, workspace=workspace)
        return workspace

    async def _publish(self, body: Body, envelope: Envelope) -> web.Response:
        accepted: list[Hit] = []
        dropped: list[tuple[object, DropReason]] = []
        letters: list[DeadLetter] = []
        for index, raw in enumerate(body.hits):
            try:
                accepted.append(screen(raw, envelope))
            except Dropped as error:
                dropped.append((raw, error.reason))
                if not error.reason.by_policy:
                    letters.append(dead_letter_of(raw, index, error, envelope.received_at))
        try:
            await self._hits.put(accepted)
            await self._dead_letters.put(envelope.workspace.id, letters)
        except Unavailable as error:
            raise unavailable(error, self._deps.limits, envelope.workspace) from error
        for kind, count in Counter([hit.kind for hit in accepted]).items():
            HITS_ACCEPTED.labels(envelope.workspace.id, kind.value).inc(count)
            self._deps.seen(envelope.workspace.id, _ARRIVALS[kind])
        self._note(envelope.workspace, accepted, dropped, envelope.received_at)
        return _answer(accepted, dropped, envelope.visitor)

    def _note(
        self,
        workspace: Workspace,
        accepted: list[Hit],
        dropped: Sequence[tuple[object, DropReason]],
        now: int,
    ) -> None:
        """Keep what became of the last hits of a request."""
        for raw, reason in dropped[-_NOTED:]:
            outcome = Outcome(now, _kind_of(raw), host_in(_field(raw, "url")), DROPPED, reason.value)
            self._deps.recent.hit(workspace.id, outcome)
        for hit in accepted[-_NOTED:]:
            self._deps.recent.hit(workspace.id, Outcome(now, hit.kind.value, host_in(hit.url), TAKEN))

    def _note_refused(self, body: Body, error: HttpError, now: int) -> None:
        workspace = "" if error.code == UNKNOWN_WORKSPACE else body.workspace
        for raw in body.hits[-1:]:
            outcome = Outcome(now, _kind_of(raw), host_in(_field(raw, "url")), REFUSED, error.code)
            self._deps.recent.hit(workspace, outcome)

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer ``OPTIONS /e``.

        A preflight names no workspace, so any page may ask; whether it may read the answer is said with the
        answer itself. Pages need no preflight to send text/plain, so nothing is given away.
        """
        response = web.Response(status=204)
        allow_origin(request, response, None)
        if "Access-Control-Allow-Origin" in response.headers:
            response.headers["Access-Control-Allow-Methods"] = "POST"
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_AGE_S)
        return response


def parse(raw: bytes, limits: Limits) -> Body:
    """The body of a request. Raises HttpError: 400 when it is not one, 413 when it has too many hits."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _malformed(f"The body should be JSON: {error}") from error
    if not isinstance(body, dict):
        raise _malformed("The body should be a JSON object.")
    workspace, visitor = body.get("workspace"), body.get("visitor")
    sent_at, hits = time_of(body.get("sent_at")), body.get("hits")
    if not isinstance(workspace, str) or not is_plain(workspace, LONGEST_ID):
        raise _malformed("workspace should be the id of a workspace.")
    if visitor is not None and not (isinstance(visitor, str) and is_visitor_id(visitor.lower())):
        raise _malformed("visitor should be a UUID, or be left out.")
    if sent_at is None:
        raise _malformed("sent_at should be a time in milliseconds since the epoch.")
    if not isinstance(hits, list):
        raise _malformed("hits should be a list.")
    if len(hits) > limits.hits_a_request:
        message = f"{len(hits)} hits in one request; at most {limits.hits_a_request} are taken."
        raise HttpError(413, "too_large", message)
    return Body(workspace, (visitor or "").lower(), sent_at, hits)


def _malformed(message: str) -> HttpError:
    return HttpError(400, "malformed", message)


def _answer(accepted: list[Hit], dropped: list[tuple[object, DropReason]], visitor: str = "") -> web.Response:
    for _, reason in dropped:
        HITS_DROPPED.labels(reason.value).inc()
    body: dict[str, object] = {
        "accepted": len(accepted),
        "dropped": [{"id": _id_of(raw), "reason": reason.value} for raw, reason in dropped],
    }
    # A page on another host than ours cannot see our cookie: it learns here by which name it goes.
    return json_response(body | ({"visitor": visitor} if visitor else {}), status=202)


def _id_of(raw: object) -> str | None:
    value = _field(raw, "id")
    return value[:LONGEST_ID] if isinstance(value, str) else None


def _kind_of(raw: object) -> str:
    value = _field(raw, "type")
    return value if value in tuple(HitKind) else "hit"


def _field(raw: object, name: str) -> Any:
    return raw.get(name) if isinstance(raw, dict) else None
