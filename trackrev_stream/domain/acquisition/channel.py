"""Channels: ordered rules, the first that matches wins, in the words of Google Analytics 4.

Source of the rules: "Default channel group" (https://support.google.com/analytics/answer/9756891), the part
on manual tagging; "AI Assistant" joined it in May 2026. A tracked link outranks them all (touch.py), and
then what a workspace says (overrides.py).
"""

import re
from collections.abc import Callable
from functools import lru_cache

from trackrev_stream.domain.acquisition.landing import (
    DIRECT_SOURCE,
    DISPLAY,
    NO_MEDIUM,
    PAID,
    Landing,
    landing_of,
)
from trackrev_stream.domain.acquisition.sources import SourceKind

RULE_VERSION = 2
DIRECT = "Direct"
UNATTRIBUTED = "unattributed"
UNASSIGNED = "Unassigned"

_SHOP = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
_SOCIAL = frozenset(("social", "social-network", "social-media", "sm", "social network", "social media"))
_EMAIL = frozenset(("email", "e-mail", "e_mail", "e mail", "newsletter"))


def _paid(contact: Landing) -> bool:
    return bool(PAID.match(contact.medium))


def _shopping(contact: Landing) -> bool:
    return contact.kind is SourceKind.SHOPPING or bool(_SHOP.match(contact.campaign))


def _push(contact: Landing) -> bool:
    medium = contact.medium
    return (
        medium.endswith("push")
        or "mobile" in medium
        or "notification" in medium
        or contact.source == "firebase"
    )


# In the order of Google's documentation. Where it has a list of sites, `kind` says which of ours it is on.
RULES: tuple[tuple[str, Callable[[Landing], bool]], ...] = (
    (DIRECT, lambda c: c.source == DIRECT_SOURCE and c.medium in NO_MEDIUM),
    ("Cross-network", lambda c: "cross-network" in c.campaign),
    ("Paid Shopping", lambda c: _shopping(c) and _paid(c)),
    ("Paid Search", lambda c: c.kind is SourceKind.SEARCH and _paid(c)),
    ("Paid Social", lambda c: c.kind is SourceKind.SOCIAL and _paid(c)),
    ("Paid Video", lambda c: c.kind is SourceKind.VIDEO and _paid(c)),
    ("Display", lambda c: c.medium in DISPLAY),
    ("Paid Other", _paid),
    ("Organic Shopping", _shopping),
    ("Organic Social", lambda c: c.kind is SourceKind.SOCIAL or c.medium in _SOCIAL),
    ("Organic Video", lambda c: c.kind is SourceKind.VIDEO or "video" in c.medium),
    ("AI Assistant", lambda c: c.kind is SourceKind.AI or c.medium == "ai-assistant"),
    ("Organic Search", lambda c: c.kind is SourceKind.SEARCH or c.medium == "organic"),
    ("Email", lambda c: c.source in _EMAIL or c.medium in _EMAIL),
    ("Affiliates", lambda c: c.medium == "affiliate"),
    ("Referral", lambda c: c.medium in ("referral", "app", "link")),
    ("Audio", lambda c: c.medium == "audio"),
    ("SMS", lambda c: "sms" in (c.source, c.medium)),
    ("Mobile Push Notifications", _push),
)


def group_of(contact: Landing) -> str:
    """The channel group of a contact."""
    return next((name for name, matches in RULES if matches(contact)), UNASSIGNED)


@lru_cache(maxsize=1_024)  # a hit is looked at more than once, and so are landing pages
def classify(url: str, referrer: str, site: str = "") -> tuple[str, str]:
    """Channel group and source of a landing on ``site``, as the rules have them."""
    contact = landing_of(url, referrer, site)
    channel = group_of(contact)
    return channel, "direct" if channel == DIRECT else contact.source
