"""What the benchmarks send: hits of visitors, and signed webhooks of charges."""

import hashlib
import hmac
import json

from ops.bench.harness.http_client import request
from trackrev_stream.domain.journeys.touch import Hit, HitKind
from trackrev_stream.domain.values.ids import uuid7

WORKSPACE = "ws_bench"
DOMAIN = "shop.example"
WEBHOOK_SECRET = "whsec_bench"
_SITE = f"https://{DOMAIN}"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_REFERRERS = ("https://www.google.com/", "https://blog.example.net/tools", "https://www.youtube.com/", "")
_HEADERS = {
    "User-Agent": _AGENT,
    "Content-Type": "text/plain;charset=UTF-8",
    "Origin": _SITE,
    "Referer": f"{_SITE}/",
}
START_MS = 1_790_000_000_000
"""The browser's clock. The edge corrects it, so it may stand still and bodies can be made beforehand."""


def email(visitor: int) -> str:
    return f"visitor.{visitor}@mail.example"


def email_key(visitor: int) -> str:
    """What a collector might make of their address."""
    return hashlib.sha256(b"%d" % visitor).hexdigest()[:32]


def visitor_id(visitor: int) -> str:
    """The id in their cookie."""
    return uuid7(START_MS + visitor, hashlib.sha256(b"%d" % visitor).digest())


def hit(url: str, visitor: int, number: int, *, identify: bool = False, landing: bool = False) -> bytes:
    """A request with one hit, the `number`-th of a visitor."""
    return hits(url, visitor, [_one(visitor, number, identify=identify, landing=landing)])


def batch(url: str, visitor: int, numbers: range, of: int, *, known: bool) -> bytes:
    """A request with some of a visitor's `of` hits: the first and last land, the middle one may identify."""
    one = (
        _one(visitor, number, identify=known and number == of // 2, landing=number in (0, of - 1))
        for number in numbers
    )
    return hits(url, visitor, list(one))


def hits(url: str, visitor: int, several: list[dict[str, object]]) -> bytes:
    """A request of a visitor as p.js sends it."""
    body = json.dumps({"workspace": WORKSPACE, "sent_at": START_MS, "hits": several}).encode()
    return request("POST", f"{url}/e", _HEADERS | {"Cookie": f"tr_vid={visitor_id(visitor)}"}, body)


def _one(visitor: int, number: int, *, identify: bool, landing: bool) -> dict[str, object]:
    referrer = _REFERRERS[(visitor + number) % len(_REFERRERS)] if landing else f"{_SITE}/pricing"
    page = _landing(visitor) if landing and not identify else f"{_SITE}/p/{(visitor + number) % 1_000}"
    # Spelled as p.js does it: small differences in size are not the point.
    one = {"id": f"{visitor:x}-{number:x}-8f14e45fceea167a5a36", "at": START_MS, "url": page}
    if identify:
        return one | {"type": "identify", "email": email(visitor)}
    return one | {"type": "pageview", "referrer": referrer}


def hit_record(visitor: int, number: int, of: int) -> Hit:
    """The `number`-th of so many hits of a visitor, as it leaves a collector: some land, one identifies."""
    at = START_MS + visitor * 1_000 + number * 10_000
    identify, landing = number == of // 2, number in (0, of - 1)
    return Hit(
        workspace=WORKSPACE,
        id=f"{visitor:x}-{number:x}-8f14e45fceea167a5a36",
        visitor=visitor_id(visitor),
        kind=HitKind.IDENTIFY if identify else HitKind.PAGEVIEW,
        occurred_at=at,
        received_at=at,
        url=_landing(visitor) if landing else f"{_SITE}/p/{(visitor + number) % 1_000}",
        referrer=_REFERRERS[(visitor + number) % len(_REFERRERS)]
        if landing
        else f"{_SITE}/p/{visitor % 1_000}",
        site=DOMAIN,
        email_key=email_key(visitor) if identify else "",
    )


def _landing(visitor: int) -> str:
    """One of three comes by a campaign; no two of the paid ones have the same address."""
    ways = (
        "",
        f"?utm_source=news-{visitor % 50}&utm_medium=email",
        f"?gclid=Cj0KCQ{visitor:x}&utm_campaign=june",
    )
    return f"{_SITE}/p/{visitor % 100}{ways[visitor % 3]}"


def charge_id(visitor: int) -> str:
    return f"ch_bench{visitor:08}"


def webhook(url: str, visitor: int, now_s: int) -> bytes:
    """A request that tells of a visitor's charge, created and signed now (seconds since the epoch)."""
    body = json.dumps(_event(visitor, now_s), indent=2).encode()
    digest = hmac.new(WEBHOOK_SECRET.encode(), f"{now_s}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": f"t={now_s},v1={digest}",
    }
    return request("POST", f"{url}/webhooks/stripe/{WORKSPACE}", headers, body)


def _event(visitor: int, now_s: int) -> dict[str, object]:
    amount_minor = 1_900 + visitor % 10_000
    charge = {
        "id": charge_id(visitor),
        "object": "charge",
        "amount": amount_minor,
        "amount_captured": amount_minor,
        "amount_refunded": 0,
        "balance_transaction": f"txn_bench{visitor:08}",
        "billing_details": {"email": email(visitor), "name": None, "phone": None, "address": None},
        "captured": True,
        "created": now_s,
        "currency": "usd",
        "customer": None,
        "livemode": True,
        "metadata": {},
        "paid": True,
        "payment_intent": f"pi_bench{visitor:08}",
        "receipt_email": None,
        "refunded": False,
        "status": "succeeded",
    }
    return {
        "id": f"evt_bench{visitor:08}",
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": now_s,
        "data": {"object": charge},
        "livemode": True,
        "type": "charge.succeeded",
    }
