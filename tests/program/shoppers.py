"""Shoppers as load: what they do, a journal of what was acknowledged, and what the ledger must say of it.

Every request is sent until it is acknowledged, or given up where nothing depends on it. The rule of credit
is written down here once more, in its simplest form, so that the program is measured by something else than
itself.
"""

import hashlib
import hmac
import random
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.program import stripe
from tests.program.running import PATIENCE_S, Answer, Json, Shop, Unanswered, now_ms

HOUR_MS = 3_600_000
LINKS = {"yt": "YouTube", "pod": "Podcast"}
# Channel, address of the landing page, referrer.
LANDINGS = (
    ("Organic Search", "https://shop.example/", "https://www.google.com/"),
    ("Organic Social", "https://shop.example/", "https://news.ycombinator.com/item?id=1"),
    ("Email", "https://shop.example/?utm_source=newsletter&utm_medium=email", ""),
    ("Direct", "https://shop.example/", ""),
)
UNATTRIBUTED = ("unattributed", "")


@dataclass(frozen=True, slots=True)
class Seen:
    """A touch that was acknowledged."""

    at: int
    channel: str
    link: str


@dataclass(slots=True)
class Purchase:
    """A charge as it must stand; ``certain`` is False where nobody knows whether its event arrived."""

    charge: str
    amount: int
    currency: str
    channel: str
    link: str
    refunded: int = 0
    certain: bool = True

    @property
    def net(self) -> int:
        return self.amount - self.refunded


@dataclass
class Journal:
    """What all shoppers together were told is saved. ``perhaps`` counts clicks of which nobody knows."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    clicks: Counter[str] = field(default_factory=Counter)
    perhaps: Counter[str] = field(default_factory=Counter)
    visitors: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    purchases: dict[str, Purchase] = field(default_factory=dict)
    sent: list[Callable[[], Answer]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def landed(self, visitor: str, channel: str, *, click: bool) -> None:
        with self.lock:
            self.visitors[channel].add(visitor)
            self.clicks[channel] += click

    def count(self, name: str, number: int = 1) -> int:
        with self.lock:
            self.counts[name] += number
            return self.counts[name]


def earned(touches: list[Seen], *, identified: bool) -> tuple[str, str]:
    """Channel and link that earn a charge made after all of ``touches``: the last one that is not direct."""
    if not identified or not touches:
        return UNATTRIBUTED
    latest_first = sorted(touches, key=lambda touch: -touch.at)
    chosen = next((touch for touch in latest_first if touch.channel != "Direct"), latest_first[0])
    return chosen.channel, chosen.link


def proof(secret: str, email: str) -> str:
    """What the backend of a site signs for a visitor with this email; good for a day."""
    expiry = now_ms() + 24 * HOUR_MS
    return f"{expiry}.{hmac.new(secret.encode(), f'{email}.{expiry}'.encode(), hashlib.sha256).hexdigest()}"


class Shopper:
    """One thread of load: shopper after shopper, until the shop closes."""

    def __init__(
        self, shop: Shop, identify_secret: str, journal: Journal, serving: threading.Event, seed: str
    ) -> None:
        self._shop = shop
        self._identify_secret = identify_secret
        self._journal = journal
        self._serving = serving
        self._rng = random.Random(seed)

    def run(self, closing: threading.Event) -> None:
        while not closing.is_set():
            self._shop_once()

    def _shop_once(self) -> None:
        rng, visitor = self._rng, str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        email = f"{visitor}@mail.example"
        style = rng.choice(("buys", "buys late", "comes back", "stranger"))
        touches = (
            self._browse(visitor, since=6, until=144) if style == "comes back" else self._browse(visitor)
        )
        match style:
            case "buys":
                self._identify(visitor, email)
                self._buy(email, earned(touches, identified=True), guest=rng.random() < 0.3)
            case "buys late":
                self._buy(
                    email, earned(touches, identified=True), then=lambda: self._identify(visitor, email)
                )
            case "comes back":
                self._identify(visitor, email, hours=5)
                credit = earned(touches, identified=True)
                if self._buy(email, credit, hours=4):
                    self._browse(visitor, since=1, until=3)
                    self._buy(email, credit)  # a renewal keeps the credit of the first charge
            case "stranger":
                self._buy(email, earned(touches, identified=False))
        self._journal.count("shoppers")

    def _browse(self, visitor: str, since: int = 0, until: int = 144) -> list[Seen]:
        """One to three touches of so many hours ago, in any order; a link can only be followed now (0)."""
        rng, touches = self._rng, []
        for hours in rng.sample(range(since, until), rng.randint(1, min(3, until - since))):
            if hours == 0 or (since == 0 and rng.random() < 0.4):
                touches.append(self._follow(visitor, rng.choice(sorted(LINKS))))
                continue
            channel, url, referrer = rng.choice(LANDINGS)
            at = now_ms() - hours * HOUR_MS
            self._hit(visitor, {"type": "pageview", "at": at, "url": url, "referrer": referrer})
            self._journal.landed(visitor, channel, click=True)
            touches.append(Seen(at, channel, ""))
        return touches

    def _follow(self, visitor: str, slug: str) -> Seen:
        channel = LINKS[slug]

        def lost() -> None:
            with self._journal.lock:
                self._journal.perhaps[channel] += 1  # the next attempt is another click

        answer = self._insist(lambda: self._shop.follow(slug, visitor), 302, lost)
        with self._journal.lock:
            self._journal.clicks[channel] += 1
        self._hit(visitor, {"type": "pageview", "at": now_ms(), "url": answer.headers["Location"]})
        self._journal.landed(visitor, channel, click=False)
        return Seen(now_ms(), channel, slug)

    def _identify(self, visitor: str, email: str, hours: int = 0) -> None:
        """The browser says who it is, now; or the site's backend has signed it so many hours ago."""
        hit = {"type": "identify", "at": now_ms() - hours * HOUR_MS, "email": email}
        self._hit(visitor, hit | ({"proof": proof(self._identify_secret, email)} if hours else {}))

    def _hit(self, visitor: str, hit: Json) -> None:
        whole = {"id": f"{self._rng.getrandbits(64):x}"} | hit
        answer = self._say(lambda: self._shop.hits(visitor, whole), 202)
        assert answer.json["accepted"] == 1, answer
        self._journal.count("hits")

    def _buy(
        self,
        email: str,
        credit: tuple[str, str],
        *,
        hours: int = 0,
        guest: bool = False,
        then: Callable[[], None] = lambda: None,
    ) -> bool:
        """Pay, now or so many hours ago, and perhaps get money back, the events in any order.

        False when Stripe gave up telling.
        """
        rng, number = self._rng, self._journal.count("charges begun")
        amount, created = rng.choice((4_800, 999, 12_345, 100)), (now_ms() - hours * HOUR_MS) // 1000 + 1
        bought = stripe.charge(f"ch_{number:06}", amount, created, email, currency=rng.choice(("usd", "eur")))
        bought["customer"] = None if guest else f"cus_{email[:8]}{email[-20:-13]}"
        purchase = Purchase(bought["id"], amount, bought["currency"], *credit)
        self._journal.purchases[purchase.charge] = purchase
        events = [stripe.succeeded(bought), *self._refunds(bought, purchase)]
        if len(events) == 1 and rng.random() < 0.2:
            purchase.certain = self._once(lambda: self._shop.webhook(events[0]))
        else:
            rng.shuffle(events)
            for each in events:
                self._tell(each)
        then()
        return purchase.certain

    def _refunds(self, bought: Json, purchase: Purchase) -> list[Json]:
        """The events of no refund, a partial one, a full one, or both after each other."""
        parts = self._rng.choice(((), (), (30,), (100,), (30, 100)))
        events = []
        for step, percent in enumerate(parts, 1):
            total, at = purchase.amount * percent // 100, bought["created"] + step
            events.append(stripe.refunded(bought, total, at))
            if self._rng.random() < 0.5:  # newer endpoints are told of the refund itself, too
                of = stripe.refund(bought, f"re_{bought['id']}_{step}", total - purchase.refunded, at)
                events.append(stripe.event("refund.created", of, at))
            purchase.refunded = total
        return events

    def _tell(self, event: Json) -> None:
        self._say(lambda: self._shop.webhook(event), 200)
        self._journal.count("webhooks")

    def _say(self, send: Callable[[], Answer], status: int) -> Answer:
        """Send until acknowledged; now and then repeat something that anybody sent before."""
        answer = self._insist(send, status)
        with self._journal.lock:
            self._journal.sent.append(send)
            again = self._rng.choice(self._journal.sent) if self._rng.random() < 0.3 else None
        if again is not None and self._once(again):
            self._journal.count("repeats")
        return answer

    def _once(self, send: Callable[[], Answer]) -> bool:
        """Send once; whether it was acknowledged."""
        try:
            return send().status in (200, 202)
        except Unanswered:
            self._journal.count("unanswered")
            return False

    def _insist(
        self, send: Callable[[], Answer], status: int, lost: Callable[[], None] = lambda: None
    ) -> Answer:
        while True:
            assert self._serving.wait(2 * PATIENCE_S), "the program does not come back"
            try:
                answer = send()
            except Unanswered:
                self._journal.count("unanswered")
                lost()
                continue
            if answer.status == status:
                return answer
            assert answer.status == 503, answer
