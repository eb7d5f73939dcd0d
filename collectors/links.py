"""Tracked links: ``GET /l/{slug}`` counts a click and sends the person on to the stored target."""

from urllib.parse import quote

from aiohttp import web

from collectors.bots import Caller, caller_of, looks_ahead
from collectors.deps import EdgeDeps
from collectors.publisher import HitPublisher
from collectors.recent import DROPPED, REFUSED, TAKEN, Outcome, host_in
from collectors.scrub import BadUrl, scrub_referrer, scrub_url
from collectors.visitor_cookie import set_visitor_cookie, visitor_of
from trackrev_stream.contracts import click_token
from trackrev_stream.contracts.ports import Link, Unavailable, Workspace
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind
from trackrev_stream.domain.values.ids import is_plain, uuid7
from trackrev_stream.metrics import LINK_CLICKS

LONGEST_SLUG = 128

_OUTCOMES = {"yes": (TAKEN, ""), "not_recorded": (REFUSED, "unavailable")}
_HEADERS = {
    "Cache-Control": "no-store, private",
    # The landing page shall learn the site the click came from, but not the page.
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Robots-Tag": "noindex",
}
_NOT_FOUND = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Link not found</title>
<style>body{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}</style>
<h1>This link leads nowhere</h1>
<p>It may have been mistyped, or taken down by whoever made it. Please ask where you got it.</p>
</html>
"""


class Links:
    """Sends people on, and counts them."""

    def __init__(self, deps: EdgeDeps, hits: HitPublisher) -> None:
        self._deps = deps
        self._hits = hits

    async def follow(self, request: web.Request) -> web.Response:
        """Answer ``GET /l/{slug}``: 302 to the link's target with a ``tr_click``, or a 404 page.

        A link that was archived still leads on, for it is out in the world; it counts nothing.
        """
        slug = request.match_info["slug"]
        link = await self._deps.directory.link(slug) if is_plain(slug, LONGEST_SLUG) else None
        workspace = await self._deps.directory.workspace(link.workspace) if link else None
        if link is None or workspace is None:
            return web.Response(status=404, text=_NOT_FOUND, content_type="text/html", headers=_HEADERS)
        if (unwanted := _not_counted(request, workspace, link)) is not None:
            self._note(workspace, link, unwanted)
            return _redirect(link.url)
        click = self._click(link)
        target = with_token(link.url, click_token.sign(click, workspace.id, workspace.click_secret))
        response = _redirect(target)
        if looks_ahead(request):
            # The browser may show what it fetched now without asking again, so the landing has to know.
            self._note(workspace, link, "ahead")
            return response
        visitor = visitor_of(request, "", workspace, click.occurred_at, self._deps.randomness(10))
        self._note(workspace, link, await self._count(request, link, workspace, click, visitor))
        set_visitor_cookie(request, response, visitor, workspace, self._deps.limits)
        return response

    def _note(self, workspace: Workspace, link: Link, counted: str) -> None:
        """Count what became of a click, for metrics and for who wonders whether it works."""
        LINK_CLICKS.labels(counted).inc()
        outcome, reason = _OUTCOMES.get(counted, (DROPPED, counted))
        now, host = self._deps.clock(), host_in(link.url)
        self._deps.recent.hit(workspace.id, Outcome(now, HitKind.CLICK.value, host, outcome, reason))

    def _click(self, link: Link) -> Click:
        now = self._deps.clock()
        click_id = uuid7(now, self._deps.randomness(10))
        return Click(click_id, link.slug, link.channel, link.partner, now)

    async def _count(
        self, request: web.Request, link: Link, workspace: Workspace, click: Click, visitor: str
    ) -> str:
        """Record the click; return whether it was counted: "yes", or "not_recorded"."""
        limits = self._deps.limits
        hit = Hit(
            workspace=workspace.id,
            id=click.id,
            visitor=visitor,
            kind=HitKind.CLICK,
            occurred_at=click.occurred_at,
            received_at=click.occurred_at,
            url=_scrubbed(link.url, limits.url_characters),
            referrer=scrub_referrer(request.headers.get("Referer", ""), limits.url_characters),
            site=workspace.site,
            click=click,
        )
        try:
            await self._hits.put([hit], limits.link_wait_s)
        except Unavailable:
            # A link never breaks. Its token still tells the landing page whose click it was: the credit is
            # kept, and only the count of clicks is short by what the metric says.
            return "not_recorded"
        return "yes"


def _not_counted(request: web.Request, workspace: Workspace, link: Link) -> str | None:
    """Why a request counts for nothing, and gets no token; None where a person follows a link that counts.

    What a bot makes of an address with a token may be shown to people, who are not its click.
    """
    if request.method == "HEAD":
        return "head"
    if caller_of(request) is not Caller.PERSON:
        return "bot"
    return "archived" if workspace.archived or link.archived_at is not None else None


def with_token(url: str, token: str) -> str:
    """``url`` with ``tr_click`` added at the end of its query, everything else as it was."""
    address, mark, fragment = url.partition("#")
    separator = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return f"{address}{separator}{click_token.PARAMETER}={token}{mark}{fragment}"


def _redirect(target: str) -> web.Response:
    # Quoted as far as a header needs it; what is quoted already stays as it is.
    location = quote(target, safe="%/:?#[]@!$&'()*+,;=~-._")
    return web.Response(status=302, headers={**_HEADERS, "Location": location})


def _scrubbed(url: str, longest: int) -> str:
    try:
        return scrub_url(url, longest, drop=click_token.PARAMETER)
    except BadUrl:
        return ""
