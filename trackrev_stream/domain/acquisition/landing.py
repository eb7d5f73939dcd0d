"""What a landing says of itself: source, medium and campaign, from its tags, click ids and referrer.

The order: click ids that prove an ad, ``utm_`` tags, ``source`` and ``ref``, then the referrer; the site
itself and payment pages are never referrers. Where that departs from Google Analytics 4 the reasons stand
here, and the cases in ``tests/domain/acquisition/ga4_pairs.txt``.
"""

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from trackrev_stream.domain.acquisition.sources import APP, Source, SourceKind, source_of_host, source_of_tag
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass

NOT_SET = "(not set)"
DIRECT_SOURCE = "(direct)"
NO_MEDIUM = ("", NOT_SET, "(none)")

PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
DISPLAY = frozenset(("display", "banner", "expandable", "interstitial", "cpm"))
_LONGEST = 200  # of a tag: what is longer is no name of anything


@fast_dataclass(frozen=True, slots=True)
class ClickId:
    """A parameter that an ad network adds to the addresses people click on.

    ``own`` are the sources that are the network's. ``medium`` is what an ad click is without other tags; it
    is empty where the parameter is no proof of an ad.
    """

    source: str
    medium: str = ""
    own: tuple[str, ...] = ()


_GOOGLE = ClickId("google", "cpc", ("google", "youtube", "gmail", "google play", "google shopping"))
_MICROSOFT = ClickId(
    "bing", "cpc", ("bing", "msn", "yahoo", "duckduckgo", "ecosia", "aol", "outlook", "copilot")
)

CLICK_IDS = {
    # Google Ads adds these to clicks on its ads alone (auto-tagging, "About gad_* URL parameters").
    "gclid": _GOOGLE, "gbraid": _GOOGLE, "wbraid": _GOOGLE, "gad_source": _GOOGLE, "gad_campaignid": _GOOGLE,
    # Campaign Manager 360 and Display & Video 360 ("Enhanced attribution"): display ads.
    "dclid": ClickId("doubleclick", "cpm", ("doubleclick", "google")),
    "msclkid": _MICROSOFT,  # Microsoft Advertising's auto-tagging: its ads alone
    "ttclid": ClickId("tiktok", "cpc"),  # added when an ad on TikTok is clicked
    "li_fat_id": ClickId("linkedin", "cpc"),  # LinkedIn's enhanced conversion tracking of its ads
    "rdt_cid": ClickId("reddit", "cpc"),  # Reddit's ads
    "sccid": ClickId("snapchat", "cpc"),  # Snapchat's ads
    "yclid": ClickId("yandex", "cpc"),  # Yandex Direct
    # These are on links that nobody paid for too; they tell the source where no referrer does.
    "fbclid": ClickId("facebook"),  # every link out of Facebook and Instagram
    "igsh": ClickId("instagram"), "igshid": ClickId("instagram"),  # a post that was shared
    "twclid": ClickId("twitter"),  # X documents it for ads, and does not rule out posts
    "epik": ClickId("pinterest"),  # every pin
    "srsltid": ClickId("google"),  # free listings of Merchant Center
}  # fmt: skip


@fast_dataclass(frozen=True, slots=True)
class Landing:
    """A landing as rules see it, all in lower case. ``host`` is where it came from, without www."""

    source: str
    medium: str
    campaign: str = ""
    host: str = ""
    click_ids: tuple[str, ...] = ()
    kind: SourceKind | None = None


def is_internal(url: str, referrer: str, site: str) -> bool:
    """Whether a page view continues a visit: it came from the site itself or back from a payment page.

    ``site`` is the site's domain, or several separated by blanks.

    A campaign in the URL or the click id of an ad makes it a contact whatever the referrer; ``source`` and
    ``ref`` do not, for sites use them for links of their own.
    """
    return _is_return(url, referrer, site) and not _is_campaign(tags_of(url))


def landing_of(url: str, referrer: str, site: str = "") -> Landing:
    """The contact that a landing is."""
    tags = tags_of(url)
    ids = tuple(name for name in tags if name in CLICK_IDS)
    back = _is_return(url, referrer, site)
    host = "" if back else referring_host(referrer)
    came_from = source_of_host(host)
    campaign = tags.get("utm_campaign", "")
    source, medium = tags.get("utm_source", ""), tags.get("utm_medium", "")
    known = source_of_tag(source)
    if ids and (ad := _ad(CLICK_IDS[ids[-1]], known.name if known else source, medium, host)):
        source, medium = ad
    elif not source and not back and (named := tags.get("source") or tags.get("ref", "")):
        source, medium = named, medium or "referral"
    elif not source and host:
        source, medium = came_from.name if came_from else _shown(host), medium or _medium(came_from)
    elif not source and ids:
        source, medium = CLICK_IDS[ids[-1]].source, medium or "referral"
    elif not source and (medium or campaign):
        source = NOT_SET
    known = source_of_tag(source) or (came_from if came_from and came_from.name == source else None)
    return Landing(
        source=known.name if known else source or DIRECT_SOURCE,
        medium=medium,
        campaign=campaign,
        host=_shown(host),
        click_ids=ids,
        kind=known.kind if known else None,
    )


def _ad(click: ClickId, source: str, medium: str, host: str) -> tuple[str, str] | None:
    """Source and medium of the ad that a click id proves, or None where it proves none.

    Of several ids the last counts: each network adds its own to the address it was given.
    """
    if not click.medium:
        return None
    own = (*click.own, click.source)
    came_from = source_of_host(host)
    place = came_from.name if came_from else ""
    if (
        came_from
        and came_from.kind in (SourceKind.SOCIAL, SourceKind.MAIL, SourceKind.AI)
        and place not in own
    ):
        return None  # somebody passed on the address of the page, with the id in it
    paid = medium if PAID.match(medium) or medium in DISPLAY else click.medium
    if source and source not in own:
        # Google Analytics lets Google's own tagging overrule tags; it knows of no other network's.
        return (click.source, paid) if click is _GOOGLE else None
    if click is _GOOGLE and not source:
        if place == "youtube":
            return place, paid
        if host and (came_from is None or came_from.kind is SourceKind.ADS):
            return click.source, "display"  # the ad stood on somebody's site: Google's display network
    return source or click.source, paid


def tags_of(url: str) -> dict[str, str]:
    """The tags and click ids of a landing URL by name, in lower case; of a tag given twice the first.

    Google's documentation does not say which counts; the first is what ``URLSearchParams.get`` answers.
    """
    if "?" not in url:
        return {}
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=1_000)
    except ValueError:  # not a URL: nothing to read in it
        return {}
    tags: dict[str, str] = {}
    for raw, value in pairs:
        name = raw.strip().lower().removeprefix("amp;")  # escaped once too often by who wrote the page
        if name.startswith("utm_") or name in CLICK_IDS or name in ("source", "ref"):
            tag = value.strip().lower()[:_LONGEST]
            if tag:
                tags.setdefault(name, tag)
    return tags


def _is_campaign(tags: dict[str, str]) -> bool:
    if not tags:
        return False
    proofs = (name for name in tags if name in CLICK_IDS and CLICK_IDS[name].medium)
    return any(name in tags for name in ("utm_source", "utm_medium", "utm_campaign")) or any(proofs)


def _is_return(url: str, referrer: str, site: str) -> bool:
    return bool(referrer) and _is_return_between(_origin(referrer), _origin(url), site)


@lru_cache(maxsize=4_096)  # the pages are many, the sites are few
def _is_return_between(origin: str, page: str, site: str) -> bool:
    host = referring_host(origin)
    known = source_of_host(host)
    return bool(host) and (
        _under(host, host_of(page))
        or any(_under(host, each) for each in site.split())
        or (known is not None and known.kind is SourceKind.RETURN)
    )


def _medium(source: Source | None) -> str:
    """The medium of a contact without tags, in Google Analytics' words."""
    match source.kind if source else None:
        case SourceKind.SEARCH:
            return "organic"
        case SourceKind.AI:
            return "ai-assistant"
        case SourceKind.MAIL:
            return "email"
        case SourceKind.ADS:
            return "display"
        case _:
            return "referral"


def host_of(url: str) -> str:
    """The host of a URL in lower case, without the port; empty where there is none."""
    return _host_of_origin(_origin(url))


def _origin(url: str) -> str:
    """What of a URL its host can be read from: all that comes before its path."""
    return "/".join(url.split("/", 3)[:3])


@lru_cache(maxsize=4_096)
def _host_of_origin(origin: str) -> str:
    try:
        return (urlsplit(origin).hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def referring_host(referrer: str) -> str:
    """The host of a referrer, or ``app:`` and the package of the app that it names; empty without one."""
    host = host_of(referrer)
    app = referrer[:12].lower().startswith(("android-app:", "ios-app:"))
    return f"{APP}{host}" if app and host else host


def _shown(host: str) -> str:
    return host.removeprefix("www.").removeprefix(APP)


def _under(host: str, parent: str) -> bool:
    parent = parent.lower().removeprefix("www.").rstrip(".")
    return bool(parent) and (host == parent or host.endswith("." + parent))
