"""What the edge answers: errors that pages can read, and who may read them."""

import ipaddress
import re

from aiohttp import web

from collectors.limits import Limits
from trackrev_stream.contracts.ports import Unavailable, Workspace
from trackrev_stream.domain.acquisition.landing import host_of
from trackrev_stream.http_json import Handler, HttpError, answering_errors

_ORIGIN = re.compile(r"https?://[\w.:\[\]-]+", re.ASCII | re.IGNORECASE)


class PageError(HttpError):
    """An error that the pages of ``workspace`` may read; of no workspace: any page."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_s: int = 0,
        workspace: Workspace | None = None,
    ) -> None:
        super().__init__(status, code, message, retry_after_s=retry_after_s)
        self.workspace = workspace


def readable_by_pages(endpoint: str, handler: Handler) -> Handler:
    """``handler`` with its errors answered, so that the page that asked can read them."""

    def finish(request: web.Request, response: web.Response, error: HttpError) -> None:
        allow_origin(request, response, error.workspace if isinstance(error, PageError) else None)

    return answering_errors(endpoint, handler, finish)


def unavailable(error: Unavailable, limits: Limits, workspace: Workspace | None = None) -> HttpError:
    """The error of what could not be saved."""
    message = f"Not saved: {error}. Send the same again a little later; what comes twice counts once."
    return PageError(503, "unavailable", message, retry_after_s=limits.retry_after_s, workspace=workspace)


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
    return any(is_under(host, each.domain) for each in workspace.domains) or is_loopback(host)


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
