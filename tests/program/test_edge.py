"""What the edge refuses, through the whole program; each case alone is tested where the collectors are."""

import json
import uuid
from collections.abc import Iterator

import pytest

from tests.program import stripe
from tests.program.running import Json, Shop, now_ms, running, until

VISITOR = str(uuid.UUID(int=7, version=4))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("edge") / "data") as program:
        yield Shop.greeted(program)


def landing(number: int, **changes: object) -> Json:
    url = "https://shop.example/?utm_source=newsletter&utm_medium=email"
    return {"id": f"hit-{number}", "type": "pageview", "at": now_ms(), "url": url} | changes


def test_one_bad_hit_is_dropped_alone(shop: Shop) -> None:
    answer = shop.hits(VISITOR, landing(1), landing(2, type="purchase"), landing(3))
    assert answer.status == 202
    assert answer.json["accepted"] == 2
    assert answer.json["dropped"] == [{"id": "hit-2", "reason": "bad_type"}]
    until(lambda: shop.channels().get("Email", {}).get("clicks") == 2, "the good hits")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"{"),
        (400, b'"text"'),
        (400, b'{"workspace": "ws_1", "sent_at": 1, "hits": 7}'),
        (404, b'{"workspace": "ws_other", "sent_at": 1, "hits": []}'),
        (413, b" " * 70_000),
    ],
)
def test_a_request_that_cannot_be_taken_says_why(shop: Shop, status: int, body: bytes) -> None:
    answer = shop.program.request("POST", "/e", body, {"Content-Type": "text/plain"})
    assert answer.status == status
    assert set(answer.json["error"]) == {"code", "message"}


def test_an_event_that_stripe_did_not_sign_moves_nothing(shop: Shop) -> None:
    event = stripe.succeeded(stripe.charge("ch_forged", 100, now_ms() // 1000, "eve@example.com"))
    assert shop.webhook(event, secret="whsec_guessed").json["error"]["code"] == "bad_signature"
    stale = shop.webhook(event, late_s=301)
    assert (stale.status, stale.json["error"]["code"]) == (400, "stale_signature")
    unsigned = shop.program.request("POST", f"/webhooks/stripe/{shop.workspace}", json.dumps(event).encode())
    assert unsigned.status == 400
    assert shop.program.request("POST", "/webhooks/stripe/ws_other", b"{}").status == 404
    real = stripe.succeeded(stripe.charge("ch_real", 100, now_ms() // 1000, "anna@example.com"))
    assert shop.webhook(real).status == 200
    shop.worth("ch_real", 100)
    assert shop.charge("ch_forged") is None


def test_the_api_opens_for_its_own_key_alone(shop: Shop) -> None:
    path = f"/api/workspaces/{shop.workspace}/channels"
    assert shop.program.request("GET", path).status == 401
    assert shop.program.request("GET", path, headers={"Authorization": "Bearer trk_x"}).status == 401
    assert shop.read("channels").status == 200
    own = {"Authorization": f"Bearer {shop.api_key}"}
    assert shop.program.request("GET", "/api/workspaces/ws_other/channels", headers=own).status == 403
