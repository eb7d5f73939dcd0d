"""Some days of two small shops, told to a running program: visits, charges, and what becomes of them."""

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from typing import Any

from tests.contracts.stripe import objects
from tests.program import running, stripe
from tests.program.older_data import settled
from tests.program.running import Json, Shop

DAY_S = 86_400
SITE = "https://shop.example/"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a browser."""

    number: int
    name: str

    @property
    def cookie(self) -> str:
        return str(uuid.UUID(int=self.number << 64 | 0xBEEF, version=4))

    @property
    def email(self) -> str:
        return f"{self.name}@mail.example"

    @property
    def customer(self) -> str:
        return f"cus_{self.name}"


NAMES = ("anna", "ben", "carl", "dora", "eve", "fred", "gus", "ida")
ANNA, BEN, CARL, DORA, EVE, FRED, GUS, IDA = (Visitor(n, name) for n, name in enumerate(NAMES, start=1))


def first_day(shop: Shop) -> None:
    """Everybody comes for the first time, and most of them buy."""
    for visitor, link in ((ANNA, "yt"), (EVE, "yt"), (GUS, "news")):
        see(shop, visitor, url=follow(shop, visitor, link))
    see(shop, BEN, referrer="https://www.google.com/")
    see(shop, CARL, referrer="https://a.partner.example/list")
    see(shop, DORA, url=f"{SITE}?utm_source=letter&utm_medium=email&gclid=1")
    for visitor in (ANNA, BEN, EVE, GUS):
        identify(shop, visitor)
    secret = shop.program.command("workspace", "identify-secret", shop.workspace)["identify_secret"]
    expiry = running.now_ms() + DAY_S * 1_000
    proof = hmac.new(secret.encode(), f"{CARL.email}.{expiry}".encode(), hashlib.sha256).hexdigest()
    identify(shop, CARL, proof=f"{expiry}.{proof}")
    shop.hits(DORA.cookie, {"id": "h-bad", "type": "nonsense", "at": running.now_ms(), "url": SITE})
    settled(shop.program)
    subscribed(shop, ANNA, "1", 4_900, billing_reason="subscription_create")
    pay(shop, BEN, "ch_ben", 3_550, currency="eur", fee=133)
    pay(shop, CARL, "ch_carl", 12_000)
    pay(shop, DORA, "ch_dora", 9_000, currency="jpy", metadata={"tr_visitor": DORA.cookie})
    pay(shop, EVE, "ch_eve", 1_001)
    pay(shop, GUS, "ch_gus", 2_050, currency="gbp", customer=None)
    pay(shop, Visitor(99, "nobody"), "ch_nobody", 25_00, currency="aed")
    broken = stripe.succeeded(stripe.charge("ch_broken", 1, now_s(), "x@mail.example", currency=7))
    assert shop.webhook(broken).json["ignored"] == "malformed"
    settled(shop.program)


def second_day(shop: Shop, blog: Shop) -> None:
    """Money goes back, somebody is forgotten, and charges are decided otherwise from now on."""
    refund(shop, "ch_ben", "re_ben", 1_050, currency="eur")
    refund(shop, "ch_gus", "re_gus", 2_050, currency="gbp")
    dispute(shop, "created", "needs_response")
    dispute(shop, "funds_withdrawn", "needs_response", -12_000)
    settings = ("--lookback-days", "60", "--model", "linear", "--returning", "ask")
    shop.program.command("workspace", "settings", shop.workspace, *settings)
    follow(shop, BEN, "news")
    see(shop, BEN, DORA, url=f"{SITE}again")
    shop.program.command("erase", "email", EVE.email, "--yes")
    follow(blog, ANNA, "pod")
    identify(blog, ANNA)
    settled(shop.program)
    pay(blog, ANNA, "ch_blog", 7_777, currency="chf")
    shop.program.command("dead-letters", "replay", "--all", "--processor", "gather")
    settled(shop.program)


def third_day(shop: Shop) -> str:
    """The subscription renews, a dispute is won; returns where Fred landed, who does not buy yet."""
    subscribed(shop, ANNA, "2", 4_900, billing_reason="subscription_cycle")
    pay(shop, BEN, "ch_ben_2", 4_040, currency="eur")
    dispute(shop, "funds_reinstated", "won", -12_000, 12_000)
    dispute(shop, "closed", "won", -12_000, 12_000)
    landed = follow(shop, FRED, "yt")
    see(shop, FRED, url=landed)
    letters = shop.program.command("dead-letters", "list", "--processor", "collect")["dead_letters"]
    shop.program.command("dead-letters", "drop", letters[0]["id"])
    settled(shop.program)
    return landed


def afterwards(shop: Shop, landing: str) -> Json:
    """What comes later of what was there: a refund, a visitor's first charge, a click on an old address."""
    refund(shop, "ch_anna_1", "re_anna", 1_900)
    settled(shop.program)  # after each step, so that the order of what comes of them is always the same
    identify(shop, FRED)
    settled(shop.program)
    see(shop, IDA, url=landing)
    identify(shop, IDA)
    settled(shop.program)
    for visitor in (FRED, IDA):
        pay(shop, visitor, f"ch_{visitor.name}", 5_500)
        settled(shop.program)
    return {charge: _standing(shop.charge(charge) or {}) for charge in ("ch_anna_1", "ch_fred", "ch_ida")}


def _standing(charge: Json) -> Json:
    """A charge, but for the times at which things came."""
    told = {name: charge[name] for name in ("status", "reason", "net_minor", "rules_version")}
    shown = ("reason", "channel", "link", "partner", "amount_minor", "usd_minor")
    entries = [{name: entry[name] for name in shown} for entry in charge["entries"]]
    credited = [{name: each[name] for name in ("channel", "link", "partner")} for each in charge["credits"]]
    return told | {"entries": entries, "credits": credited}


def now_s() -> int:
    return running.now_ms() // 1_000


def follow(shop: Shop, visitor: Visitor, link: str) -> str:
    """A visitor follows a tracked link; the address that this leads to."""
    return str(shop.follow(link, visitor.cookie).headers["Location"])


def see(shop: Shop, *visitors: Visitor, url: str = SITE, referrer: str = "") -> None:
    """Visitors look at a page."""
    for visitor in visitors:
        hit = {"type": "pageview", "url": url, "referrer": referrer, "at": running.now_ms()}
        _send(shop, visitor, hit)


def identify(shop: Shop, visitor: Visitor, **more: str) -> None:
    """A visitor says who they are."""
    _send(shop, visitor, {"type": "identify", "email": visitor.email, "at": running.now_ms(), **more})


def _send(shop: Shop, visitor: Visitor, hit: Json) -> None:
    named = hit | {"id": f"{hit['type']}-{visitor.name}-{now_s() // DAY_S}"}
    answer = shop.hits(visitor.cookie, named)
    assert answer.json["accepted"] == 1, answer.json


def _tell(shop: Shop, event: Json) -> None:
    answer = shop.webhook(event)
    assert answer.status == 200, answer
    assert "ignored" not in answer.json, answer.json


def pay(shop: Shop, visitor: Visitor, charge: str, amount: int, *, fee: int = 0, **changes: Any) -> None:
    """Somebody pays, two minutes after what came before."""
    who = {"customer": visitor.customer} | changes
    paid = stripe.charge(charge, amount, now_s() + 120, visitor.email, **who)
    if fee:
        entered = {"id": f"txn_{charge}", "object": "balance_transaction", "amount": 3_960, "currency": "usd"}
        paid["balance_transaction"] = entered | {"created": paid["created"], "exchange_rate": 1.1, "fee": fee}
    _tell(shop, stripe.succeeded(paid))


def subscribed(shop: Shop, visitor: Visitor, number: str, amount: int, *, billing_reason: str) -> None:
    """A period of a subscription begins, and is paid."""
    now, name = now_s(), visitor.name
    period = {"start": now, "end": now + 30 * DAY_S}
    ids = {"customer": visitor.customer, "created": now - 10}
    details = {"proration": False, "subscription": f"sub_{name}"}
    line = objects.line(
        parent={"type": "subscription_item_details", "subscription_item_details": details}, period=period
    )
    invoice = objects.invoice(
        **ids,
        id=f"in_{name}_{number}",
        amount_due=amount,
        amount_paid=amount,
        billing_reason=billing_reason,
        customer_email=visitor.email,
        lines={"object": "list", "data": [line], "has_more": False},
        parent={"type": "subscription_details", "subscription_details": {"subscription": f"sub_{name}"}},
    )
    payment = {"type": "payment_intent", "payment_intent": f"pi_{name}_{number}"}
    joined = objects.invoice_payment(id=f"inpay_{name}_{number}", invoice=invoice["id"], payment=payment)
    whole = objects.subscription(**ids, id=f"sub_{name}", latest_invoice=invoice["id"])
    _tell(
        shop,
        stripe.event("customer.updated", objects.customer(id=visitor.customer, email=visitor.email), now),
    )
    _tell(shop, stripe.event("customer.subscription.updated", whole, now))
    _tell(shop, stripe.event("invoice.paid", invoice, now))
    _tell(shop, stripe.event("invoice_payment.paid", joined | {"created": now}, now))
    pay(shop, visitor, f"ch_{name}_{number}", amount)


def refund(shop: Shop, charge: str, name: str, part: int, *, currency: str = "usd") -> None:
    """Some of a charge goes back."""
    paid = stripe.charge(charge, 0, 0, "", currency=currency)
    _tell(shop, stripe.event("refund.created", stripe.refund(paid, name, part, now_s()), now_s()))


def dispute(shop: Shop, what: str, status: str, *moves: int) -> None:
    """Carl's bank asks for his money back, and Stripe tells how far that is."""
    moved = [
        objects.moved(each, id=f"txn_dispute_{each}", created=now_s() - 60, fee=1_500 if each < 0 else 0)
        for each in moves
    ]
    of = {"charge": "ch_carl", "payment_intent": "pi_carl", "created": now_s() - 100, "amount": 12_000}
    found = objects.dispute(id="dp_carl", status=status, balance_transactions=moved, **of)
    _tell(shop, stripe.event(f"charge.dispute.{what}", found, now_s()))
