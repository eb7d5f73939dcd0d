"""The ways on which people come to the shop, and the channel that each one is."""

from dataclasses import dataclass

SITE = "https://shop.example"
DOMAIN = "shop.example"
DIRECT = "Direct"
UNATTRIBUTED = "unattributed"
"""Where the shop books payments of people who never told it which visitor they were."""


@dataclass(frozen=True, slots=True)
class TrackedLink:
    """A link of `/l/SLUG`, made by command before the first visitor comes."""

    slug: str
    channel: str
    target: str
    partner: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the shop: over a tracked link, or to a page with what the browser sends along."""

    channel: str
    slug: str = ""
    referrer: str = ""
    page: str = "/"


LINKS = (
    TrackedLink("spring-letter", "Newsletter", f"{SITE}/spring?edition=12"),
    TrackedLink("fb-launch", "Facebook", f"{SITE}/launch"),
    TrackedLink("yt-review", "YouTube", f"{SITE}/review#offer", "Vera Lindqvist"),
    TrackedLink("yt-howto", "YouTube", f"{SITE}/howto", "Tomasz Films"),
    TrackedLink("pod-42", "Podcast", f"{SITE}/listeners", "Night Shift FM"),
)

# Each with a weight: how many of the visitors come that way. Nobody comes to a link's channel without one.
WAYS = (
    (Way("Newsletter", slug="spring-letter"), 5),
    (Way("Facebook", slug="fb-launch", referrer="https://l.facebook.com/"), 4),
    (Way("YouTube", slug="yt-review", referrer="https://www.youtube.com/"), 4),
    (Way("YouTube", slug="yt-howto", referrer="https://www.youtube.com/"), 2),
    (Way("Podcast", slug="pod-42"), 2),
    (Way("Organic Search", referrer="https://www.google.com/"), 4),
    (Way("Organic Search", referrer="https://duckduckgo.com/", page="/pricing"), 1),
    (Way("Referral", referrer="https://blog.example.net/ten-tools-we-like"), 3),
    (Way("Email", page="/welcome?utm_source=onboarding&utm_medium=email&utm_campaign=day-3"), 2),
    (Way(DIRECT), 4),
)
