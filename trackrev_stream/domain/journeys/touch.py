"""Touches: what a raw hit says about marketing, decided once from the hit alone."""

from dataclasses import replace
from enum import StrEnum

from trackrev_stream.domain.acquisition.channel import DIRECT, RULE_VERSION, classify
from trackrev_stream.domain.acquisition.landing import is_internal
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass


class HitKind(StrEnum):
    """What a hit is."""

    PAGEVIEW = "pageview"
    IDENTIFY = "identify"
    CLICK = "click"  # a tracked link was followed, seen at the redirect


class Trust(StrEnum):
    """Who vouches for an identity, strongest first."""

    STRIPE = "stripe"  # a Stripe object names the visitor
    SIGNED = "signed"  # the site's backend signed the identify
    UNSIGNED = "unsigned"  # the browser said so

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return _RANKS[self]


_RANKS = {trust: rank for rank, trust in enumerate(Trust)}


@fast_dataclass(frozen=True, slots=True)
class Click:
    """A verified click on a tracked link, as its token tells it."""

    id: str
    link: str
    channel: str
    partner: str
    occurred_at: int


@fast_dataclass(frozen=True, slots=True)
class Hit:
    """One hit as it leaves the collector: checked, scrubbed, its time corrected.

    ``occurred_at`` is the browser's time corrected by the edge, never after ``received_at``. An identify
    carries ``email_key`` and ``trust``; a page view or click that came over a tracked link carries ``click``.
    ``channel`` is what the workspace's own rules (of version ``channel_rules``) say, empty where they are
    silent.
    """

    workspace: str
    id: str
    visitor: str
    kind: HitKind
    occurred_at: int
    received_at: int
    url: str = ""
    referrer: str = ""
    site: str = ""  # its domains, separated by blanks
    email_key: str = ""
    trust: Trust = Trust.UNSIGNED
    click: Click | None = None
    channel: str = ""
    channel_rules: int = 0


@fast_dataclass(frozen=True, slots=True)
class Touch:
    """A classified marketing contact.

    ``clicks`` is 1 where this touch counts as a click of its channel: at the redirect for a tracked link
    (its landing page is the same click seen again), at the landing for everything else. ``landed`` says
    that the pixel saw the visitor. It was classified by the program's rules of ``rule_version`` and, before
    them, by the workspace's of ``channel_rules``.
    """

    id: str
    occurred_at: int
    channel: str
    source: str
    link: str = ""
    partner: str = ""
    url: str = ""
    clicks: int = 0
    landed: bool = False
    rule_version: int = RULE_VERSION
    channel_rules: int = 0

    @property
    def direct(self) -> bool:
        """Whether nothing brought the visitor: typed in, or unknown."""
        return self.channel == DIRECT and not self.link


def touch_of(hit: Hit) -> Touch | None:
    """The touch a hit makes, or None for a plain page view within the site.

    A pure function of the hit, so that neither order nor duplicates of hits matter.
    """
    if hit.click is not None and hit.kind is not HitKind.IDENTIFY:
        click = hit.click
        return Touch(
            id=click.id,
            occurred_at=hit.occurred_at,
            channel=click.channel,
            source="link",
            link=click.link,
            partner=click.partner,
            url=hit.url,
            clicks=1 if hit.kind is HitKind.CLICK else 0,
            landed=hit.kind is HitKind.PAGEVIEW,
        )
    if hit.kind is not HitKind.PAGEVIEW or is_internal(hit.url, hit.referrer, hit.site):
        return None
    channel, source = classify(hit.url, hit.referrer, hit.site)
    return Touch(
        id=hit.id,
        occurred_at=hit.occurred_at,
        channel=hit.channel or channel,
        source=source,
        url=hit.url,
        clicks=1,
        landed=True,
        channel_rules=hit.channel_rules,
    )


def same_touch(one: Touch, other: Touch) -> Touch:
    """The union of two sightings of one touch (the redirect and the landing): the earlier one stands.

    The same hit seen again under newer rules stays what it was.
    """
    first, second = sorted((one, other), key=_sighting)
    return replace(first, clicks=max(first.clicks, second.clicks), landed=first.landed or second.landed)


def _sighting(touch: Touch) -> tuple[int, int, str, int, int, str, str, str, str]:
    # Every field that the union takes from the earlier sighting takes part, so that no tie is left to order.
    return (
        touch.occurred_at,
        -touch.clicks,
        touch.url,
        touch.rule_version,
        touch.channel_rules,
        touch.channel,
        touch.source,
        touch.link,
        touch.partner,
    )
