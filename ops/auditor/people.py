"""Who came by what, who says so, and whom a payer is known by (ARCHITECTURE.md, rules 6, 7, 10)."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ops.auditor.charges import Charge
from ops.auditor.facts import DAY_MS, Fact, grouped, key_of

TRUSTS = ("stripe", "signed", "unsigned")  # the strongest first
MOST_NAMES = 10
LARGEST_WINDOW_MS = 90 * DAY_MS
MOST_DIRECT = 16
SEARCH_ENGINES = {"google.com": "google", "duckduckgo.com": "duckduckgo"}

Person = tuple[str, str]  # workspace and visitor
Place = tuple[str, str, str, str]  # channel, source, link and partner


@dataclass(frozen=True)
class Touch:
    """A contact of one visitor."""

    at: int
    name: str
    visitor: str
    place: Place

    @property
    def direct(self) -> bool:
        """Whether nothing brought the visitor."""
        channel, _, link, _ = self.place
        return channel == "Direct" and not link

    @property
    def order(self) -> tuple[int, str, str]:
        """By time, then by names."""
        return self.at, self.name, self.visitor


@dataclass(frozen=True)
class Claim:
    """That a visitor is under a join key: who says so, since when, and when the edge heard of it."""

    join: str
    visitor: str
    trust: str
    since: int
    heard: int


@dataclass(frozen=True)
class Known:
    """A claim with the touches that its visitor brings along."""

    claim: Claim
    touches: tuple[Touch, ...]


class People:
    """All visitors by their hits, and the payers that their emails or Stripe's names lead to."""

    def __init__(self, hits: list[Fact], accounts: list[Fact], charges: list[Charge]) -> None:
        visitors = grouped(hits, lambda hit: (hit["workspace"], hit["visitor"]))
        self._touches = {person: _touches(seen) for person, seen in visitors.items()}
        self._claims = {person: _claims(seen) for person, seen in visitors.items()}
        self._accounts = grouped(accounts, lambda fact: key_of(fact, fact["customer"]))
        self._charges: dict[str, list[Charge]] = {}
        for charge in sorted(charges, key=lambda charge: charge.order):
            self._charges.setdefault(charge.payer, []).append(charge)

    def known_to(self, payer: str) -> list[Known]:
        """What can be said of a payer's past: visitors under its emails, and those that Stripe names."""
        workspace = payer.split("|", maxsplit=1)[0]
        emails = self._emails(payer)
        found = [
            self._known(person, [c for c in claims if c.join == email])
            for email in emails
            for person, claims in self._claims.items()
            if person[0] == workspace
        ]
        for visitor, since in self._named(payer):
            claim = Claim(f"p:{payer}", visitor, "stripe", since, since)
            found.append(self._known((workspace, visitor), [claim]))
        return [known for each in found for known in each]

    def _known(self, person: Person, claims: list[Claim]) -> list[Known]:
        touches = tuple(_kept(self._touches.get(person, []), claims)) if claims else ()
        return [Known(claim, touches) for claim in claims]

    def _emails(self, payer: str) -> list[str]:
        """Those of the charges by their first one, then those of the customer as they were seen."""
        charged = [c.said["email_key"] for c in self._charges[payer] if c.said["email_key"]]
        kept = [
            (fact["observed_at"], fact["email_key"])
            for fact in self._accounts.get(payer, [])
            if fact["kind"] == "customer" and fact["email_key"]
        ]
        every = list(dict.fromkeys([*charged, *(email for _, email in sorted(kept))]))
        return [f"e:{email}" for email in every[:MOST_NAMES]]

    def _named(self, payer: str) -> list[tuple[str, int]]:
        """The visitors that charges, checkouts and customers name, with when each was named first."""
        named = [(c.said["visitor"], c.created_at) for c in self._charges[payer]]
        named += [(fact["visitor"], fact["created_at"]) for fact in self._accounts.get(payer, [])]
        names = {visitor for visitor, _ in named if visitor}
        first = [(min(at for name, at in named if name == visitor), visitor) for visitor in names]
        return [(visitor, at) for at, visitor in sorted(first)[:MOST_NAMES]]


def _touches(hits: Iterable[Fact]) -> list[Touch]:
    """The touches of one visitor; of several sightings of one the earliest stands, the redirect first.

    Sightings of one moment: by the address, then by the place, so that none counts for having come first.
    """
    seen = [(place, hit) for hit in hits if (place := _place(hit))]
    found: dict[str, Touch] = {}
    for place, hit in sorted(seen, key=_sighted):
        name = hit["click"]["id"] if hit["click"] else hit["id"]
        if name not in found:
            found[name] = Touch(hit["occurred_at"], name, hit["visitor"], place)
    return sorted(found.values(), key=lambda touch: touch.order)


def _sighted(seen: tuple[Place, Fact]) -> tuple[object, ...]:
    place, hit = seen
    landing = hit["kind"] == "pageview" and bool(hit["click"])
    return hit["occurred_at"], landing, hit["url"], place


def _place(hit: Fact) -> Place | None:
    """Where a hit came from; None for an identify, and a page view within the site."""
    if hit["kind"] == "identify":
        return None
    if click := hit["click"]:
        return click["channel"], "link", click["link"], click["partner"]
    host = (urlsplit(hit["referrer"]).hostname or "").removeprefix("www.")
    if host and host in hit["site"].split():
        return None
    if host:
        return hit["channel"] or "Organic Search", SEARCH_ENGINES[host], "", ""
    return hit["channel"] or "Direct", "direct", "", ""


def _claims(hits: Iterable[Fact]) -> list[Claim]:
    """What a visitor was said to be; of each trust the first ten, so that no device joins strangers."""
    said = grouped(
        (hit for hit in hits if hit["kind"] == "identify" and hit["email_key"]),
        lambda hit: (hit["trust"], hit["email_key"]),
    )
    first = []
    for (trust, email), sayings in said.items():
        heard, since = min((s["received_at"], s["occurred_at"]) for s in sayings)
        first.append(Claim(f"e:{email}", sayings[0]["visitor"], trust, since, heard))
    return [
        claim
        for trust in TRUSTS
        for claim in sorted((c for c in first if c.trust == trust), key=lambda c: (c.heard, c.join))[
            :MOST_NAMES
        ]
    ]


def _kept(touches: list[Touch], claims: list[Claim]) -> list[Touch]:
    """What a journey has: the latest direct touches, all others, and what led to an identity."""
    kept = {touch for touch in touches if not touch.direct}
    direct = [touch for touch in touches if touch.direct]
    kept |= set(direct[-MOST_DIRECT:])
    for claim in claims:
        led = [touch for touch in direct if claim.since - LARGEST_WINDOW_MS <= touch.at <= claim.since]
        kept |= set(led[-1:])
    return sorted(kept, key=lambda touch: touch.order)
