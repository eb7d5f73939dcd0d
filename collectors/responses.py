"""Answers: errors in one form, bodies with a limit, cookies and CORS."""

import ipaddress
import re
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from collectors.deps import Limits
from trackrev_stream.contracts.ports import Unavailable, Workspace
from trackrev_stream.domain.acquisition.landing import host_of
from trackrev_stream.domain.values.ids import is_visitor_id, uuid7
from trackrev_stream.metrics import REQUESTS_REFUSED

VISITOR_COOKIE = "tr_vid"
VISITOR_COOKIE_AGE_S = 34_560_000  # 400 days, the most that browsers keep

_ORIGIN = re.compile(r"https?://[\w.:\[\]-]+", re.ASCII | re.IGNORECASE)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """A request that is answered with an error; ``message`` tells people what was wrong and what to do."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_s: int = 0,
        workspace: Workspace | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.workspace = workspace
        self.close = close


def refusing(endpoint: str, handler: Handler, *, cors: bool = False) -> Handler:
    """``handler`` with its refusals answered as ``{"error":{"code","message"}}`` and counted."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            REQUESTS_REFUSED.labels(endpoint, refused.code).inc()
            error = {"error": {"code": refused.code, "message": refused.message}}
            response = json_response(error, status=refused.status)
            if refused.retry_after_s:
                response.headers["Retry-After"] = str(refused.retry_after_s)
            if refused.close:
                response.force_close()
            if cors:
                allow_origin(request, response, refused.workspace)
            return response

    return answer


def unavailable(error: Unavailable, limits: Limits, workspace: Workspace | None = None) -> Refused:
    """The refusal of what could not be saved."""
    message = f"Not saved: {error}. Send the same again a little later; what comes twice counts once."
    return Refused(503, "unavailable", message, retry_after_s=limits.retry_after_s, workspace=workspace)


def json_response(body: object, status: int = 200) -> web.Response:
    """``body`` as JSON, never cached."""
    return web.Response(
        status=status,
        body=orjson.dumps(body),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def read_at_most(request: web.Request, limit: int) -> bytes:
    """The body of a request. Raises Refused (413) beyond ``limit`` bytes, (400) when it cannot be read."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except web.RequestPayloadError as error:
        # No byte after this can be trusted: nothing more is read, and the connection is not used again.
        request.content.feed_eof()
        message = "The body broke off, or its encoding is broken."
        raise Refused(400, "malformed", message, close=True) from error
    return bytes(body)


def _too_large(limit: int) -> Refused:
    return Refused(413, "too_large", f"The body has more than {limit} bytes. Send less in one request.")


def allow_origin(request: web.Request, response: web.StreamResponse, workspace: Workspace | None) -> None:
    """Let the page that asked read the answer, if it is the workspace's.

    Where no workspace is known the answer holds nothing of one, and the page may read what it did wrong.
    """
    response.headers["Vary"] = "Origin"
    origin = request.headers.get("Origin", "")
    host = host_of(origin) if _ORIGIN.fullmatch(origin) else ""
    if not host or (workspace is not None and not _may_read(host, workspace)):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = "Retry-After"


def _may_read(host: str, workspace: Workspace) -> bool:
    return is_under(host, workspace.domain) or is_loopback(host)


def is_under(host: str, domain: str) -> bool:
    """Whether ``host`` is ``domain`` (which may have a port, a leading dot or www) or below it."""
    parent = host_of(f"//{domain.lstrip('.')}").removeprefix("www.")
    return bool(parent) and (host == parent or host.endswith("." + parent))


def is_loopback(host: str) -> bool:
    """Whether ``host`` names the machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def visitor_of(request: web.Request, said: str, workspace: Workspace, now: int, randomness: bytes) -> str:
    """The visitor by the request's cookie, else by what it ``said``; a new one for whom was erased."""
    cookie = request.cookies.get(VISITOR_COOKIE, "")
    visitor = cookie if is_visitor_id(cookie) else said
    known = bool(visitor) and not workspace.has_erased(visitor)
    return visitor if known else uuid7(now, randomness)


def set_visitor_cookie(
    request: web.Request, response: web.StreamResponse, visitor: str, workspace: Workspace, limits: Limits
) -> None:
    """Set or refresh the visitor cookie, for the whole site where the request came in under it."""
    scheme = request.headers.get("X-Forwarded-Proto", "") if limits.behind_proxy else ""
    host = host_of(f"//{request.host}")
    domain = workspace.cookie_domain.lstrip(".").lower()
    response.set_cookie(
        VISITOR_COOKIE,
        visitor,
        max_age=VISITOR_COOKIE_AGE_S,
        path="/",
        samesite="Lax",
        secure=request.secure or scheme.strip().lower() == "https",
        domain=domain if domain and (host == domain or host.endswith("." + domain)) else None,
    )
