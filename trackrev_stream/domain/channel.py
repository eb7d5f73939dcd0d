"""Channels: ordered rules, the first that matches wins, in GA4's words.

Source of the rules: "Default channel group" of Google Analytics 4
(https://support.google.com/analytics/answer/9756891). A tracked link outranks them all (see touch.py).
"""

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

RULE_VERSION = 1
DIRECT = "Direct"
UNATTRIBUTED = "unattributed"

_SEARCH = {
    "google": "google", "bing": "bing", "duckduckgo": "duckduckgo", "yahoo": "yahoo", "ecosia": "ecosia",
    "baidu": "baidu", "yandex": "yandex", "qwant": "qwant", "startpage": "startpage", "brave": "brave",
    "naver": "naver", "kagi": "kagi",
}  # fmt: skip
_SOCIAL = {
    "facebook.com": "facebook", "fb.com": "facebook", "fb.me": "facebook", "instagram.com": "instagram",
    "linkedin.com": "linkedin", "lnkd.in": "linkedin", "twitter.com": "twitter", "x.com": "twitter",
    "t.co": "twitter", "reddit.com": "reddit", "pinterest.com": "pinterest", "tiktok.com": "tiktok",
    "threads.net": "threads", "bsky.app": "bluesky", "quora.com": "quora", "mastodon.social": "mastodon",
    "news.ycombinator.com": "hackernews", "producthunt.com": "producthunt",
}  # fmt: skip
_VIDEO = {"youtube.com": "youtube", "youtu.be": "youtube", "vimeo.com": "vimeo", "twitch.tv": "twitch"}
_MAIL = {"mail.google.com": "gmail", "outlook.live.com": "outlook", "mail.yahoo.com": "yahoo mail"}
# Coming back from paying is not a contact: these are never referrers.
_PAYMENT = frozenset(
    ("checkout.stripe.com", "billing.stripe.com", "buy.stripe.com", "invoice.stripe.com", "hooks.stripe.com",
     "js.stripe.com", "paypal.com", "checkout.paypal.com", "klarna.com", "pay.google.com", "link.com")
)  # fmt: skip
_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_EMAIL = frozenset(("email", "e-mail", "e_mail", "e mail", "newsletter"))
_SOCIAL_MEDIUM = frozenset(
    ("social", "social-network", "social-media", "sm", "social network", "social media")
)
_DISPLAY = frozenset(("display", "banner", "expandable", "interstitial", "cpm"))


def is_internal(url: str, referrer: str, site: str) -> bool:
    """Whether a page view continues a visit: it came from the site itself or back from a payment page.

    A campaign in the URL makes it a contact whatever the referrer.
    """
    if campaign(url) or not referrer:
        return False
    host = host_of(referrer)
    return (
        _under(host, host_of(url))
        or (bool(site) and _under(host, site))
        or _listed(host, _PAYMENT) is not None
    )


def classify(url: str, referrer: str) -> tuple[str, str]:
    """Channel group and source of a landing: campaign first, then click ids, then the referrer."""
    tags = campaign(url)
    host = host_of(referrer)
    source = tags.get("source") or _source_of_click_id(tags) or _source_of_host(host)
    medium = tags.get("medium", "")
    if not source and not medium:
        return DIRECT, "direct"
    return _group(source or medium, medium, tags, tagged="source" in tags or bool(medium)), source or medium


def _group(source: str, medium: str, tags: dict[str, str], *, tagged: bool) -> str:
    # gclid and msclkid prove that the click was paid for; fbclid is on every link out of Facebook.
    paid = bool(_PAID.match(medium)) or "gclid" in tags or "msclkid" in tags
    search, social, video = source in _SEARCH.values(), source in _SOCIAL.values(), source in _VIDEO.values()
    rules = (
        (paid and search, "Paid Search"),
        (paid and social, "Paid Social"),
        (paid and video, "Paid Video"),
        (medium in _DISPLAY, "Display"),
        (paid, "Paid Other"),
        (social or medium in _SOCIAL_MEDIUM, "Organic Social"),
        (video or "video" in medium, "Organic Video"),
        (search or medium == "organic", "Organic Search"),
        (medium in _EMAIL or source in _EMAIL or source in _MAIL.values(), "Email"),
        (medium == "affiliate", "Affiliates"),
        (medium == "audio", "Audio"),
        (medium == "sms" or source == "sms", "SMS"),
        (medium == "push" or medium.endswith("push"), "Mobile Push Notifications"),
        (medium in ("referral", "app", "link") or not tagged, "Referral"),
    )
    return next((name for matches, name in rules if matches), "Unassigned")


def campaign(url: str) -> dict[str, str]:
    """The campaign tags of a landing URL: source, medium, campaign and click ids, in lower case."""
    if "?" not in url:
        return {}
    try:
        query = dict(parse_qsl(urlsplit(url).query))
    except ValueError:  # not a URL: nothing to read in it
        return {}
    tags: dict[str, str] = {}
    for name in ("utm_source", "source", "ref"):
        if query.get(name):
            tags["source"] = _canonical(query[name].strip().lower())
            break
    for name in ("utm_medium", "utm_campaign"):
        if query.get(name):
            tags[name.removeprefix("utm_")] = query[name].strip().lower()
    for name in ("gclid", "msclkid", "fbclid"):
        if query.get(name):
            tags[name] = query[name]
    return tags


def _source_of_click_id(tags: dict[str, str]) -> str:
    by_id = (("gclid", "google"), ("msclkid", "bing"), ("fbclid", "facebook"))
    return next((source for name, source in by_id if name in tags), "")


def _source_of_host(host: str) -> str:
    known = _listed(host, _MAIL) or _listed(host, _VIDEO) or _listed(host, _SOCIAL)
    if known:
        return known
    for label in host.split(".")[-3:-1]:
        if label in _SEARCH:
            return _SEARCH[label]
    return host.removeprefix("www.")


def _canonical(source: str) -> str:
    return _listed(source, _SOCIAL) or _listed(source, _VIDEO) or source


def _listed(host: str, names: dict[str, str] | frozenset[str]) -> str | None:
    parts = host.split(".")
    for start in range(len(parts) - 1):
        name = ".".join(parts[start:])
        if name in names:
            return names[name] if isinstance(names, dict) else name
    return None


def host_of(url: str) -> str:
    """The host of a URL in lower case, without the port; empty where there is none."""
    return _host_of_origin("/".join(url.split("/", 3)[:3]))


@lru_cache(maxsize=4_096)  # the pages are many, the sites are few
def _host_of_origin(origin: str) -> str:
    try:
        return (urlsplit(origin).hostname or "").lower()
    except ValueError:
        return ""


def _under(host: str, parent: str) -> bool:
    parent = parent.lower().removeprefix("www.")
    return bool(parent) and (host == parent or host.endswith("." + parent))
