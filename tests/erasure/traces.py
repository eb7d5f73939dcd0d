"""What a person bought, and where traces of them may be."""

import base64
import uuid
from functools import partial
from pathlib import Path

from tests.program import stripe
from tests.program.running import Json, Program, Shop, now_ms, until
from trackrev_stream.domain.values.ids import email_key
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.operations.erasures import unfinished_erasures
from trackrev_stream.store.workspaces.workspaces import find_workspace

LAPTOP = str(uuid.UUID(int=1 << 64 | 0xBEEF, version=4))
PHONE = str(uuid.UUID(int=2 << 64 | 0xBEEF, version=4))
BEN = str(uuid.UUID(int=3 << 64 | 0xBEEF, version=4))
EMAIL = "anna.k@shop.example"


def key_of(program: Program, shop: Shop) -> str:
    store = Store.open(f"sqlite:///{program.data}/trackrev.db")
    workspace = store.read_now(lambda c: find_workspace(c, open_sealer(program.data), shop.workspace))
    store.close()
    assert workspace
    return email_key(workspace.email_secret, EMAIL)


def found_in_files(data: Path, names: list[str]) -> set[tuple[str, str]]:
    """Where any of the names is, as it is or in base64, in the bytes of any file."""
    found = set()
    for path in sorted(each for each in data.rglob("*") if each.is_file()):
        raw = path.read_bytes()
        for name in names:
            coded = [base64.b64encode(b" " * shift + name.encode())[4:-4] for shift in range(3)]
            if any(form in raw for form in (name.encode(), *coded)):
                found.add((str(path.relative_to(data)), name))
    return found


def bought(shop: Shop) -> Json:
    """Anna buys twice, as a customer and as another, and Ben once; Anna's first charge."""
    shop.link("yt", "YouTube")
    shop.link("news", "Newsletter")
    for visitor, slug, email in (
        (LAPTOP, "news", EMAIL),
        (PHONE, "yt", EMAIL),
        (BEN, "yt", "ben@shop.example"),
    ):
        assert shop.follow(slug, visitor).status == 302
        url = "https://shop.example/secret-interest"
        view = {"id": f"v{visitor}", "type": "pageview", "at": now_ms(), "url": url}
        identify = {"id": f"i{visitor}", "type": "identify", "at": now_ms(), "email": email}
        assert shop.hits(visitor, view, identify).json["accepted"] == 2
    created = now_ms() // 1000 + 1
    first = stripe.charge("ch_1", 4_900, created, EMAIL, customer="cus_1", metadata={"tr_visitor": LAPTOP})
    other = stripe.charge("ch_2", 1_000, created, EMAIL, customer="cus_2")
    bens = stripe.charge("ch_3", 700, created, "ben@shop.example")
    for paid in (first, other, bens):
        assert shop.webhook(stripe.succeeded(paid)).status == 200
    for paid, channel in ((first, "Newsletter"), (other, "YouTube"), (bens, "YouTube")):
        until(partial(is_credited, shop, paid, channel), f"{paid['id']} is credited to {channel}")
    return first


def is_credited(shop: Shop, paid: Json, channel: str) -> bool:
    """Whether it stands there, be it at once or after a journey that came later than the charge."""
    found = shop.worth(paid["id"], paid["amount"])["credits"]
    return [credit["channel"] for credit in found] == [channel]


def book(shop: Shop) -> Json:
    return {
        "ledger": shop.ledger(),
        "channels": shop.channels(),
        "revenue": shop.read("revenue?days=10").json,
    }


def comes_back(shop: Shop, first: Json) -> None:
    """The same browser, the same address and Stripe's own copy of both: nobody is known again."""
    earlier = len(shop.ledger())
    view = {"id": "back", "type": "pageview", "at": now_ms(), "url": "https://shop.example/"}
    identify = {"id": "again", "type": "identify", "at": now_ms(), "email": EMAIL}
    answer = shop.hits(LAPTOP, view, identify)
    assert answer.json["dropped"] == [{"id": "again", "reason": "erased"}]
    assert answer.json["visitor"] not in (LAPTOP, PHONE)
    created = now_ms() // 1000
    named = {"tr_visitor": PHONE}
    again = stripe.charge("ch_4", 500, created, EMAIL, customer="cus_9", metadata=named)
    assert shop.webhook(stripe.succeeded(again)).status == 200
    assert shop.worth("ch_4", 500)["reason"] == "no_email"
    renewal = stripe.charge("ch_5", 4_900, created, EMAIL, customer="cus_1")
    assert shop.webhook(stripe.succeeded(renewal)).status == 200
    assert [credit["channel"] for credit in shop.worth("ch_5", 4_900)["credits"]] == ["Newsletter"]
    assert shop.webhook(stripe.refunded(first, 900, created + 1)).status == 200
    assert [credit["channel"] for credit in shop.worth("ch_1", 4_000)["credits"]] == ["Newsletter"]
    later = shop.ledger()[earlier:]
    assert [entry["amount_minor"] for entry in later if entry["reason"] == "refund"] == [-900]
    assert not [entry for entry in later if entry.get("retracts")]


def is_unfinished(program: Program) -> bool:
    store = Store.open(f"sqlite:///{program.data}/trackrev.db")
    try:
        begun = store.read_now(lambda c: unfinished_erasures(c, open_sealer(program.data)))
    finally:
        store.close()
    return any(len(names) > 1 for _, names in begun)
