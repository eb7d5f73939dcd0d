"""Who is calling: people, bots, or a browser that only looks ahead."""

import re
from collections.abc import Callable
from enum import Enum
from functools import cache, lru_cache

from aiohttp import web
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from collectors.limits import Limits
from trackrev_stream.contracts.drop_reasons import DropReason

_LONGEST_AGENT = 512


class Caller(Enum):
    """What a user agent says of itself."""

    PERSON = "person"
    LIBRARY = "library"  # an HTTP library: some program of somebody
    BOT = "bot"


@lru_cache(maxsize=8_192)
def _caller(agent: str) -> Caller:
    libraries, bots = _patterns()
    if any(pattern.search(agent) for pattern in bots):
        return Caller.BOT
    return Caller.LIBRARY if any(pattern.search(agent) for pattern in libraries) else Caller.PERSON


@cache
def _patterns() -> tuple[list[re.Pattern[str]], list[re.Pattern[str]]]:
    """The patterns of HTTP libraries, and those of all other crawlers."""
    kinds: tuple[list[str], list[str]] = ([], [])
    for row in CRAWLER_USER_AGENTS_DATA:
        kinds["http-library" not in row.get("tags", ())].append(row["pattern"])
    libraries, bots = kinds
    return _compiled(libraries), _compiled(bots)


def _compiled(patterns: list[str]) -> list[re.Pattern[str]]:
    # In small alternations: one of all of them backtracks far more for each character.
    return [re.compile("|".join(patterns[at : at + 25])) for at in range(0, len(patterns), 25)]


def caller_of(request: web.Request) -> Caller:
    """Who sends the request, by its user agent."""
    return _caller(request.headers.get("User-Agent", "")[:_LONGEST_AGENT])


def looks_ahead(request: web.Request) -> DropReason | None:
    """Whether a browser fetches in advance what nobody has asked for yet."""
    purposes = " ".join(request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz")).lower()
    if "prerender" in purposes:
        return DropReason.PRERENDER
    return DropReason.PREFETCH if "prefetch" in purposes or "preview" in purposes else None


def _bot(request: web.Request, _limits: Limits) -> DropReason | None:
    # A library does not run p.js: what posts hits with one is the backend of a site, on purpose.
    return DropReason.BOT if caller_of(request) is Caller.BOT else None


def _ahead(request: web.Request, _limits: Limits) -> DropReason | None:
    return looks_ahead(request)


def _gpc(request: web.Request, limits: Limits) -> DropReason | None:
    refused = limits.drop_gpc and request.headers.get("Sec-GPC", "").strip() == "1"
    return DropReason.GPC if refused else None


POLICIES: tuple[Callable[[web.Request, Limits], DropReason | None], ...] = (_ahead, _bot, _gpc)


def unwanted(request: web.Request, limits: Limits) -> DropReason | None:
    """Why the hits of this request are not wanted, or None: the first policy that objects."""
    return next((reason for policy in POLICIES if (reason := policy(request, limits))), None)
