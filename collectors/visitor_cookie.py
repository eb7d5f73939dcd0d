"""The visitor cookie: who a request is of, and how the cookie is set."""

from aiohttp import web

from collectors.limits import Limits
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.domain.acquisition.landing import host_of
from trackrev_stream.domain.values.ids import is_visitor_id, uuid7

VISITOR_COOKIE = "tr_vid"
VISITOR_COOKIE_AGE_S = 34_560_000  # 400 days, the most that browsers keep


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
    valid = (each.cookie_domain.lstrip(".").lower() for each in workspace.domains)
    domain = next((each for each in valid if each and (host == each or host.endswith(f".{each}"))), None)
    response.set_cookie(
        VISITOR_COOKIE,
        visitor,
        max_age=VISITOR_COOKIE_AGE_S,
        path="/",
        samesite="Lax",
        secure=request.secure or scheme.strip().lower() == "https",
        domain=domain,
    )
